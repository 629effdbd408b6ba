//! Changes of many entries of a partition: clearing, truncating, expiring.

use hashbrown::hash_table::OccupiedEntry;

use crate::store::arena::Arena;
use crate::store::partition::{Cause, cache_hash, is_over};
use crate::store::wheel::TimingWheel;
use crate::store::{CacheId, Change, Partition, Sequence, Timestamp, Want};

/// What [`Partition::clear`] or [`Partition::expire`] did.
#[derive(Debug)]
pub struct Swept {
    /// The changes that were [wanted](Want::change).
    pub changes: Vec<Change>,
    /// How many entries went.
    pub removed: usize,
    /// Whether nothing is left to do. `false`: the bound was met, call again.
    pub done: bool,
}

/// What [`Partition::truncate`] or [`Partition::drop_cache`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The number of the one change that all the entries went with.
    pub sequence: Sequence,
    /// How many entries went.
    pub entries: usize,
}

impl Partition {
    /// Removes entries of a cache one by one, each with a change of its own: at most `entries_max` of them, so that
    /// neither the answer nor the time under the lock grows with the cache. Entries that come between two calls are
    /// removed too.
    pub fn clear(&mut self, now: Timestamp, cache: CacheId, entries_max: usize, want: Want) -> Swept {
        let handles = self
            .map(cache)
            .map(|map| map.first(entries_max))
            .unwrap_or_default();
        let mut changes = Vec::new();
        for &handle in &handles {
            let cause = if is_over(&self.view(handle), now) {
                Cause::Lapsed
            } else {
                Cause::Command
            };
            changes.extend(self.remove(cache, self.hash_of(handle), handle, want, cause));
        }
        Swept {
            changes,
            removed: handles.len(),
            done: self.map(cache).is_none(),
        }
    }

    /// Drops all entries of a cache at once: one sequence number, no change for each entry.
    pub fn truncate(&mut self, cache: CacheId) -> Dropped {
        self.sequence = self.sequence.next();
        if let Some(indexes) = self.indexes.get_mut(cache) {
            indexes.clear();
        }
        let found = self.caches.find_entry(cache_hash(cache), |map| map.id() == cache);
        let Ok((map, _)) = found.map(OccupiedEntry::remove) else {
            return Dropped {
                sequence: self.sequence,
                entries: 0,
            };
        };
        if self.caches.is_empty() {
            self.arena = Arena::default();
            self.wheel = TimingWheel::new();
        } else {
            for handle in map.iter() {
                if let Some(token) = self.view(handle).token() {
                    self.wheel.cancel(token);
                }
                self.arena.free(handle);
            }
        }
        self.shrink_caches();
        Dropped {
            sequence: self.sequence,
            entries: map.len(),
        }
    }

    /// Drops a cache that is destroyed. Nothing of it stays: its indexes go as well, which
    /// [`truncate`](Self::truncate) keeps.
    pub fn drop_cache(&mut self, cache: CacheId) -> Dropped {
        self.indexes.drop_cache(cache);
        self.truncate(cache)
    }

    /// Removes the entries whose time is over, each with a change ([`Change::expired`]), at most `work_max` of them.
    /// `want` is asked once for each entry. (Timers that only sink in the wheel count as work too.)
    pub fn expire(
        &mut self,
        now: Timestamp,
        work_max: usize,
        mut want: impl FnMut(CacheId) -> Want,
    ) -> Swept {
        let due = self.wheel.advance(now, work_max);
        let mut changes = Vec::new();
        for alarm in &due.expired {
            let (cache, handle) = (alarm.cache, alarm.handle);
            changes.extend(self.remove(cache, self.hash_of(handle), handle, want(cache), Cause::Fired));
        }
        Swept {
            changes,
            removed: due.expired.len(),
            done: due.done,
        }
    }

    /// When [`expire`](Self::expire) has something to do next, at the latest when the first entry's time is over;
    /// `None` when no entry has a time to live.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.wheel.next_deadline()
    }
}
