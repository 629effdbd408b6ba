//! Tests of keys: their order is that of values, and equal values have equal keys.

use proptest::prelude::*;

use super::*;
use crate::query::{Operand, compare, equal};
use crate::value::json;

fn number() -> impl Strategy<Value = String> {
    let digits = prop_oneof![8 => "[0-9]{1,3}", 1 => "[0-9]{120,140}", 1 => Just("10000".to_owned())];
    (
        any::<bool>(),
        digits,
        prop_oneof![2 => Just(String::new()), 1 => "\\.[0-9]{1,3}"],
        -3..4_i32,
    )
        .prop_map(|(negative, whole, fraction, exponent)| {
            let sign = if negative { "-" } else { "" };
            let exponent = if exponent == 0 {
                String::new()
            } else {
                format!("e{exponent}")
            };
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            format!("{sign}{whole}{fraction}{exponent}")
        })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab\u{e000}\u{ffff}\u{10000}\u{7f}\u{d7ff}]{0,4}",
        1 => "[ab]{126,130}",
        1 => any::<String>(),
    ]
}

/// JSON texts of values of all kinds, which are often equal.
fn any_json() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("null".to_owned()),
        1 => any::<bool>().prop_map(|value| value.to_string()),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        2 => any::<i128>().prop_map(|number| number.to_string()),
        4 => number(),
        4 => number().prop_map(|number| format!("{{\"@class\":\"math.BigDec\",\"value\":\"{number}\"}}")),
        2 => "[+-]?[0-9]{1,3}".prop_map(|number| format!("{{\"@class\":\"math.BigInt\",\"value\":\"{number}\"}}")),
        4 => text().prop_map(|text| {
            let mut out = Vec::new();
            json::write_escaped(&text, &mut out);
            String::from_utf8(out).unwrap_or_default()
        }),
        1 => Just("[1, {\"b\":1.0,\"a\":2}]".to_owned()),
        1 => Just("[1,{\"a\":2,\"b\":1.00}]".to_owned()),
        1 => Just("{\"a\":[]}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn keys_have_the_order_of_values(left in any_json(), right in any_json()) {
        let (a, b) = (Datum::read(left.as_bytes()).unwrap(), Datum::read(right.as_bytes()).unwrap());
        let (left_key, right_key) = (IndexKey::of(&a).unwrap(), IndexKey::of(&b).unwrap());
        let keys = left_key.bytes().cmp(right_key.bytes());
        if equal(&a, &b) {
            prop_assert!(keys.is_eq());
        } else if left_key.is_exact() {
            prop_assert!(keys.is_ne(), "{left} {right}");
        }
        if let Ok(order) = compare(&a, &b) {
            let (from, to) = (lower_bound(&b).unwrap(), upper_bound(&b).unwrap());
            prop_assert!(order.is_lt() || left_key.bytes() >= from.as_slice(), "{left} {right}");
            prop_assert!(order.is_gt() || left_key.bytes() <= to.as_slice(), "{left} {right}");
            if order.is_ne() && left_key.is_exact() && right_key.is_exact() {
                prop_assert_eq!(keys, order, "{} {}", left, right);
            }
        } else if !a.is_null() && !b.is_null() {
            prop_assert!(KeyKind::of(&a) != KeyKind::of(&b) || !KeyKind::of(&a).is_ordered());
        }
    }

    #[test]
    fn equal_values_are_one_key(left in any_json(), right in any_json()) {
        let (a, b) = (Operand::new(left.as_bytes()).unwrap(), Operand::new(right.as_bytes()).unwrap());
        if a == b {
            prop_assert_eq!(IndexKey::of(a.datum()).unwrap(), IndexKey::of(b.datum()).unwrap());
            prop_assert_eq!(IndexKey::of_element(a.datum()).unwrap(), IndexKey::of_element(b.datum()).unwrap());
        }
    }

    #[test]
    fn the_zeros_of_both_signs_are_two_keys(exponent in -3..4_i32) {
        let key = |text: String| IndexKey::of(Operand::new(text.as_bytes()).unwrap().datum()).unwrap();
        prop_assert_ne!(key(format!("0e{exponent}")), key(format!("-0e{exponent}")));
    }

    #[test]
    fn a_text_is_read_from_its_key(text in text(), prefix in 0..4_usize) {
        let key = IndexKey::of(&Datum::Text(text.as_str().into())).unwrap();
        if key.is_exact() {
            let read = key.text().map(Cow::into_owned);
            prop_assert_eq!(read.as_ref(), Some(&text));
        }
        let prefix: String = text.chars().take(prefix).collect();
        prop_assert!(key.bytes().starts_with(&text_prefix(&prefix)));
    }
}

#[test]
fn elements_are_told_from_values() {
    let key = IndexKey::of_element(&Datum::Int(1)).unwrap();
    assert!(key.is_exact());
    let value = IndexKey::of(&Datum::Int(1)).unwrap();
    assert_ne!(key, value);
    assert!(
        !IndexKey::of_element(&Datum::Array((&b"[]"[..]).into()))
            .unwrap()
            .is_exact()
    );
}
