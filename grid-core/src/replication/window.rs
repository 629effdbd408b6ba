//! The outcomes of requests that may come again.

use std::collections::{BTreeMap, VecDeque};

use crate::store::Timestamp;

use super::{Answered, ClientId, Outcome, RequestId, RequestTag};

/// How much longer than its apply-before time an outcome is kept, for clocks that do not agree.
const KEPT_LONGER_MS: u64 = 5_000;

/// The largest number of outcomes of one client in one partition: as many requests as a client may have open.
pub const OPEN_REQUESTS_MAX: usize = 1_024;

/// What the window knows about a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was not done here.
    New,
    /// It was done, with this outcome.
    Done(T),
    /// Its client has said that it had the answer: nobody can ask again in good faith.
    Forgotten,
}

/// So many times of outcomes that are not kept any more may lie about, beyond as many as there are outcomes.
const ENDS_SPARE: usize = 64;

#[derive(Clone, Debug, Default)]
struct Client {
    lowest_open: u64,
    /// How many times in `ends` are its.
    ends: usize,
    outcomes: BTreeMap<u64, Outcome>,
}

/// The outcomes that a partition keeps, so that a request that comes again after a failover gets its first outcome.
///
/// It is changed only by records, in the order of the log: so every copy of the partition has the same one.
///
/// # Invariant
///
/// From the record that did a request until its client has said that it has the answer, or its apply-before time is
/// over, the window has its outcome.
#[derive(Clone, Debug, Default)]
pub struct RequestWindow {
    clients: BTreeMap<ClientId, Client>,
    /// By the order in which they came: when each may be forgotten.
    ends: VecDeque<(Timestamp, RequestId)>,
    /// How many outcomes there are.
    len: usize,
    /// Their bytes.
    bytes: usize,
}

impl RequestWindow {
    /// What is known about a request.
    #[must_use]
    pub fn seen(&self, id: RequestId) -> Seen<&Outcome> {
        let Some(client) = self.clients.get(&id.client) else {
            return Seen::New;
        };
        match client.outcomes.get(&id.number) {
            Some(outcome) => Seen::Done(outcome),
            None if id.number < client.lowest_open => Seen::Forgotten,
            None => Seen::New,
        }
    }

    /// Whether there is room for the outcome of this request, when those are forgotten that its client has had.
    #[must_use]
    pub fn has_room(&self, tag: &RequestTag) -> bool {
        self.has_room_for(tag, 1)
    }

    /// As [`has_room`](Self::has_room), for so many requests from this one on.
    #[must_use]
    pub fn has_room_for(&self, tag: &RequestTag, count: usize) -> bool {
        let client = self.clients.get(&tag.id.client);
        let kept = client.map_or(0, |client| client.outcomes.len());
        let open = || client.map_or(0, |client| client.outcomes.range(tag.lowest_open..).count());
        kept + count <= OPEN_REQUESTS_MAX || open() + count <= OPEN_REQUESTS_MAX
    }

    /// The bytes of the outcomes, answers included, when those are forgotten that the client of this request has had.
    #[must_use]
    pub fn bytes_without(&self, tag: &RequestTag) -> usize {
        let client = self.clients.get(&tag.id.client);
        let had = client.map_or(0, |client| {
            let had = client.outcomes.range(..tag.lowest_open);
            had.map(|(_, outcome)| kept_bytes(outcome)).sum()
        });
        self.bytes.saturating_sub(had)
    }

    /// Keeps an outcome, and forgets what its client has had the answer of.
    pub fn keep(&mut self, answered: &Answered) {
        let client = self.clients.entry(answered.id.client).or_default();
        let before = client.outcomes.len();
        if answered.lowest_open > client.lowest_open {
            client.lowest_open = answered.lowest_open;
            while let Some(first) = client.outcomes.first_entry() {
                if *first.key() >= answered.lowest_open {
                    break;
                }
                self.bytes -= kept_bytes(&first.remove());
            }
        }
        // Nobody can ask for it any more, or it came with a copy and comes again with its record.
        let is_new =
            answered.id.number >= client.lowest_open && !client.outcomes.contains_key(&answered.id.number);
        if is_new {
            self.bytes += kept_bytes(&answered.outcome);
            client
                .outcomes
                .insert(answered.id.number, answered.outcome.clone());
            client.ends += 1;
            self.ends
                .push_back((answered.apply_before.after_ms(KEPT_LONGER_MS), answered.id));
        }
        self.len = self.len - before + client.outcomes.len();
        if client.ends == 0 {
            self.clients.remove(&answered.id.client);
        }
        if self.ends.len() > 2 * self.len + ENDS_SPARE {
            self.drop_ends();
        }
    }

    /// Drops the times of outcomes that their clients have had, but for the last one of each client: its lowest open
    /// number is kept so long. An outcome of a client that idles must not hold those of all others.
    fn drop_ends(&mut self) {
        let clients = &mut self.clients;
        self.ends.retain(|(_, id)| {
            let Some(client) = clients.get_mut(&id.client) else {
                return false;
            };
            let stays = client.ends == 1 || client.outcomes.contains_key(&id.number);
            client.ends -= usize::from(!stays);
            stays
        });
    }

    /// Forgets outcomes whose time is over, as far as those that came before them are over too.
    pub fn forget_until(&mut self, now: Timestamp) {
        while let Some((end, id)) = self.ends.front().copied() {
            let kept = self
                .clients
                .get(&id.client)
                .is_some_and(|client| client.outcomes.contains_key(&id.number));
            if kept && end > now {
                break;
            }
            self.ends.pop_front();
            if let Some(client) = self.clients.get_mut(&id.client) {
                let removed = client.outcomes.remove(&id.number);
                self.len -= usize::from(removed.is_some());
                self.bytes -= removed.as_ref().map_or(0, kept_bytes);
                client.ends -= 1;
                if client.ends == 0 {
                    self.clients.remove(&id.client);
                }
            }
        }
    }

    /// How many outcomes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes of the outcomes, answers included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every outcome, as records would keep them, for a copy of the partition.
    pub fn all(&self) -> impl Iterator<Item = Answered> + '_ {
        self.ends.iter().filter_map(|(end, id)| {
            let client = self.clients.get(&id.client)?;
            Some(Answered {
                id: *id,
                outcome: client.outcomes.get(&id.number)?.clone(),
                lowest_open: client.lowest_open,
                apply_before: Timestamp::from_unix_ms(end.as_unix_ms().saturating_sub(KEPT_LONGER_MS)),
            })
        })
    }
}

/// About what an outcome takes in memory.
fn kept_bytes(outcome: &Outcome) -> usize {
    size_of::<Answered>() + outcome.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(number: u64, lowest_open: u64, apply_before: u64) -> Answered {
        Answered {
            id: RequestId {
                client: ClientId::new(7),
                number,
            },
            outcome: Outcome {
                done: true,
                ..Outcome::default()
            },
            lowest_open,
            apply_before: Timestamp::from_unix_ms(apply_before),
        }
    }

    fn seen(window: &RequestWindow, number: u64) -> Seen<bool> {
        match window.seen(RequestId {
            client: ClientId::new(7),
            number,
        }) {
            Seen::New => Seen::New,
            Seen::Done(outcome) => Seen::Done(outcome.done),
            Seen::Forgotten => Seen::Forgotten,
        }
    }

    #[test]
    fn an_outcome_is_kept_until_its_client_has_it() {
        let mut window = RequestWindow::default();
        window.keep(&answered(1, 1, 1_000));
        window.keep(&answered(2, 1, 1_000));
        assert_eq!(
            (seen(&window, 1), seen(&window, 2), seen(&window, 3)),
            (Seen::Done(true), Seen::Done(true), Seen::New)
        );
        window.keep(&answered(3, 2, 1_000));
        assert_eq!(
            (seen(&window, 1), seen(&window, 2)),
            (Seen::Forgotten, Seen::Done(true))
        );
    }

    #[test]
    fn an_outcome_goes_when_its_time_is_over_and_nothing_is_left() {
        let mut window = RequestWindow::default();
        window.keep(&answered(1, 1, 1_000));
        window.forget_until(Timestamp::from_unix_ms(1_000));
        assert_eq!(seen(&window, 1), Seen::Done(true));
        window.forget_until(Timestamp::from_unix_ms(1_000 + KEPT_LONGER_MS));
        assert_eq!(seen(&window, 1), Seen::New);
        assert!(window.is_empty() && window.ends.is_empty() && window.clients.is_empty());
    }

    #[test]
    fn a_full_window_has_room_when_its_client_has_had_the_answers() {
        let mut window = RequestWindow::default();
        let last = OPEN_REQUESTS_MAX as u64;
        for number in 1..=last {
            window.keep(&answered(number, 1, 1_000));
        }
        let tag = |lowest_open| RequestTag {
            id: RequestId {
                client: ClientId::new(7),
                number: last + 1,
            },
            lowest_open,
            apply_before: Timestamp::from_unix_ms(1_000),
        };
        assert!(!window.has_room(&tag(1)));
        assert!(window.has_room(&tag(2)));
    }

    #[test]
    fn an_outcome_that_nobody_fetches_does_not_hold_the_times_of_others() {
        let mut window = RequestWindow::default();
        let mut idle = answered(1, 1, 1_000_000);
        idle.id.client = ClientId::new(8);
        window.keep(&idle);
        for number in 1..10_000 {
            window.keep(&answered(number, number, 1_000_000));
            window.forget_until(Timestamp::from_unix_ms(10));
        }
        assert_eq!(window.len(), 2);
        assert!(window.ends.len() <= 2 * 2 + ENDS_SPARE, "{}", window.ends.len());
        assert_eq!(seen(&window, 9_998), Seen::Forgotten);
        assert_eq!(seen(&window, 9_999), Seen::Done(true));
        assert!(matches!(window.seen(idle.id), Seen::Done(_)));
        window.forget_until(Timestamp::from_unix_ms(2_000_000));
        assert!(window.is_empty() && window.ends.is_empty() && window.clients.is_empty());
    }

    #[test]
    fn a_copy_knows_the_same() {
        let mut window = RequestWindow::default();
        for number in 1..5 {
            window.keep(&answered(number, 3, 1_000 + number));
        }
        let mut copy = RequestWindow::default();
        window.all().for_each(|answered| copy.keep(&answered));
        for number in 0..6 {
            assert_eq!(seen(&window, number), seen(&copy, number), "{number}");
        }
    }
}
