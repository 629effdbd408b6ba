//! Rust types in and out.

use std::collections::{BTreeMap, HashMap};

use bigdecimal::BigDecimal;
use bytes::Bytes;
use grid_core::value::{Binary, Format, Value, ValueError, from_binary, to_binary, to_key};
use num_bigint::BigInt;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn text_of<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(to_binary(value).unwrap().bytes().to_vec()).unwrap()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    from_binary(&Binary::new(
        Format::JSON,
        Bytes::copy_from_slice(text.as_bytes()),
    ))
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let written = to_binary(value).unwrap();
    assert_eq!(
        &from_binary::<T>(&written).unwrap(),
        value,
        "{}",
        String::from_utf8_lossy(written.bytes())
    );
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    name: String,
    #[serde(with = "grid_core::value::big_decimal")]
    price: BigDecimal,
    #[serde(with = "grid_core::value::big_int")]
    serial: BigInt,
    weight: Option<f32>,
    tags: Vec<String>,
    shipped: Shipping,
    by_country: BTreeMap<u16, f64>,
    extra: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shipping {
    None,
    Days(u8),
    Between(u8, u8),
    Carrier { name: String, price: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: i64,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    ratio: f64,
    count: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@class")]
enum Tagged {
    #[serde(rename = "shape.Circle")]
    Circle { radius: f64 },
    #[serde(rename = "shape.Square")]
    Square { side: i32 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(f64),
    Text(String),
    Pair(i8, i8),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Meters(f64);

fn order(id: u64, price: &str, shipped: Shipping) -> Order {
    Order {
        id,
        name: "Chai \"hot\"\n".to_owned(),
        price: price.parse().unwrap(),
        serial: BigInt::from(i128::MAX) * 3,
        weight: Some(0.1),
        tags: vec!["a".to_owned(), String::new()],
        shipped,
        by_country: [(49, 0.5), (1, 1e300)].into(),
        extra: Value::from(vec![Value::Null, Value::from(1.5), Value::from("x")]),
    }
}

proptest! {
    #[test]
    fn integers_come_back(a in any::<u64>(), b in any::<i128>(), c in any::<u128>(), d in any::<i8>()) {
        comes_back(&(a, b, c, d));
        comes_back(&[a, u64::MAX, 0]);
    }

    #[test]
    fn floats_come_back(double in any::<f64>(), single in any::<f32>()) {
        if double.is_finite() && single.is_finite() {
            comes_back(&(double, single));
            let written = text_of(&double);
            prop_assert_eq!(written.parse::<f64>().unwrap().to_bits(), double.to_bits());
        }
    }

    #[test]
    fn containers_come_back(
        texts in proptest::collection::vec(any::<String>(), 0..8),
        map in proptest::collection::btree_map(any::<i32>(), any::<Option<char>>(), 0..8),
        named in proptest::collection::hash_map(any::<String>(), any::<(bool, u16)>(), 0..8),
    ) {
        comes_back(&(texts, map));
        comes_back(&named);
    }

    #[test]
    fn writes_what_other_writers_write(texts in proptest::collection::vec(any::<(String, i64, bool)>(), 0..8)) {
        prop_assert_eq!(text_of(&texts), serde_json::to_string(&texts).unwrap());
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let binary = Binary::new(Format::JSON, Bytes::from(bytes));
        let _ = from_binary::<Order>(&binary);
        let _ = from_binary::<Shipping>(&binary);
        let _ = from_binary::<Loose>(&binary);
    }
}

#[test]
fn structures_come_back() {
    for shipped in [
        Shipping::None,
        Shipping::Days(3),
        Shipping::Between(1, 2),
        Shipping::Carrier {
            name: "x".to_owned(),
            price: 1.0,
        },
    ] {
        comes_back(&order(u64::MAX, "12.50", shipped));
    }
    comes_back(&(Unit, Meters(2.0), Some(5_u8), 'é', "x".to_owned()));
    comes_back(&[Tagged::Circle { radius: 1.0 }, Tagged::Square { side: -3 }]);
    comes_back(&[Loose::Number(1.5), Loose::Text("t".to_owned()), Loose::Pair(1, 2)]);
    let rest = [
        ("more".to_owned(), Value::from(7)),
        ("dec".to_owned(), Value::Decimal("1.50".parse().unwrap())),
    ];
    comes_back(&Flat {
        id: 1,
        inner: Inner {
            ratio: 0.25,
            count: 9,
        },
        rest: rest.into(),
    });
    comes_back(&serde_json::json!({"a": [1, 2.5, null, "x"], "b": {"c": -7}}));
}

#[test]
fn a_structure_is_spelled_as_the_clients_do() {
    let order = order(7, "12.50", Shipping::Between(1, 2));
    assert_eq!(
        text_of(&order),
        concat!(
            r#"{"id":7,"name":"Chai \"hot\"\n","price":{"@class":"math.BigDec","value":"12.50"},"#,
            r#""serial":{"@class":"math.BigInt","value":"510423550381407695195061911147652317181"},"weight":0.1,"#,
            r#""tags":["a",""],"shipped":{"Between":[1,2]},"by_country":{"1":1e300,"49":0.5},"extra":[null,1.5,"x"]}"#
        )
    );
    assert_eq!(
        text_of(&u64::MAX),
        r#"{"@class":"math.BigInt","value":"18446744073709551615"}"#
    );
    assert_eq!(read::<u64>("18446744073709551615").unwrap(), u64::MAX);
    let exact: serde_json::Number = "1.000000000000000000000000000001".parse().unwrap();
    assert_eq!(text_of(&exact), "1.000000000000000000000000000001");
}

#[test]
fn any_number_is_a_decimal() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Price(#[serde(with = "grid_core::value::big_decimal")] BigDecimal);
    for (text, expected) in [
        ("12", "12"),
        ("0.1", "0.1"),
        ("0.10000000000000000001", "0.10000000000000000001"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (r#"{"@class":"math.BigInt","value":"5"}"#, "5"),
        (r#"{"@class":"math.BigDec","value":"5.500"}"#, "5.500"),
    ] {
        assert_eq!(
            read::<Price>(text).unwrap(),
            Price(expected.parse().unwrap()),
            "{text}"
        );
    }
    assert!(
        read::<Price>("\"5\"")
            .unwrap_err()
            .to_string()
            .contains("not a string")
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert!(read::<u8>("256").is_err());
    assert!(read::<u64>("-1").is_err());
    assert!(read::<u64>("1.5").is_err());
    assert!(read::<i64>("9223372036854775808").is_err());
    assert!(read::<u64>(r#"{"@class":"math.BigInt","value":"18446744073709551616"}"#).is_err());
    assert!(read::<f64>("1e400").is_err());
    assert!(read::<f32>("1e40").is_err());
    assert!(read::<(u8, u8)>("[1,2,3]").is_err());
    assert!(read::<(u8, u8)>("[1]").is_err());
    assert!(read::<Shipping>(r#""Days""#).is_err());
    assert!(read::<Shipping>(r#"{"Days":1,"None":null}"#).is_err());
    assert!(read::<Shipping>("{}").is_err());
    assert!(
        read::<Inner>(r#"{"ratio":1.0}"#)
            .unwrap_err()
            .to_string()
            .contains("count")
    );
    assert_eq!(
        read::<Inner>(r#"{"ratio":1,"x":[{"y":1}],"count":2}"#).unwrap(),
        Inner { ratio: 1.0, count: 2 }
    );
    assert_eq!(
        to_binary(&HashMap::from([(vec![1], 2)])).unwrap_err(),
        ValueError::NameNotText
    );
}

#[test]
fn an_opaque_value_says_so() {
    let opaque = Binary::new(Format::POF, Bytes::from_static(b"\x15\x64"));
    let error = from_binary::<u8>(&opaque).unwrap_err();
    assert_eq!(error, ValueError::Opaque { format: Format::POF });
    assert!(
        error.to_string().contains("format pof cannot be read inside"),
        "{error}"
    );
}

#[test]
fn keys_are_canonical() {
    #[derive(Serialize)]
    struct Id {
        number: u32,
        country: &'static str,
    }
    let key = to_key(&Id {
        number: 7,
        country: "DE",
    })
    .unwrap();
    assert_eq!(key.canonical(), br#"{"country":"DE","number":7}"#);
    assert_eq!(&key.spelling().bytes()[..], br#"{"number":7,"country":"DE"}"#);
    assert!(to_key("k1").unwrap().is_canonical());
    assert!(matches!(to_key(&f64::NAN), Err(ValueError::NotFinite { .. })));
}
