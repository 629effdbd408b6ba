//! The caches of one kind that are open at this member.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grid_core::cache::{CacheError, CacheName};
use grid_core::store::{CacheId, CacheSettings, Want};
use parking_lot::{Mutex, RwLock};

use crate::store::Partitions;

use super::{CacheInfo, CacheKind, OpenCache, Reply};

/// How many entries expire under one lock.
const EXPIRE_BATCH_LEN: usize = 1_000;

/// Limits of a registry and of what listens to its caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The largest number of caches; 10,000 by default.
    pub caches_max: usize,
    /// The largest number of events that wait for one listener; 65,536 by default.
    pub event_queue_len_max: usize,
    /// The largest size of the events that wait for one listener, in bytes; 64 MiB by default.
    pub event_queue_bytes_max: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        CacheLimits {
            caches_max: 10_000,
            event_queue_len_max: 65_536,
            event_queue_bytes_max: 64 << 20,
        }
    }
}

type QualifiedName = (String, CacheName);

#[derive(Default)]
struct Open {
    by_name: HashMap<QualifiedName, Arc<OpenCache>>,
    by_id: HashMap<CacheId, Arc<OpenCache>>,
    last_id: u32,
}

/// The open caches of one kind, and the partitions that hold their entries.
pub struct CacheRegistry {
    kind: CacheKind,
    partitions: Arc<Partitions>,
    limits: CacheLimits,
    open: RwLock<Open>,
    /// Destroying a cache and opening its successor take turns.
    destroying: Mutex<()>,
    shutting_down: AtomicBool,
}

impl CacheRegistry {
    /// A registry without caches.
    #[must_use]
    pub fn new(kind: CacheKind, partitions: Arc<Partitions>, limits: CacheLimits) -> Self {
        CacheRegistry {
            kind,
            partitions,
            limits,
            open: RwLock::default(),
            destroying: Mutex::new(()),
            shutting_down: AtomicBool::new(false),
        }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> CacheLimits {
        self.limits
    }

    /// The partitions that hold the entries.
    #[must_use]
    pub fn partitions(&self) -> &Arc<Partitions> {
        &self.partitions
    }

    /// The cache of this name, made if there is none. The settings count only when it is made.
    ///
    /// # Errors
    /// When there are as many caches as allowed, or the grid is shutting down.
    pub fn open(
        self: &Arc<Self>,
        scope: &str,
        name: &CacheName,
        settings: CacheSettings,
    ) -> Reply<Arc<OpenCache>> {
        self.open_now(scope, name, settings).into()
    }

    /// Opens a cache that needs nobody else to agree: one of this process alone.
    pub(crate) fn open_now(
        &self,
        scope: &str,
        name: &CacheName,
        settings: CacheSettings,
    ) -> Result<Arc<OpenCache>, CacheError> {
        if self.shutting_down.load(Ordering::Acquire) {
            return Err(CacheError::ShuttingDown);
        }
        let qualified = (scope.to_owned(), name.clone());
        if let Some(cache) = self.open.read().by_name.get(&qualified) {
            return Ok(cache.clone());
        }
        let mut open = self.open.write();
        if let Some(cache) = open.by_name.get(&qualified) {
            return Ok(cache.clone());
        }
        if open.by_name.len() >= self.limits.caches_max {
            let what = format!(
                "there are {} caches, and more are not allowed (limits.caches-max); destroy some",
                self.limits.caches_max
            );
            return Err(CacheError::Overloaded { what });
        }
        // Numbers are not used again: an alarm of an entry long gone must never meet another cache's entries.
        let number = open
            .last_id
            .checked_add(1)
            .ok_or_else(|| CacheError::Overloaded {
                what: "this member has opened 4,294,967,295 caches; restart it".to_owned(),
            })?;
        open.last_id = number;
        let id = CacheId::new(number);
        let cache = Arc::new(OpenCache::new(
            id,
            qualified.clone(),
            (self.kind, settings),
            self.partitions.clone(),
        ));
        open.by_name.insert(qualified, cache.clone());
        open.by_id.insert(id, cache.clone());
        Ok(cache)
    }

    /// Ends a cache for everyone. When it is opened again it is another cache, and empty.
    ///
    /// # Errors
    /// When it was destroyed before.
    pub fn destroy(self: &Arc<Self>, cache: &Arc<OpenCache>) -> Reply<()> {
        self.destroy_now(cache).into()
    }

    fn destroy_now(&self, cache: &OpenCache) -> Result<(), CacheError> {
        let _turn = self.destroying.lock();
        cache.destroy_now(|| {
            let mut open = self.open.write();
            open.by_name
                .remove(&(cache.scope().to_owned(), cache.name().clone()));
            open.by_id.remove(&cache.id());
        })
    }

    /// Every open cache with its figures, by name.
    #[must_use]
    pub fn infos(&self) -> Vec<CacheInfo> {
        let caches: Vec<_> = self.open.read().by_name.values().cloned().collect();
        let mut infos: Vec<_> = caches.iter().map(|cache| cache.info()).collect();
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        infos
    }

    /// Expires a batch in every partition where something is due. Whether there is more to do.
    pub fn expire_due(&self) -> bool {
        let now = self.partitions.now();
        let mut more = false;
        for id in self.partitions.due(now) {
            let mut partition = self.partitions.write(id);
            let want = |cache: CacheId| {
                let open = self.open.read();
                open.by_id
                    .get(&cache)
                    .map_or(Want::NOTHING, |cache| cache.listeners().want(false))
            };
            let swept = partition.expire(now, EXPIRE_BATCH_LEN, want);
            for change in &swept.changes {
                let cache = self.open.read().by_id.get(&change.cache).cloned();
                if let Some(cache) = cache {
                    cache.listeners().publish(change);
                }
            }
            more |= !swept.done;
        }
        more
    }

    /// Refuses to open caches from now on.
    pub fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::Release);
    }
}

impl std::fmt::Debug for CacheRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheRegistry")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
