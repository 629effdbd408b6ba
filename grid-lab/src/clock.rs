//! The one place that reads the clock.

use std::time::Duration;

use tokio::time::Instant;

/// Now. Tokio's clock, which tests can stop.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the crate that reads the clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Measures one run: all times of a history are nanoseconds since it began. Clones share the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    began: Instant,
}

impl Stopwatch {
    /// One that begins now.
    #[must_use]
    pub fn start() -> Self {
        Stopwatch { began: now() }
    }

    /// How long it has run, in nanoseconds.
    #[must_use]
    pub fn ns(&self) -> u64 {
        u64::try_from(now().duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Nanoseconds as seconds, for people.
pub(crate) fn seconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64()
}

/// A time as nanoseconds; what does not fit becomes the most that does.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A seed that no earlier run had.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Short enough to be typed again.
    RandomState::new().hash_one(0) % 1_000_000_000
}
