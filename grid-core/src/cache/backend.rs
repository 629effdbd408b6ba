//! What a kind of cache implements.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};

use crate::event::{BinaryEvent, EventPositions, Listen};
use crate::processor::ProcessorWork;
use crate::query::{Aggregator, Extractor};
use crate::store::{Command, IndexDefinition, TimeToLive};
use crate::value::{Binary, Key};

use super::{Among, Background, BinarySelection, CacheError, CacheName, Query};

/// The answer to [`CacheBackend::update`].
#[derive(Clone, Debug, Default)]
pub struct Updated {
    /// Whether the command changed the entry: always for a put, for a conditional command when its condition held.
    pub done: bool,
    /// The value before, when it was asked for and there was one.
    pub previous: Option<Binary>,
}

/// What a page of entries holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageContents {
    /// Keys alone; each pair's value is `None`.
    Keys,
    /// Keys and values.
    Entries,
}

/// Some entries, and where the next ones are.
#[derive(Clone, Debug, Default)]
pub struct BinaryPage {
    /// The entries. A page may be empty and not be the last.
    pub entries: Vec<(Binary, Option<Binary>)>,
    /// What to ask the next page with; `None` after the last.
    pub next: Option<Bytes>,
}

/// Events of a cache. Dropping the stream ends the listening.
pub type BinaryEvents = BoxStream<'static, Result<BinaryEvent, CacheError>>;

/// A cache in bytes: what each kind of cache implements, in this process or over a network.
///
/// Every operation on one key is atomic. Those on several keys are atomic for each key.
pub trait CacheBackend: Send + Sync + fmt::Debug {
    /// The name of the cache.
    fn name(&self) -> &CacheName;

    /// The value of a key.
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Binary>, CacheError>>;

    /// The entries of those keys that are present, in any order.
    fn get_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<(Binary, Binary)>, CacheError>>;

    /// Whether the key is present.
    fn contains_key(&self, key: Key) -> BoxFuture<'_, Result<bool, CacheError>>;

    /// Whether any key has this value. Reads every entry.
    fn contains_value(&self, value: Binary) -> BoxFuture<'_, Result<bool, CacheError>>;

    /// Does a command on one entry; gives the value before when `want_previous`.
    fn update(
        &self,
        key: Key,
        command: Command,
        want_previous: bool,
    ) -> BoxFuture<'_, Result<Updated, CacheError>>;

    /// Puts every entry.
    fn put_all(&self, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> BoxFuture<'_, Result<(), CacheError>>;

    /// The number of entries.
    fn size(&self) -> BoxFuture<'_, Result<usize, CacheError>>;

    /// Whether there is no entry.
    fn is_empty(&self) -> BoxFuture<'_, Result<bool, CacheError>>;

    /// Removes every entry, with an event for each.
    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>>;

    /// Drops every entry, with one event for all.
    fn truncate(&self) -> BoxFuture<'_, Result<(), CacheError>>;

    /// Ends the cache for everyone.
    fn destroy(&self) -> BoxFuture<'_, Result<(), CacheError>>;

    /// Ends this handle; the cache and its entries stay.
    fn release(&self) -> BoxFuture<'_, Result<(), CacheError>>;

    /// The page after this cookie, or the first. An entry that is present from the first page to the last is on
    /// exactly one of them.
    fn page(
        &self,
        cookie: Option<Bytes>,
        contents: PageContents,
    ) -> BoxFuture<'_, Result<BinaryPage, CacheError>>;

    /// Starts to listen. When the future is ready, every later change is heard of.
    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<BinaryEvents, CacheError>>;

    /// Starts to listen with numbers: after these positions, or from now on. The first item is
    /// [`Reached`](BinaryEvent::Reached), with where the events begin; before it comes [`Resync`](BinaryEvent::Resync) when
    /// not all of what came after the positions can be told any more. Each change is told once, whatever
    /// happens to members and connections, or lost with a `Resync`.
    ///
    /// # Errors
    /// [`CacheError::Unsupported`] where changes have no numbers, as in the reference, or a member is set to keep no last changes.
    fn follow(
        &self,
        listen: Listen,
        after: Option<EventPositions>,
    ) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        let _not_followed = (listen, after);
        Box::pin(async { Err(unsupported("listening with numbers to this kind of cache")) })
    }

    /// The entries that a query selects. One that is there and selected all the while comes exactly once. They are asked for
    /// as they are read: what waits for a reader that takes its time is bounded.
    ///
    /// # Errors
    /// The stream ends with one when the query cannot be answered.
    fn query(&self, query: Query) -> BinarySelection {
        let _not_asked = query;
        stream::once(async { Err(unsupported("a query of this kind of cache")) }).boxed()
    }

    /// What an aggregator makes of entries.
    fn aggregate(&self, among: Among, aggregator: Aggregator) -> BoxFuture<'_, Result<Binary, CacheError>> {
        let _not_asked = (among, aggregator);
        Box::pin(async { Err(unsupported("aggregation in this kind of cache")) })
    }

    /// Does a processor's work on the entry of a key, be it there or not, and gives its answer. It is done once, as an
    /// [update](Self::update) is.
    fn invoke(&self, key: Key, work: Arc<ProcessorWork>) -> BoxFuture<'_, Result<Binary, CacheError>> {
        let _not_done = (key, work);
        Box::pin(async { Err(unsupported("a processor in this kind of cache")) })
    }

    /// Adds an index, which is there when the future is ready. One that is there with the same definition stays.
    fn add_index(&self, definition: IndexDefinition) -> BoxFuture<'_, Result<(), CacheError>> {
        let _not_added = definition;
        Box::pin(async { Err(unsupported("an index of this kind of cache")) })
    }

    /// Takes the index of an extractor away. One that is not there is not missed.
    fn remove_index(&self, extractor: Extractor) -> BoxFuture<'_, Result<(), CacheError>> {
        let _not_removed = extractor;
        Box::pin(async { Err(unsupported("an index of this kind of cache")) })
    }

    /// What runs tasks beside the cache; `None` where nothing does.
    fn background(&self) -> Option<Arc<dyn Background>> {
        None
    }
}

fn unsupported(what: &'static str) -> CacheError {
    CacheError::Unsupported { what }
}
