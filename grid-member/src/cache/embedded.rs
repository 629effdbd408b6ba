//! A cache of this process behind the interface that every kind of cache has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, lazy};
use grid_core::cache::{
    BinaryEvents, BinaryPage, CacheBackend, CacheError, CacheName, PageContents, Updated,
};
use grid_core::event::Listen;
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Binary, Key};

use crate::event::listen;

use super::{CacheRegistry, OpenCache, Reply};

/// A handle on a cache of the member in this process. Only what needs another member waits.
#[derive(Debug)]
pub struct EmbeddedCache {
    registry: Arc<CacheRegistry>,
    cache: Arc<OpenCache>,
    released: AtomicBool,
}

impl EmbeddedCache {
    /// A handle on this cache of this registry.
    #[must_use]
    pub fn new(registry: Arc<CacheRegistry>, cache: Arc<OpenCache>) -> Self {
        EmbeddedCache {
            registry,
            cache,
            released: AtomicBool::new(false),
        }
    }

    /// Does something with the cache, unless the handle was released: when the future is first polled, so that one
    /// that is dropped before has done nothing.
    fn ask<'a, T: Send + 'static>(
        &'a self,
        act: impl FnOnce(&Arc<OpenCache>) -> Reply<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, CacheError>> {
        async move {
            if self.released.load(Ordering::Acquire) {
                return Err(CacheError::Released {
                    cache: self.cache.name().to_string(),
                });
            }
            act(&self.cache).await
        }
        .boxed()
    }
}

impl CacheBackend for EmbeddedCache {
    fn name(&self) -> &CacheName {
        self.cache.name()
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Binary>, CacheError>> {
        self.ask(move |cache| cache.get(&key))
    }

    fn get_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<(Binary, Binary)>, CacheError>> {
        self.ask(move |cache| cache.get_all(keys))
    }

    fn contains_key(&self, key: Key) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.ask(move |cache| cache.contains_key(&key))
    }

    fn contains_value(&self, value: Binary) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.ask(move |cache| cache.contains_value(&value))
    }

    fn update(
        &self,
        key: Key,
        command: Command,
        want_previous: bool,
    ) -> BoxFuture<'_, Result<Updated, CacheError>> {
        self.ask(move |cache| {
            let applied = cache.update(&key, command, want_previous);
            applied.map(|applied| Updated {
                done: applied.done,
                previous: applied.previous,
            })
        })
    }

    fn put_all(&self, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> BoxFuture<'_, Result<(), CacheError>> {
        self.ask(move |cache| cache.put_all(entries, ttl))
    }

    fn size(&self) -> BoxFuture<'_, Result<usize, CacheError>> {
        self.ask(OpenCache::len)
    }

    fn is_empty(&self) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.ask(OpenCache::is_empty)
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.ask(OpenCache::clear)
    }

    fn truncate(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.ask(OpenCache::truncate)
    }

    fn destroy(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.ask(move |cache| self.registry.destroy(cache))
    }

    fn release(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        lazy(|_| {
            self.released.store(true, Ordering::Release);
            Ok(())
        })
        .boxed()
    }

    fn page(
        &self,
        cookie: Option<Bytes>,
        contents: PageContents,
    ) -> BoxFuture<'_, Result<BinaryPage, CacheError>> {
        self.ask(move |cache| cache.page(cookie.as_deref(), contents))
    }

    fn listen(&self, wish: Listen) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        let limits = self.registry.limits();
        self.ask(move |cache| {
            let (len_max, bytes_max) = (limits.event_queue_len_max, limits.event_queue_bytes_max);
            let alive = cache.check_alive();
            match alive {
                Ok(()) => {
                    let (events, quiet) = listen(cache.listeners(), &wish, len_max, bytes_max);
                    cache.heard_everywhere().map(|()| {
                        quiet.begin();
                        events
                    })
                }
                Err(error) => Reply::Ready(Err(error)),
            }
        })
    }
}
