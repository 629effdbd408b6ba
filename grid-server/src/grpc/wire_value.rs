//! A key or value as it goes on the wire.

use bytes::Bytes;
use grid_proto::wire::Payload;

/// A key or value as it goes on the wire: the format's leading byte, if it has one, and the bytes. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireValue {
    prefix: Option<u8>,
    bytes: Bytes,
}

impl WireValue {
    /// A value from its parts.
    #[must_use]
    pub fn new(prefix: Option<u8>, bytes: Bytes) -> Self {
        WireValue { prefix, bytes }
    }

    /// No bytes at all, which is how some answers say that there is no value.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The value for the encoder.
    #[must_use]
    pub fn payload(&self) -> Payload<'_> {
        Payload {
            prefix: self.prefix,
            bytes: &self.bytes,
        }
    }

    /// The number of bytes on the wire.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.prefix.is_some()) + self.bytes.len()
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in one piece, for messages that are not written in one pass.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.prefix {
            None => self.bytes,
            Some(prefix) => {
                let mut whole = Vec::with_capacity(self.bytes.len() + 1);
                whole.push(prefix);
                whole.extend_from_slice(&self.bytes);
                whole.into()
            }
        }
    }
}
