//! Copies of a partition: changes made again as they were made elsewhere, and entries read and written as they are.

use std::num::NonZeroUsize;

use crate::store::layout::EntryView;
use crate::store::page::PageCursor;
use crate::store::partition::{Cause, cache_hash};
use crate::store::{CacheId, Change, ChangeKind, Partition, Sequence, StoreError, Timestamp, Want};
use crate::value::{Binary, Key};

/// An entry as it is, to be written into a copy.
#[derive(Clone, Debug)]
pub struct CopiedEntry {
    /// Its cache.
    pub cache: CacheId,
    /// Its key in its first spelling.
    pub key: Binary,
    /// Its value.
    pub value: Binary,
    /// The number of the change that wrote it.
    pub version: Sequence,
    /// When its time is over, if it has a time to live.
    pub deadline: Option<Timestamp>,
}

impl CopiedEntry {
    fn of(cache: CacheId, view: &EntryView<'_>) -> Self {
        CopiedEntry {
            cache,
            key: view.key_binary(),
            value: view.value_binary(),
            version: view.version(),
            deadline: view.deadline(),
        }
    }

    /// The bytes of key and value.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.key.bytes().len() + self.value.bytes().len()
    }
}

/// A place in a partition that is being copied: after these entries of this cache, and all of the caches before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopyCursor {
    cache: CacheId,
    after: Option<PageCursor>,
}

/// Some entries of a partition that is being copied.
#[derive(Debug)]
pub struct Copied {
    /// The entries, also those whose time is over and that were not swept yet.
    pub entries: Vec<CopiedEntry>,
    /// Where to go on; `None` after the last.
    pub next: Option<CopyCursor>,
}

impl Partition {
    /// Makes a change again that was made to another copy of this partition, at the same sequence number.
    ///
    /// The end of an entry that is not here is no error: a copy that is being filled may not have had it yet.
    ///
    /// # Errors
    /// [`StoreError::PartitionFull`] when there is no room; nothing was changed then, and the copy is of no use.
    pub fn replay(&mut self, now: Timestamp, change: &Change) -> Result<(), StoreError> {
        let Ok(key) = Key::new(change.key.clone()) else {
            // A key that was stored is one. Should bytes be damaged on the way, the entry can't be anywhere.
            self.sequence = change.sequence;
            return Ok(());
        };
        match (&change.new, change.kind) {
            (Some(value), ChangeKind::Insert | ChangeKind::Update) => {
                self.install(now, change.cache, &key, value, change.sequence, change.deadline)?;
            }
            _ => {
                if let Some(handle) = self.find(change.cache, &key) {
                    self.remove(change.cache, key.hash(), handle, Want::NOTHING, Cause::Command);
                }
            }
        }
        self.sequence = change.sequence;
        Ok(())
    }

    /// The value of a key as it is kept, whether its time is over or not.
    #[must_use]
    pub fn value_at(&self, cache: CacheId, key: &Binary) -> Option<Binary> {
        let key = Key::new(key.clone()).ok()?;
        let handle = self.find(cache, &key)?;
        Some(EntryView::read(self.arena.blob(handle)).value_binary())
    }

    /// Writes an entry of another copy of this partition as it is there. The partition's sequence number stays.
    ///
    /// # Errors
    /// [`StoreError::PartitionFull`] when there is no room; nothing was changed then, and the copy is of no use.
    pub fn take_copied(&mut self, now: Timestamp, entry: &CopiedEntry) -> Result<(), StoreError> {
        match Key::new(entry.key.clone()) {
            Ok(key) => self.install(
                now,
                entry.cache,
                &key,
                &entry.value,
                entry.version,
                entry.deadline,
            ),
            Err(_damaged) => Ok(()),
        }
    }

    /// Sets the number of the last change, in a copy that is to go on from there.
    pub fn set_sequence(&mut self, sequence: Sequence) {
        self.sequence = sequence;
    }

    /// The caches that have entries here, in order.
    #[must_use]
    pub fn caches(&self) -> Vec<CacheId> {
        let mut caches: Vec<_> = self.caches.iter().map(super::entry_map::EntryMap::id).collect();
        caches.sort_unstable();
        caches
    }

    /// The entries of all caches after a place (`None`: from the beginning), about as many as the limits allow: at
    /// least one if there is one. Going on until there is no next place gives each entry that stays exactly once.
    #[must_use]
    pub fn copy_after(
        &self,
        cursor: Option<CopyCursor>,
        entries_max: NonZeroUsize,
        bytes_max: NonZeroUsize,
    ) -> Copied {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let started = cursor.map(|cursor| cursor.cache);
        for cache in self
            .caches()
            .into_iter()
            .filter(|cache| started.is_none_or(|started| *cache >= started))
        {
            let mut after = cursor
                .filter(|cursor| cursor.cache == cache)
                .and_then(|cursor| cursor.after);
            loop {
                let Some(room) = NonZeroUsize::new(entries_max.get().saturating_sub(entries.len()))
                    .filter(|_room| bytes < bytes_max.get())
                else {
                    return Copied {
                        entries,
                        next: Some(CopyCursor { cache, after }),
                    };
                };
                // The limit of bytes is looked at between steps, so a step is as many entries as are likely to fit.
                let stats = self.stats(cache);
                let all_bytes = usize::try_from(stats.key_bytes + stats.value_bytes).unwrap_or(usize::MAX);
                let entry_bytes = all_bytes / usize::try_from(stats.entries).unwrap_or(usize::MAX).max(1);
                let fit = bytes_max.get().saturating_sub(bytes) / entry_bytes.max(1);
                let step = NonZeroUsize::new(fit).unwrap_or(NonZeroUsize::MIN).min(room);
                // Entries whose time is over are copied too, as deadlines are decided by one clock, the primary's.
                let next = self.scan(Timestamp::EPOCH, cache, after, step, |view| {
                    let entry = CopiedEntry::of(cache, &view);
                    bytes += entry.bytes();
                    entries.push(entry);
                });
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Copied { entries, next: None }
    }

    fn install(
        &mut self,
        now: Timestamp,
        cache: CacheId,
        key: &Key,
        value: &Binary,
        version: Sequence,
        deadline: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let existing = self.find(cache, key);
        self.check_room(key, existing, value, deadline.is_some())?;
        let sequence = self.sequence;
        // A write takes the number after the partition's.
        self.sequence = Sequence::new(version.get().wrapping_sub(1));
        self.write(now, cache, key, existing, value, deadline);
        self.sequence = sequence;
        Ok(())
    }

    /// Whether a cache has entries here, swept or not.
    #[must_use]
    pub fn has_cache(&self, cache: CacheId) -> bool {
        self.caches
            .find(cache_hash(cache), |map| map.id() == cache)
            .is_some()
    }
}
