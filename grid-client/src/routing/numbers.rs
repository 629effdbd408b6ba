//! Numbers for requests, so that one that is sent again is not done again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use grid_proto::girih::RequestTag;
use grid_proto::limits::{APPLY_WITHIN_MS_MAX, OPEN_REQUESTS_MAX, SERIES_MAX};

use crate::clock;

/// How far the clocks of members may be apart: a request may be applied so much longer than it is waited for.
const CLOCKS_APART: Duration = Duration::from_secs(5);

/// One series of numbers. The open ones are closer together than partitions keep outcomes, so a request that takes long
/// holds up a series; the others go on.
#[derive(Debug)]
struct Series {
    lowest: u64,
    /// Of the numbers from the lowest open one on, whether each has had its answer.
    answered: VecDeque<bool>,
}

#[derive(Debug, Default)]
struct State {
    series: Vec<Series>,
    open: u64,
    waiting: usize,
}

impl State {
    /// The next number, with its series; `None` when too many are open.
    fn open(&mut self) -> Option<(u32, u64, u64)> {
        if self.open >= OPEN_REQUESTS_MAX {
            return None;
        }
        let has_room = |series: &Series| (series.answered.len() as u64) < OPEN_REQUESTS_MAX;
        let index = match self.series.iter().position(has_room) {
            Some(index) => index,
            None if self.series.len() < usize::try_from(SERIES_MAX).unwrap_or(usize::MAX) => {
                self.series.push(Series {
                    lowest: 1,
                    answered: VecDeque::new(),
                });
                self.series.len() - 1
            }
            None => return None,
        };
        let series = &mut self.series[index];
        let number = series.lowest + series.answered.len() as u64;
        series.answered.push_back(false);
        self.open += 1;
        Some((u32::try_from(index).unwrap_or(u32::MAX), number, series.lowest))
    }

    fn close(&mut self, series: u32, number: u64) {
        let series = usize::try_from(series)
            .ok()
            .and_then(|index| self.series.get_mut(index));
        let Some(series) = series else { return };
        let answered = number
            .checked_sub(series.lowest)
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| series.answered.get_mut(at));
        if let Some(answered) = answered {
            *answered = true;
            self.open -= 1;
        }
        while series.answered.front() == Some(&true) {
            series.answered.pop_front();
            series.lowest += 1;
        }
    }
}

/// The numbers of a session's requests.
#[derive(Debug)]
pub(crate) struct Numbers {
    since: Instant,
    /// The servers' time, in milliseconds since 1970, at `since`.
    since_unix_ms: AtomicU64,
    state: Mutex<State>,
    closed: Notify,
}

/// The number of a request. It is open until this is dropped.
#[derive(Debug)]
pub(crate) struct Number<'a> {
    numbers: &'a Numbers,
    pub(crate) tag: RequestTag,
}

impl Numbers {
    pub(crate) fn new() -> Self {
        Numbers {
            since: clock::now(),
            since_unix_ms: AtomicU64::new(0),
            state: Mutex::default(),
            closed: Notify::new(),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from((clock::now() - self.since).as_millis()).unwrap_or(u64::MAX)
    }

    /// A server said what time it is.
    pub(crate) fn now_is(&self, unix_ms: u64) {
        let since = unix_ms.saturating_sub(self.elapsed_ms());
        self.since_unix_ms.store(since, Ordering::Relaxed);
    }

    /// A number for a request that is waited for so long; `None` when too many are open.
    pub(crate) fn try_open(&self, timeout: Duration) -> Option<Number<'_>> {
        let (series, number, lowest_open) = self.state.lock().open()?;
        let within = u64::try_from((timeout + CLOCKS_APART).as_millis()).unwrap_or(u64::MAX);
        let now = self.since_unix_ms.load(Ordering::Relaxed) + self.elapsed_ms();
        let tag = RequestTag {
            number,
            lowest_open,
            // The limit is counted by the server's clock.
            apply_before_ms: now + within.min(APPLY_WITHIN_MS_MAX / 2),
            series,
        };
        Some(Number { numbers: self, tag })
    }

    /// Waits until a number may be free. Whether there is one in time.
    pub(crate) async fn room(&self, deadline: Instant) -> bool {
        let mut closed = std::pin::pin!(self.closed.notified());
        closed.as_mut().enable();
        {
            let mut state = self.state.lock();
            if state.open < OPEN_REQUESTS_MAX
                && state
                    .series
                    .iter()
                    .any(|series| (series.answered.len() as u64) < OPEN_REQUESTS_MAX)
            {
                return true;
            }
            state.waiting += 1;
        }
        let in_time = timeout_at(deadline, closed).await.is_ok();
        self.state.lock().waiting -= 1;
        in_time
    }
}

impl Drop for Number<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.numbers.state.lock();
            state.close(self.tag.series, self.tag.number);
            state.waiting
        };
        if waiting > 0 {
            self.numbers.closed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn the_lowest_open_number_follows_the_answers() {
        let numbers = Numbers::new();
        numbers.now_is(1_000_000);
        let first = numbers.try_open(TIMEOUT).unwrap();
        let second = numbers.try_open(TIMEOUT).unwrap();
        assert_eq!((first.tag.number, first.tag.lowest_open), (1, 1));
        assert_eq!((second.tag.number, second.tag.lowest_open), (2, 1));
        assert!((1_006_000..1_600_000).contains(&first.tag.apply_before_ms));
        drop(second);
        let third = numbers.try_open(TIMEOUT).unwrap();
        assert_eq!(third.tag.lowest_open, 1, "the first has no answer");
        drop(first);
        assert_eq!(numbers.try_open(TIMEOUT).unwrap().tag.lowest_open, 3);
    }

    #[tokio::test]
    async fn a_request_that_takes_long_holds_up_a_series_and_not_the_session() {
        let numbers = Numbers::new();
        let slow = numbers.try_open(TIMEOUT).unwrap();
        for _ in 1..OPEN_REQUESTS_MAX {
            let quick = numbers.try_open(TIMEOUT).unwrap();
            assert_eq!(quick.tag.series, 0);
        }
        let next = numbers.try_open(TIMEOUT).unwrap();
        assert_eq!((next.tag.series, next.tag.number), (1, 1));
        drop(slow);
        assert_eq!(numbers.try_open(TIMEOUT).unwrap().tag.series, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_open() {
        let numbers = Numbers::new();
        let mut open: Vec<_> = (0..OPEN_REQUESTS_MAX)
            .map(|_| numbers.try_open(TIMEOUT).unwrap())
            .collect();
        assert!(numbers.try_open(TIMEOUT).is_none());
        assert!(!numbers.room(clock::now() + TIMEOUT).await);
        let deadline = clock::now() + TIMEOUT;
        let (in_time, ()) = tokio::join!(numbers.room(deadline), async { drop(open.pop()) });
        assert!(in_time);
        assert!(numbers.try_open(TIMEOUT).is_some());
    }
}
