//! One gRPC call on an HTTP/2 connection of its own.
//!
//! Written on h2 itself, for its cost: everything between the socket and the callers happens in one task, where a
//! general gRPC client has three, with a queue between each.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::FutureExt;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use prost::Message;
use tokio::net::TcpStream;

use grid_proto::v1::proxy::{InitRequest, InitResponse, ProxyRequest, ProxyResponse, proxy_request};
use grid_proto::wishes::{Grants, Wishes};

use crate::codec::{Body, Deframer, Frame, HEADER_LEN, Piece};
use crate::session::Settings;

/// How many bytes the server may send before they are taken.
const STREAM_WINDOW_LEN: u32 = 4 << 20;
const CONNECTION_WINDOW_LEN: u32 = 8 << 20;
/// The largest HTTP/2 frame that the server may send.
const FRAME_LEN_MAX: u32 = 256 << 10;

/// The id of the handshake. Those of requests have higher bits.
const INIT_ID: i64 = 1;

/// Why the call ended, in words for the reader of an error.
pub(crate) type Reason = String;

#[derive(Debug)]
enum Answers {
    Headers(ResponseFuture),
    Body(RecvStream),
}

/// The call, and all that it takes to drive it.
#[derive(Debug)]
pub(crate) struct SubChannel {
    connection: Connection<TcpStream, Bytes>,
    /// While this is alive, the connection is.
    opener: SendRequest<Bytes>,
    requests: SendStream<Bytes>,
    answers: Answers,
    /// What HTTP/2's flow control did not let through yet.
    unsent: Bytes,
    deframer: Deframer,
    /// What the server grants beyond the protocol.
    pub(crate) grants: Grants,
}

pub(crate) fn words(what: &str, error: &dyn std::error::Error) -> Reason {
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl SubChannel {
    /// Connects, opens the call and shakes hands.
    pub(crate) async fn open(address: &str, settings: &Settings) -> Result<(Self, InitResponse), Reason> {
        let socket = TcpStream::connect(address)
            .await
            .map_err(|error| words("cannot connect", &error))?;
        // Requests are coalesced here already; the kernel must not wait for more.
        socket
            .set_nodelay(true)
            .map_err(|error| words("cannot set TCP_NODELAY", &error))?;
        let (requests, mut connection) = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW_LEN)
            .initial_connection_window_size(CONNECTION_WINDOW_LEN)
            .max_frame_size(FRAME_LEN_MAX)
            .enable_push(false)
            .handshake::<_, Bytes>(socket)
            .await
            .map_err(|error| words("no HTTP/2", &error))?;
        let mut ready = std::pin::pin!(requests.ready());
        let mut requests = poll_fn(|cx| {
            if let Poll::Ready(Err(error)) = connection.poll_unpin(cx) {
                return Poll::Ready(Err(words("no HTTP/2", &error)));
            }
            ready
                .as_mut()
                .poll(cx)
                .map_err(|error| words("no HTTP/2", &error))
        })
        .await?;
        let request = Request::post(format!(
            "http://{address}/coherence.proxy.v1.ProxyService/subChannel"
        ))
        .version(http::Version::HTTP_2)
        .header(http::header::TE, "trailers")
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(
            http::header::USER_AGENT,
            concat!("grid-client/", env!("CARGO_PKG_VERSION")),
        )
        .body(())
        .map_err(|error| words("the address makes no URL", &error))?;
        let (answers, stream) = requests
            .send_request(request, false)
            .map_err(|error| words("cannot open the call", &error))?;
        let mut channel = SubChannel {
            connection,
            opener: requests,
            requests: stream,
            answers: Answers::Headers(answers),
            unsent: Bytes::new(),
            deframer: Deframer::new(settings.message_len_max),
            grants: Grants::default(),
        };
        let init = channel.shake_hands(settings).await?;
        Ok((channel, init))
    }

    async fn shake_hands(&mut self, settings: &Settings) -> Result<InitResponse, Reason> {
        let init = InitRequest {
            scope: settings.scope.clone(),
            format: "json".to_owned(),
            protocol: "CacheService".to_owned(),
            protocol_version: 1,
            supported_protocol_version: 1,
            heartbeat: Some(0),
            client_uuid: Some(Bytes::copy_from_slice(&settings.client.to_be_bytes())),
            ..Default::default()
        };
        let request = ProxyRequest {
            id: INIT_ID,
            request: Some(proxy_request::Request::Init(init)),
            context: Wishes::ALL.context(),
        };
        let mut framed = vec![0; HEADER_LEN];
        request
            .encode(&mut framed)
            .map_err(|error| words("the handshake cannot be written", &error))?;
        let len = u32::try_from(framed.len() - HEADER_LEN).unwrap_or(u32::MAX);
        framed[1..HEADER_LEN].copy_from_slice(&len.to_be_bytes());
        self.send(framed.into());
        let piece = poll_fn(|cx| {
            loop {
                if let Some(piece) = self.next_piece()? {
                    return Poll::Ready(Ok::<_, Reason>(piece));
                }
                let progress = self.poll_io(cx, true)?;
                if !progress {
                    return Poll::Pending;
                }
            }
        })
        .await
        .map_err(|reason| match settings.scope.as_str() {
            // The reference ends the call without a word when it has no such scope.
            "" => reason,
            scope => format!("{reason} (does the server serve the scope {scope:?}?)"),
        })?;
        let Piece::Message(message) = piece else {
            return Err("the answer to the handshake is longer than the message limit".to_owned());
        };
        // Our own server says in the context that it grants what was asked there.
        self.grants = ProxyResponse::decode(message.clone())
            .map_or_else(|_broken| Grants::default(), |answer| Grants::of(&answer.context));
        match Frame::read(message).map(|frame| frame.body) {
            Ok(Body::Init(init)) if init.protocol_version == 1 => Ok(init),
            Ok(Body::Init(init)) => Err(format!(
                "the server speaks version {} of the protocol; this is 1",
                init.protocol_version
            )),
            Ok(Body::Error(message)) => Err(format!("the server refused the handshake: {message}")),
            other => Err(format!("the answer to the handshake is none: {other:?}")),
        }
    }

    /// What opens further calls on the connection. They go on only while this one is driven.
    pub(crate) fn opener(&self) -> SendRequest<Bytes> {
        self.opener.clone()
    }

    /// Hands bytes to the network. They are kept here until flow control lets them through.
    pub(crate) fn send(&mut self, bytes: Bytes) {
        debug_assert!(
            self.unsent.is_empty(),
            "a batch is taken only when the one before it is gone"
        );
        self.unsent = bytes;
    }

    /// Whether another batch may be handed over.
    pub(crate) fn is_writable(&self) -> bool {
        self.unsent.is_empty()
    }

    /// The next whole message of those that came.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Piece>, Reason> {
        self.deframer.next().map_err(|error| error.to_string())
    }

    /// Writes and, if that is wanted, reads what can be without waiting. Whether there is more to do at once: messages may have come, or
    /// another batch may be handed over.
    ///
    /// # Errors
    /// When the call ended.
    pub(crate) fn poll_io(&mut self, cx: &mut Context<'_>, reads: bool) -> Result<bool, Reason> {
        let wrote = self.write(cx)?;
        // What was read before the connection ended counts first, so its end is looked at last.
        let ended = Pin::new(&mut self.connection).poll(cx);
        let came = if reads { self.poll_read(cx) } else { Poll::Pending };
        let read = match came {
            Poll::Ready(Ok(chunk)) => {
                self.deframer.push(chunk);
                true
            }
            Poll::Ready(Err(reason)) => return Err(reason),
            Poll::Pending => false,
        };
        match ended {
            _ if read => Ok(true),
            Poll::Ready(Ok(())) => Err("the server closed the connection".to_owned()),
            Poll::Ready(Err(error)) => Err(words("the connection broke", &error)),
            Poll::Pending => Ok(wrote),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let mut wrote = false;
        while !self.unsent.is_empty() {
            self.requests.reserve_capacity(self.unsent.len());
            let mut capacity = self.requests.capacity();
            if capacity == 0 {
                capacity = match self.requests.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(capacity))) => capacity,
                    Poll::Ready(Some(Err(error))) => return Err(words("the call broke", &error)),
                    // The stream no longer takes data; reading says why.
                    Poll::Ready(None) | Poll::Pending => break,
                };
            }
            let part = self.unsent.split_to(capacity.min(self.unsent.len()));
            self.requests
                .send_data(part, false)
                .map_err(|error| words("the call broke", &error))?;
            wrote = true;
        }
        Ok(wrote)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Reason>> {
        if let Answers::Headers(answers) = &mut self.answers {
            let response =
                ready!(Pin::new(answers).poll(cx)).map_err(|error| words("the call broke", &error))?;
            if response.status() != http::StatusCode::OK {
                let status = response.status();
                return Poll::Ready(Err(format!("HTTP status {status}: this is no gRPC server")));
            }
            if response.headers().contains_key("grpc-status") {
                return Poll::Ready(Err(status_of(response.headers())));
            }
            self.answers = Answers::Body(response.into_body());
        }
        let Answers::Body(body) = &mut self.answers else {
            return Poll::Pending;
        };
        match ready!(body.poll_data(cx)) {
            Some(Ok(chunk)) => {
                let released = body.flow_control().release_capacity(chunk.len());
                Poll::Ready(
                    released
                        .map(|()| chunk)
                        .map_err(|error| words("the call broke", &error)),
                )
            }
            Some(Err(error)) => Poll::Ready(Err(words("the call broke", &error))),
            None => match ready!(body.poll_trailers(cx)) {
                Ok(Some(trailers)) => Poll::Ready(Err(status_of(&trailers))),
                Ok(None) => Poll::Ready(Err("the server ended the call without a status".to_owned())),
                Err(error) => Poll::Ready(Err(words("the call broke", &error))),
            },
        }
    }

    /// Says that no request follows, and writes what can be written at once.
    pub(crate) async fn half_close(mut self) {
        if self.unsent.is_empty() && self.requests.send_data(Bytes::new(), true).is_ok() {
            poll_fn(|cx| {
                // The connection's own end does not matter any more.
                let _ended = Pin::new(&mut self.connection).poll(cx);
                Poll::Ready(())
            })
            .await;
        }
    }
}

/// What a gRPC status says.
pub(crate) fn status_of(headers: &HeaderMap) -> Reason {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    match (text("grpc-status"), text("grpc-message")) {
        ("0", _) => "the server ended the call".to_owned(),
        (status, "") => format!("the server ended the call with gRPC status {status}"),
        (status, message) => format!("the server ended the call with gRPC status {status}: {message}"),
    }
}
