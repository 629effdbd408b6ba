//! How long something takes that gets less and less.

use std::time::Duration;

/// Estimates when something will be done, from how much was left when.
///
/// It takes the time as an argument, in whatever a monotonic clock counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// When it began, and how much was left then.
    began: Option<(Duration, usize)>,
}

impl Pace {
    /// Notes that this much is left now; gives the time until nothing is, as far as the pace is known.
    ///
    /// More than at the beginning is a new beginning, and so is the first that is left after nothing was.
    pub fn observe(&mut self, now: Duration, left: usize) -> Option<Duration> {
        if left == 0 {
            self.began = None;
            return Some(Duration::ZERO);
        }
        match self.began {
            Some((since, at_first)) if left <= at_first => {
                let (done, taken) = (at_first - left, now.saturating_sub(since));
                let (done, left) = (u32::try_from(done).ok()?, u32::try_from(left).ok()?);
                if done == 0 {
                    return None;
                }
                taken.checked_mul(left).map(|time| time / done)
            }
            _ => {
                self.began = Some((now, left));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_time_left_follows_the_pace() {
        let mut pace = Pace::default();
        assert_eq!(pace.observe(s(100), 60), None);
        assert_eq!(pace.observe(s(101), 60), None, "nothing was done yet");
        assert_eq!(pace.observe(s(110), 40), Some(s(20)));
        assert_eq!(pace.observe(s(125), 10), Some(s(5)));
        assert_eq!(pace.observe(s(130), 0), Some(Duration::ZERO));
    }

    #[test]
    fn more_to_do_begins_anew() {
        let mut pace = Pace::default();
        pace.observe(s(0), 10);
        assert_eq!(pace.observe(s(5), 5), Some(s(5)));
        assert_eq!(pace.observe(s(6), 50), None);
        assert_eq!(pace.observe(s(7), 25), Some(s(1)));
        pace.observe(s(8), 0);
        assert_eq!(
            pace.observe(s(1_000), 10),
            None,
            "the rest between does not count"
        );
    }
}
