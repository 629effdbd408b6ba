//! Messages written straight into the outgoing buffer.
//!
//! An answer of version 1 is a value in a message in an `Any` in a `NamedCacheResponse` in an `Any` in a
//! `ProxyResponse`. Building each layer as a buffer of its own would copy a value four times. Here a layer only
//! knows its length and how to write itself, so that one pass writes the frame.

use bytes::BufMut;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

/// Something that knows its exact encoded length and can write itself.
pub trait Encode {
    /// The exact number of bytes that [`Encode::put`] writes.
    fn len(&self) -> usize;

    /// Whether nothing is written at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the encoding.
    fn put(&self, buf: &mut impl BufMut);
}

/// Any generated message.
#[derive(Debug)]
pub struct Whole<'a, M>(pub &'a M);

impl<M: Message> Encode for Whole<'_, M> {
    fn len(&self) -> usize {
        self.0.encoded_len()
    }

    fn put(&self, buf: &mut impl BufMut) {
        self.0.encode_raw(buf);
    }
}

/// Bytes as they go on the wire: an optional format byte, then the payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Payload<'a> {
    /// The format's leading byte, when it has one (0x15 for JSON).
    pub prefix: Option<u8>,
    /// The payload after it.
    pub bytes: &'a [u8],
}

impl Encode for Payload<'_> {
    fn len(&self) -> usize {
        usize::from(self.prefix.is_some()) + self.bytes.len()
    }

    fn put(&self, buf: &mut impl BufMut) {
        if let Some(prefix) = self.prefix {
            buf.put_u8(prefix);
        }
        buf.put_slice(self.bytes);
    }
}

/// A length-delimited field. Left out when empty, unless `always`.
#[derive(Debug)]
pub struct Field<'a, E> {
    /// The field number.
    pub tag: u32,
    /// What the field holds.
    pub value: &'a E,
    /// Whether an empty value is written too (fields with presence).
    pub always: bool,
}

impl<E: Encode> Encode for Field<'_, E> {
    fn len(&self) -> usize {
        let len = self.value.len();
        if len == 0 && !self.always {
            return 0;
        }
        key_len(self.tag) + encoded_len_varint(len as u64) + len
    }

    fn put(&self, buf: &mut impl BufMut) {
        let len = self.value.len();
        if len == 0 && !self.always {
            return;
        }
        encode_key(self.tag, WireType::LengthDelimited, buf);
        encode_varint(len as u64, buf);
        self.value.put(buf);
    }
}

/// A varint field, left out when zero.
#[derive(Clone, Copy, Debug)]
pub struct Varint {
    /// The field number.
    pub tag: u32,
    /// The value; a negative `int32` or `int64` is its two's complement in 64 bits.
    pub value: u64,
}

impl Encode for Varint {
    fn len(&self) -> usize {
        if self.value == 0 {
            0
        } else {
            key_len(self.tag) + encoded_len_varint(self.value)
        }
    }

    fn put(&self, buf: &mut impl BufMut) {
        if self.value != 0 {
            encode_key(self.tag, WireType::Varint, buf);
            encode_varint(self.value, buf);
        }
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn len(&self) -> usize {
        self.0.len() + self.1.len()
    }

    fn put(&self, buf: &mut impl BufMut) {
        self.0.put(buf);
        self.1.put(buf);
    }
}

impl<A: Encode, B: Encode, C: Encode> Encode for (A, B, C) {
    fn len(&self) -> usize {
        self.0.len() + self.1.len() + self.2.len()
    }

    fn put(&self, buf: &mut impl BufMut) {
        self.0.put(buf);
        self.1.put(buf);
        self.2.put(buf);
    }
}

/// A `google.protobuf.Any` around a message.
#[derive(Debug)]
pub struct AnyOf<'a, E> {
    /// The type URL.
    pub type_url: &'static str,
    /// The message.
    pub message: &'a E,
}

impl<E: Encode> Encode for AnyOf<'_, E> {
    fn len(&self) -> usize {
        let url = Payload {
            prefix: None,
            bytes: self.type_url.as_bytes(),
        };
        (
            Field {
                tag: 1,
                value: &url,
                always: false,
            },
            Field {
                tag: 2,
                value: self.message,
                always: false,
            },
        )
            .len()
    }

    fn put(&self, buf: &mut impl BufMut) {
        let url = Payload {
            prefix: None,
            bytes: self.type_url.as_bytes(),
        };
        (
            Field {
                tag: 1,
                value: &url,
                always: false,
            },
            Field {
                tag: 2,
                value: self.message,
                always: false,
            },
        )
            .put(buf);
    }
}

/// Nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Encode for Nothing {
    fn len(&self) -> usize {
        0
    }

    fn put(&self, _: &mut impl BufMut) {}
}

impl<E: Encode> Encode for Option<E> {
    fn len(&self) -> usize {
        self.as_ref().map_or(0, Encode::len)
    }

    fn put(&self, buf: &mut impl BufMut) {
        if let Some(inner) = self {
            inner.put(buf);
        }
    }
}
