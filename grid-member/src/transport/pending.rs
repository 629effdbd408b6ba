//! Requests that wait for their answers.

use std::fmt;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::LinkError;

/// What a request comes to.
pub(super) type Outcome = Result<Bytes, LinkError>;

/// Who wants to know what a request comes to.
pub(super) enum Completion {
    Future(oneshot::Sender<Outcome>),
    Callback(Box<dyn FnOnce(Outcome) + Send>),
}

impl Completion {
    pub(super) fn complete(self, outcome: Outcome) {
        match self {
            // Whoever dropped the future does not want to know.
            Self::Future(sender) => drop(sender.send(outcome)),
            Self::Callback(callback) => callback(outcome),
        }
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Future(_) => "Future",
            Self::Callback(_) => "Callback",
        })
    }
}

#[derive(Debug)]
struct Slot {
    /// How often the slot was taken, so that each request has a number of its own.
    turn: u32,
    /// The completion, and where in the stream the request's frame ends.
    waiting: Option<(Completion, u64)>,
}

/// The requests of a connection that have no answer yet, by their numbers: the slot in the lower half, the slot's turn in
/// the upper.
#[derive(Debug, Default)]
pub(super) struct Pending {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The number that the next request gets.
    pub(super) fn insert(&mut self, completion: Completion, frame_end: u64) -> u64 {
        let waiting = Some((completion, frame_end));
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                // The limit of requests is far below.
                let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                self.slots.push(Slot {
                    turn: 0,
                    waiting: None,
                });
                index
            }
        };
        let slot = &mut self.slots[index as usize];
        slot.turn = slot.turn.wrapping_add(1);
        slot.waiting = waiting;
        u64::from(slot.turn) << 32 | u64::from(index)
    }

    /// Who waits for the answer to this request, if it is one that waits.
    pub(super) fn take(&mut self, number: u64) -> Option<Completion> {
        let (turn, index) = (number >> 32, number & u64::from(u32::MAX));
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        if u64::from(slot.turn) != turn {
            return None;
        }
        let (completion, _) = slot.waiting.take()?;
        self.free.push(u32::try_from(index).ok()?);
        Some(completion)
    }

    /// All that wait, in the order in which they were sent.
    pub(super) fn drain(&mut self) -> Vec<(Completion, u64)> {
        self.free.clear();
        let mut all: Vec<_> = self.slots.drain(..).filter_map(|slot| slot.waiting).collect();
        all.sort_by_key(|(_, frame_end)| *frame_end);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(pending: &mut Pending, frame_end: u64) -> (u64, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (pending.insert(Completion::Future(sender), frame_end), receiver)
    }

    #[test]
    fn a_number_is_never_used_again() {
        let mut pending = Pending::default();
        let (first, mut answer) = insert(&mut pending, 1);
        pending
            .take(first)
            .unwrap()
            .complete(Ok(Bytes::from_static(b"a")));
        assert_eq!(answer.try_recv().unwrap(), Ok(Bytes::from_static(b"a")));
        let (second, _answer) = insert(&mut pending, 2);
        assert_ne!(first, second);
        for unknown in [0, first, second + 1, u64::MAX] {
            assert!(pending.take(unknown).is_none(), "{unknown}");
        }
        assert_eq!(pending.len(), 1);
        assert!(pending.take(second).is_some());
        assert!(pending.take(second).is_none());
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn all_come_out_in_the_order_of_sending() {
        let mut pending = Pending::default();
        let (first, _a) = insert(&mut pending, 10);
        let (_, _b) = insert(&mut pending, 20);
        pending.take(first);
        let (_, _c) = insert(&mut pending, 30);
        let ends: Vec<_> = pending.drain().into_iter().map(|(_, end)| end).collect();
        assert_eq!(ends, [20, 30]);
        assert_eq!(pending.len(), 0);
    }
}
