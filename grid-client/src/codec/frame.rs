//! What a frame from the server says.

use std::ops::Range;

use bytes::Bytes;
use prost::Message;

use grid_proto::v1::common::ErrorMessage;
use grid_proto::v1::proxy::InitResponse;

use super::fields::{Fields, Malformed, Value};

/// The type URLs of the layers are compared byte by byte.
const CACHE_RESPONSE_URL: &[u8] = b"type.googleapis.com/coherence.cache.v1.NamedCacheResponse";

/// A `ProxyResponse`, its layers undone.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The request that it answers; 0 for an event.
    pub(crate) id: i64,
    /// What it says.
    pub(crate) body: Body,
}

/// What a frame says.
#[derive(Debug)]
pub(crate) enum Body {
    /// The handshake's answer.
    Init(InitResponse),
    /// A part of an answer, or an event.
    Message(CacheMessage),
    /// The request was refused, with these words.
    Error(String),
    /// The answer is whole.
    Complete,
    /// The answer to a heartbeat.
    Heartbeat,
    /// Nothing that is known; a later version of the protocol may send it.
    Other,
    /// The frame could be read as far as its id only.
    Malformed(Malformed),
}

/// A `NamedCacheResponse`.
#[derive(Debug)]
pub(crate) struct CacheMessage {
    /// The cache, where the server names it; else 0.
    pub(crate) cache_id: i32,
    /// The `ResponseType`.
    pub(crate) kind: u64,
    /// The message in it.
    pub(crate) payload: Option<Payload>,
}

/// A message in an `Any`, in the frame that it came in.
#[derive(Debug)]
pub(crate) struct Payload {
    frame: Bytes,
    type_url: Range<usize>,
    value: Range<usize>,
}

impl Payload {
    /// A message of no type, for tests.
    #[cfg(test)]
    pub(crate) fn of_bytes(frame: Bytes) -> Self {
        let value = 0..frame.len();
        Payload {
            frame,
            type_url: 0..0,
            value,
        }
    }

    /// Whether the message is of this type.
    #[inline]
    pub(crate) fn is(&self, type_url: &str) -> bool {
        self.frame[self.type_url.clone()] == *type_url.as_bytes()
    }

    /// The type URL, cut to what is sensible in an error message.
    pub(crate) fn type_url(&self) -> String {
        const SHOWN_LEN_MAX: usize = 120;
        let shown = &self.frame[self.type_url.clone()];
        String::from_utf8_lossy(&shown[..shown.len().min(SHOWN_LEN_MAX)]).into_owned()
    }

    /// The length of the message.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.value.len()
    }

    /// The message's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.frame[self.value.clone()]
    }

    /// The message's bytes, without a copy.
    #[inline]
    pub(crate) fn into_bytes(self) -> Bytes {
        let mut bytes = self.frame;
        bytes.truncate(self.value.end);
        bytes::Buf::advance(&mut bytes, self.value.start);
        bytes
    }
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// When the outermost layer is broken, so that it cannot be said what the frame answers.
    pub(crate) fn read(bytes: Bytes) -> Result<Frame, Malformed> {
        let mut fields = Fields::new(&bytes, 0..bytes.len());
        let (mut id, mut body) = (0, None);
        while let Some((tag, value)) = fields.next()? {
            match (tag, value) {
                (1, Value::Varint(number)) => id = number.cast_signed(),
                (4..=8, Value::Span(span)) => body = Some((tag, span)),
                _ => {}
            }
        }
        let body = match body {
            Some((4, span)) => or_malformed(
                &span,
                InitResponse::decode(bytes.slice(span.clone())).map(Body::Init),
            ),
            Some((5, span)) => message(bytes, span).map_or_else(Body::Malformed, Body::Message),
            Some((6, span)) => {
                let error = ErrorMessage::decode(bytes.slice(span.clone()));
                or_malformed(&span, error.map(|error| Body::Error(error.message)))
            }
            Some((7, _)) => Body::Complete,
            Some((8, _)) => Body::Heartbeat,
            _ => Body::Other,
        };
        Ok(Frame { id, body })
    }

    /// The id of a frame of which only the beginning is known.
    pub(crate) fn read_id(head: &[u8]) -> Option<i64> {
        match Fields::new(head, 0..head.len()).next() {
            Ok(Some((1, Value::Varint(id)))) => Some(id.cast_signed()),
            _ => None,
        }
    }
}

fn or_malformed(span: &Range<usize>, body: Result<Body, prost::DecodeError>) -> Body {
    body.unwrap_or(Body::Malformed(Malformed { at: span.start }))
}

/// The type URL and the message of the `Any` in this part of a frame.
fn any_of(frame: &[u8], part: Range<usize>) -> Result<(Range<usize>, Range<usize>), Malformed> {
    let empty = part.end..part.end;
    let (mut type_url, mut value) = (empty.clone(), empty);
    let mut fields = Fields::new(frame, part);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Span(span)) => type_url = span,
            (2, Value::Span(span)) => value = span,
            _ => {}
        }
    }
    Ok((type_url, value))
}

fn message(frame: Bytes, part: Range<usize>) -> Result<CacheMessage, Malformed> {
    let start = part.start;
    let (type_url, value) = any_of(&frame, part)?;
    if frame[type_url] != *CACHE_RESPONSE_URL {
        return Err(Malformed { at: start });
    }
    let (mut cache_id, mut kind, mut inner) = (0_u32, 0, None);
    let mut fields = Fields::new(&frame, value);
    while let Some(field) = fields.next()? {
        match field {
            // An int32 travels as the low half of a varint of 64 bits.
            (1, Value::Varint(number)) => cache_id = u32::try_from(number & 0xffff_ffff).unwrap_or(0),
            (2, Value::Varint(number)) => kind = number,
            (3, Value::Span(span)) => inner = Some(any_of(&frame, span)?),
            _ => {}
        }
    }
    let payload = inner.map(|(type_url, value)| Payload {
        frame,
        type_url,
        value,
    });
    Ok(CacheMessage {
        cache_id: cache_id.cast_signed(),
        kind,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use grid_proto::any::{Packed, pack};
    use grid_proto::frame::{BytesFields, CacheResponse, Complete};
    use grid_proto::v1::cache::ResponseType;
    use grid_proto::v1::common::BinaryKeyAndValue;
    use grid_proto::v1::proxy::{ProxyResponse, proxy_response};
    use grid_proto::wire::{Encode, Payload as WirePayload};

    use super::*;

    fn written(frame: &impl Encode) -> Bytes {
        let mut buf = Vec::new();
        frame.put(&mut buf);
        buf.into()
    }

    proptest! {
        #[test]
        fn a_cut_or_changed_frame_never_panics(cut in 0usize..200, at in 0usize..200, byte: u8) {
            let fields = BytesFields {
                first: WirePayload { prefix: Some(0x15), bytes: b"\"key\"" },
                second: Some(WirePayload { prefix: Some(0x15), bytes: b"[1,2,3]" }),
            };
            let frame = CacheResponse {
                id: 7, cache_id: -9, kind: ResponseType::Message,
                type_url: BinaryKeyAndValue::TYPE_URL, message: Some(&fields),
            };
            let whole = written(&frame);
            let mut bytes = whole[..cut.min(whole.len())].to_vec();
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
            if let Ok(Frame { body: Body::Message(CacheMessage { payload: Some(payload), .. }), .. }) = Frame::read(bytes.into()) {
                let shown = payload.type_url();
                prop_assert!(shown.len() <= 400);
                prop_assert!(payload.into_bytes().len() <= whole.len());
            }
        }

        #[test]
        fn ids_and_cache_ids_read_back(id: i64, cache_id: i32, value in ".{0,80}") {
            let fields = BytesFields { first: WirePayload { prefix: Some(0x15), bytes: value.as_bytes() }, second: None };
            let frame = CacheResponse {
                id, cache_id, kind: ResponseType::MapEvent, type_url: BinaryKeyAndValue::TYPE_URL, message: Some(&fields),
            };
            let read = Frame::read(written(&frame)).unwrap();
            prop_assert_eq!(read.id, id);
            let Body::Message(message) = read.body else { panic!("no message") };
            prop_assert_eq!(message.cache_id, cache_id);
            prop_assert_eq!(message.kind, ResponseType::MapEvent as u64);
            let payload = message.payload.unwrap();
            prop_assert!(payload.is(BinaryKeyAndValue::TYPE_URL));
            let pair = BinaryKeyAndValue::decode(payload.into_bytes()).unwrap();
            prop_assert_eq!(&pair.key[1..], value.as_bytes());
        }
    }

    #[test]
    fn the_ends_of_an_answer_are_told_apart() {
        let read = Frame::read(written(&Complete { id: 3 })).unwrap();
        assert!(matches!(
            read,
            Frame {
                id: 3,
                body: Body::Complete
            }
        ));
        let error = ErrorMessage {
            message: "no".into(),
            error: None,
        };
        let response = ProxyResponse {
            id: 4,
            response: Some(proxy_response::Response::Error(error)),
            ..Default::default()
        };
        let read = Frame::read(response.encode_to_vec().into()).unwrap();
        assert!(matches!(read, Frame { id: 4, body: Body::Error(words) } if words == "no"));
    }

    #[test]
    fn a_message_of_another_protocol_is_malformed_but_keeps_its_id() {
        let any = pack(&grid_proto::google::BoolValue { value: true });
        let response = ProxyResponse {
            id: 4,
            response: Some(proxy_response::Response::Message(any)),
            ..Default::default()
        };
        let read = Frame::read(response.encode_to_vec().into()).unwrap();
        assert!(matches!(
            read,
            Frame {
                id: 4,
                body: Body::Malformed(_)
            }
        ));
        assert_eq!(Frame::read_id(&response.encode_to_vec()[..8]), Some(4));
    }
}
