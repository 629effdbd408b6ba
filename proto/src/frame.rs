//! The frames of version 1, written in one pass.

use bytes::BufMut;

use crate::any::Packed;
use crate::gathered::Gathered;
use crate::v1::cache::{NamedCacheRequest, NamedCacheRequestType, NamedCacheResponse, ResponseType};
use crate::wire::{AnyOf, Encode, Field, Nothing, Payload, Varint};

/// The two's complement of a signed number, as protobuf writes `int32` and `int64`.
#[expect(clippy::cast_sign_loss, reason = "protobuf defines the sign extension")]
pub(crate) fn varint(value: impl Into<i64>) -> u64 {
    value.into() as u64
}

/// A `ProxyResponse` around a `NamedCacheResponse` around a message.
#[derive(Debug)]
pub struct CacheResponse<'a, E> {
    /// The id of the request that this answers; 0 for an event.
    pub id: i64,
    /// The cache, where the answer names it; 0 leaves it out.
    pub cache_id: i32,
    /// What the answer is.
    pub kind: ResponseType,
    /// The type URL of the message.
    pub type_url: &'static str,
    /// The message; `None` for an answer that has none.
    pub message: Option<&'a E>,
}

/// A `ProxyRequest` around a `NamedCacheRequest` around a message.
#[derive(Debug)]
pub struct CacheRequest<'a, E> {
    /// The id that the answers will carry.
    pub id: i64,
    /// What is asked.
    pub kind: NamedCacheRequestType,
    /// The cache that the server gave this number; `None` only to ask for one.
    pub cache_id: Option<i32>,
    /// The type URL of the message.
    pub type_url: &'static str,
    /// The message; `None` for a request that has none.
    pub message: Option<&'a E>,
}

/// Builds the layers of a frame around a message and hands the outermost to `$then`.
macro_rules! layers {
    ($id:expr, $tag:expr, $outer:ty, $first:expr, $second:expr, $inner:expr, |$frame:ident| $then:expr) => {{
        let message = $inner;
        let body = (
            $first,
            $second,
            message.as_ref().map(|any| Field {
                tag: 3,
                value: any,
                always: true,
            }),
        );
        let any = AnyOf {
            type_url: <$outer>::TYPE_URL,
            message: &body,
        };
        let $frame = (
            Varint {
                tag: 1,
                value: varint($id),
            },
            Field {
                tag: $tag,
                value: &any,
                always: true,
            },
        );
        $then
    }};
}

impl<E: Encode> CacheResponse<'_, E> {
    fn inner(&self) -> Option<AnyOf<'_, E>> {
        self.message.map(|message| AnyOf {
            type_url: self.type_url,
            message,
        })
    }
}

impl<E: Encode> Encode for CacheResponse<'_, E> {
    fn len(&self) -> usize {
        let cache = Varint {
            tag: 1,
            value: varint(self.cache_id),
        };
        let kind = Varint {
            tag: 2,
            value: varint(self.kind as i32),
        };
        layers!(
            self.id,
            5,
            NamedCacheResponse,
            cache,
            kind,
            self.inner(),
            |frame| frame.len()
        )
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        let cache = Varint {
            tag: 1,
            value: varint(self.cache_id),
        };
        let kind = Varint {
            tag: 2,
            value: varint(self.kind as i32),
        };
        layers!(
            self.id,
            5,
            NamedCacheResponse,
            cache,
            kind,
            self.inner(),
            |frame| frame.write(out)
        );
    }
}

impl<E: Encode> CacheRequest<'_, E> {
    fn inner(&self) -> Option<AnyOf<'_, E>> {
        self.message.map(|message| AnyOf {
            type_url: self.type_url,
            message,
        })
    }
}

impl<E: Encode> Encode for CacheRequest<'_, E> {
    fn len(&self) -> usize {
        let kind = Varint {
            tag: 1,
            value: varint(self.kind as i32),
        };
        let cache = Varint {
            tag: 2,
            value: self.cache_id.map_or(0, varint),
        };
        layers!(
            self.id,
            4,
            NamedCacheRequest,
            kind,
            cache,
            self.inner(),
            |frame| frame.len()
        )
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        let kind = Varint {
            tag: 1,
            value: varint(self.kind as i32),
        };
        let cache = Varint {
            tag: 2,
            value: self.cache_id.map_or(0, varint),
        };
        layers!(
            self.id,
            4,
            NamedCacheRequest,
            kind,
            cache,
            self.inner(),
            |frame| frame.write(out)
        );
    }
}

/// A `ProxyResponse` that ends the answers to a request.
#[derive(Clone, Copy, Debug)]
pub struct Complete {
    /// The id of the request.
    pub id: i64,
}

impl Encode for Complete {
    fn len(&self) -> usize {
        (
            Varint {
                tag: 1,
                value: varint(self.id),
            },
            Field {
                tag: 7,
                value: &Nothing,
                always: true,
            },
        )
            .len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        (
            Varint {
                tag: 1,
                value: varint(self.id),
            },
            Field {
                tag: 7,
                value: &Nothing,
                always: true,
            },
        )
            .write(out);
    }
}

/// The message `OptionalValue`, and `BinaryKeyAndValue` and the like: length-delimited fields in a row.
#[derive(Clone, Copy, Debug)]
pub struct OptionalValue<'a>(pub Option<Payload<'a>>);

impl Encode for OptionalValue<'_> {
    fn len(&self) -> usize {
        self.0.map_or(0, |value| {
            (
                Varint { tag: 1, value: 1 },
                Field {
                    tag: 2,
                    value: &value,
                    always: false,
                },
            )
                .len()
        })
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        if let Some(value) = self.0 {
            (
                Varint { tag: 1, value: 1 },
                Field {
                    tag: 2,
                    value: &value,
                    always: false,
                },
            )
                .write(out);
        }
    }
}

/// A message whose fields 1 and 2 are bytes: `BinaryKeyAndValue`; with only the first, `BytesValue`.
#[derive(Clone, Copy, Debug)]
pub struct BytesFields<'a> {
    /// Field 1.
    pub first: Payload<'a>,
    /// Field 2.
    pub second: Option<Payload<'a>>,
}

impl BytesFields<'_> {
    fn fields(&self) -> (Field<'_, Payload<'_>>, Option<Field<'_, Payload<'_>>>) {
        let field = |tag, value| Field {
            tag,
            value,
            always: false,
        };
        (
            field(1, &self.first),
            self.second.as_ref().map(|value| field(2, value)),
        )
    }
}

impl Encode for BytesFields<'_> {
    fn len(&self) -> usize {
        self.fields().len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.fields().write(out);
    }
}

/// `PutRequest`: key, value and time to live in milliseconds (0: the cache's default, -1: never).
#[derive(Clone, Copy, Debug)]
pub struct PutFields<'a> {
    /// The key.
    pub key: Payload<'a>,
    /// The value.
    pub value: Payload<'a>,
    /// The time to live.
    pub ttl_ms: i64,
}

impl PutFields<'_> {
    fn fields(&self) -> (Field<'_, Payload<'_>>, Field<'_, Payload<'_>>, Varint) {
        let field = |tag, value| Field {
            tag,
            value,
            always: false,
        };
        (
            field(1, &self.key),
            field(2, &self.value),
            Varint {
                tag: 3,
                value: varint(self.ttl_ms),
            },
        )
    }
}

impl Encode for PutFields<'_> {
    fn len(&self) -> usize {
        self.fields().len()
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        self.fields().write(out);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::any::{pack, unpack};
    use crate::google::BytesValue;
    use crate::v1::cache::PutRequest;
    use crate::v1::common::{BinaryKeyAndValue, OptionalValue as OptionalValueMessage};
    use crate::v1::proxy::{ProxyRequest, ProxyResponse, proxy_request, proxy_response};
    use crate::wire::Whole;

    fn written(frame: &impl Encode) -> Bytes {
        let mut out = Vec::new();
        frame.put(&mut out);
        assert_eq!(out.len(), frame.len(), "the length that was promised");
        out.into()
    }

    fn json(bytes: &[u8]) -> Payload<'_> {
        Payload {
            prefix: Some(0x15),
            bytes,
        }
    }

    fn prefixed(bytes: &[u8]) -> Bytes {
        [&[0x15], bytes].concat().into()
    }

    #[test]
    fn golden_bytes_of_a_get_answer() {
        let value = OptionalValue(Some(json(b"1")));
        let frame = CacheResponse {
            id: 7,
            cache_id: 3,
            kind: ResponseType::Message,
            type_url: OptionalValueMessage::TYPE_URL,
            message: Some(&value),
        };
        let mut want =
            b"\x08\x07\x2a\x80\x01\x0a\x39type.googleapis.com/coherence.cache.v1.NamedCacheResponse".to_vec();
        want.extend_from_slice(
            b"\x12\x43\x08\x03\x1a\x3f\x0a\x35type.googleapis.com/coherence.common.v1.OptionalValue",
        );
        want.extend_from_slice(b"\x12\x06\x08\x01\x12\x02\x151");
        assert_eq!(written(&frame), Bytes::from(want));
    }

    proptest! {
        #[test]
        fn a_response_reads_back(id in any::<i64>(), cache_id in any::<i32>(), key in ".{0,40}", value in proptest::option::of(".{0,300}")) {
            let fields = BytesFields { first: json(key.as_bytes()), second: value.as_ref().map(|v| json(v.as_bytes())) };
            let frame = CacheResponse {
                id, cache_id, kind: ResponseType::MapEvent, type_url: BinaryKeyAndValue::TYPE_URL, message: Some(&fields),
            };
            let read = ProxyResponse::decode(written(&frame)).unwrap();
            prop_assert_eq!(read.id, id);
            let Some(proxy_response::Response::Message(any)) = read.response else { panic!("no message") };
            let inner: NamedCacheResponse = unpack(Some(any)).unwrap();
            prop_assert_eq!(inner.cache_id, cache_id);
            prop_assert_eq!(inner.r#type(), ResponseType::MapEvent);
            let pair: BinaryKeyAndValue = unpack(inner.message).unwrap();
            prop_assert_eq!(pair.key, prefixed(key.as_bytes()));
            prop_assert_eq!(pair.value, value.map(|v| prefixed(v.as_bytes())).unwrap_or_default());
        }

        #[test]
        fn a_put_request_reads_back(id in any::<i64>(), cache_id in any::<i32>(), key in ".{0,40}", value in ".{0,300}", ttl_ms in any::<i64>()) {
            let fields = PutFields { key: json(key.as_bytes()), value: json(value.as_bytes()), ttl_ms };
            let frame = CacheRequest {
                id, kind: NamedCacheRequestType::Put, cache_id: Some(cache_id), type_url: PutRequest::TYPE_URL, message: Some(&fields),
            };
            let read = ProxyRequest::decode(written(&frame)).unwrap();
            prop_assert_eq!(read.id, id);
            let Some(proxy_request::Request::Message(any)) = read.request else { panic!("no message") };
            let inner: NamedCacheRequest = unpack(Some(any)).unwrap();
            prop_assert_eq!(inner.cache_id.unwrap_or(0), cache_id);
            let put: PutRequest = unpack(inner.message).unwrap();
            prop_assert_eq!(put.key, prefixed(key.as_bytes()));
            prop_assert_eq!(put.value, prefixed(value.as_bytes()));
            prop_assert_eq!(put.ttl.unwrap_or(0), ttl_ms);
        }

        #[test]
        fn one_pass_writes_what_the_generated_types_write(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let message = BytesValue { value: value.into() };
            let frame = CacheResponse { id: 1, cache_id: 0, kind: ResponseType::Message, type_url: BytesValue::TYPE_URL, message: Some(&Whole(&message)) };
            let inner = NamedCacheResponse { cache_id: 0, r#type: 0, message: Some(pack(&message)) };
            let want = ProxyResponse { id: 1, response: Some(proxy_response::Response::Message(pack(&inner))), ..Default::default() };
            prop_assert_eq!(written(&frame), Bytes::from(want.encode_to_vec()));
        }
    }

    #[test]
    fn a_complete_reads_back() {
        let read = ProxyResponse::decode(written(&Complete { id: 9 })).unwrap();
        assert_eq!(read.id, 9);
        assert!(matches!(
            read.response,
            Some(proxy_response::Response::Complete(_))
        ));
        assert_eq!(written(&Complete { id: 9 }).as_ref(), [0x08, 9, 0x3a, 0]);
    }
}
