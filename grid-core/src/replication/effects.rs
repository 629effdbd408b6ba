//! What a replica wants done.

use crate::membership::MemberId;
use crate::partition::table::StepChange;
use crate::store::StoreError;

use super::{Effect, Message, Outcome, Position};

/// What came of a write or a read that had to wait. `T` is what the caller gave with it.
#[derive(Debug)]
pub struct Answer<T> {
    /// What the caller gave.
    pub token: T,
    /// What came of it.
    pub result: Result<Outcome, Failure>,
}

/// Why a request was not done here, or is not known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// This member is not the partition's primary, or is handing it over. Not applied: ask the primary.
    #[error("not applied: this member does not serve the partition")]
    NotPrimary,
    /// The replica set has changed, and whether the change that was made here counts is decided elsewhere. The same
    /// request with its id gets the outcome from the new primary.
    #[error(
        "the partition was taken from this member before its backups had acknowledged (applied: unknown)"
    )]
    Deposed,
    /// Too many changes of the partition wait for its backups.
    #[error("overloaded, not applied: too many changes of the partition wait for its backups")]
    Overloaded,
    /// The answers that are kept for requests that may come again have too many bytes.
    #[error(
        "overloaded, not applied: the answers that the partition keeps for requests that may come again have too \
         many bytes"
    )]
    TooManyAnswers,
    /// The request came after its apply-before time.
    #[error("not applied: the request came after the time that it was to be applied before")]
    TooLate,
    /// The client has said before that it had the answer of this request, or has too many open.
    #[error("not applied: the request's number is not open, or more than 1,024 requests of its client are")]
    NotOpen,
    /// The entry is too large for one message between members.
    #[error("not applied: the entry has {len} bytes, and at most {max} can be kept in a cluster: split it")]
    TooLarge {
        /// What it has, key and value.
        len: usize,
        /// What it may have.
        max: usize,
    },
    /// There is no room.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a replica wants done, in this order: events told, messages sent, answers given, changes proposed.
///
/// Events and messages must be passed on while the partition is still locked, for their order is that of the log.
#[derive(Debug)]
pub struct Effects<T> {
    /// Changes that are acknowledged by the whole replica set, in order: listeners may be told.
    pub events: Vec<Effect>,
    /// The first record that has one of these changes. Followers are not told that it is acknowledged until
    /// [`Replica::heard_before`](super::Replica::heard_before) says that those who listen at other members have heard of
    /// it.
    pub told_from: Option<Position>,
    /// Messages, in the order in which they are to be sent.
    pub messages: Vec<(MemberId, Message)>,
    /// Answers to those who waited.
    pub answers: Vec<Answer<T>>,
    /// Changes of the replica set to be proposed at the epoch of the replica.
    pub proposals: Vec<StepChange>,
}

impl<T> Effects<T> {
    /// Nothing to do.
    #[must_use]
    pub fn new() -> Self {
        Effects {
            events: Vec::new(),
            told_from: None,
            messages: Vec::new(),
            answers: Vec::new(),
            proposals: Vec::new(),
        }
    }

    /// Listeners are to be told of changes of this record.
    pub(super) fn tell(&mut self, of: Position, changes: impl IntoIterator<Item = Effect>) {
        let before = self.events.len();
        self.events.extend(changes);
        if self.events.len() > before {
            self.told_from.get_or_insert(of);
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.messages.is_empty()
            && self.answers.is_empty()
            && self.proposals.is_empty()
    }
}

impl<T> Default for Effects<T> {
    fn default() -> Self {
        Self::new()
    }
}
