//! Number literals.

use num_bigint::BigInt;

use super::error::CohqlErrorKind;
use crate::value::{Value, decimal};

/// Reads the number that a text begins with; it and its length in bytes.
///
/// A number without a point or an exponent is an integer of any length. With one it is a double, as in the values of
/// entries. A letter after it says what it is: `L` and `S` an integer of 64 and 16 bits, `D` and `F` a double, `M` a
/// decimal.
pub(super) fn read_number(text: &str) -> Result<(Value, usize), CohqlErrorKind> {
    let digits = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let byte_at = |at: usize| text.as_bytes().get(at).copied();
    let mut end = digits(0);
    let mut is_whole = true;
    if byte_at(end) == Some(b'.') {
        let fraction = digits(end + 1);
        if fraction == 0 {
            return Err(bad("a digit is needed after the point"));
        }
        end += 1 + fraction;
        is_whole = false;
    }
    if matches!(byte_at(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte_at(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent == 0 {
            return Err(bad("a digit is needed in the exponent"));
        }
        end += 1 + sign + exponent;
        is_whole = false;
    }
    let literal = text.get(..end).unwrap_or_default();
    let suffix = byte_at(end).filter(u8::is_ascii_alphabetic);
    let number = match suffix.map(|suffix| suffix.to_ascii_uppercase()) {
        None if is_whole => integer(literal)?,
        None | Some(b'D' | b'F') => double(literal)?,
        Some(b'L') if is_whole => long(literal)?,
        Some(b'S') if is_whole => short(literal)?,
        Some(b'M') => exact(literal)?,
        Some(b'L' | b'S') => return Err(bad("only an integer ends with L or S")),
        Some(_) => return Err(bad("it ends with a letter that is none of L, S, D, F and M")),
    };
    end += usize::from(suffix.is_some());
    let next = text.get(end..).and_then(|rest| rest.chars().next());
    if next.is_some_and(|next| next.is_alphanumeric() || next == '_') {
        return Err(bad("a letter or digit follows it; put a space between"));
    }
    Ok((number, end))
}

/// The number with the other sign.
pub(super) fn negate(number: Value) -> Value {
    match number {
        // The least integer of 64 bits has no positive one.
        Value::Int(number) => Value::from(-i128::from(number)),
        Value::BigInt(number) => {
            let number = -number;
            i64::try_from(&number).map_or(Value::BigInt(number), Value::Int)
        }
        Value::Double(number) => Value::Double(-number),
        Value::Decimal(number) => Value::Decimal(-number),
        other => other,
    }
}

fn bad(reason: &'static str) -> CohqlErrorKind {
    CohqlErrorKind::BadNumber { reason }
}

fn integer(literal: &str) -> Result<Value, CohqlErrorKind> {
    if let Ok(number) = literal.parse() {
        return Ok(Value::Int(number));
    }
    if literal.len() > decimal::DIGITS_MAX {
        return Err(bad("it has too many digits"));
    }
    let number = literal.parse::<BigInt>();
    number.map(Value::BigInt).map_err(|_none| bad("it has no digits"))
}

/// The least integer of 64 bits is one more than the greatest, and its sign comes later.
fn long(literal: &str) -> Result<Value, CohqlErrorKind> {
    match literal.parse::<u64>() {
        Ok(number) if number <= i64::MIN.unsigned_abs() => Ok(Value::from(number)),
        _ => Err(bad("it has more than 64 bits; write it without the L")),
    }
}

fn short(literal: &str) -> Result<Value, CohqlErrorKind> {
    match literal.parse::<u16>() {
        Ok(number) if number <= i16::MIN.unsigned_abs() => Ok(Value::from(number)),
        _ => Err(bad("it has more than 16 bits; write it without the S")),
    }
}

fn double(literal: &str) -> Result<Value, CohqlErrorKind> {
    match literal.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Double(number)),
        _ => Err(bad(
            "it is too large for a double; put an M after it for a decimal",
        )),
    }
}

fn exact(literal: &str) -> Result<Value, CohqlErrorKind> {
    let number = decimal::parse_decimal(literal);
    number
        .map(Value::Decimal)
        .ok_or_else(|| bad("it has too many digits or places"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_their_letter_says() {
        for (text, number, len) in [
            ("12)", "12", 2),
            ("10L", "10", 3),
            ("7s ", "7", 2),
            ("1.50", "1.5", 4),
            ("3d", "3.0", 2),
            ("2.5F", "2.5", 4),
            ("1.5e-3", "0.0015", 6),
            ("2E+2", "200.0", 4),
            ("1.50m", r#"{"@class":"math.BigDec","value":"1.50"}"#, 5),
            ("9223372036854775807", "9223372036854775807", 19),
            (
                "9223372036854775808",
                r#"{"@class":"math.BigInt","value":"9223372036854775808"}"#,
                19,
            ),
        ] {
            let (found, found_len) = read_number(text).unwrap();
            assert_eq!((found.to_string().as_str(), found_len), (number, len), "{text}");
        }
        for text in [
            "1.", "1.x", "1e", "1e+", "1.5L", "1x", "12ab", "1LL", "1e400", "40000s", "1e99999m",
        ] {
            assert!(read_number(text).is_err(), "{text}");
        }
        assert!(read_number("9223372036854775809L").is_err());
        assert!(read_number(&"9".repeat(20_000)).is_err());
        let least = read_number("9223372036854775808").unwrap().0;
        assert_eq!(negate(least), Value::Int(i64::MIN));
        assert_eq!(negate(negate(Value::Int(i64::MIN))), Value::Int(i64::MIN));
    }
}
