//! What a primary sends to its backups.

use std::fmt;

use crate::membership::MemberId;
use crate::store::{CacheId, Change, Sequence, Timestamp, WorkAnswer};
use crate::value::Binary;

use super::{RequestId, RequestTag};

/// The number of a record in the log of its partition: the first is 1, each is one above the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position(u64);

impl Position {
    /// Before the first record.
    pub const ZERO: Position = Position(0);

    /// The record with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Position(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number before this one; that of the first is [`ZERO`](Self::ZERO), as is its own.
    #[must_use]
    pub const fn before(self) -> Self {
        Position(self.0.saturating_sub(1))
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Position(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

/// One step of a partition: everything that one request changed, and what it was answered.
///
/// A record says what came out, not what was asked for: a copy that makes it again needs no condition to hold and no
/// clock to agree.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place in the log.
    pub position: Position,
    /// What changed, in order.
    pub effects: Vec<Effect>,
    /// The requests that have an id, with their outcomes; most records have at most one.
    pub requests: Vec<Answered>,
}

/// One effect of a record.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An entry changed. Copies need the new value and the deadline; the old value is for listeners only.
    Change(Change),
    /// All entries of a cache went at once.
    Truncate {
        /// Which cache.
        cache: CacheId,
        /// The number of the change.
        sequence: Sequence,
        /// The truncation in which they went, when listeners are to be told; `None`: there were none, or the cache is gone.
        by: Option<TruncationId>,
    },
}

/// Which truncation of a cache it is: those who heard of a partition that it emptied are to be told of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TruncationId {
    /// The member that it was asked of, which tells of its end.
    pub member: MemberId,
    /// Its number among those that the member was asked for.
    pub number: u64,
}

/// The outcome of a request, kept so that the same request that comes again gets it again.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Which request.
    pub id: RequestId,
    /// What it was answered.
    pub outcome: Outcome,
    /// Every request of this client below this number has had its answer.
    pub lowest_open: u64,
    /// The request is refused after this time, so its outcome need not be kept for longer.
    pub apply_before: Timestamp,
}

impl Answered {
    /// What this request was answered.
    #[must_use]
    pub fn of(tag: RequestTag, outcome: Outcome) -> Self {
        Answered {
            id: tag.id,
            outcome,
            lowest_open: tag.lowest_open,
            apply_before: tag.apply_before,
        }
    }
}

/// What a request came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Whether it changed the entry.
    pub done: bool,
    /// Whether there was an entry before.
    pub existed: bool,
    /// The value before, when it was asked for and there was one.
    pub previous: Option<Binary>,
    /// What work on the entry said.
    pub answer: Option<WorkAnswer>,
}

impl Outcome {
    /// The bytes of what is answered: the value before, and what the work said.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let previous = self.previous.as_ref().map_or(0, |value| value.bytes().len());
        previous + self.answer.as_ref().map_or(0, WorkAnswer::bytes)
    }
}

impl Answered {
    /// About what it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Answered>() + self.outcome.bytes()
    }
}

impl Record {
    /// The bytes of keys, values and answers in it, about what it takes in memory and in a message.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |binary: &Option<Binary>| binary.as_ref().map_or(0, |binary| binary.bytes().len());
        let effects: usize = self
            .effects
            .iter()
            .map(|effect| match effect {
                Effect::Change(change) => {
                    change.key.bytes().len() + of(&change.old) + of(&change.new) + size_of::<Change>()
                }
                Effect::Truncate { .. } => size_of::<Effect>(),
            })
            .sum();
        let answers: usize = self.requests.iter().map(Answered::bytes).sum();
        effects + answers + size_of::<Record>()
    }
}
