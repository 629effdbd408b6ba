//! Hashes and partitions that must never change: stored data and other processes depend on them.

use bytes::Bytes;
use grid_core::partition::PartitionCount;
use grid_core::value::{Binary, Format, Key};

/// Spelling, canonical form, xxh3-64 of it with seed 0, and the hash modulo 257.
const VECTORS: &[(&str, &str, u64, usize)] = &[
    (r#"1"#, r#"1"#, 0x65cd_2502_8f98_f158, 182),
    (r#"0"#, r#"0"#, 0x1982_e3a7_bb24_1055, 220),
    (r#"-0"#, r#"0"#, 0x1982_e3a7_bb24_1055, 220),
    (r#"-1"#, r#"-1"#, 0xbc25_a7b6_12cb_a21f, 175),
    (r#"42"#, r#"42"#, 0x1217_cb28_c0ef_2191, 1),
    (
        r#" 9223372036854775807 "#,
        r#"9223372036854775807"#,
        0x8e41_2f1d_d5b0_46a3,
        218,
    ),
    (
        r#"123456789012345678901234567890"#,
        r#"123456789012345678901234567890"#,
        0xa5e7_4885_e0f1_4dc5,
        7,
    ),
    (r#"1.0"#, r#"1.0"#, 0xed84_d703_1aa1_2bce, 238),
    (r#"10e-1"#, r#"1.0"#, 0xed84_d703_1aa1_2bce, 238),
    (r#"1e400"#, r#"1e400"#, 0x1a1a_2993_3505_6eae, 122),
    (
        r#"0.10000000000000001"#,
        r#"0.10000000000000001"#,
        0xf831_63c0_ee7c_5c91,
        90,
    ),
    (r#"1.50"#, r#"1.5"#, 0x3d00_6aff_bf7f_50ee, 182),
    (r#"6.02214076E23"#, r#"6.02214076e23"#, 0xb2bf_77e0_4be1_d990, 195),
    (r#""1""#, r#""1""#, 0x68bc_2855_128c_c776, 170),
    (r#""""#, r#""""#, 0xa102_76e8_38f4_5d34, 102),
    (r#""k1""#, r#""k1""#, 0x0997_f63a_6efd_9624, 240),
    (r#""ALFKI""#, r#""ALFKI""#, 0x4b6b_67a6_215c_2aa7, 22),
    (r#""\u00e9\u4e2d""#, r#""é中""#, 0x2a35_da4d_c7bc_f8a5, 33),
    (r#""\ud83d\ude00""#, r#""😀""#, 0x16d0_b974_0b86_6f1a, 155),
    (
        r#""a\/b\u000A\u001F""#,
        r#""a/b\n\u001f""#,
        0xae6a_ae92_6ce9_f235,
        97,
    ),
    (r#""\uD800""#, r#""\ud800""#, 0x3344_eb38_b118_05c6, 135),
    (r#"true"#, r#"true"#, 0x40bb_d512_750b_7629, 2),
    (r#"null"#, r#"null"#, 0xb785_b6ec_423c_44e1, 155),
    (r#"[ 1, 2.0, "3" ]"#, r#"[1,2.0,"3"]"#, 0x8061_5466_923d_3c14, 119),
    (r#"[]"#, r#"[]"#, 0x8311_5411_0e30_ac6a, 44),
    (r#"{ }"#, r#"{}"#, 0x1349_cde1_2770_5c16, 77),
    (
        r#"{ "b": 2, "a": 1 }"#,
        r#"{"a":1,"b":2}"#,
        0x3ff4_022e_da96_ecf8,
        169,
    ),
    (
        r#"{"z":{"y":[{"d":1,"c":2}],"x":null},"a":"\u0041"}"#,
        r#"{"a":"A","z":{"x":null,"y":[{"c":2,"d":1}]}}"#,
        0x57e6_b64b_8d72_9daa,
        22,
    ),
    (
        r#"{"id":10248,"product":11}"#,
        r#"{"id":10248,"product":11}"#,
        0x8126_a6d9_8a7f_06f5,
        188,
    ),
    (
        r#"{"@class":"math.BigInt","value":"118"}"#,
        r#"{"@class":"math.BigInt","value":"118"}"#,
        0x1061_2b9a_43ba_a361,
        245,
    ),
    (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, 0x12c7_c1dc_69f1_e404, 120),
];

#[test]
fn hashes_are_golden() {
    assert!(VECTORS.len() >= 20);
    for (spelling, canonical, hash, partition) in VECTORS {
        let key = Key::new(Binary::new(Format::JSON, Bytes::from_static(spelling.as_bytes()))).unwrap();
        assert_eq!(String::from_utf8_lossy(key.canonical()), *canonical, "{spelling}");
        assert_eq!(key.hash(), *hash, "{spelling}: 0x{:016x}", key.hash());
        assert_eq!(
            PartitionCount::DEFAULT.partition_of(key.placement()).index(),
            *partition,
            "{spelling}"
        );
    }
}

#[test]
fn opaque_keys_hash_as_their_bytes() {
    let key = Key::new(Binary::new(Format::POF, Bytes::from_static(b"\x15\x4e\x02k1"))).unwrap();
    assert_eq!(key.hash(), 0x72db5da3054b3740);
}

#[test]
fn a_long_key_is_golden() {
    let text = format!("\"{}\"", "x".repeat(300));
    let key = Key::new(Binary::new(Format::JSON, Bytes::from(text))).unwrap();
    assert!(key.is_canonical());
    assert_eq!(key.hash(), 0x33b5583a162bf512);
    assert_eq!(PartitionCount::DEFAULT.partition_of(key.placement()).index(), 151);
}

/// Keys with an associated key: their own hash, and the partition of the key that they lie beside.
const ASSOCIATED: &[(&str, u64, &str)] = &[
    (
        r#"{"associatedKey":10248,"key":11}"#,
        0xf3c7_a07f_d57d_78ad,
        "10248",
    ),
    (
        r#"{ "key": 11, "associatedKey": 10248 }"#,
        0xf3c7_a07f_d57d_78ad,
        "10248",
    ),
    (
        r#"{"@class":"acme.LineKey","associatedKey":"ALFKI","line":2}"#,
        0xa72b_e817_d462_b9dd,
        r#""ALFKI""#,
    ),
    (
        r#"{"associatedKey":{"b":1,"a":2},"key":"x"}"#,
        0x8124_c025_f427_4744,
        r#"{"a":2,"b":1}"#,
    ),
    (
        r#"{"associatedKey":{"associatedKey":10248,"key":11},"key":"x"}"#,
        0xdabb_6550_b924_409b,
        "10248",
    ),
];

#[test]
fn associated_keys_lie_beside_theirs() {
    let of =
        |text: &str| Key::new(Binary::new(Format::JSON, Bytes::copy_from_slice(text.as_bytes()))).unwrap();
    for (spelling, hash, beside) in ASSOCIATED {
        let (key, beside) = (of(spelling), of(beside));
        assert_eq!(key.hash(), *hash, "{spelling}: 0x{:016x}", key.hash());
        assert_eq!(key.placement(), beside.hash(), "{spelling}");
        assert_eq!(beside.placement(), beside.hash(), "{spelling}");
    }
    let none = of(r#"{"associatedKey":null,"key":11}"#);
    assert_eq!(none.placement(), none.hash());
    let pof = Key::new(Binary::new(
        Format::POF,
        Bytes::from_static(br#"{"associatedKey":1}"#),
    ))
    .unwrap();
    assert_eq!(pof.placement(), pof.hash(), "other formats are not looked into");
}
