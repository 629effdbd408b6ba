//! The values of an index.

use std::ops::{Bound, ControlFlow};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

use crate::store::arena::Handle;
use crate::store::index::key::IndexKey;
use crate::store::index::postings::Postings;
use crate::store::index::range::KeyRange;
use crate::store::index::seen::Seen;
use crate::store::index::sorted_list::SortedList;

/// A value and the entries that have it.
#[derive(Debug)]
pub(in crate::store) struct Bucket {
    pub(in crate::store) key: IndexKey,
    pub(in crate::store) postings: Postings,
}

/// The values of an index with their entries; none without an entry.
#[derive(Debug)]
pub(in crate::store) enum Buckets {
    /// In no order.
    Hash(HashTable<Bucket>, Seen),
    /// In the order of their keys.
    Sorted(SortedList<Bucket>),
}

/// A key as tables of buckets know it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Asked {
    hash: u64,
}

impl Asked {
    pub(in crate::store) fn new(key: &[u8]) -> Self {
        Asked { hash: xxh3_64(key) }
    }
}

/// What a change did to the values of an index.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::store) struct Effect {
    /// Whether the entry was put where it was not, or taken from where it was.
    pub(in crate::store) changed: bool,
    /// Whether a value came or went.
    pub(in crate::store) value: bool,
    /// By how much the memory that keys and sets of entries take grew.
    pub(in crate::store) grown: isize,
}

impl Buckets {
    pub(in crate::store) fn new(sorted: bool) -> Self {
        if sorted {
            Buckets::Sorted(SortedList::default())
        } else {
            Buckets::Hash(HashTable::new(), Seen::default())
        }
    }

    /// Whether the values are in order.
    pub(in crate::store) fn is_sorted(&self) -> bool {
        matches!(self, Buckets::Sorted(_))
    }

    /// How many values there are, elements of arrays included.
    pub(in crate::store) fn len(&self) -> usize {
        match self {
            Buckets::Hash(table, _) => table.len(),
            Buckets::Sorted(list) => list.len(),
        }
    }

    /// The entries of a key.
    pub(in crate::store) fn get(&self, key: &[u8]) -> Option<&Bucket> {
        let asked = Asked::new(key);
        self.may_have(asked).then(|| self.get_asked(asked, key)).flatten()
    }

    /// As [`get`](Self::get), of a key that the tables [may have](Self::may_have).
    pub(in crate::store) fn get_asked(&self, asked: Asked, key: &[u8]) -> Option<&Bucket> {
        match self {
            Buckets::Hash(table, _) => table.find(asked.hash, |bucket| bucket.key.bytes() == key),
            Buckets::Sorted(list) => {
                let place = list.search(|bucket| bucket.key.bytes().cmp(key)).ok()?;
                list.get(place)
            }
        }
    }

    /// Reads the bucket that [`get`](Self::get) will look at first, where they are in no order. A key is not compared.
    pub(in crate::store) fn touch(&self, asked: Asked) -> usize {
        match self {
            Buckets::Hash(table, _) => table
                .find(asked.hash, |_first| true)
                .map_or(0, |bucket| bucket.postings.len()),
            Buckets::Sorted(_) => 0,
        }
    }

    /// Whether the tables may have a key: mostly `false` when they do not. What is read for it is read of one place.
    pub(in crate::store) fn may_have(&self, asked: Asked) -> bool {
        match self {
            Buckets::Hash(_, seen) => seen.may_have(asked.hash),
            Buckets::Sorted(_) => true,
        }
    }

    /// Adds an entry to a value.
    pub(in crate::store) fn insert(&mut self, key: &IndexKey, handle: Handle) -> Effect {
        let new = || Bucket {
            key: key.clone(),
            postings: Postings::default(),
        };
        let mut value = false;
        let bucket = match self {
            Buckets::Hash(table, seen) => {
                let hash = xxh3_64(key.bytes());
                let is_it = |bucket: &Bucket| bucket.key == *key;
                if let Entry::Vacant(vacant) = table.entry(hash, is_it, hash_of) {
                    value = true;
                    vacant.insert(new());
                    seen.insert(hash, table.len(), table.iter().map(hash_of));
                }
                table.find_mut(hash, is_it)
            }
            Buckets::Sorted(list) => {
                let searched = list.search(|bucket| bucket.key.bytes().cmp(key.bytes()));
                let place = match searched {
                    Ok(place) => Some(place),
                    Err(place) => {
                        value = true;
                        list.insert(place, new());
                        // A full chunk may have been parted.
                        list.search(|bucket| bucket.key.bytes().cmp(key.bytes())).ok()
                    }
                };
                place.and_then(|place| list.get_mut(place))
            }
        };
        let Some(bucket) = bucket else {
            return Effect::default();
        };
        let before = if value {
            0
        } else {
            bucket.key.heap_bytes() + bucket.postings.heap_bytes()
        };
        let changed = bucket.postings.insert(handle);
        let after = bucket.key.heap_bytes() + bucket.postings.heap_bytes();
        Effect {
            changed,
            value,
            grown: after.cast_signed() - before.cast_signed(),
        }
    }

    /// Takes an entry from a value.
    pub(in crate::store) fn remove(&mut self, key: &IndexKey, handle: Handle) -> Effect {
        match self {
            Buckets::Hash(table, seen) => {
                let hash = xxh3_64(key.bytes());
                let Ok(mut entry) = table.find_entry(hash, |bucket| bucket.key == *key) else {
                    return Effect::default();
                };
                let effect = take(entry.get_mut(), handle);
                if effect.value {
                    entry.remove();
                    if table.len() * 8 < table.capacity() {
                        table.shrink_to(table.len() * 2, hash_of);
                    }
                    seen.remove(table.len(), table.iter().map(hash_of));
                }
                effect
            }
            Buckets::Sorted(list) => {
                let Ok(place) = list.search(|bucket| bucket.key.bytes().cmp(key.bytes())) else {
                    return Effect::default();
                };
                let effect = list
                    .get_mut(place)
                    .map_or(Effect::default(), |bucket| take(bucket, handle));
                if effect.value {
                    list.remove(place);
                }
                effect
            }
        }
    }

    /// Shows the values in a range, or all of them when they have no order, until `visit` breaks.
    pub(in crate::store) fn visit<'b>(
        &'b self,
        range: &KeyRange,
        mut visit: impl FnMut(&'b Bucket) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Buckets::Hash(table, _) => table
                .iter()
                .filter(|bucket| range.contains(bucket.key.bytes()))
                .try_for_each(visit),
            Buckets::Sorted(list) => {
                let from = match &range.from {
                    Bound::Unbounded => list.search(|_bucket| std::cmp::Ordering::Greater),
                    Bound::Included(from) => list.search(|bucket| bucket.key.bytes().cmp(from)),
                    Bound::Excluded(from) => {
                        list.search(|bucket| bucket.key.bytes().cmp(from).then(std::cmp::Ordering::Less))
                    }
                };
                let (Ok(place) | Err(place)) = from;
                list.iter_from(place)
                    .take_while(|bucket| range.is_before_end(bucket.key.bytes()))
                    .try_for_each(&mut visit)
            }
        }
    }

    /// All values.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = &Bucket> {
        let (table, list) = match self {
            Buckets::Hash(table, _) => (Some(table.iter()), None),
            Buckets::Sorted(list) => (None, Some(list.iter())),
        };
        table.into_iter().flatten().chain(list.into_iter().flatten())
    }

    /// The bytes of memory beside the buckets themselves, without those of keys and sets of entries.
    pub(in crate::store) fn table_bytes(&self) -> usize {
        match self {
            Buckets::Hash(table, seen) => table.allocation_size() + seen.heap_bytes(),
            Buckets::Sorted(list) => list.heap_bytes(),
        }
    }
}

fn hash_of(bucket: &Bucket) -> u64 {
    xxh3_64(bucket.key.bytes())
}

fn take(bucket: &mut Bucket, handle: Handle) -> Effect {
    let before = bucket.key.heap_bytes() + bucket.postings.heap_bytes();
    let changed = bucket.postings.remove(handle);
    let value = bucket.postings.len() == 0;
    let after = if value {
        0
    } else {
        bucket.key.heap_bytes() + bucket.postings.heap_bytes()
    };
    Effect {
        changed,
        value,
        grown: after.cast_signed() - before.cast_signed(),
    }
}
