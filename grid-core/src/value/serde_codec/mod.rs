//! Rust types in and out of JSON values, through serde.
//!
//! Why not `serde_json`: it writes doubles that are not finite as null, and when it keeps numbers exact it hands
//! every number to buffering types (`#[serde(flatten)]`, untagged enums) as a map.

mod name;
mod reader;
mod writer;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json::{self, Limits};
use super::{Binary, Format, Key, ValueError};

/// Writes a value as JSON, without spaces, fields in their order.
///
/// Integers beyond signed 64 bits are written as `{"@class":"math.BigInt","value":"..."}`, as the clients do.
///
/// # Errors
/// When a number is not finite or too long, the key of a map is no text, the value is nested too deeply, or the
/// type's own serialization fails.
pub fn to_binary<T: Serialize + ?Sized>(value: &T) -> Result<Binary, ValueError> {
    let mut text = Vec::with_capacity(128);
    value.serialize(writer::Writer::new(&mut text))?;
    Ok(Binary::new(Format::JSON, text.into()))
}

/// Reads a value.
///
/// Integers are also read from the `math.BigInt` form; a field of type `f32` or `f64` takes the nearest number.
/// Types that buffer what they read get the nearest double for a number beyond 64 bits.
///
/// # Errors
/// When the format is opaque, the bytes are not JSON, or not of the type.
pub fn from_binary<T: DeserializeOwned>(binary: &Binary) -> Result<T, ValueError> {
    if binary.format() != Format::JSON {
        return Err(ValueError::Opaque {
            format: binary.format(),
        });
    }
    json::scan(binary.bytes(), Limits::new())?;
    let mut reader = reader::Reader::new(binary.bytes());
    T::deserialize(&mut reader)
}

/// Writes a value and makes a key of it.
///
/// # Errors
/// As [`to_binary`].
pub fn to_key<T: Serialize + ?Sized>(value: &T) -> Result<Key, ValueError> {
    Ok(Key::new(to_binary(value)?)?)
}
