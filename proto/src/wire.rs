//! Messages written straight into the outgoing buffer.
//!
//! An answer of version 1 is a value in a message in an `Any` in a `NamedCacheResponse` in an `Any` in a
//! `ProxyResponse`. Building each layer as a buffer of its own would copy a value four times. Here a layer only
//! knows its length and how to write itself, so that one pass writes the frame.

use bytes::BufMut;
use prost::Message;
use prost::encoding::{WireType, encoded_len_varint, key_len};

use crate::gathered::Gathered;

/// Something that knows its exact encoded length and can write itself.
pub trait Encode {
    /// The exact number of bytes that [`Encode::write`] writes.
    fn len(&self) -> usize;

    /// Whether nothing is written at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the encoding.
    fn write(&self, out: &mut Gathered<'_, impl BufMut>);

    /// Appends the encoding.
    fn put(&self, buf: &mut impl BufMut) {
        let mut out = Gathered::new(buf);
        self.write(&mut out);
        out.end();
    }
}

/// What stands before a field: its number, and how it is written.
fn key(tag: u32, wire_type: WireType) -> u64 {
    u64::from(tag) << 3 | wire_type as u64
}

/// What stands before a field that has its length before it.
pub(crate) fn delimited(tag: u32) -> u64 {
    key(tag, WireType::LengthDelimited)
}

/// Any generated message.
#[derive(Debug)]
pub struct Whole<'a, M>(pub &'a M);

impl<M: Message> Encode for Whole<'_, M> {
    fn len(&self) -> usize {
        self.0.encoded_len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.0.encode_raw(out.buffer());
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

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        if let Some(prefix) = self.prefix {
            out.byte(prefix);
        }
        out.slice(self.bytes);
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

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        let len = self.value.len();
        if len == 0 && !self.always {
            return;
        }
        out.varint(delimited(self.tag));
        out.varint(len as u64);
        self.value.write(out);
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

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        if self.value != 0 {
            out.varint(key(self.tag, WireType::Varint));
            out.varint(self.value);
        }
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn len(&self) -> usize {
        self.0.len() + self.1.len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.0.write(out);
        self.1.write(out);
    }
}

impl<A: Encode, B: Encode, C: Encode> Encode for (A, B, C) {
    fn len(&self) -> usize {
        self.0.len() + self.1.len() + self.2.len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
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

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
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
            .write(out);
    }
}

/// Nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Encode for Nothing {
    fn len(&self) -> usize {
        0
    }

    fn write(&self, _: &mut Gathered<'_, impl BufMut>) {}
}

impl<E: Encode> Encode for Option<E> {
    fn len(&self) -> usize {
        self.as_ref().map_or(0, Encode::len)
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        if let Some(inner) = self {
            inner.write(out);
        }
    }
}
