//! What a repository has done so far.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a repository and its clones have done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepositoryStatistics {
    /// Keys that were looked up and found in the cache.
    pub hits: u64,
    /// Keys that were looked up and not found in the cache.
    pub misses: u64,
    /// Entities that were then found in the database.
    pub loads: u64,
    /// Entities that were saved.
    pub saves: u64,
    /// Keys that were deleted.
    pub deletes: u64,
    /// Entities that were loaded from the database, but that the cache would not take. The caller got them.
    pub uncached: u64,
    /// Requests made to the cache, each of which may be a message over a network.
    pub cache_requests: u64,
}

impl RepositoryStatistics {
    /// The part of the lookups that the cache answered, from 0 to 1; `None` before the first lookup.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let lookups = self.hits.saturating_add(self.misses);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ratio to be shown; 2^53 lookups are far away"
        )]
        let ratio = |hits: u64, lookups: u64| hits as f64 / lookups as f64;
        (lookups > 0).then(|| ratio(self.hits, lookups))
    }

    /// What was done since an earlier reading of the same repository.
    #[must_use]
    pub fn since(&self, earlier: &RepositoryStatistics) -> RepositoryStatistics {
        RepositoryStatistics {
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            loads: self.loads.saturating_sub(earlier.loads),
            saves: self.saves.saturating_sub(earlier.saves),
            deletes: self.deletes.saturating_sub(earlier.deletes),
            uncached: self.uncached.saturating_sub(earlier.uncached),
            cache_requests: self.cache_requests.saturating_sub(earlier.cache_requests),
        }
    }
}

impl fmt::Display for RepositoryStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RepositoryStatistics {
            hits,
            misses,
            loads,
            saves,
            deletes,
            ..
        } = self;
        write!(
            f,
            "{hits} hits, {misses} misses, {loads} loads, {saves} saves, {deletes} deletes"
        )
    }
}

/// The counters behind [`RepositoryStatistics`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
    saves: AtomicU64,
    deletes: AtomicU64,
    uncached: AtomicU64,
    cache_requests: AtomicU64,
}

fn add(counter: &AtomicU64, count: usize) {
    // Each counter stands alone: no order between them is promised.
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
}

impl Counters {
    pub(super) fn looked_up(&self, hits: usize, misses: usize) {
        add(&self.hits, hits);
        add(&self.misses, misses);
    }

    pub(super) fn loaded(&self, count: usize) {
        add(&self.loads, count);
    }

    pub(super) fn saved(&self, count: usize) {
        add(&self.saves, count);
    }

    pub(super) fn deleted(&self) {
        add(&self.deletes, 1);
    }

    pub(super) fn left_uncached(&self, count: usize) {
        add(&self.uncached, count);
    }

    pub(super) fn requested(&self) {
        add(&self.cache_requests, 1);
    }

    pub(super) fn read(&self) -> RepositoryStatistics {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RepositoryStatistics {
            hits: value(&self.hits),
            misses: value(&self.misses),
            loads: value(&self.loads),
            saves: value(&self.saves),
            deletes: value(&self.deletes),
            uncached: value(&self.uncached),
            cache_requests: value(&self.cache_requests),
        }
    }
}
