//! When values are equal, and which is less.
//!
//! The rules are those of the reference, found out by asking it (`tests/query/reference`):
//!
//! - Values of different types are never equal: `1` is not `1.0`, and neither is the decimal 1. Decimals with
//!   different scales are not equal, though neither is less. `-0.0` is not `0.0`, and less.
//! - Arrays are equal with equal elements in order, objects with equal members in any order.
//! - Values of different types have no order: comparing a double with an integer is an error, not a guess. Nor have
//!   arrays and objects one.
//! - Strings are ordered by their UTF-16 units, so that characters beyond the basic plane come before U+E000.
//!
//! In one point the rules differ: the reference has two types of integers, of 32 and of 64 bits, chosen by the size
//! of each number, and refuses to compare `5` with `3000000000`. Here integers of up to 64 bits are one type.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Datum, QueryError};
use crate::value::json;

/// Which of two values is less.
///
/// # Errors
/// When they have no order between them, or one of them is null: what null means is for the caller to say.
///
/// ```
/// use grid_core::query::{Datum, compare};
///
/// assert!(compare(&Datum::Int(1), &Datum::Int(2))?.is_lt());
/// assert!(compare(&Datum::Int(1), &Datum::Double(2.0)).is_err());
/// # Ok::<(), grid_core::query::QueryError>(())
/// ```
pub fn compare(left: &Datum<'_>, right: &Datum<'_>) -> Result<Ordering, QueryError> {
    Ok(match (left, right) {
        (Datum::Bool(left), Datum::Bool(right)) => left.cmp(right),
        (Datum::Int(left), Datum::Int(right)) => left.cmp(right),
        (Datum::BigInt(left), Datum::BigInt(right)) => left.cmp(right),
        (Datum::Double(left), Datum::Double(right)) => left.total_cmp(right),
        (Datum::Decimal(left), Datum::Decimal(right)) => left.cmp(right),
        (Datum::Text(left), Datum::Text(right)) => compare_text(left, right),
        _ => {
            for side in [left, right] {
                if matches!(side, Datum::Array(_) | Datum::Object(_)) {
                    return Err(QueryError::Unordered { kind: side.kind() });
                }
            }
            let (left, right) = (left.kind(), right.kind());
            return Err(QueryError::Incomparable { left, right });
        }
    })
}

/// Whether two values are equal.
///
/// Texts of arrays and objects that are not JSON are equal when their bytes are.
#[must_use]
pub fn equal(left: &Datum<'_>, right: &Datum<'_>) -> bool {
    match (left, right) {
        (Datum::Double(left), Datum::Double(right)) => left.to_bits() == right.to_bits(),
        (Datum::Decimal(left), Datum::Decimal(right)) => {
            left.fractional_digit_count() == right.fractional_digit_count() && left == right
        }
        (Datum::Array(left), Datum::Array(right)) | (Datum::Object(left), Datum::Object(right)) => {
            left == right
                || json::canonical(left)
                    .is_ok_and(|left| json::canonical(right).is_ok_and(|right| left == right))
        }
        _ => left == right,
    }
}

/// A text that tells a value from all that are not [`equal`] to it: equal values have the same, others another one.
///
/// It is the canonical form of the JSON text but for numbers that are spelled in several ways, and `-0.0`, which is the
/// same key as `0.0` and another value.
///
/// # Errors
/// When the text is not JSON.
pub(crate) fn form(text: &[u8]) -> Result<Cow<'_, [u8]>, QueryError> {
    let number = match text.trim_ascii_start().first() {
        Some(b'-' | b'0'..=b'9' | b'{') => Some(Datum::read(text)?),
        _ => None,
    };
    let canonical = json::canonical(text)?;
    Ok(match number {
        Some(Datum::Double(number)) if number.is_infinite() => Cow::Owned(number.to_string().into_bytes()),
        // One that is too long to be written is spelled in one way.
        Some(number @ (Datum::Double(_) | Datum::Decimal(_) | Datum::BigInt(_))) => {
            number.to_json().map_or(canonical, Cow::Owned)
        }
        _ => canonical,
    })
}

/// The order of two texts by their UTF-16 units, without making any.
#[must_use]
pub fn compare_text(left: &str, right: &str) -> Ordering {
    /// First bytes of characters from U+E000 on; from 0xf0 on those that UTF-16 writes as surrogates, which come before.
    const FIRST_AFTER_SURROGATES: u8 = 0xee;
    let differing = left
        .bytes()
        .zip(right.bytes())
        .find(|(left, right)| left != right);
    match differing {
        None => left.len().cmp(&right.len()),
        Some((left, right)) if left >= FIRST_AFTER_SURROGATES && right >= FIRST_AFTER_SURROGATES => {
            let surrogates = |byte: u8| byte >= 0xf0;
            surrogates(right).cmp(&surrogates(left)).then(left.cmp(&right))
        }
        Some((left, right)) => left.cmp(&right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// JSON texts of numbers, many of which are equal, and of what is nearly one.
    fn number() -> impl Strategy<Value = String> {
        let bare = "-?(0|[1-9][0-9]{0,20})(\\.(0|[0-9]{1,20}))?(e-?[0-9]{1,3})?";
        let class = (
            "math\\.Big(Dec|Int)",
            "[+-]?[0-9]{1,3}(\\.[0-9])?([eE][+-]?[0-9])?",
        )
            .prop_map(|(class, text)| format!("{{\"@class\":\"{class}\",\"value\":\"{text}\"}}"));
        prop_oneof![
            4 => "-?(0|1)(\\.0{1,2})?(e-?[01])?",
            2 => bare,
            4 => class,
            1 => Just("\"0.0\"".to_owned()),
            1 => Just("[-0.0]".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn values_have_one_form_when_they_are_equal(left in number(), right in number()) {
            let same = equal(&Datum::read(left.as_bytes()).unwrap(), &Datum::read(right.as_bytes()).unwrap());
            let forms = form(left.as_bytes()).unwrap() == form(right.as_bytes()).unwrap();
            prop_assert_eq!(forms, same, "{} {}", left, right);
        }

        #[test]
        fn texts_are_ordered_by_their_units(left: String, right: String) {
            let units = left.encode_utf16().cmp(right.encode_utf16());
            prop_assert_eq!(compare_text(&left, &right), units);
        }

        #[test]
        fn rare_characters_too(
            left in "[a\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{0,3}",
            right in "[a\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{0,3}",
        ) {
            prop_assert_eq!(compare_text(&left, &right), left.encode_utf16().cmp(right.encode_utf16()));
        }
    }
}
