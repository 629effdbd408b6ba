//! How long a request is tried again.

use std::time::Duration;

use grid_core::cache::Unavailability;

use super::RouterSettings;

/// What came of an attempt to have the parts of a request done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// Whether any part was done.
    pub(super) progress: bool,
    /// Whether a part has no member that serves it.
    pub(super) unserved: bool,
    /// How long this member is without a lease.
    pub(super) cut_off_for: Duration,
}

/// How long a request is tried again.
///
/// What is waited for is that someone serves what was asked, not that those who do come to an end: a question may take as
/// long as it takes. So the time counts from the end of the first attempt of which something is left, and anew
/// whenever a part was done: what fails is always tried once more. There are only so many parts, so that it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    settings: RouterSettings,
    failing_since: Option<Duration>,
    unserved_since: Option<Duration>,
}

impl Patience {
    pub(super) fn new(settings: RouterSettings) -> Self {
        Patience {
            settings,
            failing_since: None,
            unserved_since: None,
        }
    }

    /// Why a request of which something is left after an attempt that ended now is not to be tried any longer.
    pub(super) fn end_of(&mut self, now: Duration, attempt: Attempt) -> Option<Unavailability> {
        if attempt.progress {
            (self.failing_since, self.unserved_since) = (None, None);
        }
        let since = |begin: Duration| now.saturating_sub(begin);
        let failing_for = since(*self.failing_since.get_or_insert(now));
        // Both: one that was cut off for long is given the time to find out that it no longer is.
        if attempt.cut_off_for.min(failing_for) >= self.settings.cut_off_after {
            return Some(Unavailability::Minority);
        }
        let unserved_for = match attempt.unserved {
            true => since(*self.unserved_since.get_or_insert(now)),
            false => {
                self.unserved_since = None;
                Duration::ZERO
            }
        };
        let is_over =
            failing_for >= self.settings.request_timeout || unserved_for >= self.settings.no_owner_after;
        is_over.then_some(Unavailability::NoOwner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Attempt = Attempt {
        progress: false,
        unserved: false,
        cut_off_for: Duration::ZERO,
    };
    const UNSERVED: Attempt = Attempt {
        unserved: true,
        ..FAILED
    };
    const PARTLY: Attempt = Attempt {
        progress: true,
        ..UNSERVED
    };

    fn patience() -> Patience {
        Patience::new(RouterSettings::default())
    }

    #[test]
    fn the_time_that_others_work_is_not_counted() {
        let mut patience = patience();
        let at = Duration::from_millis;
        // The first attempt took 11 s, and its member died.
        assert_eq!(patience.end_of(at(11_000), FAILED), None);
        assert_eq!(patience.end_of(at(20_000), FAILED), None);
        // Others were done for 30 s, beside a partition that is being taken over.
        assert_eq!(patience.end_of(at(50_000), PARTLY), None);
        assert_eq!(patience.end_of(at(51_900), UNSERVED), None);
        assert_eq!(
            patience.end_of(at(52_000), UNSERVED),
            Some(Unavailability::NoOwner)
        );
    }

    #[test]
    fn what_nobody_serves_is_given_up() {
        let mut failing = patience();
        let at = Duration::from_millis;
        assert_eq!(failing.end_of(at(0), FAILED), None);
        assert_eq!(failing.end_of(at(9_000), UNSERVED), None);
        assert_eq!(
            failing.end_of(at(9_900), UNSERVED),
            None,
            "only now without a primary"
        );
        assert_eq!(failing.end_of(at(9_999), FAILED), None);
        assert_eq!(failing.end_of(at(10_000), FAILED), Some(Unavailability::NoOwner));
        let mut cut_off = patience();
        let attempt = Attempt {
            cut_off_for: at(5_000),
            ..FAILED
        };
        assert_eq!(cut_off.end_of(at(100), attempt), None);
        assert_eq!(cut_off.end_of(at(900), attempt), Some(Unavailability::Minority));
    }
}
