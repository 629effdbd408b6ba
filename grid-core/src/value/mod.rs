//! Values: bytes with their format, keys with their canonical form, and what can be read inside.

mod binary;
mod format;
mod key;

pub use binary::Binary;
pub use format::Format;
pub use key::{Key, KeyError};
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ValueError;
pub fn to_binary<T: serde::Serialize + ?Sized>(_: &T) -> Result<Binary, ValueError> { Err(ValueError) }
pub fn from_binary<T: serde::de::DeserializeOwned>(_: &Binary) -> Result<T, ValueError> { Err(ValueError) }
pub fn to_key<T: serde::Serialize + ?Sized>(_: &T) -> Result<Key, ValueError> { Err(ValueError) }
