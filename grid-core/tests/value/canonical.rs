//! Canonical forms and sameness.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use grid_core::value::json::canonical;
use grid_core::value::{Binary, Format, Key, KeyError, Value, from_binary, same_value, to_binary};
use proptest::prelude::*;

use crate::node::{Draw, node};

fn canonical_text(text: &str) -> String {
    String::from_utf8(canonical(text.as_bytes()).unwrap().into_owned()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_spelling_has_the_canonical_form(tree in node(), seed in any::<u64>()) {
        let spelled = tree.spell(&mut Draw(seed));
        let expected = tree.canonical();
        prop_assert_eq!(&canonical_text(&spelled), &expected);
        // A canonical text is its own canonical form, without a copy.
        prop_assert!(matches!(canonical(expected.as_bytes()).unwrap(), Cow::Borrowed(_)));
        let other = tree.spell(&mut Draw(!seed));
        prop_assert!(same_value(Format::JSON, spelled.as_bytes(), Format::JSON, other.as_bytes()));
        let key = |text: &str| Key::new(Binary::new(Format::JSON, Bytes::copy_from_slice(text.as_bytes()))).unwrap();
        prop_assert_eq!(key(&spelled), key(&other));
        prop_assert_eq!(key(&spelled).hash(), key(&expected).hash());
        let made = key(&spelled);
        prop_assert_eq!(&made.spelling().bytes()[..], spelled.as_bytes());
    }

    #[test]
    fn different_trees_are_different(a in node(), b in node()) {
        let same = a.canonical() == b.canonical();
        let (a, b) = (a.spell(&mut Draw(1)), b.spell(&mut Draw(2)));
        prop_assert_eq!(same_value(Format::JSON, a.as_bytes(), Format::JSON, b.as_bytes()), same);
    }

    #[test]
    fn doubles_are_spelled_as_by_other_writers(number in any::<f64>()) {
        prop_assume!(number.is_finite() && number != 0.0);
        let written = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(canonical_text(&written), written.replace("e+", "e"));
        let ours = to_binary(&number).unwrap();
        prop_assert_eq!(std::str::from_utf8(ours.bytes()).unwrap(), written.replace("e+", "e"));
    }

    #[test]
    fn a_double_in_any_spelling_has_the_canonical_form(number in any::<f64>()) {
        prop_assume!(number.is_finite() && number != 0.0);
        // Where two texts are shortest and equally near, this takes another one, which is another number.
        let plain = format!("{number:?}");
        let written = serde_json::to_string(&number).unwrap();
        prop_assume!(plain.parse::<BigDecimal>().unwrap() == written.parse::<BigDecimal>().unwrap());
        prop_assert_eq!(canonical_text(&plain), canonical_text(&written));
    }

    #[test]
    fn decimals_are_exact(whole in "0|[1-9][0-9]{0,25}", fraction in "[0-9]{1,25}", exponent in -400..400_i64) {
        let text = format!("{whole}.{fraction}e{exponent}");
        let form = canonical_text(&text);
        prop_assert_eq!(form.parse::<BigDecimal>().unwrap(), text.parse::<BigDecimal>().unwrap());
        prop_assert!(form.contains(['.', 'e']));
        prop_assert_eq!(&canonical_text(&form), &form);
        // The same number with its point moved.
        let moved = format!("{whole}{fraction}e{}", exponent - i64::try_from(fraction.len()).unwrap());
        let moved = moved.trim_start_matches('0');
        let moved = if moved.starts_with('e') { format!("0{moved}") } else { moved.to_owned() };
        prop_assert_eq!(canonical_text(&moved), form);
    }

    #[test]
    fn any_bytes_are_the_same_as_themselves_only(a in proptest::collection::vec(any::<u8>(), 0..32), b in any::<u8>()) {
        prop_assert!(same_value(Format::JSON, &a, Format::JSON, &a));
        prop_assert!(!same_value(Format::JSON, &a, Format::POF, &a));
        let mut other = a.clone();
        other.push(b);
        prop_assert!(!same_value(Format::POF, &a, Format::POF, &other));
        let white = matches!(b, b' ' | b'\n' | b'\r' | b'\t');
        if !white {
            // No text is a valid value both with and without one more byte that is no space, but for digits.
            let same = same_value(Format::JSON, &a, Format::JSON, &other);
            prop_assert!(!same || b.is_ascii_digit(), "{a:?} and {other:?}");
        }
    }
}

#[test]
fn rules_one_by_one() {
    let cases = [
        ("-0", "0"),
        ("-0.0", "0.0"),
        ("0e5", "0.0"),
        ("1", "1"),
        ("1.0", "1.0"),
        ("1e0", "1.0"),
        ("1.10", "1.1"),
        ("100", "100"),
        ("1e2", "100.0"),
        ("1E+16", "1e16"),
        ("1e15", "1000000000000000.0"),
        ("0.00001", "0.00001"),
        ("0.000001", "1e-6"),
        ("1e400", "1e400"),
        ("10.00e399", "1e400"),
        (
            "-123456789012345678901234567890",
            "-123456789012345678901234567890",
        ),
        (
            "0.1000000000000000055511151231257827",
            "0.1000000000000000055511151231257827",
        ),
        (r#""\/""#, r#""/""#),
        (r#""\u0041\u00e9""#, r#""Aé""#),
        (r#""\uD83D\uDE00""#, r#""😀""#),
        (r#""\uD83Dx\uDE00""#, r#""\ud83dx\ude00""#),
        (r#""\u001F\u000a\u0008""#, r#""\u001f\n\b""#),
        (r#""\u0022\u005c""#, r#""\"\\""#),
        (r#" { "b" : 1 , "a" : [ 1 , 2 ] } "#, r#"{"a":[1,2],"b":1}"#),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":1,"\u0061":3}"#, r#"{"a":3}"#),
        (
            r#"{"z":{"y":1,"x":{"b":1,"a":2}},"a":0}"#,
            r#"{"a":0,"z":{"x":{"a":2,"b":1},"y":1}}"#,
        ),
        // By the bytes that are meant: a line feed comes before a blank, U+FFFF before U+10000.
        (r#"{" ":1,"\n":2}"#, r#"{"\n":2," ":1}"#),
        (
            "{\"\u{10000}\":1,\"\u{ffff}\":2}",
            "{\"\u{ffff}\":2,\"\u{10000}\":1}",
        ),
        ("[{},[],{ }]", "[{},[],{}]"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical_text(text), expected, "{text}");
        assert!(
            matches!(canonical(expected.as_bytes()).unwrap(), Cow::Borrowed(_)),
            "{expected}"
        );
    }
}

#[test]
fn what_differs_in_type_is_another_key() {
    let key = |text: &'static str| {
        Key::new(Binary::new(Format::JSON, Bytes::from_static(text.as_bytes()))).unwrap()
    };
    assert_ne!(key("1"), key("1.0"));
    assert_ne!(key("1"), key("\"1\""));
    assert_eq!(key("1.0"), key("10e-1"));
    assert_ne!(key("[1,2]"), key("[2,1]"));
    let opaque =
        |format, bytes: &'static [u8]| Key::new(Binary::new(format, Bytes::from_static(bytes))).unwrap();
    assert_ne!(opaque(Format::POF, b"1"), opaque(Format::JAVA, b"1"));
    assert_eq!(opaque(Format::POF, b" {"), opaque(Format::POF, b" {"));
    assert!(opaque(Format::POF, b" {").is_canonical());
}

#[test]
fn what_is_no_key_is_refused() {
    let key = |text: &[u8]| Key::new(Binary::new(Format::JSON, Bytes::copy_from_slice(text)));
    assert_eq!(key(b"").unwrap_err(), KeyError::Empty);
    assert!(matches!(key(b"{").unwrap_err(), KeyError::Json(_)));
    assert!(matches!(
        key("[".repeat(10_000).as_bytes()).unwrap_err(),
        KeyError::Json(_)
    ));
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    assert!(matches!(key(&deep).unwrap_err(), KeyError::Json(_)));
    assert!(!same_value(
        Format::JSON,
        &deep,
        Format::JSON,
        &[&deep[..], b" "].concat()
    ));
}

/// Python's `repr` and JavaScript's `String` write these the same way; Rust's formatting ends the first in 3.
#[test]
fn the_even_one_of_two_shortest_texts_is_written() {
    for (quarters, text) in [
        (-7_933_847_395_562_733_i64, "-1983461848890683.2"),
        (7_933_847_395_562_735, "1983461848890683.8"),
    ] {
        // In quarters, since a literal of so many digits would be rounded by its reader too.
        let number = quarters.to_string().parse::<f64>().unwrap() / 4.0;
        let written = to_binary(&number).unwrap();
        assert_eq!(written.bytes(), text);
        assert_eq!(from_binary::<Value>(&written).unwrap(), Value::from(number));
    }
}
