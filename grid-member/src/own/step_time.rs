//! How long a step may take.

use std::time::Duration;

/// A step of many entries takes no longer than this, or than one entry may.
const STEP_TIME_MAX: Duration = Duration::from_secs(300);

/// How long work on so many entries may take that are one step, if it may take `limit` on one: as long for each, up to five
/// minutes in all.
pub(crate) fn step_time(limit: Duration, entries: usize) -> Duration {
    let each = limit.saturating_mul(u32::try_from(entries).unwrap_or(u32::MAX));
    each.min(STEP_TIME_MAX).max(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_take_longer_but_not_for_ever() {
        let times = [(5, 1), (5, 10), (5, 1_000), (3_600, 1_000), (5, 0)];
        let times = times.map(|(limit, entries)| step_time(Duration::from_secs(limit), entries).as_secs());
        assert_eq!(times, [5, 50, 300, 3_600, 5]);
        assert_eq!(step_time(Duration::MAX, 7), Duration::MAX);
    }
}
