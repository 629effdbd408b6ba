//! The one place that reads the clock.

use std::time::Instant;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "a load tool measures real time, and this is where it reads it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
