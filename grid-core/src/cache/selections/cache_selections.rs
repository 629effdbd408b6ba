//! The selections of one cache.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::stream::TryStreamExt;
use serde::de::DeserializeOwned;

use crate::cache::{CacheError, NamedCache, View, ViewPlan};
use crate::query::Filter;

use super::kept_view::KeptView;
use super::key::SelectionKey;
use super::shelf::Found;
use super::{Selections, Waiting};

/// The selections of one cache, asked through a registry; see [`Selections`].
///
/// What changes in the cache is in the copies a moment after it is acknowledged. What must be told as it is at the moment is
/// asked of the cache itself.
pub struct CacheSelections<K, V, C> {
    selections: Selections,
    cache: C,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V, C> CacheSelections<K, V, C> {
    pub(super) fn new(selections: Selections, cache: C) -> Self {
        CacheSelections {
            selections,
            cache,
            types: PhantomData,
        }
    }

    /// The cache itself.
    pub fn cache(&self) -> &C {
        &self.cache
    }
}

impl<K, V, C: Clone> Clone for CacheSelections<K, V, C> {
    fn clone(&self) -> Self {
        CacheSelections::new(self.selections.clone(), self.cache.clone())
    }
}

impl<K, V, C> fmt::Debug for CacheSelections<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheSelections")
            .field("selections", &self.selections)
            .finish_non_exhaustive()
    }
}

/// What to do for who asks for a selection.
enum Step<K, W> {
    Have(View<K, W>),
    Wait(Waiting),
    Open(Opening),
}

/// A selection that is being opened. When it is dropped, those who wait for it look again.
struct Opening {
    selections: Selections,
    key: SelectionKey,
    number: u64,
    _until: oneshot::Sender<()>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.selections.0.lock().shelf.gave_up(&self.key, self.number);
    }
}

impl<K, V, C> CacheSelections<K, V, C>
where
    K: DeserializeOwned + Send + Sync + 'static,
    V: DeserializeOwned + Send + Sync + 'static,
    C: NamedCache<K, V>,
{
    /// The view of what a filter selects: the one that is kept, or a new one that is kept from now on.
    ///
    /// # Errors
    /// Those of [`NamedCache::view`]; [`CacheError::Overloaded`] when the selection alone has more than all may have together.
    pub async fn get(&self, filter: &Filter) -> Result<View<K, V>, CacheError> {
        self.get_of(ViewPlan::new(filter.clone())).await
    }

    /// The view of what a plan says, as [`get`](Self::get): of what an extractor takes, or of keys alone. Its limits are those
    /// of the plan, and of the registry; those of a view that is kept stay as they are.
    ///
    /// # Errors
    /// As those of [`get`](Self::get).
    pub async fn get_of<W>(&self, plan: ViewPlan) -> Result<View<K, W>, CacheError>
    where
        W: DeserializeOwned + Send + Sync + 'static,
    {
        let limits = self.selections.0.limits;
        let plan = plan.within(limits.entries_max, limits.bytes_max);
        let key = SelectionKey::of::<View<K, W>>(self.cache.name(), &plan)?;
        loop {
            match self.step(&key) {
                Step::Have(view) => return Ok(view),
                // It is opened, or given up: either is found out.
                Step::Wait(waiting) => drop(waiting.await),
                Step::Open(opening) => {
                    let view: View<K, W> = self.cache.view_of(plan).await?;
                    let kept = KeptView(Arc::new(view.clone()));
                    let opened = |state: &mut super::State, now| {
                        state.shelf.opened(&opening.key, opening.number, kept, now)
                    };
                    self.selections.0.change(opened);
                    self.selections.keep_swept(view.background());
                    return Ok(view);
                }
            }
        }
    }

    fn step<W: Send + Sync + 'static>(&self, key: &SelectionKey) -> Step<K, W> {
        let now = (self.selections.0.clock)();
        let mut state = self.selections.0.lock();
        match state.shelf.find(key, now) {
            Found::Kept(kept) => {
                state.figures.hits += 1;
                let view = kept.0.as_any().downcast_ref::<View<K, W>>();
                Step::Have(view.expect("the types are part of the key").clone())
            }
            Found::Opening(waiting) => Step::Wait(waiting),
            Found::Absent => {
                state.figures.misses += 1;
                let (until, waiting) = oneshot::channel();
                Step::Open(Opening {
                    selections: self.selections.clone(),
                    key: key.clone(),
                    number: state.shelf.open(key.clone(), waiting.shared()),
                    _until: until,
                })
            }
        }
    }

    /// Whether the values of a selection are kept, or about to be.
    fn has_values(&self, filter: &Filter) -> Result<bool, CacheError> {
        let plan = ViewPlan::new(filter.clone());
        let key = SelectionKey::of::<View<K, V>>(self.cache.name(), &plan)?;
        Ok(self.selections.0.lock().shelf.has(&key))
    }

    /// The cache is asked in place of a copy.
    fn pass_on(&self) {
        self.selections.0.lock().figures.passed_on += 1;
    }

    /// The entries that a filter selects, from the copy; from the cache while that is not current. In any order.
    ///
    /// # Errors
    /// Those of [`get`](Self::get) and of [`NamedCache::entries_where`].
    pub async fn entries_where(&self, filter: &Filter) -> Result<Vec<(Arc<K>, Arc<V>)>, CacheError> {
        let view = self.get(filter).await?;
        if view.is_current() {
            return Ok(view.entries());
        }
        self.pass_on();
        let entries = self.cache.entries_where(filter);
        let shared = entries.map_ok(|(key, value)| (Arc::new(key), Arc::new(value)));
        shared.try_collect().await
    }

    /// The values that a filter selects, as [`entries_where`](Self::entries_where).
    ///
    /// # Errors
    /// Those of [`get`](Self::get) and of [`NamedCache::values_where`].
    pub async fn values_where(&self, filter: &Filter) -> Result<Vec<Arc<V>>, CacheError> {
        let view = self.get(filter).await?;
        if view.is_current() {
            return Ok(view.values());
        }
        self.pass_on();
        self.cache
            .values_where(filter)
            .map_ok(Arc::new)
            .try_collect()
            .await
    }

    /// The keys of what a filter selects, as [`entries_where`](Self::entries_where): from the copy with the values if there is
    /// one, or from one of keys alone.
    ///
    /// # Errors
    /// Those of [`get`](Self::get) and of [`NamedCache::keys_where`].
    pub async fn keys_where(&self, filter: &Filter) -> Result<Vec<Arc<K>>, CacheError> {
        let from_copy = if self.has_values(filter)? {
            keys(&self.get(filter).await?)
        } else {
            keys(&self.of_keys(filter).await?)
        };
        if let Some(keys) = from_copy {
            return Ok(keys);
        }
        self.pass_on();
        self.cache.keys_where(filter).map_ok(Arc::new).try_collect().await
    }

    /// How many entries a filter selects, as [`keys_where`](Self::keys_where).
    ///
    /// # Errors
    /// Those of [`get`](Self::get) and of [`NamedCache::keys_where`].
    pub async fn count(&self, filter: &Filter) -> Result<usize, CacheError> {
        let from_copy = if self.has_values(filter)? {
            len(&self.get(filter).await?)
        } else {
            len(&self.of_keys(filter).await?)
        };
        if let Some(len) = from_copy {
            return Ok(len);
        }
        self.pass_on();
        let keys = self.cache.keys_where(filter);
        keys.try_fold(0, |count, _| async move { Ok(count + 1) }).await
    }

    async fn of_keys(&self, filter: &Filter) -> Result<View<K, ()>, CacheError> {
        self.get_of(ViewPlan::new(filter.clone()).keys_only()).await
    }
}

/// The keys of a copy, if it is current.
fn keys<K, W>(view: &View<K, W>) -> Option<Vec<Arc<K>>> {
    view.is_current().then(|| view.keys())
}

/// The number of entries of a copy, if it is current.
fn len<K, W>(view: &View<K, W>) -> Option<usize> {
    view.is_current().then(|| view.len())
}
