//! The one place that reads the clock and draws random numbers.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// What time it is. Tokio's clock, which tests can stop.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the crate that reads the clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time in milliseconds since 1970, as this machine believes.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the crate that reads the clock"
)]
pub(crate) fn unix_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// A random number, good enough to tell processes apart.
pub(crate) fn random() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(0));
    half() << 64 | half()
}
