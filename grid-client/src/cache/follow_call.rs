//! The call on which numbered events come.

use std::collections::VecDeque;
use std::future::poll_fn;

use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use http::{HeaderMap, Request};
use prost::Message;

use grid_core::cache::CacheError;
use grid_core::event::BinaryEvent;
use grid_proto::girih::FollowRequest;

use crate::codec::{Deframer, HEADER_LEN, Piece};
use crate::connection::{Opener, Reason, status_of, words};

use super::followed::event_of;

/// How a call came to its end.
#[derive(Debug)]
pub(super) enum CallEnd {
    /// The connection or the server failed: to be tried again.
    Lost(Reason),
    /// The server does not number changes.
    Unknown,
    /// It makes no sense to try again.
    Refused(CacheError),
}

/// A call that was opened.
#[derive(Debug)]
pub(super) struct FollowCall {
    body: RecvStream,
    deframer: Deframer,
    waiting: VecDeque<BinaryEvent>,
}

fn lost(what: &str, error: &dyn std::error::Error) -> CallEnd {
    CallEnd::Lost(words(what, error))
}

/// What a status means. The codes are those of gRPC.
fn end_of(headers: &HeaderMap) -> CallEnd {
    let reason = status_of(headers);
    let code = headers.get("grpc-status").map(http::HeaderValue::as_bytes);
    match code {
        Some(b"12") => CallEnd::Unknown,
        // Invalid argument, not found, permission denied, failed precondition, unauthenticated.
        Some(b"3" | b"5" | b"7" | b"9" | b"16") => CallEnd::Refused(CacheError::Refused { message: reason }),
        _ => CallEnd::Lost(reason),
    }
}

/// What is told of a message: one that cannot be read may have been any event, and those after it still come.
fn told(message: Bytes) -> Option<BinaryEvent> {
    event_of(message).unwrap_or_else(|error| {
        tracing::warn!(%error, "events of a cache that is followed are missing");
        Some(BinaryEvent::Resync)
    })
}

impl FollowCall {
    /// Opens a call on a connection.
    pub(super) async fn open(
        opener: Opener,
        request: &FollowRequest,
        message_len_max: usize,
    ) -> Result<Self, CallEnd> {
        let call = Request::post(format!("http://{}/girih.v1.Events/Follow", opener.address))
            .version(http::Version::HTTP_2)
            .header(http::header::TE, "trailers")
            .header(http::header::CONTENT_TYPE, "application/grpc")
            .body(())
            .map_err(|error| lost("the address makes no URL", &error))?;
        let calls = opener.calls.ready().await;
        let mut calls = calls.map_err(|error| lost("no call can be opened", &error))?;
        let opened = calls.send_request(call, false);
        let (answer, mut stream) = opened.map_err(|error| lost("no call can be opened", &error))?;
        // The connection goes when its own call does.
        drop(calls);
        let len = request.encoded_len();
        let mut framed = BytesMut::with_capacity(HEADER_LEN + len);
        framed.put_u8(0);
        framed.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
        framed.extend_from_slice(&request.encode_to_vec());
        // It is small: HTTP/2 buffers what the window does not let through yet.
        let sent = stream.send_data(framed.freeze(), true);
        sent.map_err(|error| lost("the call broke", &error))?;
        let response = answer.await.map_err(|error| lost("the call broke", &error))?;
        if response.status() != http::StatusCode::OK {
            // No gRPC server knows this call less.
            return Err(match response.status() {
                http::StatusCode::NOT_FOUND => CallEnd::Unknown,
                status => CallEnd::Lost(format!("HTTP status {status}: this is no gRPC server")),
            });
        }
        if response.headers().contains_key("grpc-status") {
            return Err(end_of(response.headers()));
        }
        Ok(FollowCall {
            body: response.into_body(),
            deframer: Deframer::new(message_len_max),
            waiting: VecDeque::new(),
        })
    }

    /// The next event. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<BinaryEvent, CallEnd> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let Some(chunk) = self.body.data().await else {
                return Err(match poll_fn(|cx| self.body.poll_trailers(cx)).await {
                    Ok(Some(trailers)) => end_of(&trailers),
                    Ok(None) => CallEnd::Lost("the server ended the call without a status".to_owned()),
                    Err(error) => lost("the call broke", &error),
                });
            };
            let chunk: Bytes = chunk.map_err(|error| lost("the call broke", &error))?;
            let released = self.body.flow_control().release_capacity(chunk.len());
            released.map_err(|error| lost("the call broke", &error))?;
            self.deframer.push(chunk);
            while let Some(piece) = self
                .deframer
                .next()
                .map_err(|error| lost("the call broke", &error))?
            {
                match piece {
                    Piece::Message(message) => self.waiting.extend(told(message)),
                    Piece::TooLong { len, .. } => {
                        tracing::warn!(len, "an event is longer than the session takes");
                        self.waiting.push_back(BinaryEvent::Resync);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use grid_proto::girih::FollowEvent;
    use grid_proto::girih::follow_event::Event;

    use super::*;

    #[test]
    fn an_event_that_cannot_be_read_is_told_to_be_missing_and_does_not_end_the_call() {
        let damaged = Event::Reached(Bytes::from_static(b"?"));
        let damaged = FollowEvent { event: Some(damaged) }.encode_to_vec();
        for message in [damaged.into(), Bytes::from_static(b"\xff")] {
            assert!(matches!(told(message), Some(BinaryEvent::Resync)));
        }
        assert!(
            told(Bytes::new()).is_none(),
            "one of a later version says nothing"
        );
        let truncated = FollowEvent {
            event: Some(Event::Truncated(true)),
        };
        assert!(matches!(
            told(truncated.encode_to_vec().into()),
            Some(BinaryEvent::Truncated)
        ));
    }
}
