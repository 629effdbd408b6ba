//! Requests that wait for their answers.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::codec::Payload;

use super::Failure;
use super::outbound::Span;

/// The low bits of an id are the place in the table, so that an answer finds its request without a search.
const INDEX_BITS: u32 = 16;

/// The most requests that a connection can have in flight.
pub(crate) const IN_FLIGHT_LIMIT: usize = 1 << INDEX_BITS;

/// When so many bytes of an answer that is read in parts wait for its reader, no more are taken from the network.
const PARTS_LEN_MAX: usize = 1 << 20;

/// What a message of such an answer takes beyond its bytes, about.
const PART_OVERHEAD_LEN: usize = 128;

/// What the server answered to one request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The first message, which is the only one of most answers.
    pub(crate) first: Option<Payload>,
    /// The other messages.
    pub(crate) rest: Vec<Payload>,
}

/// How a request ended.
pub(crate) type Outcome = Result<Answer, Failure>;

#[derive(Debug)]
enum State {
    Free,
    Waiting(Option<Waker>),
    /// The caller went away; the answer is dropped when it comes.
    Abandoned,
    Done(Outcome),
}

#[derive(Debug)]
struct Slot<P> {
    id: i64,
    state: State,
    answer: Answer,
    answer_len: usize,
    deadline: Instant,
    span: Span,
    purpose: Option<P>,
    /// The answer is read in parts as they come; each may take so long.
    pace: Option<Duration>,
}

impl<P> Slot<P> {
    /// Whether enough of the answer waits for its reader.
    fn is_stalled(&self) -> bool {
        let is_read = matches!(self.state, State::Waiting(_));
        self.pace.is_some() && is_read && self.answer_len >= PARTS_LEN_MAX
    }
}

/// The table of requests in flight: at most a fixed number, each with a purpose `P` that its answer serves.
#[derive(Debug)]
pub(crate) struct InFlight<P> {
    slots: Vec<Slot<P>>,
    free: Vec<usize>,
    /// How often a place was taken; the high bits of the ids, so that a late answer finds nobody.
    sequence: i64,
    max: usize,
    answer_len_max: usize,
}

impl<P> InFlight<P> {
    pub(crate) fn new(max: usize, answer_len_max: usize) -> Self {
        let max = max.clamp(1, IN_FLIGHT_LIMIT);
        InFlight {
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
            max,
            answer_len_max,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.max
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The id that the next request will have.
    pub(crate) fn next_id(&self) -> i64 {
        let index = self.free.last().copied().unwrap_or(self.slots.len());
        ((self.sequence + 1) << INDEX_BITS) | i64::try_from(index).unwrap_or(0)
    }

    /// Takes a place for a request, which [`InFlight::is_full`] must have said there is. Its id is what
    /// [`InFlight::next_id`] said.
    pub(crate) fn open(&mut self, deadline: Instant, span: Span, purpose: P) -> i64 {
        let id = self.next_id();
        self.sequence += 1;
        let slot = Slot {
            id,
            state: State::Waiting(None),
            answer: Answer::default(),
            answer_len: 0,
            deadline,
            span,
            purpose: Some(purpose),
            pace: None,
        };
        match self.free.pop() {
            Some(index) => self.slots[index] = slot,
            None => self.slots.push(slot),
        }
        id
    }

    /// The answer of a request is read in parts as they come, and waited for so long each time.
    pub(crate) fn read_in_parts(&mut self, id: i64, pace: Duration) {
        if let Some(slot) = self.slot(id) {
            slot.pace = Some(pace);
        }
    }

    /// Whether nothing more is to be taken from the network, because a reader takes its time.
    pub(crate) fn is_stalled(&self) -> bool {
        self.slots.iter().any(Slot::is_stalled)
    }

    #[inline]
    fn index(id: i64) -> usize {
        usize::try_from(id & ((1 << INDEX_BITS) - 1)).unwrap_or(usize::MAX)
    }

    #[inline]
    fn slot(&mut self, id: i64) -> Option<&mut Slot<P>> {
        self.slots
            .get_mut(Self::index(id))
            .filter(|slot| slot.id == id && !matches!(slot.state, State::Free))
    }

    /// What the request is for.
    pub(crate) fn purpose(&mut self, id: i64) -> Option<&P> {
        self.slot(id)?.purpose.as_ref()
    }

    /// Where the request's bytes are.
    pub(crate) fn span(&mut self, id: i64) -> Option<Span> {
        self.slot(id).map(|slot| slot.span)
    }

    /// Keeps a message of an answer. A request that is not in flight (any more) is passed over. When the answer is
    /// longer than the limit, the request fails; gives who waits for it.
    #[inline]
    pub(crate) fn message(
        &mut self,
        id: i64,
        payload: Payload,
        now: impl FnOnce() -> Instant,
    ) -> Option<Waker> {
        let len_max = self.answer_len_max;
        let slot = self.slot(id)?;
        let State::Waiting(waker) = &mut slot.state else {
            return None;
        };
        if let Some(pace) = slot.pace {
            slot.deadline = now() + pace;
            slot.answer_len += payload.len() + PART_OVERHEAD_LEN;
            slot.answer.rest.push(payload);
            return waker.take();
        }
        slot.answer_len = slot.answer_len.saturating_add(payload.len());
        if slot.answer_len > len_max {
            let what = format!("an answer is longer than {len_max} bytes: ask for fewer entries at once");
            return self.finish(id, Err(Failure::Broken(what)));
        }
        if slot.answer.first.is_none() {
            slot.answer.first = Some(payload);
        } else {
            slot.answer.rest.push(payload);
        }
        None
    }

    /// Ends a request with the answer that came so far; gives who waits for it.
    #[inline]
    pub(crate) fn complete(&mut self, id: i64) -> Option<Waker> {
        let slot = self.slot(id)?;
        let answer = match slot.pace {
            None => std::mem::take(&mut slot.answer),
            // Its parts stay until they are read.
            Some(_) => Answer::default(),
        };
        self.finish(id, Ok(answer))
    }

    /// Ends a request; gives who waits for it.
    pub(crate) fn finish(&mut self, id: i64, outcome: Outcome) -> Option<Waker> {
        let slot = self.slot(id)?;
        match std::mem::replace(&mut slot.state, State::Free) {
            State::Waiting(waker) => {
                slot.state = State::Done(outcome);
                slot.purpose = None;
                waker
            }
            State::Abandoned => {
                self.release(id);
                None
            }
            state @ (State::Done(_) | State::Free) => {
                slot.state = state;
                None
            }
        }
    }

    fn release(&mut self, id: i64) {
        let index = Self::index(id);
        let slot = &mut self.slots[index];
        (slot.id, slot.state, slot.purpose, slot.answer) = (0, State::Free, None, Answer::default());
        self.free.push(index);
    }

    /// How the request ended, once it has; its place is free then.
    #[inline]
    pub(crate) fn poll(&mut self, id: i64, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(slot) = self.slot(id) else {
            return Poll::Ready(Err(Failure::Broken("a request was asked for twice".to_owned())));
        };
        match std::mem::replace(&mut slot.state, State::Free) {
            State::Done(outcome) => {
                self.release(id);
                Poll::Ready(outcome)
            }
            State::Waiting(waker) => {
                let kept = waker.filter(|waker| waker.will_wake(cx.waker()));
                slot.state = State::Waiting(Some(kept.unwrap_or_else(|| cx.waker().clone())));
                Poll::Pending
            }
            state @ (State::Abandoned | State::Free) => {
                slot.state = state;
                Poll::Pending
            }
        }
    }

    /// The next messages of an answer that is read in parts; `None` after the last, when its place is free.
    pub(crate) fn poll_parts(
        &mut self,
        id: i64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Vec<Payload>, Failure>>> {
        if let Some(slot) = self.slot(id)
            && !slot.answer.rest.is_empty()
        {
            slot.answer_len = 0;
            if let Some(pace) = slot.pace {
                slot.deadline = clock::now() + pace;
            }
            return Poll::Ready(Some(Ok(std::mem::take(&mut slot.answer.rest))));
        }
        self.poll(id, cx).map(|outcome| match outcome {
            Ok(_) => None,
            Err(failure) => Some(Err(failure)),
        })
    }

    /// The caller went away.
    pub(crate) fn abandon(&mut self, id: i64) {
        let Some(slot) = self.slot(id) else { return };
        match slot.state {
            State::Waiting(_) => slot.state = State::Abandoned,
            State::Done(_) => self.release(id),
            State::Abandoned | State::Free => {}
        }
    }

    /// The requests that wait for more than this point in time allows.
    pub(crate) fn expired(&self, now: Instant) -> Vec<i64> {
        let waits = |slot: &&Slot<P>| matches!(slot.state, State::Waiting(_) | State::Abandoned);
        self.slots
            .iter()
            .filter(waits)
            // It is the reader's turn.
            .filter(|slot| slot.pace.is_none() || slot.answer.rest.is_empty())
            .filter(|slot| slot.deadline <= now)
            .map(|slot| slot.id)
            .collect()
    }

    /// Every request that waits.
    pub(crate) fn waiting(&self) -> Vec<i64> {
        let waits = |slot: &&Slot<P>| matches!(slot.state, State::Waiting(_) | State::Abandoned);
        self.slots.iter().filter(waits).map(|slot| slot.id).collect()
    }

    /// Bytes were cut out of the batch that is not written yet: what lay behind them moves forward.
    pub(crate) fn cut(&mut self, removed: Span) {
        for slot in &mut self.slots {
            if slot.span.batch == removed.batch && slot.span.start > removed.start {
                slot.span.start -= removed.len;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::task::noop_waker;

    use crate::clock;

    use super::*;

    const SPAN: Span = Span {
        batch: 0,
        start: 0,
        len: 0,
    };

    fn poll(table: &mut InFlight<()>, id: i64) -> Poll<Outcome> {
        table.poll(id, &mut Context::from_waker(&noop_waker()))
    }

    #[test]
    fn a_place_is_used_again_and_a_late_answer_finds_nobody() {
        let mut table = InFlight::new(1, 100);
        let first = table.open(clock::now(), SPAN, ());
        assert!(table.is_full());
        assert!(poll(&mut table, first).is_pending());
        assert!(table.finish(first, Err(Failure::Broken("x".into()))).is_some());
        assert!(matches!(
            poll(&mut table, first),
            Poll::Ready(Err(Failure::Broken(_)))
        ));
        assert_eq!(table.len(), 0);
        let second = table.open(clock::now(), SPAN, ());
        assert_ne!(first, second);
        assert!(table.complete(first).is_none());
        assert!(poll(&mut table, second).is_pending());
        assert!(table.complete(second).is_some());
        assert!(matches!(poll(&mut table, second), Poll::Ready(Ok(_))));
    }

    #[test]
    fn an_abandoned_request_keeps_its_place_until_it_ends() {
        let mut table = InFlight::new(4, 100);
        let id = table.open(clock::now(), SPAN, ());
        table.abandon(id);
        assert_eq!(table.len(), 1);
        assert!(table.complete(id).is_none());
        assert_eq!(table.len(), 0);
        let id = table.open(clock::now(), SPAN, ());
        assert!(table.complete(id).is_none());
        table.abandon(id);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn requests_expire_by_their_own_deadlines() {
        let now = clock::now();
        let mut table = InFlight::new(4, 100);
        let early = table.open(now, SPAN, ());
        let late = table.open(now + Duration::from_secs(1), SPAN, ());
        assert_eq!(table.expired(now), [early]);
        assert_eq!(table.expired(now + Duration::from_secs(1)), [early, late]);
        assert_eq!(table.waiting(), [early, late]);
    }

    fn part(len: usize) -> Payload {
        Payload::of_bytes(vec![b'x'; len].into())
    }

    #[test]
    fn an_answer_in_parts_stalls_until_it_is_read_and_ends_after_its_parts() {
        let now = clock::now();
        let mut table = InFlight::new(4, 100);
        let id = table.open(now, SPAN, ());
        table.read_in_parts(id, Duration::from_secs(9));
        let waker = noop_waker();
        let poll = |table: &mut InFlight<()>| table.poll_parts(id, &mut Context::from_waker(&waker));
        assert!(poll(&mut table).is_pending());
        assert!(
            table
                .message(id, part(PARTS_LEN_MAX - 2 * PART_OVERHEAD_LEN), clock::now)
                .is_some()
        );
        assert!(!table.is_stalled());
        assert!(
            table
                .message(id, part(2 * PART_OVERHEAD_LEN), clock::now)
                .is_none()
        );
        assert!(table.is_stalled());
        assert!(
            table.expired(now + Duration::from_secs(99)).is_empty(),
            "it is the reader's turn"
        );
        assert!(matches!(poll(&mut table), Poll::Ready(Some(Ok(parts))) if parts.len() == 2));
        assert!(!table.is_stalled());
        assert_eq!(table.expired(clock::now() + Duration::from_secs(99)), [id]);
        table.message(id, part(1), clock::now);
        table.complete(id);
        assert!(matches!(poll(&mut table), Poll::Ready(Some(Ok(parts))) if parts.len() == 1));
        assert!(matches!(poll(&mut table), Poll::Ready(None)));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn what_came_of_an_answer_in_parts_counts_before_its_failure() {
        let mut table = InFlight::new(4, 100);
        let id = table.open(clock::now(), SPAN, ());
        table.read_in_parts(id, Duration::from_secs(9));
        table.message(id, part(1), clock::now);
        table.finish(id, Err(Failure::Broken("x".into())));
        let waker = noop_waker();
        let cx = &mut Context::from_waker(&waker);
        assert!(matches!(table.poll_parts(id, cx), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(table.poll_parts(id, cx), Poll::Ready(Some(Err(_)))));
        let id = table.open(clock::now(), SPAN, ());
        table.read_in_parts(id, Duration::from_secs(9));
        table.abandon(id);
        table.message(id, part(2 * PARTS_LEN_MAX), clock::now);
        assert!(!table.is_stalled(), "nobody reads it");
    }

    #[test]
    fn ids_that_were_never_given_are_passed_over() {
        let mut table = InFlight::<()>::new(4, 100);
        let id = table.open(clock::now(), SPAN, ());
        for stray in [0, 1, -1, i64::MIN, i64::MAX, id + 1, id + (1 << INDEX_BITS)] {
            assert!(table.complete(stray).is_none());
            assert!(table.purpose(stray).is_none());
        }
        assert!(table.purpose(id).is_some());
    }
}
