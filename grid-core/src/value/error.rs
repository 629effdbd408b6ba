//! Errors of reading and writing values.

use super::{Format, JsonError, JsonErrorKind, KeyError};

/// A value that cannot be taken in, read, or written. Nothing was applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The bytes are not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The value has no bytes at all.
    #[error("a key or value of zero bytes; send null in the format's own spelling")]
    Empty,
    /// The first byte is not the one that the format demands.
    #[error("missing format byte 0x{expected:02x} before a value of format {format}: {found}",
        found = found.map_or_else(|| "nothing follows".to_owned(), |found| format!("found 0x{found:02x}")))]
    MissingFormatByte {
        /// The format.
        format: Format,
        /// The byte that must stand first.
        expected: u8,
        /// The byte that stands first.
        found: Option<u8>,
    },
    /// The value is of a format that cannot be read here.
    #[error(
        "values of format {format} cannot be read inside; use format json, or operations that don't look inside"
    )]
    Opaque {
        /// The format.
        format: Format,
    },
    /// The format is in no registry.
    #[error("format {format} was never registered; intern its name first")]
    UnknownFormat {
        /// The format.
        format: Format,
    },
    /// A double that JSON has no text for.
    #[error("{number} has no JSON text; store a finite number, null or a string")]
    NotFinite {
        /// The double as Rust prints it.
        number: String,
    },
    /// A big number of more digits, or a larger exponent, than is read back.
    #[error("a number has more than {max} digits or a larger exponent; store it as a string")]
    NumberTooLong {
        /// The most digits, and the largest exponent.
        max: usize,
    },
    /// A value to be written nests too deeply.
    #[error("the value is nested more than {max} levels deep; flatten it")]
    TooDeep {
        /// The deepest nesting accepted.
        max: u8,
    },
    /// The key of a map is neither string, integer, boolean, character nor unit variant.
    #[error("the key of a map must be a string, an integer, a boolean or a unit variant to be a JSON name")]
    NameNotText,
    /// What a type's own serialization says.
    #[error("{message}")]
    Serde {
        /// The message of serde or of the type.
        message: String,
    },
}

impl ValueError {
    pub(crate) fn json(offset: usize, kind: JsonErrorKind) -> Self {
        ValueError::Json(JsonError::new(offset, kind))
    }
}

impl From<KeyError> for ValueError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Json(error) => ValueError::Json(error),
            KeyError::Empty => ValueError::Empty,
        }
    }
}

impl serde::ser::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        ValueError::Serde {
            message: message.to_string(),
        }
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        ValueError::Serde {
            message: message.to_string(),
        }
    }
}
