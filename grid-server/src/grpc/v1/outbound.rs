//! What a stream sends: frames to bytes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::stream::Stream;
use http::HeaderMap;
use hyper::body::{Body, Frame};
use tonic::Status;

use super::frames::OutFrame;

/// Room for so many bytes is made at a time.
const BUFFER_BYTES: usize = 8 << 10;

/// And for large frames.
const LARGE_BUFFER_BYTES: usize = 33 << 10;

/// So much is put together at most, but for the last frame: few calls of the system send it, and who reads it has something to
/// do while the next is made.
const PIECE_BYTES_MAX: usize = 128 << 10;

/// The answer to the call of a stream: frames as long as there are some, then how the stream ended.
///
/// What is there when the stream has nothing more goes out in one piece. Rows that are written already are not copied.
pub(crate) struct Outbound<S> {
    frames: S,
    buf: BytesMut,
    /// Goes out after what is in the buffer.
    rows: Option<Bytes>,
    /// How the stream ended, to be told after all that.
    end: Option<Status>,
    is_over: bool,
}

impl<S: Stream<Item = Result<OutFrame, Status>> + Unpin> Outbound<S> {
    /// What sends these frames.
    pub(crate) fn new(frames: S) -> Self {
        Outbound {
            frames,
            buf: BytesMut::with_capacity(BUFFER_BYTES),
            rows: None,
            end: None,
            is_over: false,
        }
    }

    fn take_frame(&mut self, frame: OutFrame) {
        if let OutFrame::Rows(rows) = frame {
            self.rows = Some(rows);
            return;
        }
        let (before, room) = (self.buf.len(), frame.room());
        if self.buf.capacity() - before < room {
            // Where there is one there are more. Growing step by step would copy them again and again.
            self.buf.reserve(room + LARGE_BUFFER_BYTES);
        }
        if let Err(error) = frame.put(&mut self.buf) {
            self.buf.truncate(before);
            self.end = Some(Status::out_of_range(error.to_string()));
        }
    }

    /// Whether something is to go out before more frames are asked for.
    fn is_enough(&self) -> bool {
        self.buf.len() >= PIECE_BYTES_MAX || self.rows.is_some() || self.end.is_some()
    }

    /// The next bytes; `None` when the end is to be told.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while !self.is_enough() {
            match Pin::new(&mut self.frames).poll_next(cx) {
                Poll::Ready(Some(Ok(frame))) => self.take_frame(frame),
                Poll::Ready(Some(Err(status))) => self.end = Some(status),
                Poll::Ready(None) => self.end = Some(Status::ok("")),
                Poll::Pending if self.buf.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        if !self.buf.is_empty() {
            return Poll::Ready(Some(self.buf.split().freeze()));
        }
        Poll::Ready(self.rows.take())
    }
}

impl<S: Stream<Item = Result<OutFrame, Status>> + Unpin> Body for Outbound<S> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if let Some(bytes) = ready!(this.poll_bytes(cx)) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        this.is_over = true;
        let mut trailers = HeaderMap::new();
        let told = this.end.take().unwrap_or_else(|| Status::ok(""));
        Poll::Ready(Some(
            told.add_header(&mut trailers).map(|()| Frame::trailers(trailers)),
        ))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}
