//! The indexes of a partition, and how they follow its entries.

use std::sync::Arc;

use crate::query::{Extractor, QueryEntry};
use crate::store::arena::Handle;
use crate::store::index::cache_indexes::AllHeld;
use crate::store::index::{IndexDefinition, IndexError, IndexInfo, Indexes, PartitionIndex};
use crate::store::layout::EntryView;
use crate::store::{CacheId, Partition};

impl Partition {
    /// Adds an index to a cache, and fills it with the entries that are there: it looks at each of them once, in this
    /// one step. Whether the index is new.
    ///
    /// # Errors
    /// When there is an index of the same extractor with another order or condition, or there are
    /// [`INDEXES_MAX`](crate::store::INDEXES_MAX) indexes.
    pub fn add_index(
        &mut self,
        cache: CacheId,
        definition: Arc<IndexDefinition>,
    ) -> Result<bool, IndexError> {
        let new = self.indexes.check(cache, &definition)?;
        if new {
            let index = Indexes::build(definition, self.query_entries(cache));
            self.indexes.add(cache, index);
        }
        Ok(new)
    }

    /// Takes the index of an extractor away from a cache. Whether there was one.
    pub fn remove_index(&mut self, cache: CacheId, extractor: &Extractor) -> bool {
        self.indexes.remove(cache, extractor)
    }

    /// The caches that have indexes, with their definitions in the order in which they were added.
    #[must_use]
    pub fn index_definitions(&self) -> Vec<(CacheId, Vec<Arc<IndexDefinition>>)> {
        self.indexes.definitions()
    }

    /// The indexes of a cache with their sizes, in the order in which they were added.
    #[must_use]
    pub fn indexes(&self, cache: CacheId) -> Vec<IndexInfo> {
        let indexes = self.indexes.get(cache).into_iter();
        indexes
            .flat_map(|indexes| indexes.as_slice())
            .map(PartitionIndex::info)
            .collect()
    }

    /// The entries of a cache, be their time over or not, with their places.
    pub(in crate::store) fn query_entries(
        &self,
        cache: CacheId,
    ) -> impl Iterator<Item = (Handle, QueryEntry<'_>)> {
        self.handles(cache).map(|handle| {
            let view = EntryView::read(self.arena.blob(handle));
            (handle, view.query_entry())
        })
    }

    /// What the indexes of a cache know of the entry at a place; `None` when the cache has none.
    pub(in crate::store) fn held(&self, cache: CacheId, handle: Handle) -> Option<AllHeld> {
        let indexes = self.indexes.get(cache)?;
        let view = EntryView::read(self.arena.blob(handle));
        Some(indexes.held(&view.query_entry()))
    }

    /// Tells the indexes of a cache that an entry was written: what they knew of it and where it was, and where it is.
    #[cold]
    pub(in crate::store) fn index_written(
        &mut self,
        cache: CacheId,
        before: Option<(AllHeld, Handle)>,
        handle: Handle,
    ) {
        let Some(indexes) = self.indexes.get_mut(cache) else {
            return;
        };
        let view = EntryView::read(self.arena.blob(handle));
        let after = indexes.held(&view.query_entry());
        let before = before.as_ref().map(|(held, handle)| (held, *handle));
        indexes.change(before, Some((&after, handle)));
    }

    /// Tells the indexes of a cache that an entry goes, which is still there.
    #[cold]
    pub(in crate::store) fn index_removed(&mut self, cache: CacheId, handle: Handle) {
        let Some(held) = self.held(cache, handle) else {
            return;
        };
        if let Some(indexes) = self.indexes.get_mut(cache) {
            indexes.change(Some((&held, handle)), None);
        }
    }
}
