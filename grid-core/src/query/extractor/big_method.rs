//! Methods of big integers and decimals.

use bigdecimal::{BigDecimal, Signed as _, Zero as _};
use num_bigint::{BigInt, Sign};

use super::whole;
use crate::query::{Datum, QueryError, add_decimals, multiply_decimals};
use crate::value::decimal;

/// Calls a method of a big integer or a decimal; `None` when there is none of this name with such arguments.
///
/// # Errors
/// When something is divided by zero, or the result has too many digits.
pub(super) fn call(
    target: &Datum<'_>,
    name: &str,
    given: &[&Datum<'static>],
) -> Result<Option<Datum<'static>>, QueryError> {
    match (target, given) {
        (Datum::BigInt(number), []) => Ok(of_integer(number, name)),
        (Datum::BigInt(left), [Datum::BigInt(right)]) => of_integers(left, name, right),
        (Datum::Decimal(number), []) => of_decimal(number, name),
        (Datum::Decimal(left), [Datum::Decimal(right)]) => of_decimals(left, name, right),
        _ => Ok(None),
    }
}

fn sign_of(sign: Sign) -> Datum<'static> {
    Datum::Int(match sign {
        Sign::Minus => -1,
        Sign::NoSign => 0,
        Sign::Plus => 1,
    })
}

fn of_integer(number: &BigInt, name: &str) -> Option<Datum<'static>> {
    Some(match name {
        "signum" => sign_of(number.sign()),
        "abs" => Datum::BigInt(number.abs()),
        "negate" => Datum::BigInt(-number),
        "not" => Datum::BigInt(!number),
        "bitLength" => {
            // Of a negative number the bits of its complement.
            let bits = if number.is_negative() {
                (!number).bits()
            } else {
                number.bits()
            };
            Datum::Int(i64::try_from(bits).unwrap_or(i64::MAX))
        }
        _ => return None,
    })
}

fn of_integers(left: &BigInt, name: &str, right: &BigInt) -> Result<Option<Datum<'static>>, QueryError> {
    let divides = matches!(name, "divide" | "remainder" | "mod");
    if divides && (right.is_zero() || (name == "mod" && right.is_negative())) {
        return Err(QueryError::Undivided);
    }
    let result = match name {
        "add" => left + right,
        "subtract" => left - right,
        "multiply" => left * right,
        "divide" => left / right,
        "remainder" => left % right,
        "mod" => ((left % right) + right) % right,
        "max" => left.max(right).clone(),
        "min" => left.min(right).clone(),
        "and" => left & right,
        "or" => left | right,
        "xor" => left ^ right,
        _ => return Ok(None),
    };
    // No longer than can be written.
    decimal::big_int_text(&result)?;
    Ok(Some(Datum::BigInt(result)))
}

fn of_decimal(number: &BigDecimal, name: &str) -> Result<Option<Datum<'static>>, QueryError> {
    let (unscaled, scale) = number.as_bigint_and_scale();
    Ok(Some(match name {
        "signum" => sign_of(number.sign()),
        "abs" => Datum::Decimal(number.abs()),
        "negate" => Datum::Decimal(-number),
        "scale" => Datum::Int(scale),
        "precision" => Datum::Int(i64::try_from(number.digits()).unwrap_or(i64::MAX)),
        "unscaledValue" => Datum::BigInt(unscaled.into_owned()),
        "toBigInteger" => {
            let whole = whole(number);
            decimal::big_int_text(&whole)?;
            Datum::BigInt(whole)
        }
        "stripTrailingZeros" => Datum::Decimal(number.normalized()),
        _ => return Ok(None),
    }))
}

fn of_decimals(
    left: &BigDecimal,
    name: &str,
    right: &BigDecimal,
) -> Result<Option<Datum<'static>>, QueryError> {
    let result = match name {
        "add" => add_decimals(left.clone(), right.clone()),
        "subtract" => add_decimals(left.clone(), -right),
        "multiply" => multiply_decimals(left, right),
        // The first where they are equal, whatever their scales.
        "max" => if right > left { right } else { left }.clone(),
        "min" => if right < left { right } else { left }.clone(),
        _ => return Ok(None),
    };
    // No longer than can be written.
    decimal::decimal_text(&result)?;
    Ok(Some(Datum::Decimal(result)))
}
