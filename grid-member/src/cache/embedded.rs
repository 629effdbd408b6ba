//! A cache of this process behind the interface that every kind of cache has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, lazy};
use futures::stream::{self, StreamExt};
use grid_core::cache::{
    Among, Background, BinaryEvents, BinaryPage, BinarySelection, CacheBackend, CacheError, CacheName,
    PageContents, Query, QueryContents, Updated,
};
use grid_core::event::{EventPositions, Listen};
use grid_core::processor::ProcessorWork;
use grid_core::processor::own::is_inside;
use grid_core::query::{AgentError, Aggregator, Extractor, Filter};
use grid_core::store::{Command, IndexDefinition, PageContent, TimeToLive, WorkAnswer};
use grid_core::value::{Binary, Format, Key};

use crate::event::listen;

use super::{CacheRegistry, OpenCache, Question, Reply, Scatter};

/// A handle on a cache of the member in this process. Only what needs another member waits.
#[derive(Debug)]
pub struct EmbeddedCache {
    registry: Arc<CacheRegistry>,
    cache: Arc<OpenCache>,
    background: Arc<dyn Background>,
    released: AtomicBool,
}

impl EmbeddedCache {
    /// A handle on this cache of this registry. What goes on beside it runs there.
    #[must_use]
    pub fn new(registry: Arc<CacheRegistry>, cache: Arc<OpenCache>, background: Arc<dyn Background>) -> Self {
        EmbeddedCache {
            registry,
            cache,
            background,
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
            self.check_held()?;
            act(&self.cache).await
        }
        .boxed()
    }

    /// Whether the handle was not released, and the caller may call the grid.
    fn check_held(&self) -> Result<(), CacheError> {
        if is_inside() {
            return Err(CacheError::CalledBack);
        }
        if self.released.load(Ordering::Acquire) {
            return Err(CacheError::Released {
                cache: self.cache.name().to_string(),
            });
        }
        Ok(())
    }

    fn scatter(&self, query: &Query) -> Result<Scatter, CacheError> {
        self.check_held()?;
        let question = Question::of_filter(&query.filter).map_err(invalid)?;
        let content = match query.contents {
            QueryContents::Keys => PageContent::Keys,
            QueryContents::Values => PageContent::Values,
            QueryContents::Entries => PageContent::Entries,
        };
        Ok(self.cache.select(Arc::new(question), content))
    }
}

/// An agent that cannot be used.
fn invalid(error: AgentError) -> CacheError {
    CacheError::Invalid {
        what: error.to_string(),
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

    fn follow(
        &self,
        listen: Listen,
        after: Option<EventPositions>,
    ) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        async move {
            self.check_held()?;
            self.cache.follow(listen, after.as_ref()).await
        }
        .boxed()
    }

    fn query(&self, query: Query) -> BinarySelection {
        let scatter = match self.scatter(&query) {
            Ok(scatter) => scatter,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        if let (Some(order), true) = (query.order, query.contents != QueryContents::Keys) {
            let parts = stream::try_unfold(scatter.sorted(order), |mut sorted| async move {
                let part = sorted.next().await?;
                Ok((!part.is_empty()).then_some((part, sorted)))
            });
            return parts.boxed();
        }
        let parts = stream::try_unfold(scatter, |mut scatter| async move {
            let part = scatter.next().await?;
            Ok((!part.is_empty()).then_some((part, scatter)))
        });
        parts.boxed()
    }

    fn aggregate(&self, among: Among, aggregator: Aggregator) -> BoxFuture<'_, Result<Binary, CacheError>> {
        self.ask(move |cache| {
            let (filter, keys) = match among {
                Among::Where(filter) => (filter, None),
                Among::Keys(keys) => (Filter::Always, Some(keys)),
            };
            match Question::of_aggregator(&filter, &aggregator) {
                Ok(question) => cache.aggregate(Arc::new(question), keys),
                Err(error) => Reply::Ready(Err(invalid(error))),
            }
        })
    }

    fn invoke(&self, key: Key, work: Arc<ProcessorWork>) -> BoxFuture<'_, Result<Binary, CacheError>> {
        self.ask(move |cache| {
            let worked = cache.update(&key, Command::Work(work), false);
            worked.and_then(|outcome| match outcome.answer {
                Some(WorkAnswer::Said(answer)) => Ok(answer),
                Some(WorkAnswer::Failed(message)) => Err(CacheError::Refused { message }),
                Some(WorkAnswer::Passed) | None => Ok(Binary::new(Format::JSON, b"null".as_slice().into())),
            })
        })
    }

    fn add_index(&self, definition: IndexDefinition) -> BoxFuture<'_, Result<(), CacheError>> {
        self.ask(move |cache| self.registry.add_index(cache, Arc::new(definition)))
    }

    fn remove_index(&self, extractor: Extractor) -> BoxFuture<'_, Result<(), CacheError>> {
        self.ask(move |cache| self.registry.remove_index(cache, Arc::new(extractor)))
    }

    fn background(&self) -> Option<Arc<dyn Background>> {
        Some(self.background.clone())
    }
}
