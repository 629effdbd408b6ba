//! When and how often to try again.

use std::time::Duration;

use super::Failure;

/// How a session deals with a connection that fails.
///
/// An operation that reads is done again on a new connection until its deadline; one that changes something only when
/// it was not sent, or is numbered and the server does such requests once. The pauses between two attempts to connect double from `delay_first` to `delay_max`, each
/// shortened by chance to between half and all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often one operation is sent at most. At least once. Default: 4.
    pub attempts_max: u32,
    /// The pause before the first attempt to connect again. Default: 20 ms.
    pub delay_first: Duration,
    /// The longest pause. Default: 2 s.
    pub delay_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            attempts_max: 4,
            delay_first: Duration::from_millis(20),
            delay_max: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// The pause after this many failures in a row.
    pub(crate) fn delay(&self, failures: u32, random: u64) -> Duration {
        let doubled = self
            .delay_first
            .saturating_mul(1_u32.checked_shl(failures.min(31)).unwrap_or(u32::MAX));
        let half = doubled.min(self.delay_max) / 2;
        // The low 16 bits decide how much of the second half is waited.
        let share = u32::try_from(random & 0xffff).unwrap_or(0);
        half + half.saturating_mul(share) / 0xffff
    }

    /// Whether an operation that failed like this after so many attempts may be sent again.
    pub(crate) fn again(&self, failure: &Failure, reads: bool, attempts: u32) -> bool {
        matches!(failure, Failure::Lost { .. })
            && (reads || failure.is_harmless())
            && attempts < self.attempts_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(written: bool) -> Failure {
        Failure::Lost {
            address: "a:1".into(),
            reason: "x".into(),
            written,
        }
    }

    #[test]
    fn only_what_is_safe_is_sent_again() {
        let policy = RetryPolicy::default();
        assert!(policy.again(&lost(true), true, 1));
        assert!(policy.again(&lost(false), false, 1));
        assert!(!policy.again(&lost(true), false, 1));
        assert!(!policy.again(&lost(true), true, policy.attempts_max));
        assert!(!policy.again(&Failure::Late { written: false }, true, 1));
        assert!(!policy.again(&Failure::Refused("no".into()), true, 1));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy::default();
        let longest = |failures| policy.delay(failures, u64::MAX);
        assert_eq!(longest(0), policy.delay_first);
        assert_eq!(longest(1), policy.delay_first * 2);
        assert_eq!(longest(60), policy.delay_max);
        assert_eq!(policy.delay(60, 0), policy.delay_max / 2);
        assert!(policy.delay(3, 12_345) < longest(3));
    }
}
