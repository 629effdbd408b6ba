//! Equality and order of values.

use grid_core::query::{Datum, Test};

use crate::recorded::{lines, table, text};

const RECORDED: &str = include_str!("reference/comparison.jsonl");

/// The type that the reference has for a value, where it differs from ours.
fn is_integer_of_32_bits(datum: &Datum<'_>) -> bool {
    matches!(datum, Datum::Int(number) if i32::try_from(*number).is_ok())
}

/// Why an answer may differ from the recorded one.
fn differs(left: &str, right: &str) -> Option<&'static str> {
    let read = |text: &'static str| text;
    let _ = read;
    let (a, b) = (
        Datum::read(left.as_bytes()).ok()?,
        Datum::read(right.as_bytes()).ok()?,
    );
    if let (Datum::Int(_), Datum::Int(_)) = (&a, &b)
        && is_integer_of_32_bits(&a) != is_integer_of_32_bits(&b)
    {
        return Some("integers of all sizes are one type");
    }
    let bare_big =
        |text: &str, datum: &Datum<'_>| matches!(datum, Datum::BigInt(_)) && !text.starts_with('{');
    if bare_big(left, &a) || bare_big(right, &b) {
        return Some("bare integers beyond 64 bits stay exact, where the reference takes the nearest double");
    }
    if [left, right]
        .iter()
        .any(|text| text.contains(r"\u00e9") || text.contains(r"\uffff"))
    {
        return Some("the reference takes a single escaped letter for a character, which it cannot compare");
    }
    if [left, right].iter().any(|text| text.contains("LiteMap")) {
        return Some("a map of entries is an object like others");
    }
    None
}

#[test]
fn values_compare_as_in_the_reference() {
    let mut rows = lines(RECORDED);
    let values = table(&rows.next().unwrap());
    let (mut compared, mut differing) = (0, 0);
    for row in rows {
        let (test, left) = (text(&row[0]), text(&row[1]));
        let test = match test {
            "Equals" => Test::Equals,
            "Less" => Test::Less,
            _ => Test::GreaterEquals,
        };
        for (right, expected) in values.iter().zip(text(&row[2]).chars()) {
            let a = Datum::read(left.as_bytes()).unwrap();
            let b = Datum::read(right.as_bytes()).unwrap();
            let found = match test.holds(&a, &b) {
                Ok(true) => 'T',
                Ok(false) => 'F',
                Err(_) => '!',
            };
            if differs(left, right).is_some() {
                differing += 1;
                continue;
            }
            // The reference cannot even read a filter that compares with an array or object.
            let null_with_container =
                expected == '!' && left == "null" && matches!(b, Datum::Array(_) | Datum::Object(_));
            if expected != '-' && !null_with_container {
                assert_eq!(found, expected, "{test:?} {left} {right}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5_000 && differing > 0, "{compared} {differing}");
}
