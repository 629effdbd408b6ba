//! Whether indexes say what the entries say.

use std::sync::Arc;

use crate::query::Extractor;
use crate::store::arena::Handle;
use crate::store::index::{IndexInfo, Indexes, PartitionIndex, Postings};
use crate::store::layout::EntryView;
use crate::store::{CacheId, Partition};
use crate::value::Binary;

/// The most differences that are told of each index.
const FAULTS_MAX: usize = 100;

/// A difference between an index and the entries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IndexFault {
    /// An entry is not where it should be in an index.
    Missing {
        /// The index.
        extractor: Extractor,
        /// The key of the entry.
        key: Binary,
    },
    /// An index has an entry where it should not be: one with another value, or one that is gone.
    Extra {
        /// The index.
        extractor: Extractor,
        /// The key of the entry; `None` when there is no such entry.
        key: Option<Binary>,
    },
    /// An index counts wrongly.
    Miscounted {
        /// What it says of itself.
        said: IndexInfo,
        /// What an index says that was made anew. Its bytes may differ by what the order of changes makes.
        counted: IndexInfo,
    },
}

impl Partition {
    /// Compares the indexes of a cache with its entries: what differs, at most a hundred of each. Takes as long as
    /// making the indexes anew, one by one.
    #[must_use]
    pub fn check_indexes(&self, cache: CacheId) -> Vec<IndexFault> {
        let indexes = self.indexes.get(cache).into_iter();
        indexes
            .flat_map(|indexes| indexes.as_slice())
            .flat_map(|index| self.check_index(cache, index))
            .collect()
    }

    /// Compares an index of a cache with its entries.
    pub(in crate::store) fn check_index(&self, cache: CacheId, index: &PartitionIndex) -> Vec<IndexFault> {
        let anew = Indexes::build(Arc::clone(index.definition()), self.query_entries(cache));
        self.compare_indexes(cache, index, &anew)
    }

    fn compare_indexes(
        &self,
        cache: CacheId,
        index: &PartitionIndex,
        anew: &PartitionIndex,
    ) -> Vec<IndexFault> {
        let extractor = || index.definition().extractor.clone();
        let missing = lacking(anew, index).map(|handle| IndexFault::Missing {
            extractor: extractor(),
            key: EntryView::read(self.arena.blob(handle)).key_binary(),
        });
        let lives = |handle: Handle| {
            self.map(cache)
                .is_some_and(|map| map.iter().any(|other| other == handle))
        };
        let extra = lacking(index, anew).map(|handle| IndexFault::Extra {
            extractor: extractor(),
            key: lives(handle).then(|| EntryView::read(self.arena.blob(handle)).key_binary()),
        });
        let mut faults: Vec<_> = missing.take(FAULTS_MAX).collect();
        faults.extend(extra.take(FAULTS_MAX));
        let (said, counted) = (index.info(), anew.info());
        let bytes = counted.bytes;
        let same = IndexInfo {
            bytes,
            ..said.clone()
        } == counted;
        if !same || index.heap_bytes() != index.heap_bytes_counted() {
            faults.push(IndexFault::Miscounted { said, counted });
        }
        faults
    }
}

/// The places that one index has and another one lacks.
fn lacking<'i>(one: &'i PartitionIndex, other: &'i PartitionIndex) -> impl Iterator<Item = Handle> {
    let not_in = |these: &'i Postings, those: Option<&'i Postings>| {
        these
            .iter()
            .filter(move |handle| those.is_none_or(|those| !those.contains(*handle)))
    };
    let buckets = one.buckets().iter().flat_map(move |bucket| {
        let counterpart = other.buckets().get(bucket.key.bytes());
        not_in(&bucket.postings, counterpart.map(|bucket| &bucket.postings))
    });
    let without_value = not_in(one.without_value(), Some(other.without_value()));
    let vectors = one.signatures().iter().filter_map(|(shape, words, handle)| {
        let there = other.signatures().contains(shape, words, handle);
        (!there).then_some(handle)
    });
    buckets.chain(without_value).chain(vectors)
}
