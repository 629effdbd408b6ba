//! Putting together what an aggregator made of the partitions of one member.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::query::{Keeping, Kept, QueryError};
use parking_lot::Mutex;

use super::here::PartAnswer;
use super::off_thread::{in_place, unfit};
use super::{Gather, PartFailure, PartResult, Question};

/// When so many bytes wait they are put together.
const DUE_BYTES: usize = 8 << 20;

/// What an aggregator makes of several partitions that were asked in one request.
///
/// Each partition counts once: what was made of it is put together with others only when it may be told (all that it
/// shows is acknowledged, and this member still serves the partition), and then its own answer says that it is merged. So
/// whoever asked may ask again for those partitions alone that failed. All of it together, with what waits, is
/// kept within what the request may keep.
pub(super) struct Merging {
    question: Arc<Question>,
    keeping: Keeping,
    due_bytes: usize,
    state: Mutex<State>,
}

struct State {
    /// How many partitions have not answered.
    open: usize,
    /// The numbers of those whose answers are in what waits.
    merged: Vec<usize>,
    waiting: VecDeque<Bytes>,
    bytes: usize,
    due_at: usize,
    /// Whether a thread is putting together.
    busy: bool,
    failed: Option<PartFailure>,
}

/// What waits, with the room that it takes.
struct Waiting {
    partial: Bytes,
    _kept: Kept,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.partial
    }
}

impl Merging {
    /// So many partitions are asked this.
    pub(super) fn new(question: Arc<Question>, keeping: Keeping, count: usize) -> Self {
        Self::due_at(question, keeping, count, DUE_BYTES)
    }

    fn due_at(question: Arc<Question>, keeping: Keeping, count: usize, due_bytes: usize) -> Self {
        Merging {
            question,
            keeping,
            due_bytes,
            state: Mutex::new(State {
                open: count,
                merged: Vec::new(),
                waiting: VecDeque::new(),
                bytes: 0,
                due_at: due_bytes,
                busy: false,
                failed: None,
            }),
        }
    }

    /// The answer of a partition. The answers of those that are merged come when all have come.
    pub(super) fn put(&self, at: usize, answer: PartAnswer, all: &Gather<PartAnswer>) {
        match answer {
            Ok(PartResult::Partial(partial)) => {
                let kept = self.keeping.keep(partial.len());
                let mut state = self.state.lock();
                state.open = state.open.saturating_sub(1);
                state.merged.push(at);
                match kept {
                    _ if state.failed.is_some() => {}
                    Ok(kept) => {
                        state.bytes += partial.len();
                        let waiting = Waiting { partial, _kept: kept };
                        state.waiting.push_back(Bytes::from_owner(waiting));
                    }
                    Err(error) => state.fail(error),
                }
            }
            other => {
                {
                    let mut state = self.state.lock();
                    state.open = state.open.saturating_sub(1);
                }
                all.put(at, other);
            }
        }
        self.go_on(all);
    }

    /// Puts together what is due, one thread at a time, and answers after the last.
    fn go_on(&self, all: &Gather<PartAnswer>) {
        loop {
            let due = {
                let mut state = self.state.lock();
                if state.busy {
                    return;
                }
                let is_last = state.open == 0;
                if state.waiting.len() > 1 && (is_last || state.bytes >= state.due_at) {
                    state.busy = true;
                    state.bytes = 0;
                    std::mem::take(&mut state.waiting)
                } else if is_last {
                    let answers = state.answers();
                    drop(state);
                    answers.into_iter().for_each(|(at, answer)| all.put(at, answer));
                    return;
                } else {
                    return;
                }
            };
            let merged = in_place(due.iter().map(Bytes::len).sum(), || self.merge(due));
            let mut state = self.state.lock();
            state.busy = false;
            match merged {
                _ if state.failed.is_some() => {}
                Ok(merged) => {
                    // What does not become smaller is put together less and less often.
                    state.due_at = self.due_bytes.max(merged.len().saturating_mul(2));
                    state.bytes += merged.len();
                    state.waiting.push_front(merged);
                }
                Err(error) => state.fail(error),
            }
        }
    }

    fn merge(&self, partials: VecDeque<Bytes>) -> Result<Bytes, QueryError> {
        let Some(aggregator) = self.question.aggregator() else {
            return Ok(Bytes::new());
        };
        let merged = aggregator.merge(partials.iter().map(|partial| &partial[..]), &self.keeping)?;
        let kept = self.keeping.keep(merged.len())?;
        Ok(Bytes::from_owner(Waiting {
            partial: merged.into(),
            _kept: kept,
        }))
    }
}

impl State {
    fn fail(&mut self, error: QueryError) {
        self.failed = Some(unfit(error));
        self.waiting.clear();
        self.bytes = 0;
    }

    /// The answers of those that are merged; once.
    fn answers(&mut self) -> Vec<(usize, PartAnswer)> {
        let merged = self.waiting.pop_front();
        let failed = self.failed.take();
        let numbers = std::mem::take(&mut self.merged).into_iter().enumerate();
        let answer = |(index, at)| {
            let answer = match (&failed, &merged) {
                (Some(failed), _) => Err(failed.clone()),
                (None, Some(merged)) if index == 0 => Ok(PartResult::Partial(merged.clone())),
                (None, _) => Ok(PartResult::Merged),
            };
            (at, answer)
        };
        numbers.map(answer).collect()
    }
}

#[cfg(test)]
#[path = "merging_test.rs"]
mod tests;
