//! A list in order, in chunks.

use std::cmp::Ordering;

/// Items in order, in chunks of about 2 KiB: a tree of two levels.
///
/// A change moves the items of one chunk, and the list of chunks only when a chunk comes or goes. Chunks grow by an
/// eighth and are put together when they shrink, so that little memory is without use, and what is used is counted
/// exactly. A `BTreeMap` takes more for items as small as these, and does not tell how much.
#[derive(Debug)]
pub(in crate::store) struct SortedList<T> {
    /// None is empty.
    chunks: Vec<Vec<T>>,
    len: usize,
    /// The sum of the capacities of all chunks.
    capacity: usize,
}

/// A place of an item, or one where an item would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Place {
    chunk: usize,
    at: usize,
}

impl<T> Default for SortedList<T> {
    fn default() -> Self {
        SortedList {
            chunks: Vec::new(),
            len: 0,
            capacity: 0,
        }
    }
}

impl<T> SortedList<T> {
    const CHUNK_LEN_MAX: usize = {
        let len = 2048 / size_of::<T>();
        if len < 16 { 16 } else { len }
    };

    /// How many items there are.
    pub(in crate::store) fn len(&self) -> usize {
        self.len
    }

    /// The place of the item for which `compare` says equal, or where it would be.
    pub(in crate::store) fn search(&self, mut compare: impl FnMut(&T) -> Ordering) -> Result<Place, Place> {
        let after = self
            .chunks
            .partition_point(|chunk| chunk.first().is_some_and(|first| compare(first).is_le()));
        let chunk = after.saturating_sub(1);
        let items = self.chunks.get(chunk).map(Vec::as_slice).unwrap_or_default();
        match items.binary_search_by(compare) {
            Ok(at) => Ok(Place { chunk, at }),
            Err(at) => Err(Place { chunk, at }),
        }
    }

    /// The item at a place.
    pub(in crate::store) fn get(&self, place: Place) -> Option<&T> {
        self.chunks.get(place.chunk)?.get(place.at)
    }

    /// The item at a place, to be changed in what its order does not depend on.
    pub(in crate::store) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.chunks.get_mut(place.chunk)?.get_mut(place.at)
    }

    /// Puts an item at the place where a search said that it would be.
    pub(in crate::store) fn insert(&mut self, mut place: Place, item: T) {
        let last = self.chunks.len().saturating_sub(1);
        if let Some(chunk) = self.chunks.get_mut(place.chunk)
            && chunk.len() >= Self::CHUNK_LEN_MAX
        {
            self.capacity -= chunk.capacity();
            // What comes in order fills its chunks.
            let appended = place.chunk == last && place.at == chunk.len();
            let cut = if appended { chunk.len() } else { chunk.len() / 2 };
            let rest = chunk.split_off(cut);
            chunk.shrink_to_fit();
            self.capacity += chunk.capacity() + rest.capacity();
            if place.at > cut || appended {
                place = Place {
                    chunk: place.chunk + 1,
                    at: place.at - cut,
                };
                self.chunks.insert(place.chunk, rest);
            } else {
                self.chunks.insert(place.chunk + 1, rest);
            }
        }
        if self.chunks.is_empty() {
            self.chunks.reserve_exact(1);
            self.chunks.push(Vec::new());
        }
        if let Some(chunk) = self.chunks.get_mut(place.chunk) {
            self.capacity -= chunk.capacity();
            if chunk.len() == chunk.capacity() {
                chunk.reserve_exact((chunk.len() / 8).clamp(1, Self::CHUNK_LEN_MAX));
            }
            chunk.insert(place.at.min(chunk.len()), item);
            self.capacity += chunk.capacity();
            self.len += 1;
        }
    }

    /// Takes the item at a place out.
    pub(in crate::store) fn remove(&mut self, place: Place) -> Option<T> {
        let chunk = self.chunks.get_mut(place.chunk)?;
        if place.at >= chunk.len() {
            return None;
        }
        self.capacity -= chunk.capacity();
        let item = chunk.remove(place.at);
        if chunk.len() + chunk.len() / 2 < chunk.capacity() {
            chunk.shrink_to(chunk.len() + chunk.len() / 8);
        }
        self.capacity += chunk.capacity();
        self.len -= 1;
        let len = chunk.len();
        if len == 0 {
            self.chunks.remove(place.chunk);
        } else if len * 4 < Self::CHUNK_LEN_MAX {
            self.join(place.chunk);
        }
        if self.chunks.len() * 4 < self.chunks.capacity() {
            self.chunks.shrink_to(self.chunks.len() * 2);
        }
        Some(item)
    }

    /// Puts a chunk together with the one after or before it, when both are small.
    fn join(&mut self, chunk: usize) {
        let fits = |left: usize| {
            let pair = self.chunks.get(left).zip(self.chunks.get(left + 1));
            pair.is_some_and(|(left, right)| (left.len() + right.len()) * 2 <= Self::CHUNK_LEN_MAX)
        };
        let before = chunk.checked_sub(1);
        let Some(left) = [Some(chunk), before]
            .into_iter()
            .flatten()
            .find(|left| fits(*left))
        else {
            return;
        };
        let right = self.chunks.remove(left + 1);
        if let Some(left) = self.chunks.get_mut(left) {
            self.capacity -= left.capacity() + right.capacity();
            left.reserve_exact(right.len());
            left.extend(right);
            left.shrink_to_fit();
            self.capacity += left.capacity();
        }
    }

    /// All items in order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// The items from a place on.
    pub(in crate::store) fn iter_from(&self, place: Place) -> impl Iterator<Item = &T> {
        let chunks = self.chunks.get(place.chunk..).unwrap_or_default();
        let skipped = place.at;
        chunks
            .iter()
            .enumerate()
            .flat_map(move |(index, chunk)| chunk.get(if index == 0 { skipped } else { 0 }..))
            .flatten()
    }

    /// The bytes of memory beside the list itself, without those of what its items lead to.
    pub(in crate::store) fn heap_bytes(&self) -> usize {
        self.capacity * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(list: &SortedList<u64>, model: &BTreeSet<u64>) {
        assert!(list.iter().eq(model.iter()));
        assert_eq!(list.len(), model.len());
        assert!(list.chunks.iter().all(|chunk| !chunk.is_empty()));
        let capacity: usize = list.chunks.iter().map(Vec::capacity).sum();
        assert_eq!(list.capacity, capacity);
    }

    fn toggle(list: &mut SortedList<u64>, model: &mut BTreeSet<u64>, number: u64) {
        match list.search(|item| item.cmp(&number)) {
            Ok(place) => {
                assert!(model.remove(&number));
                assert_eq!(list.get(place), Some(&number));
                assert_eq!(list.remove(place), Some(number));
            }
            Err(place) => {
                assert!(model.insert(number));
                list.insert(place, number);
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_a_set_in_order(numbers in proptest::collection::vec(0..2_000_u64, 0..4_000), from in 0..2_000_u64) {
            let (mut list, mut model) = (SortedList::default(), BTreeSet::new());
            for number in numbers {
                toggle(&mut list, &mut model, number);
            }
            check(&list, &model);
            let (Ok(place) | Err(place)) = list.search(|item| item.cmp(&from));
            prop_assert!(list.iter_from(place).eq(model.range(from..)));
            for number in model.clone() {
                toggle(&mut list, &mut model, number);
            }
            check(&list, &model);
            prop_assert_eq!(list.heap_bytes(), 0);
        }
    }

    #[test]
    fn little_memory_is_without_use() {
        let mut list = SortedList::default();
        let mut model = BTreeSet::new();
        for number in 0..20_000_u64 {
            toggle(
                &mut list,
                &mut model,
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20,
            );
        }
        check(&list, &model);
        let bytes = list.heap_bytes();
        assert!(bytes < 20_000 * 10, "{bytes} bytes");
        for number in model.clone().into_iter().filter(|number| number % 50 != 0) {
            toggle(&mut list, &mut model, number);
        }
        check(&list, &model);
        let bytes = list.heap_bytes();
        assert!(
            bytes < model.len() * 14 + 1_000,
            "{bytes} bytes for {}",
            model.len()
        );
    }

    #[test]
    fn what_comes_in_order_fills_its_chunks() {
        let (mut list, mut model) = (SortedList::default(), BTreeSet::new());
        for number in 0..10_000_u64 {
            toggle(&mut list, &mut model, number);
        }
        check(&list, &model);
        assert_eq!(list.chunks.len(), 10_000_usize.div_ceil(256));
    }
}
