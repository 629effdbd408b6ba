//! The format of a value's bytes.

use std::fmt;

/// The serialization format of a [`Binary`](super::Binary): one byte, kept with every key and value.
///
/// A number stands for a name (`json`, `pof`, ...); the [`FormatRegistry`](super::FormatRegistry) holds the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Format(u8);

impl Format {
    /// JSON text (RFC 8259) in UTF-8, without the leading 0x15 that the wire puts before it.
    pub const JSON: Format = Format(0);

    /// Portable object format. Opaque.
    pub const POF: Format = Format(1);

    /// Java serialization. Opaque.
    pub const JAVA: Format = Format(2);

    /// The number that stands for this format in memory. Not stable between processes: send the name.
    #[must_use]
    pub fn id(self) -> u8 {
        self.0
    }

    /// The format with this number. Meant for the store, which keeps numbers it got from [`Format::id`].
    #[must_use]
    pub fn from_id(id: u8) -> Self {
        Format(id)
    }
}

impl fmt::Display for Format {
    /// The name of a format that is always known, otherwise its number; a registry knows all names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Format::JSON => f.write_str("json"),
            Format::POF => f.write_str("pof"),
            Format::JAVA => f.write_str("java"),
            Format(id) => write!(f, "number {id}"),
        }
    }
}
