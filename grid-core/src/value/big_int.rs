//! For fields that hold a `BigInt`: `#[serde(with = "grid_core::value::big_int")]`.
//!
//! They are written as `{"@class":"math.BigInt","value":"118"}`, as the clients write integers beyond 64 bits. Any
//! integer is read.

use num_bigint::BigInt;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use super::Value;

/// Writes an integer.
///
/// # Errors
/// When it has too many digits, or the serializer fails.
pub fn serialize<S: Serializer>(number: &BigInt, serializer: S) -> Result<S::Ok, S::Error> {
    Value::BigInt(number.clone()).serialize(serializer)
}

/// Reads any integer.
///
/// # Errors
/// When there is something else than an integer.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BigInt, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Int(number) => Ok(BigInt::from(number)),
        Value::BigInt(number) => Ok(number),
        other => Err(D::Error::custom(format_args!(
            "an integer is needed, not {}",
            other.kind()
        ))),
    }
}
