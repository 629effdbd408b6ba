//! The little of Coherence's object format (POF) that the name service needs.

use bytes::{BufMut, BytesMut};

/// The type of an integer of 64 bits.
pub(super) const INT_64: i64 = -3;
/// The type of an integer of 32 bits.
pub(super) const INT_32: i64 = -2;
/// The type of a text.
pub(super) const TEXT: i64 = -15;
/// The type of a list whose items may be of any type.
pub(super) const LIST: i64 = -22;
/// The type of a list of items of one type.
pub(super) const UNIFORM_LIST: i64 = -23;
/// The type of an array whose items may be of any type.
pub(super) const ARRAY: i64 = -24;
/// The value true.
pub(super) const TRUE: i64 = -34;
/// The value null.
pub(super) const NULL: i64 = -37;
/// The end of the properties of a message.
pub(super) const END: i64 = -1;

/// The type of an integer of 16 bits.
const INT_16: i64 = -1;
/// The empty text.
const TEXT_EMPTY: i64 = -35;
/// The integer 0; 1 is one below it, and so on.
const INT_ZERO: i64 = -42;
/// The largest integer that is its own type, as a type.
const INT_LARGEST: i64 = -64;
/// The most bytes of a packed integer that is read.
const PACKED_LEN_MAX: usize = 10;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("a message ends before it is complete")]
    Short,
    #[error("a number has more bits than any")]
    LongNumber,
    #[error("a value is of another type than expected")]
    Type,
    #[error("a text is no UTF-8")]
    Text,
}

/// Reads values from bytes.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// An integer in packed form: six bits and the sign in the first byte, seven bits in each that follows.
    pub(super) fn packed(&mut self) -> Result<i64, Malformed> {
        let first = self.byte()?;
        let (mut number, mut shift, mut more) = (i64::from(first & 0x3f), 6_u32, first & 0x80 != 0);
        for _ in 1..PACKED_LEN_MAX {
            if !more {
                break;
            }
            let byte = self.byte()?;
            let bits = i64::from(byte & 0x7f);
            let shifted = bits << shift;
            if shifted >> shift != bits || shifted < 0 {
                return Err(Malformed::LongNumber);
            }
            number |= shifted;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        if more {
            return Err(Malformed::LongNumber);
        }
        Ok(if first & 0x40 == 0 { number } else { !number })
    }

    /// A value that is an integer.
    pub(super) fn integer(&mut self) -> Result<i64, Malformed> {
        match self.packed()? {
            INT_16 | INT_32 | INT_64 => self.packed(),
            small @ INT_LARGEST..=INT_ZERO => Ok(INT_ZERO - small),
            _ => Err(Malformed::Type),
        }
    }

    /// A value that is a text, or null.
    pub(super) fn text(&mut self) -> Result<Option<&'a str>, Malformed> {
        match self.packed()? {
            TEXT => self.text_body().map(Some),
            TEXT_EMPTY => Ok(Some("")),
            NULL => Ok(None),
            _ => Err(Malformed::Type),
        }
    }

    fn text_body(&mut self) -> Result<&'a str, Malformed> {
        let len = usize::try_from(self.packed()?).map_err(|_negative| Malformed::Short)?;
        std::str::from_utf8(self.bytes(len)?).map_err(|_none| Malformed::Text)
    }
}

/// Writes an integer in packed form.
pub(super) fn put_packed(out: &mut BytesMut, number: i64) {
    let sign = if number < 0 { 0x40 } else { 0 };
    let mut rest = if number < 0 { !number } else { number };
    let low = |rest: i64, mask: u8| rest.to_le_bytes()[0] & mask;
    let mut byte = sign | low(rest, 0x3f);
    rest >>= 6;
    while rest != 0 {
        out.put_u8(byte | 0x80);
        byte = low(rest, 0x7f);
        rest >>= 7;
    }
    out.put_u8(byte);
}

/// Writes how many there are of something.
pub(super) fn put_len(out: &mut BytesMut, len: usize) {
    put_packed(out, i64::try_from(len).unwrap_or(i64::MAX));
}

/// Writes the length of a text, and the text.
pub(super) fn put_text_body(out: &mut BytesMut, text: &str) {
    put_len(out, text.len());
    out.put_slice(text.as_bytes());
}

/// Writes a value that is a text.
pub(super) fn put_text(out: &mut BytesMut, text: &str) {
    put_packed(out, TEXT);
    put_text_body(out, text);
}

/// Writes a value that is an integer of this type.
pub(super) fn put_integer(out: &mut BytesMut, kind: i64, number: i64) {
    put_packed(out, kind);
    put_packed(out, number);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(number: i64) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_packed(&mut out, number);
        out.to_vec()
    }

    #[test]
    fn packed_integers_as_the_reference_writes_them() {
        for (number, bytes) in [
            (0, &[0x00][..]),
            (63, &[0x3f]),
            (64, &[0x80, 0x01]),
            (858, &[0x9a, 0x0d]),
            (-1, &[0x40]),
            (-3, &[0x42]),
            (i64::from(i32::MAX), &[0xbf, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            assert_eq!(packed(number), bytes, "{number}");
        }
    }

    #[test]
    fn endless_numbers_end() {
        assert_eq!(Reader::new(&[0xff; 100]).packed(), Err(Malformed::LongNumber));
        assert_eq!(Reader::new(&[0x80; 100]).packed(), Err(Malformed::LongNumber));
        assert_eq!(Reader::new(&[0x80; 3]).packed(), Err(Malformed::Short));
    }

    proptest! {
        #[test]
        fn packed_integers_come_back(number: i64) {
            let bytes = packed(number);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.packed(), Ok(number));
            prop_assert!(reader.rest().is_empty());
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _answer = Reader::new(&bytes).packed();
            let _answer = Reader::new(&bytes).integer();
            let _answer = Reader::new(&bytes).text();
        }
    }
}
