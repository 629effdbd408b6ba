//! A cache that breaks a promise now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{
    BinaryEvents, BinaryPage, CacheBackend, CacheError, CacheName, PageContents, Updated,
};
use grid_core::event::Listen;
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Binary, Key};

/// How often it lies: once in so many changes.
const EVERY: u64 = 23;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// A change is acknowledged and not made.
    Lose,
    /// A change is refused and made.
    ApplyRefused,
}

#[derive(Debug)]
pub(crate) struct LyingCache {
    honest: Arc<dyn CacheBackend>,
    lie: Lie,
    changes: AtomicU64,
}

impl LyingCache {
    pub(crate) fn new(honest: Arc<dyn CacheBackend>, lie: Lie) -> Arc<Self> {
        Arc::new(LyingCache {
            honest,
            lie,
            changes: AtomicU64::new(0),
        })
    }

    async fn change(&self, key: Key, command: Command, want_previous: bool) -> Result<Updated, CacheError> {
        let turn = self.changes.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1;
        match self.lie {
            Lie::Lose if turn => {
                let previous = self.honest.get(key).await?;
                Ok(Updated { done: true, previous })
            }
            Lie::ApplyRefused if turn => {
                self.honest.update(key, command, want_previous).await?;
                Err(CacheError::Overloaded {
                    what: "a lie".to_owned(),
                })
            }
            _ => self.honest.update(key, command, want_previous).await,
        }
    }
}

impl CacheBackend for LyingCache {
    fn name(&self) -> &CacheName {
        self.honest.name()
    }
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Binary>, CacheError>> {
        self.honest.get(key)
    }
    fn get_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<(Binary, Binary)>, CacheError>> {
        self.honest.get_all(keys)
    }
    fn contains_key(&self, key: Key) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.honest.contains_key(key)
    }
    fn contains_value(&self, value: Binary) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.honest.contains_value(value)
    }
    fn update(
        &self,
        key: Key,
        command: Command,
        want_previous: bool,
    ) -> BoxFuture<'_, Result<Updated, CacheError>> {
        self.change(key, command, want_previous).boxed()
    }
    fn put_all(&self, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> BoxFuture<'_, Result<(), CacheError>> {
        self.honest.put_all(entries, ttl)
    }
    fn size(&self) -> BoxFuture<'_, Result<usize, CacheError>> {
        self.honest.size()
    }
    fn is_empty(&self) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.honest.is_empty()
    }
    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.honest.clear()
    }
    fn truncate(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.honest.truncate()
    }
    fn destroy(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.honest.destroy()
    }
    fn release(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.honest.release()
    }
    fn page(
        &self,
        cookie: Option<Bytes>,
        contents: PageContents,
    ) -> BoxFuture<'_, Result<BinaryPage, CacheError>> {
        self.honest.page(cookie, contents)
    }
    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        self.honest.listen(listen)
    }
}
