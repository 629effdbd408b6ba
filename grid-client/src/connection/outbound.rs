//! Requests that wait to be written.

use bytes::{BufMut, Bytes, BytesMut};

use grid_proto::wire::Encode;

use crate::codec::HEADER_LEN;

use super::in_flight::InFlight;

/// Where a request's bytes are, or were: in which batch, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) batch: u64,
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// Whole gRPC messages, one behind the other. They are handed to the network as one piece, a batch.
#[derive(Debug)]
pub(crate) struct Outbound {
    bytes: BytesMut,
    batch: u64,
    count: usize,
    len_max: usize,
}

impl Outbound {
    pub(crate) fn new(len_max: usize) -> Self {
        Outbound {
            bytes: BytesMut::new(),
            batch: 1,
            count: 0,
            len_max,
        }
    }

    /// Whether another request of this length has to wait. One alone never has.
    pub(crate) fn is_full(&self, len: usize) -> bool {
        !self.bytes.is_empty() && self.bytes.len() + len > self.len_max
    }

    /// How many requests wait.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Appends a message, whose length was checked to be below 4 GiB.
    pub(crate) fn push(&mut self, len: usize, message: &impl Encode) -> Span {
        let start = self.bytes.len();
        self.bytes.reserve(HEADER_LEN + len);
        self.bytes.put_u8(0);
        self.bytes.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
        message.put(&mut self.bytes);
        self.count += 1;
        Span {
            batch: self.batch,
            start,
            len: self.bytes.len() - start,
        }
    }

    /// Takes what waits. From now on it counts as written.
    pub(crate) fn take(&mut self) -> Bytes {
        self.batch += 1;
        self.count = 0;
        self.bytes.split().freeze()
    }

    /// Whether the request is out of reach.
    pub(crate) fn is_written(&self, span: Span) -> bool {
        span.batch != self.batch
    }

    /// Takes back a request, if that can still be done.
    pub(crate) fn take_back<P>(&mut self, span: Span, table: &mut InFlight<P>) -> bool {
        if self.is_written(span) {
            return false;
        }
        let tail = self.bytes.split_off(span.start + span.len);
        self.bytes.truncate(span.start);
        self.bytes.extend_from_slice(&tail);
        self.count -= 1;
        table.cut(span);
        true
    }

    /// Drops what waits.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.batch += 1;
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use grid_proto::wire::Payload;

    use crate::clock;

    use super::*;

    fn text(bytes: &[u8]) -> Payload<'_> {
        Payload { prefix: None, bytes }
    }

    #[test]
    fn a_request_is_taken_back_and_those_behind_it_stay_whole() {
        let mut outbound = Outbound::new(1_000);
        let mut table = InFlight::new(8, 100);
        let ids = [&b"one"[..], b"three", b"four"].map(|message| {
            let span = outbound.push(message.len(), &text(message));
            table.open(clock::now(), span, ())
        });
        let span = table.span(ids[1]).unwrap();
        assert!(outbound.take_back(span, &mut table));
        let span = table.span(ids[2]).unwrap();
        assert!(outbound.take_back(span, &mut table));
        assert_eq!(outbound.count(), 1);
        assert_eq!(outbound.take().as_ref(), b"\0\0\0\0\x03one");
        let span = table.span(ids[0]).unwrap();
        assert!(outbound.is_written(span));
        assert!(!outbound.take_back(span, &mut table));
    }

    #[test]
    fn the_limit_lets_one_request_through_whatever_its_length() {
        let mut outbound = Outbound::new(10);
        assert!(!outbound.is_full(1_000));
        outbound.push(3, &text(b"abc"));
        assert!(outbound.is_full(1_000));
        assert!(!outbound.is_full(2));
    }
}
