//! Views: copies of what a filter selects that keep themselves up to date.
//!
//! # What holds
//!
//! A view first listens to what its filter selects before or after a change, and reads what the filter selects when that
//! is in effect; then it lets events and what was read in by these rules:
//!
//! 1. The events of a key are applied in the order in which they come, which is that of its changes.
//! 2. What was read of a key counts only if no event of the key came since reading began.
//! 3. When reading is over, keys go of which neither was heard nor read since it began.
//! 4. When events were lost, or the cache was truncated, the view reads anew: as at the beginning, and what it shows
//!    stays until it is heard or read otherwise, or reading is over.
//!
//! So each state that a view shows of a key is one that its entry had since the view began to listen, and after the last
//! event of a key the view shows what the entry is. Nothing is missed: a change after listening began has an event, and one
//! before it is in what is read. Nothing stays that an event contradicts, by 1 and 2. What has no version can be behind: of
//! a key that changes while a view reads, it may show what was read, then a change from before that, and then the
//! change that was read.
//!
//! Where changes are numbered, the view [follows](CacheBackend::follow) the cache: it knows [how far](View::current_to) it is, and
//! after a lost connection it goes on from there. Elsewhere a lost connection is one where events were lost.
//!
//! A view that has less than the values hears, where changes are numbered, what becomes of the set that its filter selects
//! ([`EventTransformer::Selected`](crate::query::EventTransformer::Selected)): only what it shows travels with events.
//!
//! `progress` knows how far the view is; `content` decides all of this and does nothing, within its `room`; `keeper` listens
//! and reads; `selecting` says which changes those want to hear of who listen to the view.

mod content;
mod events;
mod keeper;
mod plan;
mod progress;
mod room;
mod selecting;
mod status;

pub use events::{ViewEvent, ViewEvents};
pub(crate) use plan::Contents;
pub use plan::ViewPlan;
pub use status::{ViewPhase, ViewStatus};

use std::fmt;
use std::sync::Arc;

use futures::future::{AbortHandle, abortable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::EventPositions;
use crate::query::{EventCauses, EventFilter, EventKinds};
use crate::value;

use super::{Background, CacheBackend, CacheError};
use content::{identity_of, print_of};
use events::Wish;
use keeper::{Keeper, Shared};
use selecting::{is_of_kind, is_selected};

/// Keeps the task of a view running: when the last handle goes, so does the task.
struct Life {
    task: AbortHandle,
    background: Arc<dyn Background>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A copy, in this process, of the entries of a cache that a filter selects, which keeps itself up to date.
///
/// What is read of it is read here, without asking anybody. A change of the cache is in the view a moment after it is
/// acknowledged: when its event came. Values may be what an [extractor](ViewPlan::extracting) takes from those of the
/// cache. Clones share the view; with the last of them it ends, and so does what it listens to.
///
/// ```
/// use grid_core::cache::{CacheError, NamedCache, View};
/// use grid_core::query::field;
///
/// # async fn example(stock: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
/// let scarce = stock.view(&field("count").lt(10)).await?;
/// for (name, article) in scarce.entries() {
///     println!("only {} {name} left", article["count"]);
/// }
/// # Ok(())
/// # }
/// ```
///
/// A view that cannot go on, because the cache is destroyed, the grid or session ends, an entry cannot be read as the types
/// of the view, or it would have more entries than it may, ends: it shows what it has, and [`View::status`] says
/// why. While a connection is down, a client's view shows what it had, and [`View::status`] says so; when it is back, the view
/// goes on with the changes that were made meanwhile. It reads anew only when the server has them no more, or does not
/// number its changes, as Coherence.
pub struct View<K, V> {
    shared: Arc<Shared<K, V>>,
    life: Arc<Life>,
}

impl<K, V> Clone for View<K, V> {
    fn clone(&self) -> Self {
        View {
            shared: self.shared.clone(),
            life: self.life.clone(),
        }
    }
}

impl<K, V> fmt::Debug for View<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

impl<K, V> View<K, V>
where
    K: DeserializeOwned + Send + Sync + 'static,
    V: DeserializeOwned + Send + Sync + 'static,
{
    /// A view of a cache. When the future is ready, it shows all that the filter selects.
    ///
    /// # Errors
    /// When the filter is one of events or has a limit, the cache cannot be read or listened to, an entry cannot be read as
    /// the types of the view, or there are more than it may have.
    pub async fn open(backend: Arc<dyn CacheBackend>, plan: ViewPlan) -> Result<Self, CacheError> {
        plan.check()?;
        let Some(background) = backend.background() else {
            let what = "a view of this kind of cache";
            return Err(CacheError::Unsupported { what });
        };
        let mut keeper = Keeper::start(backend, background.clone(), plan).await?;
        keeper.read().await?;
        let shared = keeper.shared().clone();
        let (task, abort) = abortable(keeper.keep());
        let life = Arc::new(Life {
            task: abort,
            background: background.clone(),
        });
        background.spawn(Box::pin(async move {
            let _ended_or_dropped = task.await;
        }))?;
        Ok(View { shared, life })
    }
}

impl<K, V> View<K, V> {
    /// The value of a key, if the view has one.
    ///
    /// # Errors
    /// When the key cannot be written as JSON.
    pub fn get<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<Option<Arc<V>>, CacheError> {
        let identity = identity_of(&value::to_key(key)?);
        Ok(self.shared.read().get(&identity).map(|(_, value)| value.clone()))
    }

    /// Whether the view has a key.
    ///
    /// # Errors
    /// When the key cannot be written as JSON.
    pub fn contains_key<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<bool, CacheError> {
        let identity = identity_of(&value::to_key(key)?);
        Ok(self.shared.read().get(&identity).is_some())
    }

    /// What runs the view's task.
    pub(crate) fn background(&self) -> &Arc<dyn Background> {
        &self.life.background
    }

    /// What the view shows.
    pub(crate) fn plan(&self) -> ViewPlan {
        self.shared.read().plan().clone()
    }

    /// How many entries the view has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.read().len()
    }

    /// Whether the view has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All entries as they are at one moment, in any order.
    #[must_use]
    pub fn entries(&self) -> Vec<(Arc<K>, Arc<V>)> {
        self.shared.read().entries()
    }

    /// All keys as they are at one moment, in any order.
    #[must_use]
    pub fn keys(&self) -> Vec<Arc<K>> {
        self.entries().into_iter().map(|(key, _)| key).collect()
    }

    /// All values as they are at one moment, in any order.
    #[must_use]
    pub fn values(&self) -> Vec<Arc<V>> {
        self.entries().into_iter().map(|(_, value)| value).collect()
    }

    /// Shows every entry as it is at one moment, in any order. The view takes no change in meanwhile: `visit` must not
    /// wait.
    pub fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        self.shared.read().for_each(|key, value| visit(key, value));
    }

    /// How far the view is.
    #[must_use]
    pub fn status(&self) -> ViewStatus {
        self.shared.status()
    }

    /// Whether the view has taken in all that it read and heard of: it is neither reading anew nor ended.
    #[must_use]
    pub fn is_current(&self) -> bool {
        matches!(self.status().phase, ViewPhase::Current)
    }

    /// How far the view is: every change up to these numbers, one for each partition, is in it, unless a later one took its
    /// place. `None` where changes have no numbers, and before the view has read for the first time.
    ///
    /// While the view reads anew or has no connection, it is what it was before. Compare it with the
    /// [number](crate::event::EntryEvent::number) of an event, or with another view's.
    #[must_use]
    pub fn current_to(&self) -> Option<EventPositions> {
        self.shared.current_to()
    }

    /// The bytes of the keys and values that the view has, as they travel. What they take as the types of the view may be
    /// more; of a view of [keys](ViewPlan::keys_only) a value has those of a null.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.read().bytes()
    }

    /// What changes in the view from now on. Dropping it ends the listening.
    ///
    /// Events share the view's keys and values, so that there is no form of them without values, which would cost no less.
    #[must_use]
    pub fn listen(&self) -> ViewEvents<K, V> {
        self.shared.listen(Wish::All)
    }

    /// What changes in the view of one key, whether it has it or not. Dropping it ends the listening.
    ///
    /// # Errors
    /// When the key cannot be written as JSON.
    pub fn listen_key<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<ViewEvents<K, V>, CacheError> {
        let identity = identity_of(&value::to_key(key)?);
        Ok(self.shared.listen(Wish::Key(print_of(&identity))))
    }

    /// What changes in the view by events of these kinds: entries that it gets are inserted, and those that it has no more are
    /// deleted, whatever became of them in the cache. Dropping it ends the listening.
    #[must_use]
    pub fn listen_kinds(&self, kinds: EventKinds) -> ViewEvents<K, V>
    where
        K: 'static,
        V: 'static,
    {
        let selects = move |event: &ViewEvent<K, V>| is_of_kind(kinds, event);
        self.shared.listen(Wish::Where(Box::new(selects)))
    }

    /// All entries, and what changes in the view after they were taken.
    #[must_use]
    #[expect(clippy::type_complexity, reason = "a snapshot is entries as they come")]
    pub fn follow(&self) -> (Vec<(Arc<K>, Arc<V>)>, ViewEvents<K, V>) {
        self.shared.follow(Wish::All)
    }
}

impl<K, V> View<K, V>
where
    K: Serialize + 'static,
    V: Serialize + 'static,
{
    /// What changes in the view of what a filter selects, before or after the change. Dropping it ends the listening.
    ///
    /// The filter is asked about keys and values as the view shows them, written as JSON again; what cannot be written, or what
    /// the filter cannot be evaluated on, it does not select. Its kinds are those of [`View::listen_kinds`], and tell
    /// what enters and leaves what the filter selects, too.
    ///
    /// ```
    /// use grid_core::cache::{CacheError, View};
    /// use grid_core::query::{EventFilter, EventKinds, field};
    ///
    /// # fn example(stock: &View<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let scarce = EventFilter::new(field("count").lt(10));
    /// let gets_scarce = stock.listen_where(scarce.of_kinds(EventKinds::INSERTED | EventKinds::ENTERED))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the filter has a transformer, since events of a view are of its own types, or wants changes of some causes alone,
    /// which a view does not know.
    pub fn listen_where(&self, filter: impl Into<EventFilter>) -> Result<ViewEvents<K, V>, CacheError> {
        let filter = filter.into();
        let what = if filter.transformer.is_some() {
            Some(
                "events of a view have its own values; leave the transformer out, or open a view of what is extracted",
            )
        } else if filter.causes != EventCauses::ALL {
            Some("a view does not know what its changes come of; ask the cache for events of a cause")
        } else {
            None
        };
        if let Some(what) = what {
            return Err(CacheError::Invalid {
                what: what.to_owned(),
            });
        }
        let selects = move |event: &ViewEvent<K, V>| is_selected(&filter, event);
        Ok(self.shared.listen(Wish::Where(Box::new(selects))))
    }
}
