//! What the gRPC edge has counted.

use std::fmt;

/// Requests of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFigures {
    /// The type.
    pub request: &'static str,
    /// How many were answered.
    pub done: u64,
    /// How many were answered with an error.
    pub refused: u64,
}

/// Counts of the gRPC edge since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcFigures {
    /// Connections that are open.
    pub connections_open: u64,
    /// Connections that were closed at once because there were too many.
    pub connections_refused: u64,
    /// Streams that were ended because of a frame that is no message of the protocol.
    pub streams_malformed: u64,
    /// Streams that were ended because their events were not read in time.
    pub streams_too_slow: u64,
    /// Requests by type.
    pub requests: Vec<RequestFigures>,
}

/// What can tell the figures of a gRPC edge.
pub trait GrpcCounts: Send + Sync + fmt::Debug {
    /// The figures now.
    fn figures(&self) -> GrpcFigures;
}
