//! The indexes of caches in a partition.

use std::sync::Arc;

use crate::query::{Extractor, QueryEntry};
use crate::store::CacheId;
use crate::store::arena::Handle;
use crate::store::index::held::Held;
use crate::store::index::{INDEXES_MAX, IndexDefinition, IndexError, PartitionIndex};

/// The indexes of all caches in a partition, by cache. Most partitions have few caches with indexes.
#[derive(Debug, Default)]
pub(in crate::store) struct Indexes {
    caches: Vec<CacheIndexes>,
}

/// The indexes of one cache: never none.
#[derive(Debug)]
pub(in crate::store) struct CacheIndexes {
    cache: CacheId,
    indexes: Vec<PartitionIndex>,
}

/// What the indexes of a cache know of an entry, in their order.
pub(in crate::store) type AllHeld = Vec<Held>;

impl Indexes {
    /// Whether no cache has an index.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.caches.is_empty()
    }

    /// What each index is of, by cache.
    pub(in crate::store) fn definitions(&self) -> Vec<(CacheId, Vec<Arc<IndexDefinition>>)> {
        let of = |indexes: &CacheIndexes| {
            let definitions = indexes.indexes.iter().map(PartitionIndex::definition);
            (indexes.cache, definitions.cloned().collect())
        };
        self.caches.iter().map(of).collect()
    }

    fn place(&self, cache: CacheId) -> Result<usize, usize> {
        self.caches.binary_search_by(|indexes| indexes.cache.cmp(&cache))
    }

    /// The indexes of a cache, if it has any.
    pub(in crate::store) fn get(&self, cache: CacheId) -> Option<&CacheIndexes> {
        self.caches.get(self.place(cache).ok()?)
    }

    /// The indexes of a cache, to be changed.
    pub(in crate::store) fn get_mut(&mut self, cache: CacheId) -> Option<&mut CacheIndexes> {
        let place = self.place(cache).ok()?;
        self.caches.get_mut(place)
    }

    /// Looks whether an index may be added. Whether it must be: not when it is there.
    pub(in crate::store) fn check(
        &self,
        cache: CacheId,
        definition: &IndexDefinition,
    ) -> Result<bool, IndexError> {
        let indexes = self.get(cache).map(CacheIndexes::as_slice).unwrap_or_default();
        let mut same = indexes
            .iter()
            .filter(|index| index.definition().is_of(&definition.extractor));
        match same.next() {
            // The spelling of the extractor does not count.
            Some(index) if index.definition().differs_from(definition) => {
                Err(IndexError::different(&definition.extractor))
            }
            Some(_) => Ok(false),
            None if indexes.len() >= INDEXES_MAX => Err(IndexError::TOO_MANY),
            None => Ok(true),
        }
    }

    /// Adds an index that was [checked](Self::check).
    pub(in crate::store) fn add(&mut self, cache: CacheId, index: PartitionIndex) {
        match self.place(cache) {
            Ok(place) => {
                if let Some(indexes) = self.caches.get_mut(place) {
                    indexes.indexes.push(index);
                }
            }
            Err(place) => {
                let indexes = vec![index];
                self.caches.insert(place, CacheIndexes { cache, indexes });
            }
        }
    }

    /// Takes the index of an extractor away; whether there was one.
    pub(in crate::store) fn remove(&mut self, cache: CacheId, extractor: &Extractor) -> bool {
        let Ok(place) = self.place(cache) else {
            return false;
        };
        let Some(indexes) = self.caches.get_mut(place).map(|indexes| &mut indexes.indexes) else {
            return false;
        };
        let before = indexes.len();
        indexes.retain(|index| !index.definition().is_of(extractor));
        let removed = indexes.len() < before;
        if indexes.is_empty() {
            self.caches.remove(place);
        }
        self.shrink();
        removed
    }

    /// Takes all indexes of a cache away.
    pub(in crate::store) fn drop_cache(&mut self, cache: CacheId) {
        if let Ok(place) = self.place(cache) {
            self.caches.remove(place);
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.caches.len() * 4 < self.caches.capacity() {
            self.caches.shrink_to(self.caches.len() * 2);
        }
    }

    /// The memory of all indexes.
    pub(in crate::store) fn bytes(&self) -> usize {
        let caches = self.caches.iter().map(|cache| {
            let spare = cache.indexes.capacity() - cache.indexes.len();
            let indexes: usize = cache.indexes.iter().map(PartitionIndex::bytes).sum();
            indexes + spare * size_of::<PartitionIndex>()
        });
        caches.sum::<usize>() + self.caches.capacity() * size_of::<CacheIndexes>()
    }
}

impl CacheIndexes {
    /// All of them.
    pub(in crate::store) fn as_slice(&self) -> &[PartitionIndex] {
        &self.indexes
    }

    /// What the indexes have to know of an entry.
    pub(in crate::store) fn held(&self, entry: &QueryEntry<'_>) -> AllHeld {
        let definitions = self.indexes.iter().map(PartitionIndex::definition);
        definitions
            .map(|definition| Held::of(definition, entry))
            .collect()
    }

    /// Adds, moves or takes away an entry: what was known of it and where it was, what is and where it is.
    pub(in crate::store) fn change(
        &mut self,
        before: Option<(&AllHeld, Handle)>,
        after: Option<(&AllHeld, Handle)>,
    ) {
        for (number, index) in self.indexes.iter_mut().enumerate() {
            let of = |side: Option<(&AllHeld, Handle)>| side.and_then(|(held, _)| held.get(number).cloned());
            let (old, new) = (of(before), of(after));
            let stays = before.map(|(_, handle)| handle) == after.map(|(_, handle)| handle);
            if stays && old == new {
                continue;
            }
            if let (Some(held), Some((_, handle))) = (&old, before) {
                index.remove(held, handle);
            }
            if let (Some(held), Some((_, handle))) = (&new, after) {
                index.insert(held, handle);
            }
        }
    }

    /// Forgets all entries.
    pub(in crate::store) fn clear(&mut self) {
        for index in &mut self.indexes {
            index.clear();
        }
    }

    /// The index of the values of an extractor with its place, if there is one. One with a condition is of use only where that is
    /// [implied](PartitionIndex::has_all).
    pub(in crate::store) fn of(&self, extractor: &Extractor) -> Option<(usize, &PartitionIndex)> {
        let mut indexes = self.indexes.iter().enumerate();
        indexes.find(|(_, index)| {
            let definition = index.definition();
            definition.oversampling.is_none() && definition.is_of(extractor)
        })
    }

    /// The index of the vectors of an extractor, if there is one. As above, one with a condition is not always of use.
    pub(in crate::store) fn of_vectors(&self, extractor: &Extractor) -> Option<&PartitionIndex> {
        self.indexes.iter().find(|index| {
            let definition = index.definition();
            definition.oversampling.is_some() && definition.is_of(extractor)
        })
    }
}

impl Indexes {
    /// An index as new, of these entries.
    pub(in crate::store) fn build<'a>(
        definition: Arc<IndexDefinition>,
        entries: impl Iterator<Item = (Handle, QueryEntry<'a>)>,
    ) -> PartitionIndex {
        let mut index = PartitionIndex::new(definition);
        for (handle, entry) in entries {
            let held = Held::of(index.definition(), &entry);
            index.insert(&held, handle);
        }
        index
    }
}
