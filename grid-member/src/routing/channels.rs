//! Numbers for requests that are done once.

use std::time::Duration;

use grid_core::replication::{ClientId, RequestId, RequestTag};
use grid_core::store::Timestamp;
use parking_lot::Mutex;

/// A request may be applied for at least so long after it was first sent. Longer than any request is tried that does not
/// run code of one's own.
pub(super) const APPLY_WITHIN: Duration = Duration::from_secs(30);

/// Numbers for requests, given out so that each number is used by one request at a time: a partition then keeps one
/// outcome for each channel.
#[derive(Debug)]
pub struct Channels {
    base: u128,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    made: u64,
    idle: Vec<Channel>,
}

/// A sequence of numbered requests, of which one is open at a time.
#[derive(Debug)]
pub struct Channel {
    client: ClientId,
    next: u64,
}

impl Channels {
    /// Channels whose names begin with this random number.
    #[must_use]
    pub fn new(random: u128) -> Self {
        Channels {
            // Room for the numbers of the channels.
            base: random & !u128::from(u64::MAX),
            state: Mutex::default(),
        }
    }

    /// A channel that nobody uses; to be given back when its request has its answer.
    pub fn take(&self) -> Channel {
        let mut state = self.state.lock();
        if let Some(channel) = state.idle.pop() {
            return channel;
        }
        state.made += 1;
        Channel {
            client: ClientId::new(self.base | u128::from(state.made)),
            next: 1,
        }
    }

    /// Gives a channel back. One whose request has no answer must be dropped instead: its outcome may be asked for.
    pub fn give_back(&self, channel: Channel) {
        self.state.lock().idle.push(channel);
    }
}

impl Channel {
    /// The tag of the next request of this channel, which may be applied within this time.
    pub fn tag_within(&mut self, now: Timestamp, within: Duration) -> RequestTag {
        let lowest_open = self.next;
        self.tag_many_within(now, within, lowest_open, 1)
    }

    /// The number from which on requests are open when the next one is begun.
    #[must_use]
    pub fn lowest_open(&self) -> u64 {
        self.next
    }

    /// The tag of the first of so many requests that are open together with all others from this number on; the others have
    /// the numbers that follow.
    pub fn tag_many(&mut self, now: Timestamp, lowest_open: u64, count: usize) -> RequestTag {
        self.tag_many_within(now, APPLY_WITHIN, lowest_open, count)
    }

    /// As [`tag_many`](Self::tag_many), for requests that may be applied within this time.
    pub fn tag_many_within(
        &mut self,
        now: Timestamp,
        within: Duration,
        lowest_open: u64,
        count: usize,
    ) -> RequestTag {
        let number = self.next;
        self.next += count as u64;
        RequestTag {
            id: RequestId {
                client: self.client,
                number,
            },
            lowest_open,
            apply_before: now
                .after_ms(u64::try_from(within.max(APPLY_WITHIN).as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_be_applied_as_long_as_it_is_tried_and_half_a_minute_at_least() {
        let now = Timestamp::from_unix_ms(1_000);
        let mut channel = Channels::new(7).take();
        let mut applied_until = |within| channel.tag_within(now, within).apply_before.as_unix_ms();
        assert_eq!(applied_until(Duration::ZERO), 31_000);
        assert_eq!(applied_until(Duration::from_secs(130)), 131_000);
        assert_eq!(applied_until(Duration::MAX), u64::MAX);
        assert_eq!(channel.lowest_open(), 4);
    }
}
