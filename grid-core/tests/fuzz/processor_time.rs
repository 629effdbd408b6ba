//! How long something takes, whatever else the machine does.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[expect(
    clippy::disallowed_methods,
    reason = "how long something takes is what is tested"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// For how long this thread had a processor; the time where the system does not tell.
pub(crate) fn processor_time() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok());
    match nanoseconds {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => START.get_or_init(now).elapsed(),
    }
}
