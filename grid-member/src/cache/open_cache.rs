//! One cache at this member.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use grid_core::cache::{BinaryPage, CacheError, CacheName, PageContents};
use grid_core::store::{
    Applied, CacheId, CacheSettings, Command, Cookie, Page, PageContent, PageLimits, StoreError, TimeToLive,
};
use grid_core::value::{Binary, Key};

use crate::event::{Lifecycle, ListenerHub};
use crate::store::Partitions;

use super::{CacheCounters, CacheInfo, CacheKind, Reply};

/// How many entries are removed under one lock by a clear, so that others are not held up for long.
const CLEAR_BATCH_LEN: usize = 1_000;

/// The limits of one page.
const PAGE_LIMITS: PageLimits = PageLimits {
    entries_max: NonZeroUsize::new(1_000).expect("1,000 is not zero"),
    bytes_max: NonZeroUsize::new(1 << 20).expect("1 MiB is not zero"),
};

/// A cache at this member: every operation on its entries.
///
/// Each gives a [`Reply`]: an operation that needs another member waits for it, any other is done when it returns.
///
/// Reads run side by side, writes one at a time for each partition. The listeners of a change are told while the
/// partition is locked, so that the events of a key come in the order of its changes.
pub struct OpenCache {
    id: CacheId,
    scope: String,
    name: CacheName,
    kind: CacheKind,
    settings: CacheSettings,
    partitions: Arc<Partitions>,
    listeners: Arc<ListenerHub>,
    counters: CacheCounters,
    /// Set while every partition is locked; read under the lock of one: nothing is written after.
    destroyed: AtomicBool,
}

impl OpenCache {
    pub(super) fn new(
        id: CacheId,
        (scope, name): (String, CacheName),
        (kind, settings): (CacheKind, CacheSettings),
        partitions: Arc<Partitions>,
    ) -> Self {
        OpenCache {
            id,
            scope,
            name,
            kind,
            settings,
            partitions,
            listeners: Arc::default(),
            counters: CacheCounters::default(),
            destroyed: AtomicBool::new(false),
        }
    }

    /// The number that stands for the cache in the store.
    #[must_use]
    pub fn id(&self) -> CacheId {
        self.id
    }

    /// How the cache is kept.
    #[must_use]
    pub fn kind(&self) -> CacheKind {
        self.kind
    }

    /// The scope that the cache belongs to; empty for the default one.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The name of the cache in its scope.
    #[must_use]
    pub fn name(&self) -> &CacheName {
        &self.name
    }

    /// Who listens.
    #[must_use]
    pub fn listeners(&self) -> &Arc<ListenerHub> {
        &self.listeners
    }

    /// Whether the cache was destroyed.
    #[must_use]
    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Acquire)
    }

    pub(super) fn check_alive(&self) -> Result<(), CacheError> {
        if self.is_destroyed() {
            return Err(CacheError::Destroyed {
                cache: self.name.to_string(),
            });
        }
        Ok(())
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the cache was destroyed, as for every operation.
    pub fn get(self: &Arc<Self>, key: &Key) -> Reply<Option<Binary>> {
        let value = self.peek_now(key);
        if let Ok(value) = &value {
            self.counters
                .looked_up(usize::from(value.is_some()), usize::from(value.is_none()));
        }
        value.into()
    }

    /// The value of a key, which does not count as a lookup.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn peek(self: &Arc<Self>, key: &Key) -> Reply<Option<Binary>> {
        self.peek_now(key).into()
    }

    fn peek_now(&self, key: &Key) -> Result<Option<Binary>, CacheError> {
        let id = self.partitions.count().partition_of(key.hash());
        let partition = self.partitions.read(id);
        self.check_alive()?;
        Ok(partition
            .get(self.partitions.now(), self.id, key)
            .map(|entry| entry.value_binary()))
    }

    /// The entries of those keys that are present; a key that comes twice counts once.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn get_all(self: &Arc<Self>, keys: Vec<Key>) -> Reply<Vec<(Binary, Binary)>> {
        self.get_all_now(&keys).into()
    }

    fn get_all_now(&self, keys: &[Key]) -> Result<Vec<(Binary, Binary)>, CacheError> {
        let count = self.partitions.count();
        let mut order: Vec<&Key> = keys.iter().collect();
        let place = |key: &Key| (count.partition_of(key.hash()), key.hash());
        order.sort_by(|a, b| {
            place(a)
                .cmp(&place(b))
                .then_with(|| a.format().cmp(&b.format()))
                .then_with(|| a.canonical().cmp(b.canonical()))
        });
        order.dedup();
        let mut found = Vec::with_capacity(order.len());
        for keys in order.chunk_by(|a, b| place(a).0 == place(b).0) {
            let partition = self.partitions.read(place(keys[0]).0);
            self.check_alive()?;
            let now = self.partitions.now();
            for key in keys {
                if let Some(entry) = partition.get(now, self.id, key) {
                    found.push((entry.key_binary(), entry.value_binary()));
                }
            }
        }
        self.counters.looked_up(found.len(), order.len() - found.len());
        Ok(found)
    }

    /// Whether the key is present.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn contains_key(self: &Arc<Self>, key: &Key) -> Reply<bool> {
        self.contains_key_now(key).into()
    }

    fn contains_key_now(&self, key: &Key) -> Result<bool, CacheError> {
        let partition = self
            .partitions
            .read(self.partitions.count().partition_of(key.hash()));
        self.check_alive()?;
        Ok(partition.contains(self.partitions.now(), self.id, key))
    }

    /// Whether any key has this value. Reads every entry, partition by partition.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn contains_value(self: &Arc<Self>, value: &Binary) -> Reply<bool> {
        self.contains_value_now(value).into()
    }

    fn contains_value_now(&self, value: &Binary) -> Result<bool, CacheError> {
        for id in self.partitions.count().all() {
            let partition = self.partitions.read(id);
            self.check_alive()?;
            if partition.contains_value(self.partitions.now(), self.id, value) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Carries out a command on one entry; gives the value before when `previous`.
    ///
    /// # Errors
    /// When the cache was destroyed or the partition is full; nothing was changed then.
    pub fn update(self: &Arc<Self>, key: &Key, command: Command, previous: bool) -> Reply<Applied> {
        self.update_now(key, command, previous).into()
    }

    fn update_now(&self, key: &Key, command: Command, previous: bool) -> Result<Applied, CacheError> {
        let puts = !matches!(command, Command::Remove | Command::RemoveIfEqual { .. });
        let applied = {
            let mut partition = self
                .partitions
                .write(self.partitions.count().partition_of(key.hash()));
            self.check_alive()?;
            let want = self.listeners.want(previous);
            let now = self.partitions.now();
            let applied = partition
                .apply(now, self.id, self.settings, key, command, want)
                .map_err(refused)?;
            for change in applied.expired.iter().chain(&applied.change) {
                self.listeners.publish(change);
            }
            applied
        };
        if applied.done && puts {
            self.counters.put(1);
        } else if applied.done {
            self.counters.removed(1);
        }
        Ok(applied)
    }

    /// Puts every entry, one after the other.
    ///
    /// # Errors
    /// When the cache was destroyed or a partition is full; the entries before the failing one are put.
    pub fn put_all(self: &Arc<Self>, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> Reply<()> {
        self.put_all_now(entries, ttl).into()
    }

    fn put_all_now(&self, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> Result<(), CacheError> {
        for (key, value) in entries {
            self.update_now(&key, Command::Put { value, ttl }, false)?;
        }
        Ok(())
    }

    /// The number of entries.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn len(self: &Arc<Self>) -> Reply<usize> {
        self.len_now().into()
    }

    fn len_now(&self) -> Result<usize, CacheError> {
        self.check_alive()?;
        let now = self.partitions.now();
        Ok(self
            .partitions
            .count()
            .all()
            .map(|id| self.partitions.read(id).len(now, self.id))
            .sum())
    }

    /// Whether there is no entry.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn is_empty(self: &Arc<Self>) -> Reply<bool> {
        self.is_empty_now().into()
    }

    fn is_empty_now(&self) -> Result<bool, CacheError> {
        self.check_alive()?;
        let now = self.partitions.now();
        Ok(self
            .partitions
            .count()
            .all()
            .all(|id| self.partitions.read(id).is_empty(now, self.id)))
    }

    /// Removes every entry, with an event for each. Entries that come meanwhile may stay.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn clear(self: &Arc<Self>) -> Reply<()> {
        self.clear_now().into()
    }

    fn clear_now(&self) -> Result<(), CacheError> {
        for id in self.partitions.count().all() {
            loop {
                let mut partition = self.partitions.write(id);
                self.check_alive()?;
                let want = self.listeners.want(false);
                let swept = partition.clear(self.partitions.now(), self.id, CLEAR_BATCH_LEN, want);
                for change in &swept.changes {
                    self.listeners.publish(change);
                }
                self.counters.removed(swept.removed);
                if swept.done {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Drops every entry in one step, with one event for all.
    ///
    /// All partitions are locked together: an event of a later change cannot come before the one of the truncation.
    ///
    /// # Errors
    /// When the cache was destroyed.
    pub fn truncate(self: &Arc<Self>) -> Reply<()> {
        self.truncate_now().into()
    }

    fn truncate_now(&self) -> Result<(), CacheError> {
        let mut partitions = self.partitions.write_all();
        self.check_alive()?;
        for partition in &mut partitions {
            partition.truncate(self.id);
        }
        self.listeners.publish_lifecycle(Lifecycle::Truncated);
        Ok(())
    }

    /// Drops every entry and ends the cache in one step. `before_unlock` runs in that step.
    pub(super) fn destroy_now(&self, before_unlock: impl FnOnce()) -> Result<(), CacheError> {
        let mut partitions = self.partitions.write_all();
        self.check_alive()?;
        self.destroyed.store(true, Ordering::Release);
        for partition in &mut partitions {
            partition.drop_cache(self.id);
        }
        before_unlock();
        self.listeners.publish_lifecycle(Lifecycle::Destroyed);
        Ok(())
    }

    /// The page after this cookie, or the first: up to a thousand entries or a mebibyte, from as many partitions as
    /// fit. An entry that is present from the first page to the last is on exactly one of them.
    ///
    /// # Errors
    /// When the cache was destroyed, or the cookie is none that a page gave.
    pub fn page(self: &Arc<Self>, cookie: Option<&[u8]>, contents: PageContents) -> Reply<BinaryPage> {
        self.page_now(cookie, contents).into()
    }

    fn page_now(&self, cookie: Option<&[u8]>, contents: PageContents) -> Result<BinaryPage, CacheError> {
        let count = self.partitions.count();
        let mut place = match cookie {
            Some(bytes) => Cookie::from_bytes(bytes, count)?,
            None => Cookie::start_of(first(count)),
        };
        let mut page = BinaryPage::default();
        let mut room = PAGE_LIMITS;
        loop {
            let part = self.page_of_partition(place, room, contents)?;
            let bytes: usize = part
                .entries
                .iter()
                .map(|entry| len_of(entry.key.as_ref()) + len_of(entry.value.as_ref()))
                .sum();
            let entries = part.entries.len();
            page.entries
                .extend(part.entries.into_iter().filter_map(|e| Some((e.key?, e.value))));
            let next_partition = u16::try_from(place.partition.index() + 1)
                .ok()
                .and_then(|n| count.nth(n));
            place = match (part.next, next_partition) {
                (Some(after), _) => Cookie {
                    partition: place.partition,
                    after: Some(after),
                },
                (None, Some(partition)) => Cookie::start_of(partition),
                (None, None) => return Ok(page),
            };
            match (
                room.entries_max.get().checked_sub(entries),
                room.bytes_max.get().checked_sub(bytes),
            ) {
                (Some(entries), Some(bytes)) if part.next.is_none() => {
                    let (Some(entries_max), Some(bytes_max)) =
                        (NonZeroUsize::new(entries), NonZeroUsize::new(bytes))
                    else {
                        break;
                    };
                    room = PageLimits {
                        entries_max,
                        bytes_max,
                    };
                }
                _ => break,
            }
        }
        page.next = Some(Bytes::copy_from_slice(&place.to_bytes()));
        Ok(page)
    }

    fn page_of_partition(
        &self,
        place: Cookie,
        room: PageLimits,
        contents: PageContents,
    ) -> Result<Page, CacheError> {
        let content = match contents {
            PageContents::Keys => PageContent::Keys,
            PageContents::Entries => PageContent::Entries,
        };
        let partition = self.partitions.read(place.partition);
        self.check_alive()?;
        Ok(partition.page(self.partitions.now(), self.id, place.after, room, content))
    }

    /// The cache's figures.
    #[must_use]
    pub fn info(&self) -> CacheInfo {
        let (mut entries, mut bytes) = (0, 0);
        for id in self.partitions.count().all() {
            let stats = self.partitions.read(id).stats(self.id);
            entries += stats.entries;
            bytes += stats.key_bytes + stats.value_bytes;
        }
        let (hits, misses, puts, removes) = self.counters.read();
        let name = match self.scope.as_str() {
            "" => self.name.to_string(),
            scope => format!("{scope}:{}", self.name),
        };
        CacheInfo {
            name,
            kind: self.kind,
            entries,
            bytes,
            hits,
            misses,
            puts,
            removes,
        }
    }
}

impl fmt::Debug for OpenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCache")
            .field("scope", &self.scope)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn first(count: grid_core::partition::PartitionCount) -> grid_core::partition::PartitionId {
    count.nth(0).expect("a partition count is not zero")
}

fn len_of(binary: Option<&Binary>) -> usize {
    binary.map_or(0, |binary| binary.bytes().len())
}

fn refused(error: StoreError) -> CacheError {
    CacheError::Overloaded {
        what: error.to_string(),
    }
}
