//! What a session is told once, at its beginning.

use std::sync::Arc;
use std::time::Duration;

use grid_proto::limits::MESSAGE_LEN_MAX;

use crate::connection::RetryPolicy;

/// How much an answer of several messages may hold, in messages of the longest kind.
const ANSWER_MESSAGES_MAX: usize = 16;

/// The settings of a session, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The addresses that were given. At least one, unless others are looked for.
    pub(crate) addresses: Vec<Arc<str>>,
    /// Where to look for more.
    #[cfg(feature = "discovery")]
    pub(crate) finding: crate::finding::Finding,
    pub(crate) scope: String,
    /// By which servers know the session's requests when they come again; drawn when it begins.
    pub(crate) client: u128,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) message_len_max: usize,
    pub(crate) event_queue_len: usize,
    pub(crate) in_flight_max: usize,
    pub(crate) connections: usize,
    /// Whether requests go to the members that serve their keys.
    pub(crate) routed: bool,
    pub(crate) retry: RetryPolicy,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            addresses: Vec::new(),
            #[cfg(feature = "discovery")]
            finding: crate::finding::Finding::default(),
            scope: String::new(),
            client: 0,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            heartbeat: Some(Duration::from_secs(10)),
            message_len_max: MESSAGE_LEN_MAX,
            event_queue_len: 4_096,
            in_flight_max: 1_024,
            connections: 1,
            routed: true,
            retry: RetryPolicy::default(),
        }
    }
}

impl Settings {
    /// Whether members are looked for beyond the addresses that were given.
    pub(crate) fn looks(&self) -> bool {
        #[cfg(feature = "discovery")]
        return !self.finding.is_empty();
        #[cfg(not(feature = "discovery"))]
        return false;
    }

    /// The most bytes that the answer to one request may have.
    pub(crate) fn answer_len_max(&self) -> usize {
        self.message_len_max.saturating_mul(ANSWER_MESSAGES_MAX)
    }

    /// How often deadlines are looked at: a request may fail this much after its own.
    pub(crate) fn deadline_tick(&self) -> Duration {
        (self.request_timeout / 32).clamp(Duration::from_millis(1), Duration::from_millis(250))
    }
}
