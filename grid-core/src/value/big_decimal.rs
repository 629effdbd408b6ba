//! For fields that hold a `BigDecimal`: `#[serde(with = "grid_core::value::big_decimal")]`.
//!
//! They are written as `{"@class":"math.BigDec","value":"12.50"}`, as the clients write decimals. Any number is read.

use bigdecimal::BigDecimal;
use num_bigint::BigInt;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use super::{Value, decimal, json};

/// Writes a decimal with its scale.
///
/// # Errors
/// When it has too many digits, or the serializer fails.
pub fn serialize<S: Serializer>(number: &BigDecimal, serializer: S) -> Result<S::Ok, S::Error> {
    Value::Decimal(number.clone()).serialize(serializer)
}

/// Reads any number as an exact decimal.
///
/// # Errors
/// When there is something else than a number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BigDecimal, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Int(number) => Ok(BigDecimal::new(BigInt::from(number), 0)),
        Value::BigInt(number) => Ok(BigDecimal::new(number, 0)),
        Value::Decimal(number) => Ok(number),
        Value::Double(number) => {
            let mut text = Vec::new();
            json::write_double(number, &mut text);
            let decimal = core::str::from_utf8(&text).ok().and_then(decimal::parse_decimal);
            decimal.ok_or_else(|| D::Error::custom("a double that is not finite is no decimal"))
        }
        other => Err(D::Error::custom(format_args!(
            "a number is needed for a decimal, not {}",
            other.kind()
        ))),
    }
}
