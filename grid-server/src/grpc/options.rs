//! Limits and switches of the gRPC edge.

use std::time::Duration;

use grid_core::value::json::NullMembers;

/// Limits and switches of the gRPC edge, each with a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcOptions {
    /// The largest message that is accepted, in bytes; 64 MiB by default. What is sent is not limited: a message is as
    /// large as the key and the values in it, which came in such messages.
    pub message_len_max: usize,
    /// The largest number of connections; 10,000 by default. A further one is closed at once.
    pub connections_max: usize,
    /// The largest number of calls that are open on one connection; 1,000 by default. A further one waits.
    pub streams_per_connection_max: u32,
    /// The largest number of cache ids that one version 1 stream may ask for; 10,000 by default.
    pub caches_per_stream_max: usize,
    /// The largest number of listeners that one stream may register; 100,000 by default.
    pub listeners_per_stream_max: usize,
    /// The largest number of requests of one version 1 stream whose outcomes are on their way; 256 by default. No
    /// further one is taken until one is answered, and none either while they have [`message_len_max`] bytes or more.
    ///
    /// [`message_len_max`]: GrpcOptions::message_len_max
    pub requests_in_flight_max: usize,
    /// The largest number of events that wait for one stream; 65,536 by default. A stream that is slower is ended.
    pub event_queue_len_max: usize,
    /// The largest size of the events that wait for one stream, in bytes; 64 MiB by default.
    pub event_queue_bytes_max: usize,
    /// How long a new connection may take to speak HTTP/2, and a version 1 stream to say who it is; 10 s by default.
    pub handshake_timeout: Duration,
    /// How long a connection may be silent before it is asked whether it is alive; 30 s by default.
    pub keep_alive_interval: Duration,
    /// How long it may take to answer that; 10 s by default.
    pub keep_alive_timeout: Duration,
    /// Whether values whose `@class` the reference grid does not know are refused; off by default.
    pub strict: bool,
    /// What becomes of null members of objects when a value is read; left out by default, as the reference does.
    /// They are stored in any case.
    pub null_members: NullMembers,
}

impl Default for GrpcOptions {
    fn default() -> Self {
        GrpcOptions {
            message_len_max: grid_proto::limits::MESSAGE_LEN_MAX,
            connections_max: 10_000,
            streams_per_connection_max: 1_000,
            caches_per_stream_max: 10_000,
            listeners_per_stream_max: 100_000,
            requests_in_flight_max: 256,
            event_queue_len_max: 65_536,
            event_queue_bytes_max: 64 << 20,
            handshake_timeout: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(10),
            strict: false,
            null_members: NullMembers::Drop,
        }
    }
}
