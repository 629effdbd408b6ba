//! Figures of a cache.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use grid_core::store::IndexReport;
use serde::{Deserialize, Serialize};

use super::CacheKind;

/// Counts of operations on a cache at this member, from its start on.
#[derive(Debug, Default)]
pub struct CacheCounters {
    hits: AtomicU64,
    misses: AtomicU64,
    puts: AtomicU64,
    removes: AtomicU64,
}

impl CacheCounters {
    pub(super) fn looked_up(&self, hits: usize, misses: usize) {
        add(&self.hits, hits);
        add(&self.misses, misses);
    }

    pub(super) fn put(&self, entries: usize) {
        add(&self.puts, entries);
    }

    pub(super) fn removed(&self, entries: usize) {
        add(&self.removes, entries);
    }

    pub(super) fn read(&self) -> (u64, u64, u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (
            of(&self.hits),
            of(&self.misses),
            of(&self.puts),
            of(&self.removes),
        )
    }
}

fn add(count: &AtomicU64, n: usize) {
    if n > 0 {
        count.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// A cache and its figures, as operators see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheInfo {
    /// The name, with its scope before it and a colon between when it has a scope.
    pub name: String,
    /// How it is kept.
    pub kind: CacheKind,
    /// The number of entries.
    pub entries: u64,
    /// The bytes of keys and values, without what keeping them costs.
    pub bytes: u64,
    /// The bytes of the memory of its indexes.
    pub index_bytes: u64,
    /// Lookups that found a value.
    pub hits: u64,
    /// Lookups that found none.
    pub misses: u64,
    /// Values written.
    pub puts: u64,
    /// Entries removed by request.
    pub removes: u64,
}

/// The indexes of a cache, as operators see them.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheIndexes {
    /// The name of the cache, with its scope before it and a colon between when it has a scope.
    pub name: String,
    /// How it is kept.
    pub kind: CacheKind,
    /// Its indexes.
    pub indexes: Vec<IndexReport>,
}

impl CacheInfo {
    /// The figures of caches of several members as those of the cluster, by name: what each counts is added up.
    #[must_use]
    pub fn sums(of_members: impl IntoIterator<Item = Vec<CacheInfo>>) -> Vec<CacheInfo> {
        let mut sums: BTreeMap<String, CacheInfo> = BTreeMap::new();
        for info in of_members.into_iter().flatten() {
            match sums.get_mut(&info.name) {
                Some(sum) => {
                    sum.entries = sum.entries.saturating_add(info.entries);
                    sum.bytes = sum.bytes.saturating_add(info.bytes);
                    sum.index_bytes = sum.index_bytes.saturating_add(info.index_bytes);
                    sum.hits = sum.hits.saturating_add(info.hits);
                    sum.misses = sum.misses.saturating_add(info.misses);
                    sum.puts = sum.puts.saturating_add(info.puts);
                    sum.removes = sum.removes.saturating_add(info.removes);
                }
                None => {
                    sums.insert(info.name.clone(), info);
                }
            }
        }
        sums.into_values().collect()
    }
}
