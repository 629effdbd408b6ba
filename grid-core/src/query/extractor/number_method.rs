//! Methods of numbers.

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive as _};
use num_bigint::BigInt;

use crate::query::{Datum, QueryError, compare};

/// Calls a method of a number; `None` when there is none of this name with such arguments.
pub(super) fn call(
    target: &Datum<'_>,
    name: &str,
    given: &[&Datum<'static>],
) -> Result<Option<Datum<'static>>, QueryError> {
    let is_number = matches!(
        target,
        Datum::Int(_) | Datum::BigInt(_) | Datum::Double(_) | Datum::Decimal(_)
    );
    if !is_number {
        return Ok(None);
    }
    Ok(Some(match (name, given) {
        ("intValue", []) => Datum::Int(i64::from(low_bits(target, i32::MIN, i32::MAX))),
        ("longValue", []) => Datum::Int(long(target)),
        ("shortValue", []) => Datum::Int(i64::from(
            low_bits(target, i32::MIN, i32::MAX).wrapping_shl(16) >> 16,
        )),
        ("byteValue", []) => Datum::Int(i64::from(
            low_bits(target, i32::MIN, i32::MAX).wrapping_shl(24) >> 24,
        )),
        ("doubleValue", []) => Datum::Double(double(target)),
        ("floatValue", []) => Datum::Double(single(double(target))),
        ("compareTo", [other]) => Datum::Int(match compare(target, other)? {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        }),
        ("isNaN", []) if matches!(target, Datum::Double(_)) => Datum::Bool(double(target).is_nan()),
        ("isInfinite", []) if matches!(target, Datum::Double(_)) => Datum::Bool(double(target).is_infinite()),
        ("hashCode", []) => match target {
            Datum::Int(number) => Datum::Int(i64::from(hash(*number))),
            Datum::Double(number) => Datum::Int(i64::from(hash(i64::from_ne_bytes(
                number.to_bits().to_ne_bytes(),
            )))),
            _ => return Ok(None),
        },
        _ => return super::big_method::call(target, name, given),
    }))
}

/// What Java's `hashCode` gives: of an `int` itself, of a longer number its halves one upon the other.
fn hash(number: i64) -> i32 {
    if let Ok(number) = i32::try_from(number) {
        return number;
    }
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    i32::from_be_bytes([a, b, c, d]) ^ i32::from_be_bytes([e, f, g, h])
}

/// The number as Java makes an `int` of it: doubles end at the bounds, other numbers lose their high bits.
fn low_bits(number: &Datum<'_>, least: i32, most: i32) -> i32 {
    match number {
        // A cast of Rust ends at the bounds as Java's does.
        #[expect(clippy::cast_possible_truncation, reason = "ends at the bounds, as wanted")]
        Datum::Double(number) => (*number as i32).clamp(least, most),
        _ => {
            let [.., a, b, c, d] = long(number).to_be_bytes();
            i32::from_be_bytes([a, b, c, d])
        }
    }
}

/// The number as Java makes a `long` of it.
pub(super) fn long(number: &Datum<'_>) -> i64 {
    let low = |number: &BigInt| {
        let bytes = number.to_signed_bytes_le();
        let fill = if number.sign() == num_bigint::Sign::Minus {
            0xff
        } else {
            0
        };
        let mut low = [fill; 8];
        for (to, from) in low.iter_mut().zip(&bytes) {
            *to = *from;
        }
        i64::from_le_bytes(low)
    };
    match number {
        Datum::Int(number) => *number,
        #[expect(clippy::cast_possible_truncation, reason = "ends at the bounds, as wanted")]
        Datum::Double(number) => *number as i64,
        Datum::BigInt(number) => low(number),
        Datum::Decimal(number) => low(&whole(number)),
        _ => 0,
    }
}

/// The number without its fraction.
pub(crate) fn whole(number: &BigDecimal) -> BigInt {
    number
        .with_scale_round(0, RoundingMode::Down)
        .into_bigint_and_scale()
        .0
}

/// The double that is written as the nearest single-precision number.
fn single(number: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the nearest is wanted")]
    let single = number as f32;
    single.to_string().parse().unwrap_or(f64::from(single))
}

/// The nearest double.
fn double(number: &Datum<'_>) -> f64 {
    match number {
        #[expect(clippy::cast_precision_loss, reason = "the nearest is wanted")]
        Datum::Int(number) => *number as f64,
        Datum::Double(number) => *number,
        Datum::BigInt(number) => number.to_f64().unwrap_or(f64::NAN),
        Datum::Decimal(number) => number.to_f64().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}
