//! Big numbers as text, as the clients spell them.

use bigdecimal::BigDecimal;
use num_bigint::BigInt;

use super::json::{JsonErrorKind, Parts};
use super::{Value, ValueError};

/// The class of an integer beyond 64 bits.
pub(crate) const BIG_INT: &str = "math.BigInt";

/// The class of a decimal.
pub(crate) const BIG_DEC: &str = "math.BigDec";

/// The most digits of a number to be computed with, and the largest exponent. Conversion to binary takes time that
/// grows with the square of the digits, and sums of numbers take memory that grows with their exponents.
pub(crate) const DIGITS_MAX: usize = 10_000;

const TOO_LONG: JsonErrorKind = JsonErrorKind::NumberTooLong { max: DIGITS_MAX };

/// Reads a number of a JSON text that is valid.
pub(crate) fn read_number(text: &[u8]) -> Result<Value, JsonErrorKind> {
    let parts = Parts::new(text).ok_or(JsonErrorKind::InvalidNumber)?;
    let text = core::str::from_utf8(text).map_err(|_invalid| JsonErrorKind::InvalidUtf8)?;
    if parts.is_integer() {
        if let Ok(number) = text.parse() {
            return Ok(Value::Int(number));
        }
        return big_int(text).map(Value::BigInt);
    }
    if parts.digit_count() <= DIGITS_MAX
        && let Some(double) = parts.exact_double(text)
    {
        return Ok(Value::Double(double));
    }
    decimal(parts).map(Value::Decimal)
}

fn big_int(text: &str) -> Result<BigInt, JsonErrorKind> {
    if text.len() > DIGITS_MAX {
        return Err(TOO_LONG);
    }
    text.parse().map_err(|_invalid| JsonErrorKind::InvalidNumber)
}

fn decimal(parts: Parts<'_>) -> Result<BigDecimal, JsonErrorKind> {
    let most = u64::try_from(DIGITS_MAX).unwrap_or(u64::MAX);
    if parts.digit_count() > DIGITS_MAX || parts.exponent().unsigned_abs() > most {
        return Err(TOO_LONG);
    }
    Ok(BigDecimal::new(big_int(&parts.unscaled())?, parts.scale()))
}

/// Whether this is an integer as Java spells it: digits, perhaps a sign.
fn is_integer_text(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads the value of a `math.BigInt`.
pub(crate) fn parse_big_int(text: &str) -> Option<BigInt> {
    is_integer_text(text)
        .then(|| big_int(text.strip_prefix('+').unwrap_or(text)).ok())
        .flatten()
}

/// Reads the value of a `math.BigDec`, as Java's `BigDecimal` does; its scale is kept.
pub(crate) fn parse_decimal(text: &str) -> Option<BigDecimal> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.trim_matches('.').is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    if exponent.is_some_and(|exponent| !is_integer_text(exponent)) {
        return None;
    }
    decimal(Parts::new(text.as_bytes())?).ok()
}

/// The text of an integer to be written as `math.BigInt`.
///
/// # Errors
/// When it has more digits than are read back.
pub(crate) fn big_int_text(number: &BigInt) -> Result<String, ValueError> {
    // 4 bits a digit is more than a digit takes; what may be too long is counted exactly.
    let digits_at_least = number.bits() / 4;
    if digits_at_least <= u64::try_from(DIGITS_MAX).unwrap_or(u64::MAX) {
        let text = number.to_string();
        if text.len() <= DIGITS_MAX {
            return Ok(text);
        }
    }
    Err(ValueError::NumberTooLong { max: DIGITS_MAX })
}

/// The text of a decimal to be written as `math.BigDec`: as Java's `BigDecimal.toString` has it, with the scale.
///
/// # Errors
/// When it has more digits, or a larger exponent, than are read back.
pub(crate) fn decimal_text(number: &BigDecimal) -> Result<String, ValueError> {
    let (unscaled, scale) = number.as_bigint_and_exponent();
    let too_long = ValueError::NumberTooLong { max: DIGITS_MAX };
    let most = u64::try_from(DIGITS_MAX).unwrap_or(u64::MAX);
    if scale.unsigned_abs() > most {
        return Err(too_long);
    }
    let signed = big_int_text(&unscaled)?;
    let (sign, digits) = match signed.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", signed.as_str()),
    };
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let adjusted = count - 1 - scale;
    let text = if scale == 0 {
        return Ok(signed);
    } else if scale > 0 && adjusted >= -6 {
        let places = usize::try_from(scale).unwrap_or_default();
        // A digit must stand before the point.
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        format!("{sign}{whole}.{fraction}")
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}E{adjusted:+}")
    };
    // With many digits the exponent of the scientific form is larger than the scale.
    if text.len() > DIGITS_MAX || adjusted.unsigned_abs() > most {
        Err(too_long)
    } else {
        Ok(text)
    }
}
