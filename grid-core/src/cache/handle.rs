//! The typed handle over a backend.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{BinaryEntryEvent, BinaryEvent, CacheEvent, EntryEvent, EventPositions, Listen, ListenTo};
use crate::processor::Processor;
use crate::query::{Aggregator, Comparator, EventFilter, Extractor, Filter};
use crate::store::{Command, IndexDefinition, IndexReport, TimeToLive};
use crate::value::{self, Binary, Key};

use super::{
    Among, BinaryEvents, CacheBackend, CacheError, Events, FollowedEvents, Invoked, NamedCache, PageContents,
    Updated, View, ViewPlan,
};

/// How often [`NamedCache::compute`] and [`NamedCache::merge`] try before they give up.
const COMPUTE_ATTEMPTS_MAX: u32 = 1_000;

/// A typed handle on a cache of any kind. Clones share the handle.
pub struct Cache<K, V> {
    backend: Arc<dyn CacheBackend>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Cache<K, V> {
    /// A typed handle on this backend.
    #[must_use]
    pub fn new(backend: Arc<dyn CacheBackend>) -> Self {
        Cache {
            backend,
            types: PhantomData,
        }
    }

    /// The same cache in bytes.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn CacheBackend> {
        &self.backend
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Cache::new(self.backend.clone())
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cache").field(&self.backend).finish()
    }
}

/// A time to live of the API as the store takes it.
fn ttl_of(ttl: Duration) -> Result<TimeToLive, CacheError> {
    let ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    NonZeroU64::new(ms)
        .map(TimeToLive::After)
        .ok_or_else(|| CacheError::Invalid {
            what: format!("a time to live of {ttl:?} is below 1 ms; leave it out for the cache's default"),
        })
}

pub(super) fn decoded<V: DeserializeOwned>(value: Option<Binary>) -> Result<Option<V>, CacheError> {
    Ok(value.as_ref().map(value::from_binary).transpose()?)
}

/// The value before a change that was made. One that was not made (`put_if_absent`, `replace`) gives a plain error.
fn previous<V: DeserializeOwned>(updated: Updated) -> Result<Option<V>, CacheError> {
    let value = updated.previous.as_ref().map(value::from_binary).transpose();
    value.map_err(|error| {
        if updated.done {
            CacheError::Previous(error)
        } else {
            error.into()
        }
    })
}

/// An event as an application sees it; `None` for one that only says how far the events are.
pub(super) fn decoded_event<K: DeserializeOwned, V: DeserializeOwned>(
    event: BinaryEvent,
) -> Result<Option<CacheEvent<K, V>>, CacheError> {
    Ok(Some(match event {
        BinaryEvent::Entry(BinaryEntryEvent {
            kind,
            key,
            old,
            new,
            synthetic,
            expired,
            number,
        }) => {
            let key = value::from_binary(&key)?;
            CacheEvent::Entry(EntryEvent {
                kind,
                key,
                old: decoded(old)?,
                new: decoded(new)?,
                synthetic,
                expired,
                number,
            })
        }
        BinaryEvent::Truncated => CacheEvent::Truncated,
        BinaryEvent::Destroyed => CacheEvent::Destroyed,
        BinaryEvent::Resync => CacheEvent::Resync,
        BinaryEvent::Disconnected => CacheEvent::Disconnected,
        BinaryEvent::Reached(_) | BinaryEvent::Passed(_) => return Ok(None),
    }))
}

/// Events as an application sees them.
pub(super) fn decoded_events<K, V>(events: BinaryEvents) -> Events<K, V>
where
    K: DeserializeOwned + Send + 'static,
    V: DeserializeOwned + Send + 'static,
{
    let decoded = |event: Result<BinaryEvent, CacheError>| {
        let decoded = event.and_then(decoded_event);
        futures::future::ready(decoded.transpose())
    };
    Events::new(events.filter_map(decoded).boxed())
}

impl<K, V> Cache<K, V>
where
    K: Serialize + DeserializeOwned + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    async fn update(&self, key: Key, command: Command, want_previous: bool) -> Result<Updated, CacheError> {
        self.backend.update(key, command, want_previous).await
    }

    async fn put_value(&self, key: &K, value: &V, ttl: TimeToLive) -> Result<Option<V>, CacheError> {
        let command = Command::Put {
            value: value::to_binary(value)?,
            ttl,
        };
        previous(self.update(value::to_key(key)?, command, true).await?)
    }

    async fn insert_value(&self, key: &K, value: &V, ttl: TimeToLive) -> Result<(), CacheError> {
        let command = Command::Put {
            value: value::to_binary(value)?,
            ttl,
        };
        self.update(value::to_key(key)?, command, false).await?;
        Ok(())
    }

    async fn put_values(
        &self,
        entries: Result<Vec<(Key, Binary)>, CacheError>,
        ttl: TimeToLive,
    ) -> Result<(), CacheError> {
        self.backend.put_all(entries?, ttl).await
    }

    fn encoded<'a>(
        entries: impl IntoIterator<Item = (&'a K, &'a V)>,
    ) -> Result<Vec<(Key, Binary)>, CacheError>
    where
        K: 'a,
        V: 'a,
    {
        entries
            .into_iter()
            .map(|(k, v)| Ok((value::to_key(k)?, value::to_binary(v)?)))
            .collect()
    }

    /// Reads the entry, lets `change` decide, and writes only if the entry is still what was read.
    async fn change<F>(&self, key: &K, mut change: F) -> Result<Option<V>, CacheError>
    where
        F: FnMut(Option<V>) -> Option<V> + Send,
    {
        let key = value::to_key(key)?;
        for _ in 0..COMPUTE_ATTEMPTS_MAX {
            let before = self.backend.get(key.clone()).await?;
            let after = change(decoded(before.clone())?);
            let encoded = after.as_ref().map(value::to_binary).transpose()?;
            let done = match (before, encoded) {
                (None, None) => true,
                (None, Some(value)) => {
                    let command = Command::PutIfAbsent {
                        value,
                        ttl: TimeToLive::CacheDefault,
                    };
                    self.update(key.clone(), command, false).await?.done
                }
                (Some(previous), None) => {
                    self.update(key.clone(), Command::RemoveIfEqual { previous }, false)
                        .await?
                        .done
                }
                (Some(previous), Some(value)) => {
                    self.update(key.clone(), Command::ReplaceIfEqual { previous, value }, false)
                        .await?
                        .done
                }
            };
            if done {
                return Ok(after);
            }
        }
        Err(CacheError::Contended {
            attempts: COMPUTE_ATTEMPTS_MAX,
        })
    }

    fn pages(
        &self,
        contents: PageContents,
    ) -> BoxStream<'static, Result<(Binary, Option<Binary>), CacheError>> {
        // The state is the cookie of the page to read; `None` after the last.
        let first = Some((self.backend.clone(), None));
        stream::try_unfold(first, move |state| async move {
            let Some((backend, cookie)) = state else {
                return Ok::<_, CacheError>(None);
            };
            let page = backend.page(cookie, contents).await?;
            let next = page.next.map(|cookie| (backend, Some(cookie)));
            let entries = page.entries.into_iter().map(Ok::<_, CacheError>);
            Ok(Some((stream::iter(entries), next)))
        })
        .try_flatten()
        .boxed()
    }

    async fn listen_to<W>(&self, to: ListenTo, values: bool) -> Result<Events<K, W>, CacheError>
    where
        W: DeserializeOwned + Send + 'static,
    {
        let events = self.backend.listen(Listen { to, values }).await?;
        Ok(decoded_events(events))
    }

    async fn follow<W>(
        &self,
        to: ListenTo,
        values: bool,
        after: Option<EventPositions>,
    ) -> Result<FollowedEvents<K, W>, CacheError> {
        FollowedEvents::open(self.backend.as_ref(), Listen { to, values }, after).await
    }
}

/// Keys of any borrowed form, each once.
fn keys_of<'a, Q>(keys: impl IntoIterator<Item = &'a Q>) -> Result<Vec<Key>, CacheError>
where
    Q: Serialize + ?Sized + 'a,
{
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for key in keys {
        let key = value::to_key(key)?;
        if seen.insert(key.canonical().to_vec()) {
            found.push(key);
        }
    }
    Ok(found)
}

pub(super) fn absent_value() -> CacheError {
    CacheError::Protocol {
        what: "a page of entries came without a value".to_owned(),
    }
}

impl<K, V> NamedCache<K, V> for Cache<K, V>
where
    K: Serialize + DeserializeOwned + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        self.backend.name().as_str()
    }

    async fn get<Q>(&self, key: &Q) -> Result<Option<V>, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        decoded(self.backend.get(value::to_key(key)?).await?)
    }

    fn get_all<'a, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q> + Send,
    ) -> impl Future<Output = Result<HashMap<K, V>, CacheError>> + Send
    where
        K: Borrow<Q> + Eq + Hash,
        Q: Serialize + Sync + ?Sized + 'a,
    {
        let keys: Result<Vec<Key>, _> = keys.into_iter().map(value::to_key).collect();
        async move {
            let found = self.backend.get_all(keys?).await?;
            found
                .iter()
                .map(|(k, v)| Ok((value::from_binary(k)?, value::from_binary(v)?)))
                .collect()
        }
    }

    async fn get_or<Q>(&self, key: &Q, default: V) -> Result<V, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        Ok(self.get(key).await?.unwrap_or(default))
    }

    async fn put(&self, key: &K, value: &V) -> Result<Option<V>, CacheError> {
        self.put_value(key, value, TimeToLive::CacheDefault).await
    }

    async fn put_with_ttl(&self, key: &K, value: &V, ttl: Duration) -> Result<Option<V>, CacheError> {
        self.put_value(key, value, ttl_of(ttl)?).await
    }

    async fn insert(&self, key: &K, value: &V) -> Result<(), CacheError> {
        self.insert_value(key, value, TimeToLive::CacheDefault).await
    }

    async fn insert_with_ttl(&self, key: &K, value: &V, ttl: Duration) -> Result<(), CacheError> {
        self.insert_value(key, value, ttl_of(ttl)?).await
    }

    fn put_all<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a K, &'a V)> + Send,
    ) -> impl Future<Output = Result<(), CacheError>> + Send
    where
        K: 'a,
        V: 'a,
    {
        self.put_values(Self::encoded(entries), TimeToLive::CacheDefault)
    }

    fn put_all_with_ttl<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a K, &'a V)> + Send,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), CacheError>> + Send
    where
        K: 'a,
        V: 'a,
    {
        let entries = Self::encoded(entries);
        async move { self.put_values(entries, ttl_of(ttl)?).await }
    }

    async fn put_if_absent(&self, key: &K, value: &V) -> Result<Option<V>, CacheError> {
        let command = Command::PutIfAbsent {
            value: value::to_binary(value)?,
            ttl: TimeToLive::CacheDefault,
        };
        previous(self.update(value::to_key(key)?, command, true).await?)
    }

    async fn remove<Q>(&self, key: &Q) -> Result<Option<V>, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        previous(self.update(value::to_key(key)?, Command::Remove, true).await?)
    }

    async fn remove_if_equal<Q>(&self, key: &Q, value: &V) -> Result<bool, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        let command = Command::RemoveIfEqual {
            previous: value::to_binary(value)?,
        };
        Ok(self.update(value::to_key(key)?, command, false).await?.done)
    }

    async fn replace(&self, key: &K, value: &V) -> Result<Option<V>, CacheError> {
        let command = Command::Replace {
            value: value::to_binary(value)?,
        };
        previous(self.update(value::to_key(key)?, command, true).await?)
    }

    async fn replace_if_equal(&self, key: &K, previous: &V, value: &V) -> Result<bool, CacheError> {
        let command = Command::ReplaceIfEqual {
            previous: value::to_binary(previous)?,
            value: value::to_binary(value)?,
        };
        Ok(self.update(value::to_key(key)?, command, false).await?.done)
    }

    async fn contains_key<Q>(&self, key: &Q) -> Result<bool, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        self.backend.contains_key(value::to_key(key)?).await
    }

    async fn contains_value(&self, value: &V) -> Result<bool, CacheError> {
        self.backend.contains_value(value::to_binary(value)?).await
    }

    async fn compute<F>(&self, key: &K, change: F) -> Result<Option<V>, CacheError>
    where
        F: FnMut(Option<V>) -> Option<V> + Send,
    {
        self.change(key, change).await
    }

    async fn merge<F>(&self, key: &K, value: &V, mut join: F) -> Result<Option<V>, CacheError>
    where
        F: FnMut(V, &V) -> Option<V> + Send,
    {
        // The value goes in as a copy made by its own codec, so that `V` need not be `Clone`.
        let encoded = value::to_binary(value)?;
        let mut failed = None;
        let after = self
            .change(key, |present| match present {
                Some(present) => join(present, value),
                None => value::from_binary(&encoded)
                    .map_err(|error| failed = Some(error))
                    .ok(),
            })
            .await?;
        failed.map_or(Ok(after), |error| Err(error.into()))
    }

    async fn size(&self) -> Result<usize, CacheError> {
        self.backend.size().await
    }

    async fn is_empty(&self) -> Result<bool, CacheError> {
        self.backend.is_empty().await
    }

    async fn clear(&self) -> Result<(), CacheError> {
        self.backend.clear().await
    }

    async fn truncate(&self) -> Result<(), CacheError> {
        self.backend.truncate().await
    }

    async fn destroy(&self) -> Result<(), CacheError> {
        self.backend.destroy().await
    }

    async fn release(&self) -> Result<(), CacheError> {
        self.backend.release().await
    }

    fn keys(&self) -> BoxStream<'static, Result<K, CacheError>> {
        self.pages(PageContents::Keys)
            .map(|entry| Ok(value::from_binary(&entry?.0)?))
            .boxed()
    }

    fn values(&self) -> BoxStream<'static, Result<V, CacheError>> {
        let decode = |(_, value): (Binary, Option<Binary>)| decoded(value)?.ok_or_else(absent_value);
        self.pages(PageContents::Entries)
            .map(move |entry| decode(entry?))
            .boxed()
    }

    fn entries(&self) -> BoxStream<'static, Result<(K, V), CacheError>> {
        let decode = |(key, value): (Binary, Option<Binary>)| {
            Ok((
                value::from_binary(&key)?,
                decoded(value)?.ok_or_else(absent_value)?,
            ))
        };
        self.pages(PageContents::Entries)
            .map(move |entry| decode(entry?))
            .boxed()
    }

    fn keys_where(&self, filter: &Filter) -> BoxStream<'static, Result<K, CacheError>> {
        self.select_keys(filter)
    }

    fn values_where(&self, filter: &Filter) -> BoxStream<'static, Result<V, CacheError>> {
        self.select_values(filter, None)
    }

    fn entries_where(&self, filter: &Filter) -> BoxStream<'static, Result<(K, V), CacheError>> {
        self.select_entries(filter, None)
    }

    fn values_sorted(
        &self,
        filter: &Filter,
        order: &Comparator,
    ) -> BoxStream<'static, Result<V, CacheError>> {
        self.select_values(filter, Some(order))
    }

    fn entries_sorted(
        &self,
        filter: &Filter,
        order: &Comparator,
    ) -> BoxStream<'static, Result<(K, V), CacheError>> {
        self.select_entries(filter, Some(order))
    }

    async fn aggregate<R>(&self, aggregator: &Aggregator) -> Result<R, CacheError>
    where
        R: DeserializeOwned,
    {
        self.aggregate_among(Among::Where(Filter::Always), aggregator)
            .await
    }

    async fn aggregate_where<R>(&self, filter: &Filter, aggregator: &Aggregator) -> Result<R, CacheError>
    where
        R: DeserializeOwned,
    {
        self.aggregate_among(Among::Where(filter.clone()), aggregator)
            .await
    }

    fn aggregate_keys<'a, R, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q> + Send,
        aggregator: &Aggregator,
    ) -> impl Future<Output = Result<R, CacheError>> + Send
    where
        R: DeserializeOwned,
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized + 'a,
    {
        let keys = keys_of(keys);
        async move { self.aggregate_among(Among::Keys(keys?), aggregator).await }
    }

    async fn invoke<R, Q>(&self, key: &Q, processor: &Processor) -> Result<R, CacheError>
    where
        R: DeserializeOwned,
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        self.invoke_on(value::to_key(key)?, processor).await
    }

    fn invoke_all<'a, R, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q> + Send,
        processor: &Processor,
    ) -> BoxStream<'static, Result<Invoked<K, R>, CacheError>>
    where
        R: DeserializeOwned + Send + 'static,
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized + 'a,
    {
        self.invoke_on_keys(keys_of(keys), processor)
    }

    fn invoke_where<R>(
        &self,
        filter: &Filter,
        processor: &Processor,
    ) -> BoxStream<'static, Result<Invoked<K, R>, CacheError>>
    where
        R: DeserializeOwned + Send + 'static,
    {
        self.invoke_on_selected(filter, processor)
    }

    async fn add_index(&self, index: &IndexDefinition) -> Result<(), CacheError> {
        self.add_checked_index(index).await
    }

    async fn remove_index(&self, extractor: &Extractor) -> Result<(), CacheError> {
        self.backend.remove_index(extractor.clone()).await
    }

    async fn indexes(&self) -> Result<Vec<IndexReport>, CacheError> {
        self.index_reports(false).await
    }

    async fn check_indexes(&self) -> Result<Vec<IndexReport>, CacheError> {
        self.index_reports(true).await
    }

    async fn view(&self, filter: &Filter) -> Result<View<K, V>, CacheError> {
        View::open(self.backend.clone(), ViewPlan::new(filter.clone())).await
    }

    async fn view_of<W>(&self, plan: ViewPlan) -> Result<View<K, W>, CacheError>
    where
        W: DeserializeOwned + Send + Sync + 'static,
    {
        View::open(self.backend.clone(), plan).await
    }

    async fn listen_where(&self, filter: impl Into<EventFilter> + Send) -> Result<Events<K, V>, CacheError> {
        self.listen_to(ListenTo::Where(filter.into()), true).await
    }

    async fn listen_where_as<W>(
        &self,
        filter: impl Into<EventFilter> + Send,
    ) -> Result<Events<K, W>, CacheError>
    where
        W: DeserializeOwned + Send + 'static,
    {
        self.listen_to(ListenTo::Where(filter.into()), true).await
    }

    async fn listen_where_lite(
        &self,
        filter: impl Into<EventFilter> + Send,
    ) -> Result<Events<K, V>, CacheError> {
        self.listen_to(ListenTo::Where(filter.into()), false).await
    }

    async fn listen_from(
        &self,
        filter: impl Into<EventFilter> + Send,
        after: Option<EventPositions>,
    ) -> Result<FollowedEvents<K, V>, CacheError> {
        self.follow(ListenTo::Where(filter.into()), true, after).await
    }

    async fn listen_from_as<W>(
        &self,
        filter: impl Into<EventFilter> + Send,
        after: Option<EventPositions>,
    ) -> Result<FollowedEvents<K, W>, CacheError>
    where
        W: DeserializeOwned + Send + 'static,
    {
        self.follow(ListenTo::Where(filter.into()), true, after).await
    }

    async fn listen_from_lite(
        &self,
        filter: impl Into<EventFilter> + Send,
        after: Option<EventPositions>,
    ) -> Result<FollowedEvents<K, V>, CacheError> {
        self.follow(ListenTo::Where(filter.into()), false, after).await
    }

    async fn listen_key_from<Q>(
        &self,
        key: &Q,
        after: Option<EventPositions>,
    ) -> Result<FollowedEvents<K, V>, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        self.follow(ListenTo::Key(value::to_key(key)?), true, after).await
    }

    async fn listen_key_primed<Q>(&self, key: &Q) -> Result<Events<K, V>, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        self.listen_primed(value::to_key(key)?).await
    }

    async fn listen(&self) -> Result<Events<K, V>, CacheError> {
        self.listen_to(ListenTo::All, true).await
    }

    async fn listen_lite(&self) -> Result<Events<K, V>, CacheError> {
        self.listen_to(ListenTo::All, false).await
    }

    async fn listen_key<Q>(&self, key: &Q) -> Result<Events<K, V>, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        self.listen_to(ListenTo::Key(value::to_key(key)?), true).await
    }

    async fn listen_key_lite<Q>(&self, key: &Q) -> Result<Events<K, V>, CacheError>
    where
        K: Borrow<Q>,
        Q: Serialize + Sync + ?Sized,
    {
        self.listen_to(ListenTo::Key(value::to_key(key)?), false).await
    }
}
