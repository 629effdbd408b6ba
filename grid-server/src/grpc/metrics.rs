//! Counts of the gRPC edge.

use std::sync::atomic::{AtomicU64, Ordering};

use grid_proto::v1::cache::NamedCacheRequestType;

/// One more than the largest number of a request type.
const TYPES: usize = 29;

/// Counts of the gRPC edge since its start.
#[derive(Debug)]
pub struct GrpcMetrics {
    connections_open: AtomicU64,
    connections_total: AtomicU64,
    connections_refused: AtomicU64,
    done: [AtomicU64; TYPES],
    refused: [AtomicU64; TYPES],
    streams_malformed: AtomicU64,
    streams_too_slow: AtomicU64,
}

/// The counts of one type of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCounts {
    /// The type, in the names of protocol version 1.
    pub name: &'static str,
    /// Requests that were answered.
    pub done: u64,
    /// Requests that were answered with an error.
    pub refused: u64,
}

impl Default for GrpcMetrics {
    fn default() -> Self {
        GrpcMetrics {
            connections_open: AtomicU64::new(0),
            connections_total: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            done: std::array::from_fn(|_| AtomicU64::new(0)),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            streams_malformed: AtomicU64::new(0),
            streams_too_slow: AtomicU64::new(0),
        }
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn increase(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl GrpcMetrics {
    /// Counts a request by its type and outcome.
    pub(super) fn request(&self, kind: NamedCacheRequestType, done: bool) {
        let counts = if done { &self.done } else { &self.refused };
        if let Some(count) = usize::try_from(kind as i32)
            .ok()
            .and_then(|index| counts.get(index))
        {
            increase(count);
        }
    }

    pub(super) fn connection_opened(&self) {
        increase(&self.connections_open);
        increase(&self.connections_total);
    }

    pub(super) fn connection_closed(&self) {
        self.connections_open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn connection_refused(&self) {
        increase(&self.connections_refused);
    }

    pub(super) fn stream_malformed(&self) {
        increase(&self.streams_malformed);
    }

    pub(super) fn stream_too_slow(&self) {
        increase(&self.streams_too_slow);
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections_open(&self) -> u64 {
        read(&self.connections_open)
    }

    /// Connections that were ever accepted.
    #[must_use]
    pub fn connections_total(&self) -> u64 {
        read(&self.connections_total)
    }

    /// Connections that were closed at once because there were too many.
    #[must_use]
    pub fn connections_refused(&self) -> u64 {
        read(&self.connections_refused)
    }

    /// Streams that were ended because of a frame that is no message of the protocol.
    #[must_use]
    pub fn streams_malformed(&self) -> u64 {
        read(&self.streams_malformed)
    }

    /// Streams that were ended because their events were not read in time.
    #[must_use]
    pub fn streams_too_slow(&self) -> u64 {
        read(&self.streams_too_slow)
    }

    /// The counts of every type of request that came at least once.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestCounts> {
        let types = (0i32..).zip(self.done.iter().zip(&self.refused));
        types
            .filter_map(|(number, (done, refused))| {
                let name = NamedCacheRequestType::try_from(number).ok()?.as_str_name();
                let counts = RequestCounts {
                    name,
                    done: read(done),
                    refused: read(refused),
                };
                (counts.done + counts.refused > 0).then_some(counts)
            })
            .collect()
    }
}
