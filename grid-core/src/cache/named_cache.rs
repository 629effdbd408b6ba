//! The cache that applications use.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{BoxStream, Stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{CacheEvent, EventPositions};
use crate::processor::Processor;
use crate::query::{Aggregator, Comparator, EventFilter, Extractor, Filter};
use crate::store::{IndexDefinition, IndexReport};

use super::{CacheError, FollowedEvents, Invoked, View, ViewPlan};

/// A stream of a cache's events. Dropping it ends the listening.
pub struct Events<K, V>(BoxStream<'static, Result<CacheEvent<K, V>, CacheError>>);

impl<K, V> Events<K, V> {
    /// Events from any stream of them.
    #[must_use]
    pub fn new(stream: BoxStream<'static, Result<CacheEvent<K, V>, CacheError>>) -> Self {
        Events(stream)
    }
}

impl<K, V> Stream for Events<K, V> {
    type Item = Result<CacheEvent<K, V>, CacheError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl<K, V> fmt::Debug for Events<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

/// A named map from keys to values that the members of a cluster hold together.
///
/// Keys and values are any serde types; they travel as JSON, so that programs in other languages read them too.
/// A key may be given in a borrowed form (`&str` for `String`). An operation on one key is atomic; one on several
/// keys is atomic for each of them. Any operation fails when a key or value cannot be written or read as JSON,
/// and, over a network, when no answer comes; [`CacheError::applied`] says whether a change was made.
///
/// # Asking for entries by what is in them
///
/// A [`Filter`] selects entries where they lie, an [`Aggregator`] makes one answer of many, a [`Processor`] changes an entry
/// without its value travelling, and a [`View`] is a copy of what a filter selects that keeps itself up to date.
///
/// ```
/// use futures::TryStreamExt;
/// use grid_core::cache::{CacheError, NamedCache};
/// use grid_core::processor::Processor;
/// use grid_core::query::{Aggregator, Comparator, field};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Person { name: String, city: String, age: u32 }
///
/// # async fn example(people: &impl NamedCache<String, Person>) -> Result<(), CacheError> {
/// let adults = field("age").ge(18);
/// let by_age: Vec<Person> = people.values_sorted(&adults, &Comparator::by("age")).try_collect().await?;
/// let mean: Option<f64> = people.aggregate_where(&adults, &Aggregator::average("age")).await?;
///
/// // Adds one to Ada's age where she is stored; done once, also when a member fails meanwhile.
/// let age: u32 = people.invoke("ada", &Processor::increment("age", 1)).await?;
///
/// let norwegians = people.view(&field("city").eq("Oslo")).await?;
/// println!("{} people in Oslo; is Ada there? {}", norwegians.len(), norwegians.get("ada")?.is_some());
/// # Ok(())
/// # }
/// ```
///
/// What is asked of every implementation is in `cache::conformance` (feature `conformance`), a suite that each kind of
/// cache passes.
pub trait NamedCache<K, V>: Send + Sync {
    /// The name of the cache.
    fn name(&self) -> &str;

    /// The value of a key.
    fn get<Q>(&self, key: &Q) -> impl Future<Output = Result<Option<V>, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// The entries of those keys that are present.
    fn get_all<'a, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q> + Send,
    ) -> impl Future<Output = Result<HashMap<K, V>, CacheError>> + Send
    where
        K: Borrow<Q> + Eq + Hash,
        Q: Serialize + Sync + ?Sized + 'a;

    /// The value of a key, or `default` when it has none. The cache is not changed.
    fn get_or<Q>(&self, key: &Q, default: V) -> impl Future<Output = Result<V, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Puts a value and returns the one before. It lives as long as the cache's default says.
    fn put(&self, key: &K, value: &V) -> impl Future<Output = Result<Option<V>, CacheError>> + Send;

    /// Puts a value that lives for `ttl` (at least a millisecond) and returns the one before.
    fn put_with_ttl(
        &self,
        key: &K,
        value: &V,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<V>, CacheError>> + Send;

    /// Puts a value and returns nothing, which costs less than [`NamedCache::put`].
    fn insert(&self, key: &K, value: &V) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Puts a value that lives for `ttl` (at least a millisecond) and returns nothing.
    fn insert_with_ttl(
        &self,
        key: &K,
        value: &V,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Puts every entry. Of a key that comes twice, the last value stays.
    fn put_all<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a K, &'a V)> + Send,
    ) -> impl Future<Output = Result<(), CacheError>> + Send
    where
        K: 'a,
        V: 'a;

    /// Puts every entry, each to live for `ttl` (at least a millisecond).
    fn put_all_with_ttl<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a K, &'a V)> + Send,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), CacheError>> + Send
    where
        K: 'a,
        V: 'a;

    /// Puts a value unless the key has one; returns the one that it has.
    fn put_if_absent(&self, key: &K, value: &V)
    -> impl Future<Output = Result<Option<V>, CacheError>> + Send;

    /// Removes a key and returns its value.
    fn remove<Q>(&self, key: &Q) -> impl Future<Output = Result<Option<V>, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Removes a key if its value is `value`; whether it was.
    fn remove_if_equal<Q>(&self, key: &Q, value: &V) -> impl Future<Output = Result<bool, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Puts a value if the key has one, and returns the one before.
    fn replace(&self, key: &K, value: &V) -> impl Future<Output = Result<Option<V>, CacheError>> + Send;

    /// Puts `value` if the key's value is `previous`; whether it was.
    fn replace_if_equal(
        &self,
        key: &K,
        previous: &V,
        value: &V,
    ) -> impl Future<Output = Result<bool, CacheError>> + Send;

    /// Whether the key has a value.
    fn contains_key<Q>(&self, key: &Q) -> impl Future<Output = Result<bool, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Whether any key has this value. Reads every entry.
    fn contains_value(&self, value: &V) -> impl Future<Output = Result<bool, CacheError>> + Send;

    /// Replaces a key's value by what `change` makes of it; `None` removes it. Returns the new value.
    ///
    /// No change is lost: the entry is read and then written only if it is what was read, so `change` may run
    /// several times, and should do nothing but compute.
    ///
    /// # Errors
    /// [`CacheError::Contended`] when others kept changing the entry.
    fn compute<F>(&self, key: &K, change: F) -> impl Future<Output = Result<Option<V>, CacheError>> + Send
    where
        F: FnMut(Option<V>) -> Option<V> + Send;

    /// Puts `value` if the key has none, else what `join` makes of the present value and `value`; `None` removes
    /// the entry. Returns the new value. Atomic as [`NamedCache::compute`] is.
    ///
    /// # Errors
    /// [`CacheError::Contended`] when others kept changing the entry.
    fn merge<F>(
        &self,
        key: &K,
        value: &V,
        join: F,
    ) -> impl Future<Output = Result<Option<V>, CacheError>> + Send
    where
        F: FnMut(V, &V) -> Option<V> + Send;

    /// The number of entries.
    fn size(&self) -> impl Future<Output = Result<usize, CacheError>> + Send;

    /// Whether there is no entry.
    fn is_empty(&self) -> impl Future<Output = Result<bool, CacheError>> + Send;

    /// Removes every entry, with an event for each.
    fn clear(&self) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Drops every entry, with one event for all. Faster than [`NamedCache::clear`].
    fn truncate(&self) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Ends the cache and its entries for everyone.
    fn destroy(&self) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Ends this handle and its clones; the cache and its entries stay.
    fn release(&self) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Every key, page by page. A key that is present all the while comes exactly once; one that comes or goes
    /// meanwhile may or may not come.
    fn keys(&self) -> BoxStream<'static, Result<K, CacheError>>;

    /// Every value, page by page, under the terms of [`NamedCache::keys`].
    fn values(&self) -> BoxStream<'static, Result<V, CacheError>>;

    /// Every entry, page by page, under the terms of [`NamedCache::keys`].
    fn entries(&self) -> BoxStream<'static, Result<(K, V), CacheError>>;

    /// The keys of the entries that a filter selects. A key whose entry is there and selected all the while comes exactly
    /// once. The stream asks for more as it is read; nothing follows an error.
    ///
    /// ```
    /// # use futures::TryStreamExt;
    /// # use grid_core::cache::{CacheError, NamedCache};
    /// # use grid_core::query::field;
    /// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let adults: Vec<String> = people.keys_where(&field("age").ge(18)).try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    fn keys_where(&self, filter: &Filter) -> BoxStream<'static, Result<K, CacheError>>;

    /// The values that a filter selects, under the terms of [`NamedCache::keys_where`].
    fn values_where(&self, filter: &Filter) -> BoxStream<'static, Result<V, CacheError>>;

    /// The entries that a filter selects, under the terms of [`NamedCache::keys_where`].
    fn entries_where(&self, filter: &Filter) -> BoxStream<'static, Result<(K, V), CacheError>>;

    /// The values that a filter selects, in an order. Sorting wants all of them at once, at the member that is asked;
    /// values that have no order between them are an error, and so are more than it sorts.
    fn values_sorted(&self, filter: &Filter, order: &Comparator)
    -> BoxStream<'static, Result<V, CacheError>>;

    /// The entries that a filter selects, in an order of their values, under the terms of [`NamedCache::values_sorted`].
    fn entries_sorted(
        &self,
        filter: &Filter,
        order: &Comparator,
    ) -> BoxStream<'static, Result<(K, V), CacheError>>;

    /// What an aggregator makes of every entry, as the type that is asked for: an integer for a count, `Option<f64>` for a
    /// mean (none of no entries), a map for groups, and a [`Value`](crate::value::Value) for whatever comes.
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use grid_core::cache::{CacheError, NamedCache};
    /// # use grid_core::query::Aggregator;
    /// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let by_city: HashMap<String, u64> = people.aggregate(&Aggregator::count().by("city")).await?;
    /// # Ok(())
    /// # }
    /// ```
    fn aggregate<R>(&self, aggregator: &Aggregator) -> impl Future<Output = Result<R, CacheError>> + Send
    where
        R: DeserializeOwned;

    /// What an aggregator makes of the entries that a filter selects, as [`NamedCache::aggregate`].
    fn aggregate_where<R>(
        &self,
        filter: &Filter,
        aggregator: &Aggregator,
    ) -> impl Future<Output = Result<R, CacheError>> + Send
    where
        R: DeserializeOwned;

    /// What an aggregator makes of those of these keys that are present, as [`NamedCache::aggregate`].
    fn aggregate_keys<'a, R, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q> + Send,
        aggregator: &Aggregator,
    ) -> impl Future<Output = Result<R, CacheError>> + Send
    where
        R: DeserializeOwned,
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized + 'a;

    /// Runs a processor on the entry of a key, be it there or not, and gives its answer. It is atomic, and done once: with
    /// Girih also when the member that does it fails meanwhile.
    ///
    /// # Errors
    /// When the processor cannot do its work on the entry, which stays as it is then; and as any change.
    fn invoke<R, Q>(
        &self,
        key: &Q,
        processor: &Processor,
    ) -> impl Future<Output = Result<R, CacheError>> + Send
    where
        R: DeserializeOwned,
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Runs a processor on the entry of each of these keys, be it there or not: the answers as they come, in any order.
    ///
    /// The work goes on as the stream is read, on several entries at a time, each under the terms of
    /// [`NamedCache::invoke`]: each answer, or error, is that of its key alone, and the others go on. A key that comes twice
    /// counts once. When the stream is dropped early, entries may not have been worked on, and a few may have been whose
    /// answers were not read.
    ///
    /// ```
    /// # use futures::TryStreamExt;
    /// # use grid_core::cache::{CacheError, NamedCache};
    /// # use grid_core::processor::Processor;
    /// # async fn example(stock: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let mut work = stock.invoke_all::<i64, str>(["apples", "pears"], &Processor::increment("count", -1));
    /// while let Some(done) = work.try_next().await? {
    ///     match done.answer {
    ///         Ok(left) => println!("{}: {left} left", done.key),
    ///         Err(error) => println!("{}: {error} (applied: {})", done.key, error.applied()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    fn invoke_all<'a, R, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q> + Send,
        processor: &Processor,
    ) -> BoxStream<'static, Result<Invoked<K, R>, CacheError>>
    where
        R: DeserializeOwned + Send + 'static,
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized + 'a;

    /// Runs a processor on the entries that a filter selects, under the terms of [`NamedCache::invoke_all`].
    ///
    /// The keys are selected first, as by [`NamedCache::keys_where`]; when its turn comes, an entry is worked on only if it
    /// is still there and still selected, in one step with the work. An error in place of an item, and not in one, says that
    /// no more keys could be selected.
    fn invoke_where<R>(
        &self,
        filter: &Filter,
        processor: &Processor,
    ) -> BoxStream<'static, Result<Invoked<K, R>, CacheError>>
    where
        R: DeserializeOwned + Send + 'static;

    /// Adds an index, which every member keeps for its part of the entries from then on: queries look at fewer entries, and
    /// answer the same. When the future is ready, the index is there. One that is there with the same definition stays.
    ///
    /// ```
    /// # use grid_core::cache::{CacheError, NamedCache};
    /// # use grid_core::query::{Extractor, field};
    /// # use grid_core::store::IndexDefinition;
    /// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// people.add_index(&IndexDefinition::of("city")).await?;
    /// // In order, for ranges and for what begins with a text; only of those who have an age.
    /// let of_age = IndexDefinition::of("age").sorted().only(field("age").is_not_null());
    /// people.add_index(&of_age).await?;
    /// for index in people.indexes().await? {
    ///     println!("{}: {} bytes for {} entries", index.definition.extractor, index.bytes, index.entries);
    /// }
    /// people.remove_index(&Extractor::path("city")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is an index of the same extractor with another order or condition, or as many as there may be.
    fn add_index(&self, index: &IndexDefinition) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Takes the index of an extractor away. One that is not there is not missed.
    fn remove_index(&self, extractor: &Extractor) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// The indexes with their sizes, in the order of their extractors' texts. The reference cannot tell them.
    fn indexes(&self) -> impl Future<Output = Result<Vec<IndexReport>, CacheError>> + Send;

    /// The indexes, compared with the entries: what differs is in each report. It takes as long as making them anew, and each
    /// partition is held up meanwhile as by a query. The reference cannot do it.
    fn check_indexes(&self) -> impl Future<Output = Result<Vec<IndexReport>, CacheError>> + Send;

    /// A copy of the entries that a filter selects, here, which keeps itself up to date until it is dropped. See [`View`].
    fn view(&self, filter: &Filter) -> impl Future<Output = Result<View<K, V>, CacheError>> + Send;

    /// A view of what a [`ViewPlan`] says: with other limits, or of what an extractor takes from the values.
    fn view_of<W>(&self, plan: ViewPlan) -> impl Future<Output = Result<View<K, W>, CacheError>> + Send
    where
        W: DeserializeOwned + Send + Sync + 'static;

    /// Events of what a filter selects, with values: of entries that it selects before or after a change. With a
    /// [`Filter`] these are entries that come, change and go; with an [`EventFilter`], the kinds of events that it says.
    ///
    /// ```
    /// # use grid_core::cache::{CacheError, NamedCache};
    /// # use grid_core::query::{EventFilter, EventKinds, field};
    /// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let adults = field("age").ge(18);
    /// let of_adults = people.listen_where(&adults).await?;
    /// // Birthdays alone: who was no adult, and is one now.
    /// let of_age = people.listen_where(EventFilter::new(adults).of_kinds(EventKinds::ENTERED)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// An entry that the filter cannot be evaluated on is one that it does not select.
    fn listen_where(
        &self,
        filter: impl Into<EventFilter> + Send,
    ) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send;

    /// Events of what a filter selects, with what its [transformer](EventFilter::transformed) makes of the values, as another
    /// type: less travels. What the transformer leaves out is `None`, and so is a null.
    ///
    /// ```
    /// # use grid_core::cache::{CacheError, Events, NamedCache};
    /// # use grid_core::query::{EventFilter, EventTransformer, Extractor, field};
    /// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let age = Some(Extractor::path("age"));
    /// let ages = EventTransformer::Extract { old: age.clone(), new: age };
    /// let adults = EventFilter::new(field("age").ge(18)).transformed(ages);
    /// let events: Events<String, u32> = people.listen_where_as(adults).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A change that the transformer cannot be used on is not told.
    fn listen_where_as<W>(
        &self,
        filter: impl Into<EventFilter> + Send,
    ) -> impl Future<Output = Result<Events<K, W>, CacheError>> + Send
    where
        W: DeserializeOwned + Send + 'static;

    /// Events of what a filter selects, without values.
    fn listen_where_lite(
        &self,
        filter: impl Into<EventFilter> + Send,
    ) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send;

    /// Events with numbers, of what a filter selects: after these positions, or from now on. How far they are is
    /// [`FollowedEvents::positions`], to be kept and given here later, by another process too.
    ///
    /// Changes are numbered in each partition, the same at every member and after a failover. The members keep the last ones
    /// of a cache that someone follows, up to `limits.event-log-bytes-max`, and for a minute after the last one went: who
    /// comes back within that is told of every change since, once; otherwise of one [`CacheEvent::Resync`] first. So is
    /// who reads so slowly that what it should read next is not kept any more. A client's listener goes on by itself
    /// when it is connected anew; meanwhile it is told [`CacheEvent::Disconnected`].
    ///
    /// A truncation has no number: who comes back before it was told of a later change may be told of it again.
    ///
    /// Each member hears of all changes of such a cache, which costs more than [`NamedCache::listen_where`].
    ///
    /// ```
    /// # use futures::TryStreamExt;
    /// # use grid_core::cache::{CacheError, NamedCache};
    /// # use grid_core::event::{CacheEvent, EventPositions};
    /// # use grid_core::query::EventFilter;
    /// # async fn example(
    /// #     orders: &impl NamedCache<u64, String>, kept: Option<EventPositions>, mut keep: impl FnMut(Vec<u8>),
    /// # ) -> Result<(), CacheError> {
    /// let mut events = orders.listen_from(EventFilter::all(), kept).await?;
    /// while let Some(event) = events.try_next().await? {
    ///     match event {
    ///         CacheEvent::Entry(event) => println!("{:?} {}", event.kind, event.key),
    ///         CacheEvent::Resync => println!("read all again"),
    ///         _ => {}
    ///     }
    ///     keep(events.positions().to_bytes());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CacheError::Unsupported`] where changes have no numbers, with Coherence, or the members are set to keep no last changes.
    fn listen_from(
        &self,
        filter: impl Into<EventFilter> + Send,
        after: Option<EventPositions>,
    ) -> impl Future<Output = Result<FollowedEvents<K, V>, CacheError>> + Send;

    /// Events with numbers as those of [`NamedCache::listen_from`], with what the filter's
    /// [transformer](EventFilter::transformed) makes of the values, as in [`NamedCache::listen_where_as`].
    ///
    /// # Errors
    /// As those of [`NamedCache::listen_from`].
    fn listen_from_as<W>(
        &self,
        filter: impl Into<EventFilter> + Send,
        after: Option<EventPositions>,
    ) -> impl Future<Output = Result<FollowedEvents<K, W>, CacheError>> + Send
    where
        W: DeserializeOwned + Send + 'static;

    /// Events with numbers as those of [`NamedCache::listen_from`], without values.
    ///
    /// # Errors
    /// As those of [`NamedCache::listen_from`].
    fn listen_from_lite(
        &self,
        filter: impl Into<EventFilter> + Send,
        after: Option<EventPositions>,
    ) -> impl Future<Output = Result<FollowedEvents<K, V>, CacheError>> + Send;

    /// Events with numbers of one key, with values, under the terms of [`NamedCache::listen_from`].
    ///
    /// # Errors
    /// As those of [`NamedCache::listen_from`].
    fn listen_key_from<Q>(
        &self,
        key: &Q,
        after: Option<EventPositions>,
    ) -> impl Future<Output = Result<FollowedEvents<K, V>, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Events of one key, with values, beginning with what its entry is: a synthetic insert of the value that is there, a
    /// synthetic delete when there is none; or a change that came meanwhile.
    fn listen_key_primed<Q>(&self, key: &Q) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Events of every entry, with values. When the future is ready, every later change is heard of. Dropping the
    /// stream ends the listening.
    fn listen(&self) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send;

    /// Events of every entry, without values.
    fn listen_lite(&self) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send;

    /// Events of one key, with values.
    fn listen_key<Q>(&self, key: &Q) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;

    /// Events of one key, without values.
    fn listen_key_lite<Q>(&self, key: &Q) -> impl Future<Output = Result<Events<K, V>, CacheError>> + Send
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized;
}
