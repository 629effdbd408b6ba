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

use crate::event::CacheEvent;

use super::CacheError;

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
