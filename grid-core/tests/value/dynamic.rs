//! The dynamic value.

use bigdecimal::BigDecimal;
use bytes::Bytes;
use grid_core::value::{Binary, Format, Object, Value, ValueError, from_binary, to_binary};
use num_bigint::BigInt;
use proptest::prelude::*;

use crate::node::{Draw, Node, node};

fn json(text: &str) -> Binary {
    Binary::new(Format::JSON, Bytes::copy_from_slice(text.as_bytes()))
}

fn read(text: &str) -> Value {
    Value::from_binary(&json(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i128>().prop_map(|number| Value::from(BigInt::from(number))),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from),
        (any::<i128>(), -50..50_i64)
            .prop_map(|(digits, scale)| Value::from(BigDecimal::new(BigInt::from(digits), scale))),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<Object>())),
        ]
    })
}

fn of_node(node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::Bool(*value),
        Node::Int(text) => text
            .parse()
            .map_or_else(|_| Value::BigInt(text.parse().unwrap()), Value::Int),
        Node::Double(number) => Value::Double(*number),
        Node::Text(text) => Value::from(text.as_str()),
        Node::Array(elements) => Value::Array(elements.iter().map(of_node).collect()),
        Node::Object(members) => Value::from(
            members
                .iter()
                .map(|(name, value)| (name.as_str(), of_node(value)))
                .collect::<Object>(),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_value_comes_back(value in value()) {
        let written = value.to_binary().unwrap();
        prop_assert_eq!(&Value::from_binary(&written).unwrap(), &value);
        let displayed = value.to_string();
        prop_assert_eq!(displayed.as_bytes(), &written.bytes()[..]);
        // Scales and signs of zero, which equality does not see, come back as well.
        let again = Value::from_binary(&written).unwrap().to_binary().unwrap();
        prop_assert_eq!(again.bytes(), written.bytes());
        // Another reader that keeps numbers exact hands over the same value.
        prop_assert_eq!(&serde_json::from_slice::<Value>(written.bytes()).unwrap(), &value);
        // And another writer writes what is read here.
        let foreign = Binary::new(Format::JSON, Bytes::from(serde_json::to_vec(&value).unwrap()));
        prop_assert_eq!(&Value::from_binary(&foreign).unwrap(), &value);
    }

    #[test]
    fn any_spelling_is_read(tree in node(), seed in any::<u64>()) {
        prop_assert_eq!(read(&tree.spell(&mut Draw(seed))), of_node(&tree));
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let binary = Binary::new(Format::JSON, Bytes::from(bytes));
        if let Ok(value) = Value::from_binary(&binary) {
            prop_assert_eq!(Value::from_binary(&value.to_binary().unwrap()).unwrap(), value);
        }
    }
}

#[test]
fn numbers_are_exact() {
    let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
    assert_eq!(read("9223372036854775807"), Value::Int(i64::MAX));
    assert_eq!(read("-9223372036854775808"), Value::Int(i64::MIN));
    assert_eq!(read("-0"), Value::Int(0));
    assert_eq!(
        read("9223372036854775808"),
        Value::BigInt(BigInt::from(i64::MAX) + 1)
    );
    assert_eq!(read("1.0"), Value::Double(1.0));
    assert_ne!(read("1.0"), Value::Int(1));
    assert_eq!(read("0.1"), Value::Double(0.1));
    assert_eq!(read("1.7976931348623157e308"), Value::Double(f64::MAX));
    assert_eq!(read("5e-324"), Value::Double(5e-324));
    assert_eq!(read("0.10000000000000001"), decimal("0.10000000000000001"));
    assert_eq!(read("1e400"), decimal("1e400"));
    assert_eq!(read("12345678901234567890.5"), decimal("12345678901234567890.5"));
}

#[test]
fn big_numbers_are_spelled_as_the_clients_do() {
    let cases = [
        r#"{"@class":"math.BigDec","value":"12.50"}"#,
        r#"{"@class":"math.BigDec","value":"-0.000001"}"#,
        r#"{"@class":"math.BigDec","value":"1E-7"}"#,
        r#"{"@class":"math.BigDec","value":"1.5E+30"}"#,
        r#"{"@class":"math.BigDec","value":"0.00"}"#,
        r#"{"@class":"math.BigDec","value":"7"}"#,
        r#"{"@class":"math.BigDec","value":"289.50000000"}"#,
        r#"{"@class":"math.BigInt","value":"118"}"#,
        r#"{"@class":"math.BigInt","value":"-118000000000000000000000"}"#,
    ];
    for text in cases {
        let value = read(text);
        assert!(matches!(value, Value::Decimal(_) | Value::BigInt(_)), "{text}");
        assert_eq!(value.to_binary().unwrap().bytes(), text, "{text}");
    }
    assert_eq!(
        read(r#" { "value" : "+1.5e2" , "@class" : "math.BigDec" } "#),
        Value::Decimal("150".parse().unwrap())
    );
    for no_number in [
        r#"{"@class":"math.BigDec","value":"x"}"#,
        r#"{"@class":"math.BigDec","value":"."}"#,
        r#"{"@class":"math.BigDec","value":"--1"}"#,
        r#"{"@class":"math.BigDec","value":"1e"}"#,
        r#"{"@class":"math.BigInt","value":"1.5"}"#,
        r#"{"@class":"math.BigInt","value":""}"#,
        r#"{"@class":"math.BigInt","value":1}"#,
        r#"{"@class":"math.BigInt","value":"1","more":2}"#,
        r#"{"@class":"math.BigDec","value":"1e99999"}"#,
    ] {
        let value = read(no_number);
        assert!(matches!(value, Value::Object(_)), "{no_number}");
        assert_eq!(value.to_binary().unwrap().bytes(), no_number);
    }
}

#[test]
fn numbers_too_long_to_compute_with_are_refused() {
    let long = "1".repeat(10_001);
    for text in [
        long.clone(),
        format!("0.{long}"),
        "1e10001".to_owned(),
        "1e-999999999".to_owned(),
    ] {
        let error = Value::from_binary(&json(&text)).unwrap_err();
        assert!(error.to_string().contains("more than 10000 digits"), "{error}");
    }
    assert_eq!(
        Value::from(long.parse::<BigInt>().unwrap())
            .to_binary()
            .unwrap_err(),
        ValueError::NumberTooLong { max: 10_000 }
    );
    let huge = Value::from(BigDecimal::new(BigInt::from(1), i64::MIN));
    assert_eq!(
        huge.to_binary().unwrap_err(),
        ValueError::NumberTooLong { max: 10_000 }
    );
    assert!(huge.to_string().contains("math.BigDec"));
}

#[test]
fn what_json_cannot_hold_is_refused() {
    for (number, name) in [
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        let refused = ValueError::NotFinite {
            number: name.to_owned(),
        };
        assert_eq!(Value::Double(number).to_binary().unwrap_err(), refused);
        assert_eq!(to_binary(&number).unwrap_err(), refused);
        assert!(serde_json::to_string(&Value::Double(number)).is_err());
        assert_eq!(Value::Double(number).to_string(), name);
    }
    assert!(matches!(to_binary(&f32::NAN), Err(ValueError::NotFinite { .. })));
}

#[test]
fn depth_is_limited_both_ways() {
    let nest = |depth: usize| (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let deepest = nest(128);
    assert_eq!(
        Value::from_binary(&deepest.to_binary().unwrap()).unwrap(),
        deepest
    );
    assert_eq!(
        nest(129).to_binary().unwrap_err(),
        ValueError::TooDeep { max: 128 }
    );
    let text = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    assert!(matches!(
        Value::from_binary(&json(&text)),
        Err(ValueError::Json(_))
    ));
}

#[test]
fn objects_keep_their_order() {
    let value = read(r#"{"z":1,"a":2,"m":{"y":null}}"#);
    assert_eq!(value.to_string(), r#"{"z":1,"a":2,"m":{"y":null}}"#);
    assert_eq!(value, read(r#"{"m":{"y":null},"a":2,"z":1}"#));
    assert_ne!(value, read(r#"{"m":{"y":null},"a":2,"z":1.0}"#));
    let Value::Object(mut object) = value else {
        panic!("an object")
    };
    object.insert("z", "new");
    assert_eq!(object.remove("a"), Some(Value::Int(2)));
    assert_eq!(Value::from(object).to_string(), r#"{"z":"new","m":{"y":null}}"#);
    let again: Object = from_binary(&json(r#"{"a":1,"b":2,"a":3}"#)).unwrap();
    assert_eq!(
        again.iter().collect::<Vec<_>>(),
        [("a", &Value::Int(3)), ("b", &Value::Int(2))]
    );
}

#[test]
fn what_a_rust_string_cannot_hold_is_a_typed_error() {
    let error = Value::from_binary(&json(r#"["a\ud800"]"#)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bad JSON at byte 3: half of a surrogate pair, which no Unicode string can hold"
    );
}

#[test]
fn the_magic_name_of_another_library_is_only_a_name() {
    let text = r#"{"$serde_json::private::Number":"12"}"#;
    assert!(matches!(read(text), Value::Object(_)));
    assert_eq!(read(text).to_binary().unwrap().bytes(), text);
}
