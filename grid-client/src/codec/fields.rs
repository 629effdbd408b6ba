//! The fields of a protobuf message, read in place.

use std::ops::Range;

/// Bytes that are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of the message is not the protobuf encoding that belongs there")]
pub(crate) struct Malformed {
    /// Where, counted from the beginning of the frame.
    pub(crate) at: usize,
}

/// One field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A varint.
    Varint(u64),
    /// Where in the frame a length-delimited value lies.
    Span(Range<usize>),
    /// Four or eight bytes, which no message of the protocol has.
    Fixed,
}

/// Reads the fields of a message that lies in a frame.
///
/// Positions are those of the whole frame, so that a value is cut out of it once, however deeply it is nested.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    frame: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Fields<'a> {
    /// The fields of the message in this part of the frame; a range beyond it has none.
    pub(crate) fn new(frame: &'a [u8], part: Range<usize>) -> Self {
        Fields {
            frame,
            at: part.start,
            end: part.end.min(frame.len()),
        }
    }

    /// The next field, or `None` after the last.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value)>, Malformed> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.fixed(8)?,
            2 => {
                let len = self.varint()?;
                let len = usize::try_from(len).ok().filter(|len| *len <= self.end - self.at);
                let len = len.ok_or(Malformed { at: self.at })?;
                let span = self.at..self.at + len;
                self.at = span.end;
                Value::Span(span)
            }
            5 => self.fixed(4)?,
            _ => return Err(Malformed { at: start }),
        };
        Ok(Some((key >> 3, value)))
    }

    fn fixed(&mut self, len: usize) -> Result<Value, Malformed> {
        if self.end - self.at < len {
            return Err(Malformed { at: self.at });
        }
        self.at += len;
        Ok(Value::Fixed)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.frame[..self.end].get(self.at) else {
                break;
            };
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed { at: self.at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use grid_proto::v1::common::BinaryKeyAndValue;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut fields = Fields::new(&bytes, 0..bytes.len());
            while let Ok(Some((_, value))) = fields.next() {
                if let Value::Span(span) = value {
                    prop_assert!(span.end <= bytes.len());
                }
            }
        }

        #[test]
        fn spans_are_those_of_the_frame(key in proptest::collection::vec(any::<u8>(), 1..300),
                                        value in proptest::collection::vec(any::<u8>(), 1..300), lead in 0usize..9) {
            let mut frame = vec![0xff; lead];
            let pair = BinaryKeyAndValue { key: key.clone().into(), value: value.clone().into() };
            pair.encode(&mut frame).unwrap();
            let mut fields = Fields::new(&frame, lead..frame.len());
            let Some((1, Value::Span(first))) = fields.next().unwrap() else { panic!("no key") };
            let Some((2, Value::Span(second))) = fields.next().unwrap() else { panic!("no value") };
            prop_assert_eq!(&frame[first], &key[..]);
            prop_assert_eq!(&frame[second], &value[..]);
            prop_assert_eq!(fields.next().unwrap(), None);
        }
    }

    #[test]
    fn a_length_beyond_the_message_is_refused() {
        let frame = [0x0a, 5, 1, 2];
        assert_eq!(Fields::new(&frame, 0..4).next(), Err(Malformed { at: 2 }));
        assert_eq!(Fields::new(&[0x80; 12], 0..12).next(), Err(Malformed { at: 10 }));
        assert_eq!(Fields::new(&[0x0b], 0..1).next(), Err(Malformed { at: 0 }));
    }
}
