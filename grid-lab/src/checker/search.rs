//! The search for an order in which one key could have given its answers.
//!
//! The algorithm of Wing and Gong in the form of Lowe: walk through the calls and returns in the order of time; a call
//! that the key could have answered now is taken out and the walk begins again; a return whose call was not taken out
//! means that an earlier choice was wrong. What was taken out, together with the state of the key, is remembered, so
//! that no situation is looked at twice. A call without a return may be taken out or not.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::history::{Action, Outcome};

use super::register::{State, apply};

/// The clock is read once in so many steps.
const STEPS_PER_LOOK: u64 = 4_096;

/// How long the checkers may look for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps of one search. Each may keep up to 100 bytes. Default: 3,000,000.
    pub steps_max: u64,
    /// Time for one key. Default: 20 s.
    pub time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            steps_max: 3_000_000,
            time_max: Duration::from_secs(20),
        }
    }
}

/// An operation as the search sees it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) start_ns: u64,
    /// `None` while it has not returned, as far as anyone knows.
    pub(super) end_ns: Option<u64>,
    pub(super) action: Action,
    /// `None` when any answer is right.
    pub(super) answer: Option<Outcome>,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Order,
    NoOrder,
    GaveUp,
}

/// No entry.
const NONE: usize = usize::MAX;

/// A call or a return, in a list of those that were not taken out.
#[derive(Clone, Copy, Debug)]
struct Entry {
    call: usize,
    is_return: bool,
    previous: usize,
    next: usize,
}

struct Timeline {
    /// The first is no entry but the beginning.
    entries: Vec<Entry>,
    /// Where each call's return is, if it has one.
    returns: Vec<usize>,
}

impl Timeline {
    fn new(calls: &[Call]) -> Self {
        let mut moments: Vec<(u64, bool, usize)> = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            moments.push((call.start_ns, false, index));
            moments.extend(call.end_ns.map(|end| (end, true, index)));
        }
        // What begins in the moment in which something else ends may have met it: calls come first.
        moments.sort_unstable();
        let mut entries = vec![Entry {
            call: NONE,
            is_return: false,
            previous: NONE,
            next: if moments.is_empty() { NONE } else { 1 },
        }];
        let mut returns = vec![NONE; calls.len()];
        for (at, (_, is_return, call)) in (1..).zip(&moments) {
            if *is_return {
                returns[*call] = at;
            }
            entries.push(Entry {
                call: *call,
                is_return: *is_return,
                previous: at - 1,
                next: if at == moments.len() { NONE } else { at + 1 },
            });
        }
        Timeline { entries, returns }
    }

    fn first(&self) -> usize {
        self.entries[0].next
    }

    fn unlink(&mut self, at: usize) {
        let Entry { previous, next, .. } = self.entries[at];
        self.entries[previous].next = next;
        if next != NONE {
            self.entries[next].previous = previous;
        }
    }

    fn link(&mut self, at: usize) {
        let Entry { previous, next, .. } = self.entries[at];
        self.entries[previous].next = at;
        if next != NONE {
            self.entries[next].previous = at;
        }
    }

    fn take_out(&mut self, at: usize) {
        self.unlink(at);
        let back = self.returns[self.entries[at].call];
        if back != NONE {
            self.unlink(back);
        }
    }

    fn put_back(&mut self, at: usize) {
        let back = self.returns[self.entries[at].call];
        if back != NONE {
            self.link(back);
        }
        self.link(at);
    }
}

/// Which calls were taken out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Taken(Box<[u64]>);

impl Taken {
    fn flip(&mut self, call: usize) {
        self.0[call / 64] ^= 1 << (call % 64);
    }
}

/// Looks for an order of the calls.
pub(super) fn search(calls: &[Call], limits: &Limits, until: Instant) -> Found {
    let mut timeline = Timeline::new(calls);
    let mut taken = Taken(vec![0; calls.len().div_ceil(64)].into());
    let mut seen: HashSet<(Taken, State)> = HashSet::new();
    let mut choices: Vec<(usize, State)> = Vec::new();
    let mut to_answer = calls.iter().filter(|call| call.end_ns.is_some()).count();
    let mut state: State = None;
    let mut at = timeline.first();
    let mut steps = 0_u64;
    while to_answer > 0 {
        steps += 1;
        if steps > limits.steps_max || (steps.is_multiple_of(STEPS_PER_LOOK) && clock::now() > until) {
            return Found::GaveUp;
        }
        if at == NONE || timeline.entries[at].is_return {
            let Some((choice, before)) = choices.pop() else {
                return Found::NoOrder;
            };
            let call = timeline.entries[choice].call;
            timeline.put_back(choice);
            taken.flip(call);
            to_answer += usize::from(calls[call].end_ns.is_some());
            state = before;
            at = timeline.entries[choice].next;
            continue;
        }
        let entry = timeline.entries[at];
        let call = &calls[entry.call];
        if let Some(after) = apply(state, call.action, call.answer.as_ref()) {
            taken.flip(entry.call);
            if seen.insert((taken.clone(), after)) {
                choices.push((at, state));
                timeline.take_out(at);
                to_answer -= usize::from(call.end_ns.is_some());
                state = after;
                at = timeline.first();
                continue;
            }
            taken.flip(entry.call);
        }
        at = entry.next;
    }
    Found::Order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn far() -> Instant {
        clock::now() + Duration::from_secs(600)
    }

    /// Tries every order of every choice of calls.
    fn by_trying_all(calls: &[Call], taken: u32, state: State) -> bool {
        let left = |call: usize| taken & (1 << call) == 0;
        let must = calls
            .iter()
            .enumerate()
            .any(|(index, call)| left(index) && call.end_ns.is_some());
        if !must {
            return true;
        }
        (0..calls.len()).filter(|index| left(*index)).any(|index| {
            let call = &calls[index];
            let overtakes = (0..calls.len())
                .filter(|other| left(*other) && *other != index)
                .any(|other| calls[other].end_ns.is_some_and(|end| end < call.start_ns));
            !overtakes
                && apply(state, call.action, call.answer.as_ref())
                    .is_some_and(|after| by_trying_all(calls, taken | 1 << index, after))
        })
    }

    fn any_call(random: &mut Random) -> Call {
        let small = |random: &mut Random| random.below(3) as u64;
        let value = |random: &mut Random| [None, Some(0), Some(1), Some(2)][random.below(4)];
        let start_ns = random.below(12) as u64;
        let (action, answer) = match random.below(7) {
            0 | 1 => (Action::Get, Outcome::Value(value(random))),
            2 => (Action::Put(small(random)), Outcome::Value(value(random))),
            3 => (Action::Put(small(random)), Outcome::Written),
            4 => (Action::PutIfAbsent(small(random)), Outcome::Value(value(random))),
            5 => {
                let (previous, value) = (small(random), small(random));
                (
                    Action::ReplaceIfEqual { previous, value },
                    Outcome::Done(random.chance(60)),
                )
            }
            _ => (Action::Remove, Outcome::Value(value(random))),
        };
        let unknown = random.chance(15) && action != Action::Get;
        Call {
            start_ns,
            end_ns: (!unknown).then(|| start_ns + random.below(8) as u64),
            action,
            answer: (!unknown).then_some(answer),
        }
    }

    #[test]
    fn small_histories_are_judged_as_by_trying_every_order() {
        let (mut right, mut wrong) = (0, 0);
        for seed in 0..6_000 {
            let mut random = Random::new(seed);
            let calls: Vec<_> = (0..2 + random.below(5)).map(|_| any_call(&mut random)).collect();
            let expected = by_trying_all(&calls, 0, None);
            let found = search(&calls, &Limits::default(), far());
            assert_eq!(found == Found::Order, expected, "seed {seed}: {calls:#?}");
            assert_ne!(found, Found::GaveUp, "seed {seed}");
            *(if expected { &mut right } else { &mut wrong }) += 1;
        }
        assert!(right > 300 && wrong > 300, "{right} right, {wrong} wrong");
    }

    #[test]
    fn a_search_keeps_its_limits() {
        let mut random = Random::new(5);
        let calls: Vec<_> = (0..40)
            .map(|call| Call {
                start_ns: 0,
                end_ns: Some(1),
                action: Action::Put(call),
                answer: None,
            })
            .chain([Call {
                start_ns: 2,
                end_ns: Some(3),
                action: Action::Get,
                answer: Some(Outcome::Value(Some(random.next()))),
            }])
            .collect();
        let limits = Limits {
            steps_max: 10_000,
            ..Limits::default()
        };
        assert_eq!(search(&calls, &limits, far()), Found::GaveUp);
        assert_eq!(search(&calls, &Limits::default(), clock::now()), Found::GaveUp);
        assert_eq!(search(&[], &limits, far()), Found::Order);
    }
}
