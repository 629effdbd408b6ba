//! The frames of a version 1 stream, as the session sees them.

use bytes::{BufMut, Bytes};
use grid_proto::any::Packed;
use grid_proto::frame::{BytesFields, CacheResponse, Complete, OptionalValue};
use grid_proto::girih::OpenedCache;
use grid_proto::google::{BoolValue, BytesValue, Int32Value};
use grid_proto::message::{TooLong, put_message};
use grid_proto::v1::cache::{MapEventMessage, ResponseType};
use grid_proto::v1::common::{BinaryKeyAndValue, OptionalValue as OptionalValueMessage};
use grid_proto::v1::proxy::{ProxyRequest, ProxyResponse};
use grid_proto::wire::{Encode, Payload, Whole};
use prost::Message;

use crate::grpc::{EventBody, WireValue};

/// What a frame has beside its value, about.
const FRAME_ROOM: usize = 256;

/// Values from this size on have room made for them.
const LARGE_VALUE_BYTES: usize = 256;

/// A frame that came in.
#[derive(Debug)]
pub enum InFrame {
    /// A request.
    Request(Box<ProxyRequest>),
    /// Bytes that are none, and what the decoder says of them.
    Malformed(String),
}

impl InFrame {
    /// Reads a frame. Its keys and values are slices of these bytes.
    #[must_use]
    pub fn decode(bytes: Bytes) -> Self {
        match ProxyRequest::decode(bytes) {
            Ok(request) => InFrame::Request(Box::new(request)),
            Err(error) => InFrame::Malformed(error.to_string()),
        }
    }
}

/// What an answer to a cache request carries.
#[derive(Debug)]
pub enum Body {
    /// No message.
    None,
    /// A `BytesValue`.
    Bytes(WireValue),
    /// An `OptionalValue`.
    Optional(Option<WireValue>),
    /// A `BinaryKeyAndValue`.
    Pair(WireValue, WireValue),
    /// A `BoolValue`.
    Bool(bool),
    /// An `Int32Value`.
    Int32(i32),
    /// A page's cookie: a `BytesValue`, empty after the last page.
    Cookie(Bytes),
    /// An `OpenedCache`: the number of the service that the cache belongs to.
    Opened(u8),
    /// A `MapEventMessage`.
    Event(Box<EventBody>),
}

/// An event as the message of version 1.
fn event_message(event: &EventBody) -> MapEventMessage {
    MapEventMessage {
        id: event.kind,
        key: event.key.clone().into_bytes(),
        new_value: event.new.clone().into_bytes(),
        old_value: event.old.clone().into_bytes(),
        transformation_state: event.transformation_state(),
        filter_ids: event.filter_ids.clone(),
        synthetic: event.synthetic,
        priming: event.priming,
        expired: event.expired,
        ..MapEventMessage::default()
    }
}

/// A frame that goes out.
#[derive(Debug)]
pub enum OutFrame {
    /// An answer to a cache request, or (with id 0) an event.
    Cache {
        /// The id of the request.
        id: i64,
        /// The cache, where the answer names it.
        cache_id: i32,
        /// What it is.
        kind: ResponseType,
        /// What it carries.
        body: Body,
    },
    /// Answers that are written already: frames, with what stands before each in a stream.
    Rows(Bytes),
    /// The end of the answers to a request.
    Complete {
        /// The id of the request.
        id: i64,
    },
    /// Anything else: the answer to the handshake, an error, a heartbeat.
    Other(Box<ProxyResponse>),
}

impl OutFrame {
    /// About how many bytes are to be made room for, more than for small frames.
    #[must_use]
    pub(crate) fn room(&self) -> usize {
        match self {
            OutFrame::Cache {
                body: Body::Bytes(value) | Body::Pair(_, value) | Body::Optional(Some(value)),
                ..
            } if value.len() >= LARGE_VALUE_BYTES => value.len() + FRAME_ROOM,
            OutFrame::Rows(rows) => rows.len(),
            _ => 0,
        }
    }

    /// Appends it as it goes out: with what stands before a frame in a stream.
    ///
    /// # Errors
    /// When a frame is too long. Some of it is written then.
    pub fn put(&self, buf: &mut (impl BufMut + AsMut<[u8]>)) -> Result<(), TooLong> {
        match self {
            OutFrame::Rows(rows) => {
                buf.put_slice(rows);
                Ok(())
            }
            _ => put_message(buf, |buf| self.encode(buf)),
        }
    }

    fn encode(&self, buf: &mut impl BufMut) {
        match self {
            OutFrame::Rows(rows) => buf.put_slice(rows),
            OutFrame::Complete { id } => Complete { id: *id }.put(buf),
            OutFrame::Other(response) => Whole(&**response).put(buf),
            OutFrame::Cache {
                id,
                cache_id,
                kind,
                body,
            } => {
                let head = Head {
                    id: *id,
                    cache_id: *cache_id,
                    kind: *kind,
                };
                head.put_body(body, buf);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Head {
    id: i64,
    cache_id: i32,
    kind: ResponseType,
}

impl Head {
    fn put_body(self, body: &Body, buf: &mut impl BufMut) {
        let bytes = |first| BytesFields { first, second: None };
        match body {
            Body::None => self.put::<BytesValue, BytesFields<'_>>(None, buf),
            Body::Bytes(value) => self.put::<BytesValue, _>(Some(&bytes(value.payload())), buf),
            Body::Cookie(cookie) => {
                let payload = Payload {
                    prefix: None,
                    bytes: cookie,
                };
                self.put::<BytesValue, _>(Some(&bytes(payload)), buf);
            }
            Body::Optional(value) => {
                let value = OptionalValue(value.as_ref().map(WireValue::payload));
                self.put::<OptionalValueMessage, _>(Some(&value), buf);
            }
            Body::Pair(key, value) => {
                let pair = BytesFields {
                    first: key.payload(),
                    second: Some(value.payload()),
                };
                self.put::<BinaryKeyAndValue, _>(Some(&pair), buf);
            }
            Body::Bool(value) => self.put::<BoolValue, _>(Some(&Whole(&BoolValue { value: *value })), buf),
            Body::Int32(value) => self.put::<Int32Value, _>(Some(&Whole(&Int32Value { value: *value })), buf),
            Body::Opened(service) => {
                let opened = OpenedCache {
                    service: u32::from(*service),
                };
                self.put::<OpenedCache, _>(Some(&Whole(&opened)), buf);
            }
            Body::Event(event) => self.put::<MapEventMessage, _>(Some(&Whole(&event_message(event))), buf),
        }
    }

    fn put<M: Packed, E: Encode>(self, message: Option<&E>, buf: &mut impl BufMut) {
        let Head { id, cache_id, kind } = self;
        CacheResponse {
            id,
            cache_id,
            kind,
            type_url: M::TYPE_URL,
            message,
        }
        .put(buf);
    }
}
