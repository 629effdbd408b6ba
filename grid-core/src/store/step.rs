//! Several entries changed in one step.

use std::sync::Arc;

use bytes::Bytes;

use crate::processor::{Work, Worked};
use crate::store::partition::is_over;
use crate::store::{
    Applied, CacheId, CacheSettings, Command, Partition, Sequence, StoreError, Timestamp, Want,
};
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
        let mut mortal = entry.settings.default_ttl_ms.is_some();
        let value = match &entry.worked {
            Worked::Set(value, life_ms) => {
                mortal |= life_ms.is_some();
                value
            }
            Worked::Touched => match existing {
                Some(handle) => {
                    current = self.view(handle).value_binary();
                    &current
                }
                None => return Ok(()),
            },
            Worked::Stays | Worked::Removed => return Ok(()),
        };
        Ok(self.check_room_for(&entry.key, existing, (value, mortal), writes)?)
    }
}

fn writes(worked: &Worked) -> bool {
    matches!(worked, Worked::Set(..) | Worked::Touched)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ChangeKind, TimeToLive};
    use crate::value::{to_binary, to_key};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000);
    const CACHES: [CacheId; 2] = [CacheId::new(1), CacheId::new(2)];

    fn entry(cache: CacheId, key: u32, seen: Option<Sequence>, worked: Worked) -> StepEntry {
        StepEntry {
            cache,
            settings: CacheSettings::default(),
            key: to_key(&key).unwrap(),
            seen,
            worked,
            want: Want::ALL,
        }
    }

    fn set(value: u32) -> Worked {
        Worked::Set(to_binary(&value).unwrap(), None)
    }

    fn values(partition: &Partition) -> Vec<(u32, Option<Vec<u8>>)> {
        let of = |cache| move |key: u32| (cache, key);
        let all = CACHES.into_iter().flat_map(|cache| (1..4).map(of(cache)));
        all.map(|(cache, key)| {
            let found = partition.get(NOW, cache, &to_key(&key).unwrap());
            (key, found.map(|entry| entry.value().to_vec()))
        })
        .collect()
    }

    #[test]
    fn all_are_changed_in_their_order_or_none() {
        let mut partition = Partition::new();
        let first = [
            entry(CACHES[0], 1, None, set(1)),
            entry(CACHES[1], 1, None, set(2)),
        ];
        let applied = partition.step(NOW, &first).unwrap();
        let changes: Vec<_> = applied
            .iter()
            .filter_map(|applied| applied.change.as_ref())
            .collect();
        let numbers: Vec<_> = changes.iter().map(|change| change.sequence.get()).collect();
        assert_eq!(numbers, [1, 2]);
        assert!(changes.iter().all(|change| change.kind == ChangeKind::Insert));
        let before = values(&partition);
        let seen = |partition: &Partition, cache| partition.version(NOW, cache, &to_key(&1_u32).unwrap());
        // What was read of the last is not so any more, and so it is when it should not be there.
        for wrong in [None, Some(Sequence::new(1))] {
            let step = [
                entry(CACHES[0], 1, seen(&partition, CACHES[0]), Worked::Removed),
                entry(CACHES[0], 2, None, set(5)),
                entry(CACHES[1], 1, wrong, Worked::Stays),
            ];
            assert_eq!(partition.step(NOW, &step).unwrap_err(), StepError::Overtaken);
            assert_eq!(values(&partition), before);
            assert_eq!(partition.sequence(), Sequence::new(2));
        }
        let step = [
            entry(CACHES[0], 1, seen(&partition, CACHES[0]), Worked::Removed),
            entry(CACHES[0], 2, None, Worked::Stays),
            entry(CACHES[1], 1, seen(&partition, CACHES[1]), set(7)),
            entry(CACHES[1], 3, None, Worked::Touched),
        ];
        let applied = partition.step(NOW, &step).unwrap();
        let done: Vec<_> = applied.iter().map(|applied| applied.done).collect();
        assert_eq!(done, [true, false, true, false]);
        assert_eq!(partition.sequence(), Sequence::new(4));
    }

    #[test]
    fn an_entry_whose_time_is_over_is_none() {
        let mut partition = Partition::new();
        let (key, value) = (to_key(&1_u32).unwrap(), to_binary(&1_u32).unwrap());
        let ttl = TimeToLive::from_wire_ms(10).unwrap();
        let put = Command::Put { value, ttl };
        let settings = CacheSettings::default();
        partition
            .apply(NOW, CACHES[0], settings, &key, put, Want::NOTHING)
            .unwrap();
        let seen = partition.version(NOW, CACHES[0], &key);
        assert_eq!(seen, Some(Sequence::new(1)));
        let later = NOW.after_ms(10);
        let step = [entry(CACHES[0], 1, seen, set(2))];
        assert_eq!(partition.step(later, &step).unwrap_err(), StepError::Overtaken);
        let applied = partition
            .step(later, &[entry(CACHES[0], 1, None, set(2))])
            .unwrap();
        assert!(applied[0].expired.is_some() && !applied[0].existed && applied[0].done);
    }
}
