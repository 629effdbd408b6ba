//! The one place that reads the clock and draws random numbers.

use std::hash::{BuildHasher, RandomState};

use tokio::time::Instant;

/// What time it is. Tokio's clock, which tests can stop.
#[inline]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the crate that reads the clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A random number, good enough to keep clients from acting in step.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}
