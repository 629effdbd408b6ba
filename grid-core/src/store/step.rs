//! Several entries changed in one step.

use std::sync::Arc;

use bytes::Bytes;

use crate::processor::{Work, Worked};
use crate::store::partition::is_over;
use crate::store::{Applied, CacheId, CacheSettings, Command, Partition, Sequence, StoreError, Timestamp, Want};
use crate::value::{Binary, Key};

/// The most entries that one step reads and changes.
pub const STEP_ENTRIES_MAX: usize = 4_096;

/// An entry that a step depends on, and what it does to it.
#[derive(Clone, Debug)]
pub struct StepEntry {
    /// The cache.
    pub cache: CacheId,
    /// Its settings.
    pub settings: CacheSettings,
    /// The key.
    pub key: Key,
    /// The version that was read; `None` when there was no entry.
    pub seen: Option<Sequence>,
    /// What becomes of it.
    pub worked: Worked,
    /// What listeners want to know.
    pub want: Want,
}

/// Why a step was not done. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// An entry is not as it was when it was read.
    #[error("not applied: an entry that the step depends on has changed")]
    Overtaken,
    /// There is no room.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Partition {
    /// The version of an entry: the number of the change that wrote it. `None` when there is none, or its time is over.
    #[must_use]
    pub fn version(&self, now: Timestamp, cache: CacheId, key: &Key) -> Option<Sequence> {
        self.get(now, cache, key).map(|entry| entry.version())
    }

    /// Changes several entries, each another one, if all are as they were read. What came of each is given in their order.
    ///
    /// # Errors
    /// When an entry has changed, or there may be no room for all of them; nothing was changed then.
    pub fn step(&mut self, now: Timestamp, entries: &[StepEntry]) -> Result<Vec<Applied>, StepError> {
        for entry in entries {
            if self.version(now, entry.cache, &entry.key) != entry.seen {
                return Err(StepError::Overtaken);
            }
        }
        let writes = entries.iter().filter(|entry| writes(&entry.worked)).count();
        for entry in entries {
            self.check_step_room(now, entry, writes)?;
        }
        let mut applied = Vec::with_capacity(entries.len());
        for entry in entries {
            let command = Command::Work(Arc::new(Said(entry.worked.clone())));
            // There is room, so that none fails after others were changed.
            applied.push(self.apply(now, entry.cache, entry.settings, &entry.key, command, entry.want)?);
        }
        Ok(applied)
    }

    fn check_step_room(&self, now: Timestamp, entry: &StepEntry, writes: usize) -> Result<(), StepError> {
        let found = self.find(entry.cache, &entry.key);
        let existing = found.filter(|handle| !is_over(&self.view(*handle), now));
        let current;
        let value = match &entry.worked {
            Worked::Set(value) => value,
            Worked::Touched => match existing {
                Some(handle) => {
                    current = self.view(handle).value_binary();
                    &current
                }
                None => return Ok(()),
            },
            Worked::Stays | Worked::Removed => return Ok(()),
        };
        let mortal = entry.settings.default_ttl_ms.is_some();
        Ok(self.check_room_for(&entry.key, existing, (value, mortal), writes)?)
    }
}

fn writes(worked: &Worked) -> bool {
    matches!(worked, Worked::Set(_) | Worked::Touched)
}

/// What was decided before.
#[derive(Debug)]
struct Said(Worked);

impl Work for Said {
    fn work(&self, _key: &Binary, _value: Option<&Binary>) -> Result<(Worked, Option<Binary>), String> {
        Ok((self.0.clone(), None))
    }

    fn may_change(&self) -> bool {
        true
    }

    fn to_bytes(&self) -> Bytes {
        Bytes::new()
    }
}
