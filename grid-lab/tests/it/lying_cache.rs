//! A cache that breaks a promise now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use grid_core::cache::{
    Among, Background, BinaryEvents, BinaryPage, BinarySelection, CacheBackend, CacheError, CacheName,
    PageContents, Query, Updated,
};
use grid_core::event::{BinaryEvent, EventPositions, Listen};
use grid_core::processor::ProcessorWork;
use grid_core::query::Aggregator;
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Binary, Key, to_binary};

/// How often it lies: once in so many changes.
const EVERY: u64 = 23;

/// And once in so many queries, of which there are not many.
const QUERIES_EVERY: u64 = 3;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// A change is acknowledged and not made.
    Lose,
    /// A change is refused and made.
    ApplyRefused,
    /// A change is not told to one who follows.
    Untold,
    /// A change is told twice to one who follows.
    ToldTwice,
}

#[derive(Debug)]
pub(crate) struct LyingCache {
    honest: Arc<dyn CacheBackend>,
    lie: Lie,
    changes: AtomicU64,
    queries: AtomicU64,
}

impl LyingCache {
    pub(crate) fn new(honest: Arc<dyn CacheBackend>, lie: Lie) -> Arc<Self> {
        Arc::new(LyingCache {
            honest,
            lie,
            changes: AtomicU64::new(0),
            queries: AtomicU64::new(0),
        })
    }

    /// Whether it is time to lie.
    fn is_turn(&self) -> bool {
        self.changes.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1
    }

    async fn work(&self, key: Key, work: Arc<ProcessorWork>) -> Result<Binary, CacheError> {
        match self.lie {
            Lie::Lose if self.is_turn() => to_binary(&0).map_err(CacheError::Value),
            Lie::ApplyRefused if self.is_turn() => {
                self.honest.invoke(key, work).await?;
                Err(refused())
            }
            _ => self.honest.invoke(key, work).await,
        }
    }

    async fn change(&self, key: Key, command: Command, want_previous: bool) -> Result<Updated, CacheError> {
        match self.lie {
            Lie::Lose if self.is_turn() => {
                let previous = self.honest.get(key).await?;
                Ok(Updated { done: true, previous })
            }
            Lie::ApplyRefused if self.is_turn() => {
                self.honest.update(key, command, want_previous).await?;
                Err(refused())
            }
            _ => self.honest.update(key, command, want_previous).await,
        }
    }
}

fn refused() -> CacheError {
    CacheError::Overloaded {
        what: "a lie".to_owned(),
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
    fn follow(
        &self,
        listen: Listen,
        after: Option<EventPositions>,
    ) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        let (lie, following) = (self.lie, self.honest.follow(listen, after));
        let mut changes = 0_u64;
        let tell = move |event: Result<BinaryEvent, CacheError>| {
            let change = event.as_ref().ok().cloned();
            let change = change.filter(|event| matches!(event, BinaryEvent::Entry(_)));
            changes += u64::from(change.is_some());
            let again = match change.filter(|_| changes.is_multiple_of(EVERY)) {
                Some(_) if lie == Lie::Untold => return futures::stream::iter(Vec::new()),
                Some(change) if lie == Lie::ToldTwice => Some(Ok(change)),
                _ => None,
            };
            futures::stream::iter([event].into_iter().chain(again).collect::<Vec<_>>())
        };
        async move { Ok(following.await?.flat_map(tell).boxed()) }.boxed()
    }
    fn query(&self, query: Query) -> BinarySelection {
        let number = self.queries.fetch_add(1, Ordering::Relaxed);
        let found = self.honest.query(query);
        if !matches!(self.lie, Lie::Lose | Lie::ApplyRefused) || number % QUERIES_EVERY != QUERIES_EVERY - 1 {
            return found;
        }
        // The first entry of each part does not come.
        found.map_ok(|mut some| some.split_off(some.len().min(1))).boxed()
    }
    fn aggregate(&self, among: Among, aggregator: Aggregator) -> BoxFuture<'_, Result<Binary, CacheError>> {
        self.honest.aggregate(among, aggregator)
    }
    fn invoke(&self, key: Key, work: Arc<ProcessorWork>) -> BoxFuture<'_, Result<Binary, CacheError>> {
        self.work(key, work).boxed()
    }
    fn background(&self) -> Option<Arc<dyn Background>> {
        self.honest.background()
    }
}
