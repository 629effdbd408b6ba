//! Numbers that are added to and multiplied.

use bigdecimal::{BigDecimal, ToPrimitive as _};
use num_bigint::BigInt;

use super::EntryView;
use super::process::{answer, null};
use crate::query::{
    Datum, Extracted, Manipulator, Operand, QueryError, add_decimals, decimal_of, equal, multiply_decimals,
    whole,
};
use crate::value::{Binary, Format};

/// Changes a number of an entry, and answers it.
pub(super) fn change(
    entry: &mut EntryView<'_>,
    manipulator: &Manipulator,
    compute: impl Fn(&Datum<'_>) -> Result<Datum<'static>, QueryError>,
    by: &Operand,
    answers_old: bool,
) -> Result<Binary, QueryError> {
    let (old, new, updated) = {
        let view = entry.entry();
        let Some(text) = view.value()? else {
            return Ok(null());
        };
        let old = match manipulator.extractor.extract(&view)?.into_datum()? {
            Datum::Null => zero(by.datum())?,
            number => number.into_owned(),
        };
        let new = compute(&old)?;
        // A number that stays as it is changes nothing, not even from missing to zero.
        let updated = if equal(&old, &new) {
            None
        } else {
            Some(manipulator.updater.update(text, &new.to_json()?)?)
        };
        (old, new, updated)
    };
    if let Some(updated) = updated {
        entry.set(Binary::new(Format::JSON, updated.into()));
    }
    answer(&Extracted::Datum(if answers_old { old } else { new }))
}

/// Nothing, in the type of a number.
fn zero(of: &Datum<'_>) -> Result<Datum<'static>, QueryError> {
    Ok(match of {
        Datum::Int(_) => Datum::Int(0),
        Datum::BigInt(_) => Datum::BigInt(BigInt::ZERO),
        Datum::Double(_) => Datum::Double(0.0),
        Datum::Decimal(_) => Datum::Decimal(BigDecimal::from(0)),
        other => return Err(QueryError::NotNumber { kind: other.kind() }),
    })
}

/// A number and what is added to it, in the type of the number.
pub(super) fn add(number: &Datum<'_>, by: &Datum<'_>) -> Result<Datum<'static>, QueryError> {
    Ok(match number {
        Datum::Int(number) => {
            if let Datum::Int(by) = by {
                return number
                    .checked_add(*by)
                    .map(Datum::Int)
                    .ok_or(QueryError::Overflow);
            }
            let sum = BigInt::from(*number) + whole(&decimal_of(by)?);
            Datum::Int(i64::try_from(sum).map_err(|_too_large| QueryError::Overflow)?)
        }
        Datum::BigInt(number) => Datum::BigInt(number + whole(&decimal_of(by)?)),
        Datum::Double(number) => Datum::Double(number + double_of(by)?),
        Datum::Decimal(number) => Datum::Decimal(add_decimals(number.clone(), decimal_of(by)?)),
        other => return Err(QueryError::NotNumber { kind: other.kind() }),
    })
}

/// The product of a number and a factor, in the type of the number; of an integer its whole part.
pub(super) fn multiply(number: &Datum<'_>, by: &Datum<'_>) -> Result<Datum<'static>, QueryError> {
    Ok(match number {
        Datum::Int(number) => Datum::Int(multiply_integer(*number, by)?),
        Datum::BigInt(number) => Datum::BigInt(whole(&(BigDecimal::from(number.clone()) * decimal_of(by)?))),
        Datum::Double(number) => Datum::Double(number * double_of(by)?),
        Datum::Decimal(number) => Datum::Decimal(multiply_decimals(number, &decimal_of(by)?)),
        other => return Err(QueryError::NotNumber { kind: other.kind() }),
    })
}

fn multiply_integer(number: i64, by: &Datum<'_>) -> Result<i64, QueryError> {
    /// Beyond this a double is no integer of 64 bits any more.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    match by {
        // As doubles are multiplied, so that ten times 0.1 is one.
        Datum::Double(factor) => {
            #[expect(clippy::cast_precision_loss, reason = "the product is a double")]
            let product = (number as f64 * factor).trunc();
            if !(-BOUND..BOUND).contains(&product) {
                return Err(QueryError::Overflow);
            }
            #[expect(clippy::cast_possible_truncation, reason = "the product is within 64 bits")]
            let product = product as i64;
            Ok(product)
        }
        _ => {
            let product = whole(&(BigDecimal::from(number) * decimal_of(by)?));
            i64::try_from(product).map_err(|_too_large| QueryError::Overflow)
        }
    }
}

fn double_of(number: &Datum<'_>) -> Result<f64, QueryError> {
    match number {
        Datum::Double(number) => Ok(*number),
        _ => Ok(decimal_of(number)?.to_f64().unwrap_or(f64::NAN)),
    }
}
