//! Bytes with their format.

use bytes::Bytes;

use super::{Format, json};

/// A serialized value: its bytes and the format they are in.
///
/// JSON is kept as bare text, without the 0x15 that stands before it on the wire. The bytes of a format that
/// cannot be read here are kept exactly as they came.
#[derive(Clone, Debug)]
pub struct Binary {
    format: Format,
    bytes: Bytes,
}

impl Binary {
    /// A value from its parts. The bytes are taken as they are; see the codec for checks.
    #[must_use]
    pub fn new(format: Format, bytes: Bytes) -> Self {
        Binary { format, bytes }
    }

    /// The format of the bytes.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes, without the format.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Whether two values are the same, by what they mean and not by how they are spelled.
    ///
    /// Equal bytes of one format always are; two JSON texts are when their canonical forms are equal (so that
    /// `{"a":1,"b":2}` is `{ "b":2, "a":1 }`, but `1` is not `1.0`). Values of two formats never are.
    #[must_use]
    pub fn same_value(&self, other: &Binary) -> bool {
        same_value(self.format, &self.bytes, other.format, &other.bytes)
    }
}

/// [`Binary::same_value`] over borrowed bytes, for values that lie in a store.
///
/// Bytes that say they are JSON and are not, or are nested too deeply to be taken in, are the same only when the
/// bytes are equal.
#[must_use]
pub fn same_value(a_format: Format, a: &[u8], b_format: Format, b: &[u8]) -> bool {
    if a_format != b_format {
        return false;
    }
    if a == b {
        return true;
    }
    // Canonical forms cost a pass over the text each, so the second is made only when the first could be.
    a_format == Format::JSON && json::canonical(a).is_ok_and(|a| json::canonical(b).is_ok_and(|b| a == b))
}
