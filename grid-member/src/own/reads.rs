//! Reading the entries that a processor asks for.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::processor::own::EntryError;
use grid_core::store::{Fetch, Fetched, Known, Sequence};
use grid_core::value::Key;

use crate::cache::OpenCache;

/// Reads entries of one partition at this member, as long as the member serves it.
pub(super) struct Reads {
    home: Arc<OpenCache>,
    id: PartitionId,
    /// The epoch in which it began, and the last change of which what was read is known to be untouched.
    since: Cell<Option<(Epoch, Sequence)>>,
    /// The caches that were read from.
    caches: RefCell<Vec<Arc<OpenCache>>>,
    elsewhere: Cell<bool>,
}

impl Reads {
    pub(super) fn new(home: Arc<OpenCache>, id: PartitionId) -> Self {
        Reads {
            caches: RefCell::new(vec![home.clone()]),
            home,
            id,
            since: Cell::new(None),
            elsewhere: Cell::new(false),
        }
    }

    /// Whether another member serves the partition by now.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.elsewhere.get()
    }

    pub(super) fn into_caches(self) -> Vec<Arc<OpenCache>> {
        self.caches.into_inner()
    }

    fn cache(&self, name: &str) -> Result<Arc<OpenCache>, EntryError> {
        let mut caches = self.caches.borrow_mut();
        if let Some(cache) = caches.iter().find(|cache| cache.name().as_str() == name) {
            return Ok(cache.clone());
        }
        let none = || EntryError::NoCache {
            cache: name.to_owned(),
        };
        let cache = self.home.beside(name).ok_or_else(none)?;
        caches.push(cache.clone());
        Ok(cache)
    }
}

impl Fetch for Reads {
    fn fetch(&self, cache: &str, key: &Key, known: &[Known]) -> Result<Fetched, EntryError> {
        let name = cache;
        let cache = self.cache(name)?;
        if cache.partition_of(key) != self.id {
            return Err(EntryError::OtherPartition {
                cache: name.to_owned(),
                key: String::from_utf8_lossy(key.spelling().bytes()).into_owned(),
            });
        }
        let replicas = cache.replicas();
        let replica = replicas.read(self.id);
        let (now, store) = (replicas.now(), replica.store());
        let (epoch, sequence) = self.since.get().unwrap_or((replica.epoch(), store.sequence()));
        if !replica.serves() || replica.epoch() != epoch {
            self.elsewhere.set(true);
            return Err(EntryError::Overtaken);
        }
        let untouched = store.sequence() == sequence
            || known
                .iter()
                .all(|known| store.version(now, known.cache, &known.key) == known.version);
        if !untouched {
            return Err(EntryError::Overtaken);
        }
        self.since.set(Some((epoch, store.sequence())));
        let entry = store.get(now, cache.id(), key);
        Ok(Fetched {
            cache: cache.id(),
            settings: cache.settings(),
            version: entry.map(|entry| entry.version()),
            value: entry.map(|entry| entry.value_binary()),
        })
    }
}
