//! The messages of requests, written straight from keys and values.

use bytes::BufMut;

use grid_core::cache::CacheError;
use grid_core::store::TimeToLive;
use grid_core::value::{Binary, Key};
use grid_proto::frame::BytesFields;
use grid_proto::gathered::Gathered;
use grid_proto::wire::{Encode, Field, Payload, Varint};

use crate::codec::wire_payload;

/// The number of the wire for a time to live.
pub(super) fn ttl_ms(ttl: TimeToLive) -> i64 {
    match ttl {
        TimeToLive::CacheDefault => 0,
        TimeToLive::Never => -1,
        TimeToLive::After(ms) => i64::try_from(ms.get()).unwrap_or(i64::MAX),
    }
}

/// `BytesValue`: one key, value or cookie.
#[inline]
pub(super) fn one(binary: &Binary) -> Result<BytesFields<'_>, CacheError> {
    Ok(BytesFields {
        first: wire_payload(binary)?,
        second: None,
    })
}

/// `BinaryKeyAndValue`.
pub(super) fn pair<'a>(key: &'a Key, value: &'a Binary) -> Result<BytesFields<'a>, CacheError> {
    Ok(BytesFields {
        first: wire_payload(key.spelling())?,
        second: Some(wire_payload(value)?),
    })
}

/// A message of bytes fields, numbered from 1.
#[derive(Debug)]
pub(super) struct Three<'a>(pub(super) [Payload<'a>; 3]);

impl<'a> Three<'a> {
    fn fields(&self) -> impl Iterator<Item = Field<'_, Payload<'a>>> {
        (1..).zip(&self.0).map(|(tag, value)| Field {
            tag,
            value,
            always: false,
        })
    }
}

impl Encode for Three<'_> {
    fn len(&self) -> usize {
        self.fields().map(|field| field.len()).sum()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.fields().for_each(|field| field.write(out));
    }
}

/// A message with many elements in field 1, and a time to live in field 2 when it is not 0.
#[derive(Debug)]
pub(super) struct Many<E> {
    pub(super) elements: Vec<E>,
    pub(super) ttl_ms: i64,
}

impl<E: Encode> Many<E> {
    fn fields(&self) -> impl Iterator<Item = Field<'_, E>> {
        self.elements.iter().map(|value| Field {
            tag: 1,
            value,
            always: true,
        })
    }

    fn ttl(&self) -> Varint {
        Varint {
            tag: 2,
            value: self.ttl_ms.cast_unsigned(),
        }
    }
}

impl<E: Encode> Encode for Many<E> {
    fn len(&self) -> usize {
        self.fields().map(|field| field.len()).sum::<usize>() + self.ttl().len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.fields().for_each(|field| field.write(out));
        self.ttl().write(out);
    }
}

/// Cuts a list in parts of at most `count_max` elements and, unless one alone is longer, `len_max` bytes.
pub(super) fn parts<T>(
    items: &[T],
    count_max: usize,
    len_max: usize,
    len_of: impl Fn(&T) -> usize,
) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let (mut start, mut len) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        let item_len = len_of(item);
        if at > start && (at - start >= count_max || len + item_len > len_max) {
            parts.push(&items[start..at]);
            (start, len) = (at, 0);
        }
        len += item_len;
    }
    if start < items.len() {
        parts.push(&items[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use grid_proto::v1::cache::{PutAllRequest, ReplaceMappingRequest};

    use super::*;

    fn json(bytes: &[u8]) -> Payload<'_> {
        Payload {
            prefix: Some(0x15),
            bytes,
        }
    }

    fn written(message: &impl Encode) -> Vec<u8> {
        let mut buf = Vec::new();
        message.put(&mut buf);
        assert_eq!(buf.len(), message.len());
        buf
    }

    proptest! {
        #[test]
        fn parts_join_to_the_whole_and_keep_the_limits(lens in proptest::collection::vec(0usize..50, 0..60),
                                                       count_max in 1usize..9, len_max in 1usize..100) {
            let parts = parts(&lens, count_max, len_max, |len| *len);
            prop_assert_eq!(parts.concat(), lens.as_slice());
            for part in parts {
                prop_assert!(!part.is_empty() && part.len() <= count_max);
                prop_assert!(part.len() == 1 || part.iter().sum::<usize>() <= len_max);
            }
        }

        #[test]
        fn put_all_reads_back(pairs in proptest::collection::vec((".{0,20}", ".{0,200}"), 0..6), ttl_ms: i64) {
            let elements = pairs.iter().map(|(k, v)| BytesFields {
                first: json(k.as_bytes()), second: Some(json(v.as_bytes())),
            }).collect();
            let read = PutAllRequest::decode(&written(&Many { elements, ttl_ms })[..]).unwrap();
            prop_assert_eq!(read.ttl.unwrap_or(0), ttl_ms);
            let read: Vec<_> = read.entries.iter().map(|e| (e.key[1..].to_vec(), e.value[1..].to_vec())).collect();
            let want: Vec<_> = pairs.iter().map(|(k, v)| (k.clone().into_bytes(), v.clone().into_bytes())).collect();
            prop_assert_eq!(read, want);
        }
    }

    #[test]
    fn three_fields_read_back() {
        let message = Three([json(b"1"), json(b"2"), json(b"3")]);
        let read = ReplaceMappingRequest::decode(&written(&message)[..]).unwrap();
        assert_eq!(
            (&read.key[..], &read.previous_value[..], &read.new_value[..]),
            (&b"\x151"[..], &b"\x152"[..], &b"\x153"[..])
        );
    }
}
