//! The signatures of the vectors of entries.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::query::{Signature, VectorShape, hamming};
use crate::store::arena::Handle;

/// The signatures of entries, those of one shape side by side: so all of them are compared with one in one pass.
#[derive(Debug, Default)]
pub(in crate::store) struct Signatures {
    groups: BTreeMap<VectorShape, Group>,
}

/// The signatures of one shape, in any order; never none.
#[derive(Debug, Default)]
struct Group {
    handles: Vec<Handle>,
    /// As many words for each entry.
    words: Vec<u64>,
    /// Where each entry is among them, by the hash of its handle.
    places: HashTable<u32>,
}

/// Entries by how many bits of their signatures differ from those of one that is searched for.
#[derive(Debug)]
pub(in crate::store) struct Ranked {
    /// Those whose vectors have another shape: there is no distance.
    pub(in crate::store) others: Vec<Handle>,
    /// The others, those with the fewest bits first.
    left: BinaryHeap<Reverse<(u32, Handle)>>,
}

impl Signatures {
    /// Adds an entry that is not there. By how much the memory grew, in bytes.
    pub(in crate::store) fn insert(&mut self, signature: &Signature, handle: Handle) -> isize {
        let before = self.group_bytes(signature.shape());
        self.groups
            .entry(signature.shape())
            .or_default()
            .insert(signature.words(), handle);
        self.group_bytes(signature.shape()) - before
    }

    /// Takes an entry out. By how much the memory grew: less than nothing.
    pub(in crate::store) fn remove(&mut self, signature: &Signature, handle: Handle) -> isize {
        let before = self.group_bytes(signature.shape());
        if let Some(group) = self.groups.get_mut(&signature.shape()) {
            group.remove(signature.words().len(), handle);
            if group.handles.is_empty() {
                self.groups.remove(&signature.shape());
            }
        }
        self.group_bytes(signature.shape()) - before
    }

    fn group_bytes(&self, shape: VectorShape) -> isize {
        self.groups
            .get(&shape)
            .map_or(0, |group| group.bytes().cast_signed())
    }

    /// The memory of all groups, in bytes.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.groups.values().map(Group::bytes).sum()
    }

    /// How many entries there are.
    pub(in crate::store) fn len(&self) -> usize {
        self.groups.values().map(|group| group.handles.len()).sum()
    }

    /// Every entry, with the shape and the words of its signature.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (VectorShape, &[u64], Handle)> {
        self.groups.iter().flat_map(|(shape, group)| {
            let entries = group.entries();
            entries.map(|(words, handle)| (*shape, words, handle))
        })
    }

    /// Whether an entry is there with this signature.
    pub(in crate::store) fn contains(&self, shape: VectorShape, words: &[u64], handle: Handle) -> bool {
        let group = self.groups.get(&shape);
        group.is_some_and(|group| group.find(handle).is_some_and(|found| found == words))
    }

    /// Ranks the entries, or those of these that are there; they are in order.
    pub(in crate::store) fn rank(&self, asked: &Signature, among: Option<&[Handle]>) -> Ranked {
        let wanted = |handle: Handle| among.is_none_or(|among| among.binary_search(&handle).is_ok());
        let (mut others, mut near) = (Vec::new(), Vec::new());
        for (shape, group) in &self.groups {
            if asked.shape().has_distance_to(*shape) {
                let entries = group.entries().filter(|(_, handle)| wanted(*handle));
                near.extend(entries.map(|(words, handle)| Reverse((hamming(asked.words(), words), handle))));
            } else {
                others.extend(group.handles.iter().copied().filter(|handle| wanted(*handle)));
            }
        }
        let left = near.into();
        Ranked { others, left }
    }
}

impl Ranked {
    /// The next entry, with how many bits differ.
    pub(in crate::store) fn next(&mut self) -> Option<(u32, Handle)> {
        self.left.pop().map(|Reverse(next)| next)
    }
}

impl Group {
    fn entries(&self) -> impl Iterator<Item = (&[u64], Handle)> {
        let width = self.width();
        let words = (0..self.handles.len()).map(move |place| self.words_at(place, width));
        words.zip(self.handles.iter().copied())
    }

    /// How many words an entry has.
    fn width(&self) -> usize {
        self.words.len().checked_div(self.handles.len()).unwrap_or(0)
    }

    fn words_at(&self, place: usize, width: usize) -> &[u64] {
        let start = place * width;
        self.words.get(start..start + width).unwrap_or_default()
    }

    fn find(&self, handle: Handle) -> Option<&[u64]> {
        let place = self
            .places
            .find(hash(handle), |place| self.is_at(*place, handle))?;
        Some(self.words_at(usize::try_from(*place).ok()?, self.width()))
    }

    fn is_at(&self, place: u32, handle: Handle) -> bool {
        is_at(&self.handles, place, handle)
    }

    fn insert(&mut self, words: &[u64], handle: Handle) {
        // There are no more handles than numbers of 32 bits.
        let place = u32::try_from(self.handles.len()).unwrap_or(u32::MAX);
        let handles = &mut self.handles;
        handles.push(handle);
        self.words.extend_from_slice(words);
        self.places
            .insert_unique(hash(handle), place, |place| hash_at(handles, *place));
    }

    fn remove(&mut self, width: usize, handle: Handle) {
        let handles = &self.handles;
        let found = self
            .places
            .find_entry(hash(handle), |place| is_at(handles, *place, handle));
        let Ok(found) = found else { return };
        let (place, _) = found.remove();
        // The last entry comes where this one was.
        let last = u32::try_from(self.handles.len() - 1).unwrap_or(u32::MAX);
        if let Some(moved) = self.handles.last().copied()
            && let Some(number) = self.places.find_mut(hash(moved), |number| *number == last)
        {
            *number = place;
        }
        if let Ok(place) = usize::try_from(place) {
            self.handles.swap_remove(place);
            let from = self.words.len() - width;
            self.words.copy_within(from.., place * width);
            self.words.truncate(from);
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        let len = self.handles.len();
        if len * 4 < self.handles.capacity() {
            self.handles.shrink_to(len * 2);
            self.words.shrink_to(self.words.len() * 2);
        }
        if len * 8 < self.places.capacity() {
            let handles = &self.handles;
            self.places.shrink_to(len * 2, |place| hash_at(handles, *place));
        }
    }

    fn bytes(&self) -> usize {
        size_of::<(VectorShape, Self)>()
            + self.handles.capacity() * size_of::<Handle>()
            + self.words.capacity() * size_of::<u64>()
            + self.places.allocation_size()
    }
}

fn is_at(handles: &[Handle], place: u32, handle: Handle) -> bool {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    handles.get(place) == Some(&handle)
}

fn hash_at(handles: &[Handle], place: u32) -> u64 {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    handles.get(place).copied().map_or(0, hash)
}

fn hash(handle: Handle) -> u64 {
    xxh3_64(&handle.bits().to_le_bytes())
}
