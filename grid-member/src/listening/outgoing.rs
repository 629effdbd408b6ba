//! The events that wait for one other member.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use grid_core::store::CacheId;
use grid_proto::member::PAYLOAD_MAX;

use super::wire::write_missed;

/// What an event costs beside its bytes.
const OVERHEAD: usize = 96;

/// An event that is longer is not sent.
const FRAME_MAX: usize = PAYLOAD_MAX - 64;

#[derive(Debug)]
struct Item {
    number: u64,
    /// The caches that it is about.
    caches: BTreeSet<CacheId>,
    body: Vec<Bytes>,
    bytes: usize,
    at: Duration,
    /// It is word that events are missing.
    gap: Option<Gap>,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// There was no room for them. They are waited for until the word is passed on.
    NoRoom,
    /// They are not waited for any more.
    GivenUp,
}

/// The events that wait for one other member, in order, until it says that it has passed them on.
///
/// They are numbered from 1. When there are too many, or the oldest waits for too long, all are replaced by one item that
/// says which caches they were about. Nobody waits any more for those that waited too long; so this is only done when
/// others know of it who outlive this member.
#[derive(Debug)]
pub struct Outgoing {
    len_max: usize,
    bytes_max: usize,
    items: VecDeque<Item>,
    bytes: usize,
    /// How many of the items are word of events that were given up.
    given_up_len: usize,
    /// The number of the last item.
    last: u64,
    /// The other member has passed everything on up to here.
    heard: u64,
    /// Nobody waits any more for anything up to here to be passed on.
    given_up: u64,
    /// The connection that items are sent on.
    connection: Option<u64>,
    /// Everything up to here was sent on it.
    sent: u64,
}

impl Outgoing {
    /// An empty queue for at most so many events of at most so many bytes together.
    #[must_use]
    pub fn new(len_max: usize, bytes_max: usize) -> Self {
        Outgoing {
            len_max,
            bytes_max,
            items: VecDeque::new(),
            bytes: 0,
            given_up_len: 0,
            last: 0,
            heard: 0,
            given_up: 0,
            connection: None,
            sent: 0,
        }
    }

    /// Appends an event of a cache, and gives its number. When the queue is full, the number is that of the word that
    /// events are missing.
    pub fn push(&mut self, at: Duration, cache: CacheId, body: Vec<Bytes>) -> u64 {
        let bytes = OVERHEAD + body.iter().map(Bytes::len).sum::<usize>();
        let full = self.items.len() >= self.len_max || self.bytes.saturating_add(bytes) > self.bytes_max;
        if bytes > FRAME_MAX {
            // Both values together may be longer than a frame may be.
            let caches = BTreeSet::from([cache]);
            self.append(at, caches.clone(), write_missed(&caches), Some(Gap::NoRoom));
        } else if full && !self.items.is_empty() {
            self.replace_by_gap(at, Some(cache), Gap::NoRoom);
        } else {
            self.append(at, BTreeSet::from([cache]), body, None);
        }
        self.last
    }

    /// Appends word that events of these caches are missing, which another member would have told that is gone.
    pub fn push_missed(&mut self, at: Duration, caches: BTreeSet<CacheId>) {
        let body = write_missed(&caches);
        self.append(at, caches, body, Some(Gap::GivenUp));
    }

    fn append(&mut self, at: Duration, caches: BTreeSet<CacheId>, body: Vec<Bytes>, gap: Option<Gap>) {
        self.last += 1;
        let bytes = OVERHEAD + body.iter().map(Bytes::len).sum::<usize>();
        self.bytes += bytes;
        self.items.push_back(Item {
            number: self.last,
            caches,
            body,
            bytes,
            at,
            gap,
        });
        self.given_up_len += usize::from(gap == Some(Gap::GivenUp));
    }

    fn replace_by_gap(&mut self, at: Duration, more: Option<CacheId>, gap: Gap) {
        let mut caches: BTreeSet<CacheId> = more.into_iter().collect();
        let gap = if self.given_up_len > 0 { Gap::GivenUp } else { gap };
        for mut item in self.items.drain(..) {
            caches.append(&mut item.caches);
        }
        (self.bytes, self.given_up_len) = (0, 0);
        let body = write_missed(&caches);
        self.append(at, caches, body, Some(gap));
    }

    /// The other member has passed on everything up to this number.
    pub fn heard(&mut self, number: u64) {
        // What was never sent can't have been heard of.
        self.heard = self.heard.max(number.min(self.last));
        while self.items.front().is_some_and(|item| item.number <= self.heard) {
            if let Some(item) = self.items.pop_front() {
                self.bytes -= item.bytes;
                self.given_up_len -= usize::from(item.gap == Some(Gap::GivenUp));
            }
        }
    }

    /// Whether nobody has to wait for this number any more: it was passed on, or given up.
    #[must_use]
    pub fn is_over(&self, number: u64) -> bool {
        number <= self.heard.max(self.given_up)
    }

    /// The last number, if it was not passed on yet.
    #[must_use]
    pub fn awaited(&self) -> Option<u64> {
        (self.last > self.heard).then_some(self.last)
    }

    /// Whether an event waits for longer than this. Word of a gap waits for as long as the member is one.
    #[must_use]
    pub fn is_due(&self, at: Duration, after: Duration) -> bool {
        let oldest = self.items.iter().find(|item| item.gap.is_none());
        oldest.is_some_and(|item| at.saturating_sub(item.at) >= after)
    }

    /// The caches of events that were given up and whose gap is not known yet; of all that waits, when it is
    /// [due](Self::is_due). Others have to know that these may be missing.
    #[must_use]
    pub fn may_be_missed(&self, at: Duration, after: Duration) -> BTreeSet<CacheId> {
        let is_due = self.is_due(at, after);
        if !is_due && self.given_up_len == 0 {
            return BTreeSet::new();
        }
        let missed = self.items.iter();
        let missed = missed.filter(|item| is_due || item.gap == Some(Gap::GivenUp));
        missed.flat_map(|item| item.caches.iter().copied()).collect()
    }

    /// Gives up waiting, when it is [due](Self::is_due) and others know that events of these caches may be missing. Whether it
    /// did; not while one waits that they do not know of.
    pub fn give_up(&mut self, at: Duration, after: Duration, known: &BTreeSet<CacheId>) -> bool {
        if !self.is_due(at, after) || self.items.iter().any(|item| !item.caches.is_subset(known)) {
            return false;
        }
        self.given_up = self.last;
        self.replace_by_gap(at, None, Gap::GivenUp);
        true
    }

    /// Sends what was not sent yet on this connection, the only one there is, as long as `send` can; it is given the number
    /// and the body of each.
    pub fn send_on(&mut self, connection: u64, mut send: impl FnMut(u64, &[Bytes]) -> bool) {
        if self.connection != Some(connection) {
            // What was sent on the one before may not have arrived.
            self.connection = Some(connection);
            self.sent = self.heard;
        }
        let Some(first) = self.items.front().map(|item| item.number) else {
            return;
        };
        let known = usize::try_from((self.sent + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        for item in self.items.iter().skip(known) {
            if !send(item.number, &item.body) {
                return;
            }
            self.sent = item.number;
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(10);

    fn push(queue: &mut Outgoing, cache: u32, text: &'static str) -> u64 {
        queue.push(AT, CacheId::new(cache), vec![Bytes::from_static(text.as_bytes())])
    }

    fn sent(queue: &mut Outgoing, connection: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        queue.send_on(connection, |number, _| {
            numbers.push(number);
            true
        });
        numbers
    }

    #[test]
    fn what_is_not_heard_of_is_sent_again_on_a_new_connection() {
        let mut queue = Outgoing::new(10, 10_000);
        assert_eq!(queue.awaited(), None);
        for text in ["a", "b", "c"] {
            push(&mut queue, 1, text);
        }
        assert_eq!(sent(&mut queue, 5), [1, 2, 3]);
        assert_eq!(sent(&mut queue, 5), [] as [u64; 0], "once on a connection");
        queue.heard(1);
        assert!(queue.is_over(1) && !queue.is_over(2));
        assert_eq!(push(&mut queue, 1, "d"), 4);
        assert_eq!(sent(&mut queue, 5), [4]);
        assert_eq!(sent(&mut queue, 6), [2, 3, 4]);
        assert_eq!(queue.awaited(), Some(4));
        queue.heard(1_000);
        assert_eq!((queue.awaited(), queue.len(), queue.bytes), (None, 0, 0));
        assert_eq!(push(&mut queue, 1, "e"), 5, "numbers are not given twice");
        assert_eq!(sent(&mut queue, 6), [5]);
    }

    #[test]
    fn what_cannot_be_sent_now_is_sent_later_in_order() {
        let mut queue = Outgoing::new(10, 10_000);
        for text in ["a", "b", "c"] {
            push(&mut queue, 1, text);
        }
        let mut room = 1;
        queue.send_on(5, |_, _| {
            room -= 1;
            room >= 0
        });
        assert_eq!(sent(&mut queue, 5), [2, 3]);
    }

    #[test]
    fn too_many_are_replaced_by_word_of_what_is_missing() {
        for (len_max, bytes_max) in [(3, 1 << 20), (100, 3 * (OVERHEAD + 1))] {
            let mut queue = Outgoing::new(len_max, bytes_max);
            for cache in 1..=3 {
                assert_eq!(push(&mut queue, cache, "x"), u64::from(cache));
            }
            assert_eq!(sent(&mut queue, 5), [1, 2, 3]);
            assert_eq!(push(&mut queue, 9, "x"), 4);
            let mut gaps = Vec::new();
            queue.send_on(5, |number, body| {
                gaps.push((number, body.to_vec()));
                true
            });
            let caches = [1, 2, 3, 9].map(CacheId::new);
            assert_eq!(gaps, [(4, write_missed(&BTreeSet::from(caches)))]);
            assert!(
                !queue.is_over(2),
                "that it is missing must be known before it is forgotten"
            );
            assert_eq!(push(&mut queue, 1, "y"), 5, "it goes on");
            queue.heard(4);
            assert!(queue.is_over(3) && queue.len() == 1);
        }
    }

    #[test]
    fn nobody_waits_for_ever_and_nothing_is_given_up_that_others_do_not_know_of() {
        let mut queue = Outgoing::new(10, 10_000);
        let after = Duration::from_secs(3);
        let due = AT + after;
        let caches = |numbers: &[u32]| numbers.iter().copied().map(CacheId::new).collect();
        let known: BTreeSet<CacheId> = caches(&[1]);
        let number = push(&mut queue, 1, "x");
        assert!(!queue.give_up(due - Duration::from_millis(1), after, &known));
        assert!(queue.may_be_missed(AT, after).is_empty());
        assert_eq!(queue.may_be_missed(due, after), known);
        assert!(!queue.give_up(due, after, &caches(&[])));
        assert_eq!(push(&mut queue, 2, "y"), 2);
        assert!(!queue.give_up(due, after, &known), "another came meanwhile");
        assert!(!queue.is_over(number), "others do not know of it yet");
        let known = caches(&[1, 2]);
        assert_eq!(queue.may_be_missed(due, after), known);
        assert!(queue.give_up(due, after, &known));
        assert!(queue.is_over(number) && queue.is_over(2));
        assert_eq!(queue.awaited(), Some(3), "the word of it is not given up");
        assert!(!queue.give_up(due + 10 * after, after, &known));
        assert_eq!(sent(&mut queue, 5), [3]);
        push(&mut queue, 3, "z");
        assert_eq!(
            queue.may_be_missed(AT, after),
            known,
            "until the word is passed on"
        );
        queue.heard(3);
        assert!(queue.may_be_missed(AT, after).is_empty());
    }

    #[test]
    fn a_gap_without_room_after_what_was_given_up_is_still_to_be_known() {
        let mut queue = Outgoing::new(2, 10_000);
        queue.push_missed(AT, BTreeSet::from([CacheId::new(1)]));
        push(&mut queue, 2, "x");
        assert_eq!(push(&mut queue, 3, "x"), 3, "no room");
        let caches = BTreeSet::from([1, 2, 3].map(CacheId::new));
        assert_eq!(queue.may_be_missed(AT, Duration::from_secs(3)), caches);
        queue.heard(3);
        assert!(queue.may_be_missed(AT, Duration::from_secs(3)).is_empty());
    }
}
