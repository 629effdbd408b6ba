//! The settings, a struct for each subsystem. Defaults are here and nowhere else.

use std::time::Duration;

use grid_core::partition::table::BackupCount;
use grid_core::value::NullMembers;
use grid_member::cache::{CacheKind, ReadFrom};

use super::HostPort;
use super::value::{ByteSize, Setting, Within, WithinIfSet, Word};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// What looks at settings one by one: the key, and the setting.
pub(crate) type Visit<'a> = dyn FnMut(&'static str, &mut dyn Setting) + 'a;

/// `[security]`: who may reach the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityConfig {
    /// `insecure`: whether to serve addresses that other machines reach, without encryption and without asking
    /// who is there; false by default.
    pub insecure: bool,
}

impl SecurityConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("insecure", &mut self.insecure);
    }
}

impl Word for NullMembers {
    const WORDS: &'static [(&'static str, Self)] =
        &[("drop", NullMembers::Drop), ("keep", NullMembers::Keep)];
}

/// `[grpc]`: the edge that applications use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcConfig {
    /// `address`: where to listen; port 1408 on this machine alone by default.
    pub address: HostPort,
    /// `message-len-max`: the largest message that is accepted; 64 MiB by default.
    pub message_len_max: ByteSize,
    /// `connections-max`: the most connections at a time; 10,000 by default.
    pub connections_max: usize,
    /// `streams-per-connection-max`: the most streams at a time in one connection; 1,000 by default.
    pub streams_per_connection_max: u32,
    /// `caches-per-stream-max`: the most caches that one stream may use; 10,000 by default.
    pub caches_per_stream_max: usize,
    /// `listeners-per-stream-max`: the most listeners that one stream may register; 100,000 by default.
    pub listeners_per_stream_max: usize,
    /// `requests-in-flight-max`: the most requests of one version 1 stream that wait for other members at the same
    /// time; 256 by default.
    pub requests_in_flight_max: usize,
    /// `handshake-timeout`: how long a new connection or stream may take to introduce itself; 10 s by default.
    pub handshake_timeout: Duration,
    /// `keep-alive-interval`: how long a connection may be silent before it is asked for a sign of life; 30 s by
    /// default.
    pub keep_alive_interval: Duration,
    /// `keep-alive-timeout`: how long to wait for the sign of life; 10 s by default.
    pub keep_alive_timeout: Duration,
    /// `strict`: whether to refuse values whose `@class` is unknown; false by default.
    pub strict: bool,
    /// `null-members`: whether fields that are null are kept in values; `drop` by default, as Coherence does.
    pub null_members: NullMembers,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        GrpcConfig {
            address: HostPort::loopback(1408),
            message_len_max: ByteSize(64 << 20),
            connections_max: 10_000,
            streams_per_connection_max: 1_000,
            caches_per_stream_max: 10_000,
            listeners_per_stream_max: 100_000,
            requests_in_flight_max: 256,
            handshake_timeout: 10 * SECOND,
            keep_alive_interval: 30 * SECOND,
            keep_alive_timeout: 10 * SECOND,
            strict: false,
            null_members: NullMembers::Drop,
        }
    }
}

impl GrpcConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("address", &mut self.address);
        visit(
            "message-len-max",
            &mut Within(&mut self.message_len_max, ByteSize(1 << 10)..=ByteSize(1 << 30)),
        );
        visit(
            "connections-max",
            &mut Within(&mut self.connections_max, 1..=1_000_000),
        );
        visit(
            "streams-per-connection-max",
            &mut Within(&mut self.streams_per_connection_max, 1..=100_000),
        );
        visit(
            "caches-per-stream-max",
            &mut Within(&mut self.caches_per_stream_max, 1..=1_000_000),
        );
        visit(
            "listeners-per-stream-max",
            &mut Within(&mut self.listeners_per_stream_max, 1..=10_000_000),
        );
        visit(
            "requests-in-flight-max",
            &mut Within(&mut self.requests_in_flight_max, 1..=65_536),
        );
        visit(
            "handshake-timeout",
            &mut Within(&mut self.handshake_timeout, SECOND / 10..=10 * MINUTE),
        );
        visit(
            "keep-alive-interval",
            &mut Within(&mut self.keep_alive_interval, SECOND..=DAY),
        );
        visit(
            "keep-alive-timeout",
            &mut Within(&mut self.keep_alive_timeout, SECOND..=60 * MINUTE),
        );
        visit("strict", &mut self.strict);
        visit("null-members", &mut self.null_members);
    }
}

/// `[http]`: health, metrics and what operators look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// `address`: where to listen; port 6676 on this machine alone by default.
    pub address: HostPort,
    /// `connections-max`: the most connections at a time; 512 by default. One more is answered 503 and closed.
    pub connections_max: usize,
    /// `headers-len-max`: the longest head of a request; 16 KiB by default. A longer one is answered 431.
    pub headers_len_max: ByteSize,
    /// `body-len-max`: the longest body of a request; 1 MiB by default. A longer one is answered 413.
    pub body_len_max: ByteSize,
    /// `header-timeout`: how long a client may take to send the head of a request; 10 s by default.
    pub header_timeout: Duration,
    /// `request-timeout`: how long a request may take; 30 s by default. Then it is answered 503.
    pub request_timeout: Duration,
    /// `connection-age-max`: how long a connection is kept; 10 min by default. The request under way is finished.
    pub connection_age_max: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            address: HostPort::loopback(6676),
            connections_max: 512,
            headers_len_max: ByteSize(16 << 10),
            body_len_max: ByteSize(1 << 20),
            header_timeout: 10 * SECOND,
            request_timeout: 30 * SECOND,
            connection_age_max: 10 * MINUTE,
        }
    }
}

impl HttpConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("address", &mut self.address);
        visit(
            "connections-max",
            &mut Within(&mut self.connections_max, 1..=100_000),
        );
        // Below 8 KiB hyper keeps no buffer.
        visit(
            "headers-len-max",
            &mut Within(&mut self.headers_len_max, ByteSize(8 << 10)..=ByteSize(1 << 20)),
        );
        visit(
            "body-len-max",
            &mut Within(&mut self.body_len_max, ByteSize(0)..=ByteSize(1 << 30)),
        );
        visit(
            "header-timeout",
            &mut Within(&mut self.header_timeout, SECOND / 10..=10 * MINUTE),
        );
        visit(
            "request-timeout",
            &mut Within(&mut self.request_timeout, SECOND / 10..=10 * MINUTE),
        );
        visit(
            "connection-age-max",
            &mut Within(&mut self.connection_age_max, SECOND..=DAY),
        );
    }
}

/// `[limits]`: bounds of the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// `caches-max`: the most caches of each kind; 10,000 by default.
    pub caches_max: usize,
    /// `event-queue-len-max`: the most events that wait for one listener; 65,536 by default.
    pub event_queue_len_max: usize,
    /// `event-queue-bytes-max`: the size of the events that wait for one listener; 64 MiB by default.
    pub event_queue_bytes_max: ByteSize,
    /// `event-log-bytes-max`: the size of the logs of last changes of all caches of a kind together, for listeners that come
    /// back; 64 MiB by default. With 0 there are none, and such listeners are refused.
    pub event_log_bytes_max: ByteSize,
    /// `event-log-linger`: how long such a log is kept after the last listener that uses it went; a minute by default.
    pub event_log_linger: Duration,
    /// `processor-time-limit`: how long a processor or an aggregator of one's own may run, each time; 5 s by default.
    pub processor_time_limit: Duration,
    /// `processor-threads-max`: the most threads that run such code at the same time; 64 by default.
    pub processor_threads_max: usize,
    /// `aggregation-bytes-max`: how many bytes one aggregation may keep at a member; 256 MiB by default.
    pub aggregation_bytes_max: ByteSize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig {
            caches_max: 10_000,
            event_queue_len_max: 65_536,
            event_queue_bytes_max: ByteSize(64 << 20),
            event_log_bytes_max: ByteSize(64 << 20),
            event_log_linger: MINUTE,
            processor_time_limit: 5 * SECOND,
            processor_threads_max: 64,
            aggregation_bytes_max: ByteSize(256 << 20),
        }
    }
}

impl LimitsConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("caches-max", &mut Within(&mut self.caches_max, 1..=1_000_000));
        visit(
            "event-queue-len-max",
            &mut Within(&mut self.event_queue_len_max, 1..=10_000_000),
        );
        let bytes = ByteSize(1 << 10)..=ByteSize(1 << 34);
        visit(
            "event-queue-bytes-max",
            &mut Within(&mut self.event_queue_bytes_max, bytes),
        );
        visit(
            "event-log-bytes-max",
            &mut Within(&mut self.event_log_bytes_max, ByteSize(0)..=ByteSize(1 << 36)),
        );
        visit(
            "event-log-linger",
            &mut Within(&mut self.event_log_linger, Duration::ZERO..=DAY),
        );
        visit(
            "processor-time-limit",
            &mut Within(&mut self.processor_time_limit, SECOND / 100..=60 * MINUTE),
        );
        visit(
            "processor-threads-max",
            &mut Within(&mut self.processor_threads_max, 1..=4_096),
        );
        let bytes = ByteSize(1 << 20)..=ByteSize(1 << 40);
        visit(
            "aggregation-bytes-max",
            &mut Within(&mut self.aggregation_bytes_max, bytes),
        );
    }
}

/// The name of a cache, or the beginning of names followed by `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachePattern(pub String);

impl Setting for CachePattern {
    fn set(&mut self, raw: &super::value::Raw<'_>) -> Result<(), String> {
        let text = raw
            .text()
            .ok_or_else(|| format!("{} is not a cache name in quotes", raw.given()))?;
        let prefix = text.strip_suffix('*').unwrap_or(text);
        if prefix.contains('*') {
            return Err(format!(
                "{text:?} is not a pattern: \"*\" may only stand at the end"
            ));
        }
        if text != "*" {
            grid_core::cache::CacheName::new(prefix).map_err(|error| error.to_string())?;
        }
        text.clone_into(&mut self.0);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(serde_json::Value::from(self.0.as_str()).to_string())
    }
}

impl Word for CacheKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("partitioned", CacheKind::Partitioned),
        ("local", CacheKind::Local),
    ];
}

impl Word for ReadFrom {
    const WORDS: &'static [(&'static str, Self)] =
        &[("primary", ReadFrom::Primary), ("closest", ReadFrom::Closest)];
}

/// `[[cache]]`: what holds for the caches of a name. The first that matches a name holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheConfig {
    /// `name`: a name, or the beginning of names followed by `*`. Must be given.
    pub name: CachePattern,
    /// `kind`: `partitioned`, the default, or `local`.
    pub kind: CacheKind,
    /// `ttl`: how long an entry lives that is put without a time to live; for ever by default.
    pub ttl: Option<Duration>,
    /// `backups`: how many backups the entries have; as `cluster.backups` says by default. A local cache has none.
    pub backups: Option<BackupCount>,
    /// `read-from`: where this member's reads go: `primary`, the default, or `closest`.
    pub read_from: ReadFrom,
}

impl CacheConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("name", &mut self.name);
        visit("kind", &mut self.kind);
        visit(
            "ttl",
            &mut WithinIfSet(&mut self.ttl, Duration::from_millis(1)..=36_500 * DAY),
        );
        visit("backups", &mut self.backups);
        visit("read-from", &mut self.read_from);
    }
}
