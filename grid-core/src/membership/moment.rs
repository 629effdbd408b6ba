//! Points on one member's clock.

use core::time::Duration;
use std::fmt;

/// A point in time on one member's own boot-time clock: microseconds since its machine was started.
///
/// The clock never goes back and goes on while the machine sleeps. Moments of two members mean nothing to each other,
/// so none ever goes over the wire; lengths of time do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Moment(u64);

impl Moment {
    /// When the machine was started.
    pub const BOOT: Moment = Moment(0);

    /// The moment this many microseconds after the machine was started.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Moment(micros)
    }

    /// Microseconds since the machine was started.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This much later; the end of time when that lies beyond it.
    #[must_use]
    pub fn after(self, length: Duration) -> Self {
        Moment(self.0.saturating_add(micros(length)))
    }

    /// This much earlier; [`Moment::BOOT`] when that lies before it.
    #[must_use]
    pub fn before(self, length: Duration) -> Self {
        Moment(self.0.saturating_sub(micros(length)))
    }

    /// How long ago an earlier moment was; nothing when it was not earlier.
    #[must_use]
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// All lengths that come in are settings or reports; what is longer than half a million years is the end of time.
fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} us", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate_at_both_ends() {
        let second = Duration::from_secs(1);
        let moment = Moment::from_micros(1_500_000);
        assert_eq!(moment.after(second).as_micros(), 2_500_000);
        assert_eq!(moment.before(second).as_micros(), 500_000);
        assert_eq!(moment.before(second * 2), Moment::BOOT);
        assert_eq!(moment.after(Duration::MAX).as_micros(), u64::MAX);
        assert_eq!(moment.since(moment.before(second)), second);
        assert_eq!(moment.since(moment.after(second)), Duration::ZERO);
    }
}
