//! The state of one partition: commands and reads of single entries.

use std::fmt;

use hashbrown::HashTable;

use crate::store::arena::{Arena, Handle};
use crate::store::command::Decision;
use crate::store::entry_map::{EntryMap, Weight, hash_of};
use crate::store::index::Indexes;
use crate::store::layout::{Draft, EntryView, StoredKey};
use crate::store::wheel::{TimingWheel, Token};
use crate::store::{
    Applied, CacheId, CacheSettings, CacheStats, Change, ChangeKind, Command, PartitionMemory, Sequence,
    StoreError, TimeToLive, Timestamp, Want,
};
use crate::value::{Binary, Key};

/// What the wheel holds for an entry with a time to live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    pub(super) cache: CacheId,
    pub(super) handle: Handle,
}

/// Why an entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A command removes it.
    Command,
    /// Its time is over, and a command came before its timer.
    Lapsed,
    /// Its timer fired (and is void).
    Fired,
}

/// The entries of every cache that lie in one partition, with the order of their changes.
///
/// It is a plain structure: the caller holds the lock, says what time it is, and carries out what follows from the
/// changes. See the [module](crate::store) for the invariants.
#[derive(Default)]
pub struct Partition {
    pub(super) arena: Arena,
    /// Only caches that have entries here.
    pub(super) caches: HashTable<EntryMap>,
    pub(super) wheel: TimingWheel<Alarm>,
    pub(super) sequence: Sequence,
    /// Of caches with entries here and without.
    pub(super) indexes: Indexes,
}

impl Partition {
    /// An empty partition. It owns no memory until something is written.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of the last change.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Carries out a command on one entry.
    ///
    /// An entry whose time is over goes first, with a change of its own ([`Applied::expired`]). The first spelling of
    /// a key stays as long as its entry. [`Applied::sequence`] and the change are there when the entry changed, be it
    /// to an equal value.
    ///
    /// # Errors
    /// [`StoreError::PartitionFull`] when there is no room for the entry; nothing was changed then.
    pub fn apply(
        &mut self,
        now: Timestamp,
        cache: CacheId,
        settings: CacheSettings,
        key: &Key,
        command: Command,
        want: Want,
    ) -> Result<Applied, StoreError> {
        let found = self.find(cache, key);
        let present = found
            .map(|handle| self.view(handle))
            .filter(|view| !is_over(view, now));
        let lapsed = found.filter(|_handle| present.is_none());
        let existing = found.filter(|_handle| present.is_some());
        let (decision, answer) = if let Command::Work(_) = &command {
            let value = present.map(|view| view.value_binary());
            match command.work(key.spelling(), value.as_ref()) {
                Some((decision, answer)) => (decision, Some(answer)),
                None => (Decision::Nothing, None),
            }
        } else {
            let present = present.map(|view| (view.value_format(), view.value()));
            (command.decide(present), None)
        };
        let decision = match decision {
            Decision::Touch(value) => {
                let ttl = TimeToLive::CacheDefault;
                let mortal = present.is_some_and(|view| view.deadline().is_some());
                if mortal || ttl.deadline(now, settings).is_some() {
                    Decision::Write { value, ttl }
                } else {
                    Decision::Nothing
                }
            }
            other => other,
        };
        let previous = present
            .filter(|_view| want.previous)
            .map(|view| view.value_binary());
        if let Decision::Write { value, ttl } = &decision {
            self.check_room(key, existing, value, ttl.deadline(now, settings).is_some())?;
        }

        let mut applied = Applied {
            existed: existing.is_some(),
            previous,
            answer,
            ..Applied::default()
        };
        if let Some(handle) = lapsed {
            applied.expired = self.remove(cache, key.hash(), handle, want, Cause::Lapsed);
        }
        match (decision, existing) {
            (Decision::Write { value, ttl }, _) => {
                let deadline = ttl.deadline(now, settings);
                let old = existing
                    .filter(|_handle| want.change && want.old_value)
                    .map(|handle| {
                        applied
                            .previous
                            .clone()
                            .unwrap_or_else(|| self.view(handle).value_binary())
                    });
                let handle = self.write(now, cache, key, existing, &value, deadline);
                applied.change = want.change.then(|| Change {
                    sequence: self.sequence,
                    cache,
                    key: self.stored_spelling(key, handle),
                    kind: if existing.is_some() {
                        ChangeKind::Update
                    } else {
                        ChangeKind::Insert
                    },
                    old,
                    new: want.new_value.then_some(value),
                    deadline,
                    expired: false,
                });
                applied.done = true;
            }
            (Decision::Delete, Some(handle)) => {
                applied.change = self.remove(cache, key.hash(), handle, want, Cause::Command);
                applied.done = true;
            }
            (Decision::Delete | Decision::Nothing | Decision::Touch(_), _) => {}
        }
        applied.sequence = applied.done.then_some(self.sequence);
        Ok(applied)
    }

    /// The entry of a key, if it is there and its time is not over.
    #[must_use]
    pub fn get(&self, now: Timestamp, cache: CacheId, key: &Key) -> Option<EntryView<'_>> {
        self.find(cache, key)
            .map(|handle| self.view(handle))
            .filter(|view| !is_over(view, now))
    }

    /// Whether the entry of a key is there and its time is not over.
    #[must_use]
    pub fn contains(&self, now: Timestamp, cache: CacheId, key: &Key) -> bool {
        self.get(now, cache, key).is_some()
    }

    /// How many entries of a cache are there, without those whose time is over: the exact number, be they swept or
    /// not.
    #[must_use]
    pub fn len(&self, now: Timestamp, cache: CacheId) -> usize {
        self.map(cache).map_or(0, |map| {
            let over = match map.mortal() {
                0 => 0,
                _ => self.wheel.count_due(now, |alarm| alarm.cache == cache),
            };
            map.len() - over
        })
    }

    /// Whether [`len`](Self::len) is 0.
    #[must_use]
    pub fn is_empty(&self, now: Timestamp, cache: CacheId) -> bool {
        self.len(now, cache) == 0
    }

    /// Whether any entry of a cache has the same value, by [`Binary::same_value`]. Reads every entry of the cache.
    #[must_use]
    pub fn contains_value(&self, now: Timestamp, cache: CacheId, value: &Binary) -> bool {
        self.views(cache).any(|view| {
            let same =
                crate::value::same_value(view.value_format(), view.value(), value.format(), value.bytes());
            same && !is_over(&view, now)
        })
    }

    /// Shows every entry of a cache, in no order. For a long scan in steps see [`scan`](Self::scan).
    pub fn for_each(&self, now: Timestamp, cache: CacheId, visit: impl FnMut(EntryView<'_>)) {
        self.views(cache)
            .filter(|view| !is_over(view, now))
            .for_each(visit);
    }

    /// The sizes of a cache's entries here.
    #[must_use]
    pub fn stats(&self, cache: CacheId) -> CacheStats {
        self.map(cache).map(EntryMap::stats).unwrap_or_default()
    }

    /// The memory of the whole partition.
    #[must_use]
    pub fn memory(&self) -> PartitionMemory {
        let tables: usize = self.caches.iter().map(EntryMap::table_bytes).sum();
        PartitionMemory {
            used_bytes: self.arena.used_bytes(),
            reserved_bytes: self.arena.reserved_bytes(),
            index_bytes: self.arena.directory_bytes() + self.caches.allocation_size() + tables,
            timer_bytes: self.wheel.memory_bytes(),
            query_index_bytes: self.indexes.bytes(),
        }
    }

    pub(super) fn map(&self, cache: CacheId) -> Option<&EntryMap> {
        self.caches.find(cache_hash(cache), |map| map.id() == cache)
    }

    pub(super) fn view(&self, handle: Handle) -> EntryView<'_> {
        let view = EntryView::read(self.arena.blob(handle));
        view.with_deadline(view.token().map(|token| self.wheel.deadline(token)))
    }

    pub(super) fn hash_of(&self, handle: Handle) -> u64 {
        hash_of(&self.arena, handle)
    }

    /// Takes an entry out, as the next change.
    pub(super) fn remove(
        &mut self,
        cache: CacheId,
        hash: u64,
        handle: Handle,
        want: Want,
        cause: Cause,
    ) -> Option<Change> {
        self.sequence = self.sequence.next();
        if !self.indexes.is_empty() {
            self.index_removed(cache, handle);
        }
        let view = EntryView::read(self.arena.blob(handle));
        let change = want.change.then(|| Change {
            sequence: self.sequence,
            cache,
            key: view.key_binary(),
            kind: ChangeKind::Delete,
            old: want.old_value.then(|| view.value_binary()),
            new: None,
            deadline: None,
            expired: cause != Cause::Command,
        });
        let token = view.token();
        let weight = Weight::of(&view, self.arena.footprint(handle));
        let entry = self.caches.find_entry(cache_hash(cache), |map| map.id() == cache);
        let mut entry = entry.expect("the cache of an entry has its map");
        entry.get_mut().remove(hash, handle, weight, &self.arena);
        if entry.get().len() == 0 {
            entry.remove();
            self.shrink_caches();
        }
        self.arena.free(handle);
        if let Some(token) = token.filter(|_token| cause != Cause::Fired) {
            self.wheel.cancel(token);
        }
        change
    }

    /// Makes the table of caches smaller after many of them lost their last entry here.
    pub(super) fn shrink_caches(&mut self) {
        if self.caches.len() * 8 < self.caches.capacity() {
            self.caches
                .shrink_to(self.caches.len() * 2, |map| cache_hash(map.id()));
        }
    }

    /// The places of all entries of a cache.
    pub(super) fn handles(&self, cache: CacheId) -> impl Iterator<Item = Handle> {
        self.map(cache).into_iter().flat_map(EntryMap::iter)
    }

    pub(super) fn views(&self, cache: CacheId) -> impl Iterator<Item = EntryView<'_>> {
        self.handles(cache).map(|handle| self.view(handle))
    }

    pub(super) fn find(&self, cache: CacheId, key: &Key) -> Option<Handle> {
        self.map(cache)?.find(&self.arena, key)
    }

    /// The key of the entry at `handle`; shares the bytes of the request's key where they are the same.
    fn stored_spelling(&self, key: &Key, handle: Handle) -> Binary {
        let view = EntryView::read(self.arena.blob(handle));
        if view.key() == key.spelling().bytes() {
            key.spelling().clone()
        } else {
            view.key_binary()
        }
    }

    /// Whether a write has room, with at most two changes (the end of a lapsed entry, and the write itself) to come.
    pub(super) fn check_room(
        &self,
        key: &Key,
        existing: Option<Handle>,
        value: &Binary,
        mortal: bool,
    ) -> Result<(), StoreError> {
        self.check_room_for(key, existing, (value, mortal), 1)
    }

    /// As [`check_room`](Self::check_room), for one of so many writes that are done together.
    pub(super) fn check_room_for(
        &self,
        key: &Key,
        existing: Option<Handle>,
        (value, mortal): (&Binary, bool),
        writes: usize,
    ) -> Result<(), StoreError> {
        let stored = existing.map(|handle| self.view(handle));
        let key = stored.map_or_else(|| StoredKey::of(key), |view| view.stored_key());
        let has_token = stored.is_some_and(|view| view.token().is_some());
        let wheel_full = mortal && !has_token && !self.wheel.has_room_for(writes);
        let room = |version: Sequence| {
            let draft = Draft {
                key,
                value_format: value.format(),
                value: value.bytes(),
                version,
                token: None,
            };
            let len = draft.len(mortal);
            (self.arena.has_room_for(len, writes), len)
        };
        let first = self.sequence.next();
        // A number is written with one byte more at most once among so few.
        let last = Sequence::new(first.get().saturating_add(2 * writes as u64 - 1));
        match (room(first), room(last)) {
            ((true, _), (true, _)) if !wheel_full => Ok(()),
            ((_, blob_bytes), _) => Err(StoreError::PartitionFull { blob_bytes }),
        }
    }

    /// Writes an entry, as the next change. [Room](Self::check_room) has been checked.
    pub(super) fn write(
        &mut self,
        now: Timestamp,
        cache: CacheId,
        key: &Key,
        existing: Option<Handle>,
        value: &Binary,
        deadline: Option<Timestamp>,
    ) -> Handle {
        self.sequence = self.sequence.next();
        let indexed = !self.indexes.is_empty();
        // The slot may be written anew: what the indexes know of the entry must be read before.
        let known = existing.filter(|_handle| indexed).and_then(|handle| {
            let held = self.held(cache, handle)?;
            Some((held, handle))
        });
        let before = existing.map(|handle| {
            let view = EntryView::read(self.arena.blob(handle));
            (
                handle,
                Weight::of(&view, self.arena.footprint(handle)),
                view.token(),
            )
        });
        let token = self.time(
            now,
            cache,
            before.map(|(handle, _, token)| (handle, token)),
            deadline,
        );
        // The first spelling stays. It is copied only when it is not the one at hand: the slot is written anew.
        let kept = existing.and_then(|handle| {
            let stored = EntryView::read(self.arena.blob(handle)).stored_key();
            let same = stored.spelling == key.spelling().bytes().as_ref();
            (!same).then(|| (stored.spelling.to_vec(), stored.canonical.map(<[u8]>::to_vec)))
        });
        let stored_key = match &kept {
            None => StoredKey::of(key),
            Some((spelling, canonical)) => StoredKey {
                format: key.format(),
                spelling,
                canonical: canonical.as_deref(),
            },
        };
        let draft = Draft {
            key: stored_key,
            value_format: value.format(),
            value: value.bytes(),
            version: self.sequence,
            token,
        };
        let handle = self.place(existing, &draft);
        let weight = Weight::of(
            &EntryView::read(self.arena.blob(handle)),
            self.arena.footprint(handle),
        );
        if let Some(token) = token {
            self.wheel.item_mut(token).handle = handle;
        }
        let map = self
            .caches
            .entry(
                cache_hash(cache),
                |map| map.id() == cache,
                |map| cache_hash(map.id()),
            )
            .or_insert_with(|| EntryMap::new(cache))
            .into_mut();
        match before {
            None => map.insert(key.hash(), handle, weight, &self.arena),
            Some((old, old_weight, _)) => {
                map.replace(key.hash(), (old, old_weight), (handle, weight));
                if old != handle {
                    self.arena.free(old);
                }
            }
        }
        if indexed {
            self.index_written(cache, known, handle);
        }
        handle
    }

    /// Puts a blob into the slot of the one it replaces, or into a new one.
    fn place(&mut self, existing: Option<Handle>, draft: &Draft<'_>) -> Handle {
        let len = draft.len(draft.token.is_some());
        if let Some(handle) = existing.filter(|handle| self.arena.fits(*handle, len)) {
            draft.write(self.arena.slot_mut(handle));
            return handle;
        }
        if let Some(handle) = self.arena.allocate(len) {
            draft.write(self.arena.slot_mut(handle));
            return handle;
        }
        let (head, tail) = draft.to_own();
        self.arena
            .adopt(head, tail)
            .expect("room was checked before the write")
    }

    /// Arms, moves or cancels the timer of an entry that is written.
    fn time(
        &mut self,
        now: Timestamp,
        cache: CacheId,
        before: Option<(Handle, Option<Token>)>,
        deadline: Option<Timestamp>,
    ) -> Option<Token> {
        match (before.and_then(|(_, token)| token), deadline) {
            (None, None) => None,
            (Some(token), None) => {
                self.wheel.cancel(token);
                None
            }
            (Some(token), Some(deadline)) => {
                self.wheel.rearm(token, deadline);
                Some(token)
            }
            (None, Some(deadline)) => {
                let handle = before.map_or(Handle::NOWHERE, |(handle, _)| handle);
                self.wheel.arm(now, deadline, Alarm { cache, handle })
            }
        }
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition")
            .field("sequence", &self.sequence)
            .field("caches", &self.caches.len())
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}

/// Whether an entry's time is over: from its deadline on.
pub(super) fn is_over(view: &EntryView<'_>, now: Timestamp) -> bool {
    view.deadline().is_some_and(|deadline| deadline <= now)
}

/// Numbers of caches follow each other; the product spreads them over the upper bits, which the table looks at too.
pub(super) fn cache_hash(cache: CacheId) -> u64 {
    u64::from(cache.get()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
