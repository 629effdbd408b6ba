//! Fields of messages: integers, little-endian; texts with their length before them.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

/// The payload of a frame does not have the fields that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the field {field:?} is missing or makes no sense")]
pub struct Malformed {
    /// The field's name.
    pub field: &'static str,
}

/// Reads fields in order. Bytes after the last are left: a later version may have more to say.
pub(super) struct FieldReader<'a> {
    rest: &'a [u8],
}

macro_rules! integer {
    ($name:ident, $type:ty) => {
        pub(super) fn $name(&mut self, field: &'static str) -> Result<$type, Malformed> {
            Ok(<$type>::from_le_bytes(self.array(field)?))
        }
    };
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        FieldReader { rest: payload }
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(Malformed { field })?;
        self.rest = rest;
        Ok(*value)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Malformed> {
        Ok(self.array::<1>(field)?[0])
    }

    integer!(u16, u16);
    integer!(u32, u32);
    integer!(u64, u64);
    integer!(i64, i64);
    integer!(u128, u128);

    /// 0 for none, 1 before a value.
    pub(super) fn is_some(&mut self, field: &'static str) -> Result<bool, Malformed> {
        match self.u8(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed { field }),
        }
    }

    pub(super) fn text(&mut self, field: &'static str, len_max: usize) -> Result<String, Malformed> {
        let len = usize::from(self.u16(field)?);
        let (text, rest) = self.rest.split_at_checked(len).ok_or(Malformed { field })?;
        self.rest = rest;
        match std::str::from_utf8(text) {
            Ok(text) if len <= len_max => Ok(text.to_owned()),
            _ => Err(Malformed { field }),
        }
    }
}

/// Writes a text, cut at a character if it is longer than `len_max` bytes.
pub(super) fn put_text(buf: &mut BytesMut, text: &str, len_max: usize) {
    let text = clipped(text, len_max.min(usize::from(u16::MAX)));
    buf.put_u16_le(u16::try_from(text.len()).unwrap_or(u16::MAX));
    buf.put_slice(text.as_bytes());
}

/// The beginning of a text, at most so many bytes.
pub(super) fn clipped(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let mut buf = BytesMut::new();
        put_text(&mut buf, "añb", 2);
        assert_eq!(&buf[..], b"\x01\0a");
    }

    #[test]
    fn what_is_missing_has_its_name() {
        let missing = |bytes: &[u8]| FieldReader::new(bytes).text("name", 4);
        assert_eq!(missing(b"\x02\0ab"), Ok("ab".to_owned()));
        for bytes in [&b""[..], b"\x02", b"\x02\0a", b"\x05\0abcde", b"\x01\0\xFF"] {
            assert_eq!(missing(bytes), Err(Malformed { field: "name" }));
        }
    }
}
