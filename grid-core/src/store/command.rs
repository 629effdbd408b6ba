//! What can be asked of one entry.

use std::sync::Arc;

use crate::processor::{Work, Worked};
use crate::store::{Change, Sequence, TimeToLive};
use crate::value::{Binary, Format, same_value};

/// A command on the entry of one key. Conditions look at presence and values as they are at the time of the
/// command: an expired entry is absent, an entry with the JSON value `null` is present.
///
/// A command that writes without a time to live of its own gives the entry a new life of the cache's default.
#[derive(Clone, Debug)]
pub enum Command {
    /// Writes the value.
    Put {
        /// The new value.
        value: Binary,
        /// How long it lives.
        ttl: TimeToLive,
    },
    /// Writes the value when the entry is absent.
    PutIfAbsent {
        /// The new value.
        value: Binary,
        /// How long it lives.
        ttl: TimeToLive,
    },
    /// Writes the value when the entry is present.
    Replace {
        /// The new value.
        value: Binary,
    },
    /// Writes the value when the entry is present with the same value as `previous`.
    ReplaceIfEqual {
        /// The value that must be there.
        previous: Binary,
        /// The new value.
        value: Binary,
    },
    /// Removes the entry.
    Remove,
    /// Removes the entry when it has the same value as `previous`.
    RemoveIfEqual {
        /// The value that must be there.
        previous: Binary,
    },
    /// Whatever a piece of work says of the entry.
    Work(Arc<dyn Work>),
}

/// What work on an entry said.
#[derive(Clone, Debug)]
pub enum WorkAnswer {
    /// Its answer.
    Said(Binary),
    /// Nothing: the entry is none of those that it is for.
    Passed,
    /// Why it failed; nothing was done to the entry.
    Failed(String),
}

impl WorkAnswer {
    /// The bytes of what was said.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            WorkAnswer::Said(answer) => answer.bytes().len(),
            WorkAnswer::Failed(reason) => reason.len(),
            WorkAnswer::Passed => 0,
        }
    }
}

/// What a command comes to, given the entry as it is.
#[derive(Debug)]
pub(super) enum Decision {
    Write {
        value: Binary,
        ttl: TimeToLive,
    },
    /// The value that is there is written again, if that makes a difference to its life.
    Touch(Binary),
    Delete,
    Nothing,
}

impl Command {
    /// The value that it would write.
    #[must_use]
    pub fn new_value(&self) -> Option<&Binary> {
        match self {
            Command::Put { value, .. }
            | Command::PutIfAbsent { value, .. }
            | Command::Replace { value }
            | Command::ReplaceIfEqual { value, .. } => Some(value),
            Command::Remove | Command::RemoveIfEqual { .. } | Command::Work(_) => None,
        }
    }

    /// Does the work on an entry, if it is that.
    pub(super) fn work(&self, key: &Binary, value: Option<&Binary>) -> Option<(Decision, WorkAnswer)> {
        let Command::Work(work) = self else {
            return None;
        };
        Some(match work.work(key, value) {
            Ok((worked, answer)) => {
                let decision = match worked {
                    Worked::Stays => Decision::Nothing,
                    Worked::Set(value, life_ms) => Decision::Write {
                        value,
                        ttl: life_ms.map_or(TimeToLive::CacheDefault, TimeToLive::After),
                    },
                    Worked::Touched => value.cloned().map_or(Decision::Nothing, Decision::Touch),
                    Worked::Removed => Decision::Delete,
                };
                (decision, answer.map_or(WorkAnswer::Passed, WorkAnswer::Said))
            }
            Err(reason) => (Decision::Nothing, WorkAnswer::Failed(reason)),
        })
    }

    /// Decides, given the present value with its format, if there is one.
    pub(super) fn decide(self, present: Option<(Format, &[u8])>) -> Decision {
        let equals = |expected: &Binary| {
            present
                .is_some_and(|(format, bytes)| same_value(format, bytes, expected.format(), expected.bytes()))
        };
        match self {
            Command::Put { value, ttl } => Decision::Write { value, ttl },
            Command::PutIfAbsent { value, ttl } if present.is_none() => Decision::Write { value, ttl },
            Command::Replace { value } if present.is_some() => Decision::Write {
                value,
                ttl: TimeToLive::CacheDefault,
            },
            Command::ReplaceIfEqual { previous, value } if equals(&previous) => Decision::Write {
                value,
                ttl: TimeToLive::CacheDefault,
            },
            Command::Remove if present.is_some() => Decision::Delete,
            Command::RemoveIfEqual { previous } if equals(&previous) => Decision::Delete,
            Command::PutIfAbsent { .. }
            | Command::Replace { .. }
            | Command::ReplaceIfEqual { .. }
            | Command::Remove
            | Command::RemoveIfEqual { .. }
            | Command::Work(_) => Decision::Nothing,
        }
    }
}

/// What a command did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Whether the command changed the entry.
    pub done: bool,
    /// Whether there was an entry before.
    pub existed: bool,
    /// The value before, when there was one and it was [wanted](crate::store::Want::previous).
    pub previous: Option<Binary>,
    /// What work on the entry said.
    pub answer: Option<WorkAnswer>,
    /// The number of the change, when there was one.
    pub sequence: Option<Sequence>,
    /// The end of an entry whose time was over when the command met it: it comes before `change`.
    pub expired: Option<Change>,
    /// The change, when there was one and it was [wanted](crate::store::Want::change).
    pub change: Option<Change>,
}

/// A command that could not be carried out. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The partition has as many entries of this size as it can name.
    #[error(
        "the partition has no room for another entry of {blob_bytes} bytes (not applied): remove entries of this \
         size, or use more partitions"
    )]
    PartitionFull {
        /// The size of the entry with its header, in bytes.
        blob_bytes: usize,
    },
}
