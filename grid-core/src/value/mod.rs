//! Values: bytes with their format, keys with their canonical form, and what can be read inside.
//!
//! A value is kept as the bytes it came in ([`Binary`]); a [`FormatRegistry`] takes it off the wire and puts it
//! back. JSON can be looked into: as a dynamic [`Value`], or as any serde type ([`from_binary`], [`to_binary`]).
//! Other formats are opaque.
//!
//! ```
//! use grid_core::value::{Key, Value, from_binary, to_binary, to_key};
//!
//! let stored = to_binary(&("apples", 3))?;
//! assert_eq!(&stored.bytes()[..], br#"["apples",3]"#);
//! assert_eq!(from_binary::<(String, u8)>(&stored)?, ("apples".to_owned(), 3));
//! let value: Value = from_binary(&stored)?;
//! assert_eq!(value, Value::from(vec![Value::from("apples"), Value::from(3)]));
//! let key: Key = to_key("apples")?;
//! assert!(key.is_canonical());
//! # Ok::<(), grid_core::value::ValueError>(())
//! ```

mod association;
pub mod big_decimal;
pub mod big_int;
mod binary;
pub(crate) mod decimal;
mod dynamic;
mod dynamic_serde;
mod error;
mod format;
pub mod json;
mod key;
mod object;
mod registry;
mod serde_codec;

pub use association::AssociatedKey;
pub use binary::{Binary, same_value};
pub use dynamic::Value;
pub use error::ValueError;
pub use format::Format;
pub use json::{JsonError, JsonErrorKind, NullMembers};
pub use key::{Key, KeyError};
pub use object::Object;
pub use registry::{FormatCodec, FormatError, FormatRegistry, WireRules};
pub use serde_codec::{from_binary, to_binary, to_key};
