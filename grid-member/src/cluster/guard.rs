//! Whether this member may serve, as those who serve ask for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Serves for ever: there is nobody who could take over.
const FOR_EVER: u64 = u64::MAX;

/// The end of this member's lease, for those who serve to look at. Written by the control loop alone.
#[derive(Debug)]
pub struct LeaseGuard {
    clock: Arc<dyn Clock>,
    /// In microseconds since the machine was started; 0: there is no lease.
    until_us: AtomicU64,
    /// When the last lease was over, or taken away.
    ended_us: AtomicU64,
}

impl LeaseGuard {
    /// No lease yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let now = micros(clock.uptime());
        LeaseGuard {
            clock,
            until_us: AtomicU64::new(0),
            ended_us: AtomicU64::new(now),
        }
    }

    /// Whether this member may serve now.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        let until = self.until_us.load(Ordering::Acquire);
        until == FOR_EVER || (until != 0 && micros(self.clock.uptime()) < until)
    }

    /// For how long there has been no lease; zero while there is one.
    #[must_use]
    pub fn missing_for(&self) -> Duration {
        let (now, until) = (micros(self.clock.uptime()), self.until_us.load(Ordering::Acquire));
        if until > now {
            return Duration::ZERO;
        }
        let ended = if until == 0 {
            self.ended_us.load(Ordering::Acquire)
        } else {
            until
        };
        Duration::from_micros(now.saturating_sub(ended))
    }

    /// A lease until this time since the machine was started.
    pub(crate) fn extend(&self, until: Duration) {
        self.until_us.store(micros(until), Ordering::Release);
    }

    /// A lease without an end, for a member that is the only voter.
    pub(crate) fn serve_for_ever(&self) {
        self.until_us.store(FOR_EVER, Ordering::Release);
    }

    /// No lease any more.
    pub(crate) fn end(&self) {
        let now = micros(self.clock.uptime());
        let before = self.until_us.swap(0, Ordering::AcqRel);
        if before != 0 {
            self.ended_us.store(now.min(before), Ordering::Release);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(FOR_EVER - 1)
}
