//! Values: bytes with their format, keys with their canonical form, and what can be read inside.

mod binary;
mod format;
mod key;

pub use binary::{Binary, same_value};
pub use format::Format;
pub use key::{Key, KeyError};
