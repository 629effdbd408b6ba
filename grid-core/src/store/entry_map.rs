//! The entries of one cache in one partition.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::store::arena::{Arena, Handle};
use crate::store::layout::{EntryView, canonical_key};
use crate::store::stats::CacheStats;
use crate::store::wheel::TimingWheel;
use crate::store::{Alarm, CacheId};
use crate::value::{Format, Key};

/// A table that is filled less than this is made smaller.
const SHRINK_BELOW_ONE_IN: usize = 8;
/// A table of this capacity is small enough never to be shrunk.
const SHRINK_ABOVE: usize = 28;

/// An index from key to blob, with the exact sizes of what it leads to.
///
/// The table holds only handles, 4 bytes and a tag each: the hash is computed again from the canonical key when the
/// table grows, which is rare, rather than kept with every entry.
#[derive(Debug)]
pub(super) struct EntryMap {
    id: CacheId,
    table: HashTable<Handle>,
    key_bytes: u64,
    value_bytes: u64,
    blob_bytes: u64,
    /// How many entries have a time to live.
    mortal: usize,
    /// How many entries have a key that queries cannot read.
    opaque_keys: usize,
}

/// What one entry counts for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight {
    key_bytes: u64,
    value_bytes: u64,
    blob_bytes: u64,
    mortal: usize,
    opaque_keys: usize,
}

impl Weight {
    pub(super) fn of(view: &EntryView<'_>, blob_bytes: usize) -> Self {
        let (key_bytes, value_bytes) = view.sizes();
        Weight {
            key_bytes: key_bytes as u64,
            value_bytes: value_bytes as u64,
            blob_bytes: blob_bytes as u64,
            mortal: usize::from(view.token().is_some()),
            opaque_keys: usize::from(view.key_format() != Format::JSON),
        }
    }
}

impl EntryMap {
    pub(super) fn new(id: CacheId) -> Self {
        EntryMap {
            id,
            table: HashTable::new(),
            key_bytes: 0,
            value_bytes: 0,
            blob_bytes: 0,
            mortal: 0,
            opaque_keys: 0,
        }
    }

    pub(super) fn id(&self) -> CacheId {
        self.id
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many entries have a time to live.
    pub(super) fn mortal(&self) -> usize {
        self.mortal
    }

    /// How many entries have a key that queries cannot read.
    pub(super) fn opaque_keys(&self) -> usize {
        self.opaque_keys
    }

    pub(super) fn find(&self, arena: &Arena, key: &Key) -> Option<Handle> {
        let is_it = |handle: &Handle| EntryView::read(arena.blob(*handle)).stored_key().is(key);
        self.table.find(key.hash(), is_it).copied()
    }

    /// The entry of a key of JSON in its canonical form.
    pub(super) fn find_json(&self, arena: &Arena, canonical: &[u8]) -> Option<Handle> {
        let is_it = |handle: &Handle| {
            let key = EntryView::read(arena.blob(*handle)).stored_key();
            key.format == Format::JSON && key.canonical() == canonical
        };
        self.table.find(xxh3_64(canonical), is_it).copied()
    }

    /// The entries of keys with a hash.
    pub(super) fn of_hash<'m>(&'m self, arena: &'m Arena, hash: u64) -> impl Iterator<Item = Handle> + 'm {
        let handles = self.table.iter_hash(hash).copied();
        handles.filter(move |handle| hash_of(arena, *handle) == hash)
    }

    pub(super) fn insert(&mut self, hash: u64, handle: Handle, weight: Weight, arena: &Arena) {
        self.table
            .insert_unique(hash, handle, |handle| hash_of(arena, *handle));
        self.add(weight);
    }

    /// Puts a new blob of the same key in the place of an old one (which may be the same, written again).
    pub(super) fn replace(&mut self, hash: u64, old: (Handle, Weight), new: (Handle, Weight)) {
        if old.0 != new.0 {
            let place = self.table.find_mut(hash, |handle| *handle == old.0);
            *place.expect("an entry that was found is in its table") = new.0;
        }
        self.subtract(old.1);
        self.add(new.1);
    }

    /// Takes an entry out. Its blob must still be there, and so must those of all other entries.
    pub(super) fn remove(&mut self, hash: u64, handle: Handle, weight: Weight, arena: &Arena) {
        let entry = self.table.find_entry(hash, |other| *other == handle);
        entry.expect("an entry that was found is in its table").remove();
        self.subtract(weight);
        self.shrink(arena);
    }

    /// Some entries: as many as asked for, or all.
    pub(super) fn first(&self, count_max: usize) -> Vec<Handle> {
        self.table.iter().copied().take(count_max).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Handle> {
        self.table.iter().copied()
    }

    pub(super) fn stats(&self) -> CacheStats {
        let wheel_bytes = self.mortal * TimingWheel::<Alarm>::item_bytes();
        CacheStats {
            entries: self.table.len() as u64,
            key_bytes: self.key_bytes,
            value_bytes: self.value_bytes,
            memory_bytes: self.blob_bytes + (self.table_bytes() + wheel_bytes) as u64,
        }
    }

    pub(super) fn table_bytes(&self) -> usize {
        self.table.allocation_size()
    }

    fn shrink(&mut self, arena: &Arena) {
        let capacity = self.table.capacity();
        if capacity > SHRINK_ABOVE && self.table.len() * SHRINK_BELOW_ONE_IN < capacity {
            self.table
                .shrink_to(self.table.len() * 2, |handle| hash_of(arena, *handle));
        }
    }

    fn add(&mut self, weight: Weight) {
        self.key_bytes += weight.key_bytes;
        self.value_bytes += weight.value_bytes;
        self.blob_bytes += weight.blob_bytes;
        self.mortal += weight.mortal;
        self.opaque_keys += weight.opaque_keys;
    }

    fn subtract(&mut self, weight: Weight) {
        self.key_bytes -= weight.key_bytes;
        self.value_bytes -= weight.value_bytes;
        self.blob_bytes -= weight.blob_bytes;
        self.mortal -= weight.mortal;
        self.opaque_keys -= weight.opaque_keys;
    }
}

/// [`Key::hash`] of the key of an entry.
pub(super) fn hash_of(arena: &Arena, handle: Handle) -> u64 {
    xxh3_64(canonical_key(arena.blob(handle)))
}
