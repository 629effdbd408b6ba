//! The rows of an answer: frames that differ in their bytes alone.

use prost::encoding::encoded_len_varint;

use crate::any::Packed;
use crate::frame::varint;
use crate::gathered::Gathered;
use crate::google::BytesValue;
use crate::message::{MESSAGE_HEAD_BYTES, TooLong};
use crate::v1::cache::NamedCacheResponse;
use crate::v1::common::BinaryKeyAndValue;
use crate::wire::{Encode, Payload, Varint, delimited};

/// About so many bytes has a row beside those of its key and value.
pub const ROW_HEAD_BYTES: usize = 192;

/// Writes the rows of an answer: each is a message of gRPC with a `ProxyResponse` around a `NamedCacheResponse` around a
/// `BinaryKeyAndValue` or a `BytesValue`, as [`CacheResponse`](crate::frame::CacheResponse) writes it.
///
/// All that they have in common is put together once: a row is five lengths and its bytes.
#[derive(Debug)]
pub struct RowFrames {
    /// What stands before the lengths of the first `Any`, of the `NamedCacheResponse`, of the second `Any`, and of the message.
    before: [Vec<u8>; 4],
}

impl RowFrames {
    /// Rows of keys and values.
    #[must_use]
    pub fn of_entries(id: i64, cache_id: i32) -> Self {
        Self::of::<BinaryKeyAndValue>(id, cache_id)
    }

    /// Rows of keys, or of values.
    #[must_use]
    pub fn of_one(id: i64, cache_id: i32) -> Self {
        Self::of::<BytesValue>(id, cache_id)
    }

    fn of<M: Packed>(id: i64, cache_id: i32) -> Self {
        let before = |write: &dyn Fn(&mut Gathered<'_, Vec<u8>>)| {
            let mut bytes = Vec::new();
            let mut out = Gathered::new(&mut bytes);
            write(&mut out);
            out.end();
            bytes
        };
        let url = |out: &mut Gathered<'_, Vec<u8>>, url: &str| {
            out.varint(delimited(1));
            out.varint(url.len() as u64);
            out.slice(url.as_bytes());
            out.varint(delimited(2));
        };
        RowFrames {
            before: [
                before(&|out| {
                    let value = varint(id);
                    Varint { tag: 1, value }.write(out);
                    out.varint(delimited(5));
                }),
                before(&|out| url(out, NamedCacheResponse::TYPE_URL)),
                before(&|out| {
                    // The kind is that of a message, which is 0 and left out.
                    let value = varint(cache_id);
                    Varint { tag: 1, value }.write(out);
                    out.varint(delimited(3));
                }),
                before(&|out| url(out, M::TYPE_URL)),
            ],
        }
    }

    /// Appends a row: a key and a value, or one of the two.
    ///
    /// # Errors
    /// When it has more bytes than a message of gRPC can have, 4 GiB. Nothing is written then.
    pub fn write(
        &self,
        (first, second): (Payload<'_>, Option<Payload<'_>>),
        buf: &mut Vec<u8>,
    ) -> Result<(), TooLong> {
        let second = second.unwrap_or_default();
        let message = field_len(first.len()) + field_len(second.len());
        let [id, outer_url, cache, inner_url] = &self.before;
        // A message without bytes is left out, with what stands before it.
        let (inner_url, inner) = match message {
            0 => (inner_url.get(..inner_url.len() - 1).unwrap_or_default(), 0),
            _ => (inner_url.as_slice(), long(message)),
        };
        let inner = inner_url.len() + inner;
        let response = cache.len() + long(inner);
        let outer = outer_url.len() + long(response);
        let frame = id.len() + long(outer);
        let frame_len = u32::try_from(frame).map_err(|_too_long| TooLong(frame))?;
        buf.reserve(MESSAGE_HEAD_BYTES + frame);
        let mut out = Gathered::new(buf);
        out.byte(0);
        out.slice(&frame_len.to_be_bytes());
        for (before, len) in [(id, outer), (outer_url, response), (cache, inner)] {
            out.slice(before);
            out.varint(len as u64);
        }
        out.slice(inner_url);
        if message > 0 {
            out.varint(message as u64);
        }
        for (tag, field) in [(1, first), (2, second)] {
            if !field.is_empty() {
                out.varint(delimited(tag));
                out.varint(field.len() as u64);
                field.write(&mut out);
            }
        }
        out.end();
        Ok(())
    }
}

/// So many bytes has something with its length before it.
fn long(len: usize) -> usize {
    encoded_len_varint(len as u64) + len
}

/// A field of bytes with what stands before it; it is left out when it has none.
fn field_len(len: usize) -> usize {
    if len == 0 { 0 } else { 1 + long(len) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{BytesFields, CacheResponse};
    use crate::message::put_message;
    use crate::v1::cache::ResponseType;

    fn payload(prefix: Option<u8>, bytes: &[u8]) -> Payload<'_> {
        Payload { prefix, bytes }
    }

    proptest! {
        #[test]
        fn a_row_is_what_a_response_writes(
            id in prop_oneof![Just(0), Just(1), any::<i64>()],
            cache_id in prop_oneof![Just(0), 0..300, any::<i32>()],
            key in (any::<Option<u8>>(), prop::collection::vec(any::<u8>(), 0..300)),
            value in prop::option::of((any::<Option<u8>>(), prop::collection::vec(any::<u8>(), 0..20_000))),
        ) {
            let first = payload(key.0, &key.1);
            let second = value.as_ref().map(|(prefix, bytes)| payload(*prefix, bytes));
            let rows = match second {
                Some(_) => RowFrames::of_entries(id, cache_id),
                None => RowFrames::of_one(id, cache_id),
            };
            let mut written = b"before".to_vec();
            rows.write((first, second), &mut written).unwrap();
            let response = CacheResponse {
                id,
                cache_id,
                kind: ResponseType::Message,
                type_url: match second {
                    Some(_) => BinaryKeyAndValue::TYPE_URL,
                    None => BytesValue::TYPE_URL,
                },
                message: Some(&BytesFields { first, second }),
            };
            let mut want = b"before".to_vec();
            put_message(&mut want, |buf| response.put(buf)).unwrap();
            prop_assert_eq!(&written, &want);
            let len = u32::from_be_bytes(want[7..11].try_into().unwrap());
            prop_assert_eq!((want[6], len as usize), (0, want.len() - 11));
            prop_assert!(want.len() - 11 - first.len() - second.unwrap_or_default().len() <= ROW_HEAD_BYTES);
        }
    }
}
