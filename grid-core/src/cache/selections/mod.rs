//! Selections: what was asked for by a filter is kept, and answered from the copy when it is asked for again.
//!
//! # What holds
//!
//! 1. Of one selection there is one copy: who asks for it while another opens it waits for that.
//! 2. A copy is a [`View`](super::View): it says [how current](super::View::current_to) it is, and what it is asked while it is not
//!    [current](super::View::is_current) goes to the cache.
//! 3. There is never more than the [limits](SelectionLimits) after a selection was asked for, or swept: what was asked for
//!    the longest ago goes first. Who has a view goes on with it.
//!
//! `shelf` decides what stays, and is told the time; `key` says what one selection is.

mod cache_selections;
mod figures;
mod kept_view;
mod key;
mod limits;
mod shelf;

pub use cache_selections::CacheSelections;
pub use figures::{SelectionFigures, SelectionReport};
pub use limits::SelectionLimits;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::Shared;

use super::Background;
use kept_view::KeptView;
use key::SelectionKey;
use shelf::{Shelf, Weight};

/// The shortest time between two sweeps.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Resolves when whoever opens a selection has opened it, or gave it up.
type Waiting = Shared<oneshot::Receiver<()>>;

/// The time since any moment that stays the same.
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

struct State {
    shelf: Shelf<SelectionKey, KeptView, Waiting>,
    figures: SelectionFigures,
    is_swept: bool,
}

struct Inner {
    limits: SelectionLimits,
    clock: Clock,
    state: Mutex<State>,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is kept. What is let go by that is dropped when nothing is locked.
    fn change(&self, change: impl FnOnce(&mut State, Duration) -> Vec<KeptView>) {
        let now = (self.clock)();
        let gone = {
            let mut state = self.lock();
            let gone = change(&mut state, now);
            state.figures.let_go += u64::try_from(gone.len()).unwrap_or(u64::MAX);
            gone
        };
        drop(gone);
    }

    fn sweep(&self) {
        self.change(|state, now| state.shelf.shrink(now));
    }
}

/// A registry of selections: copies of what filters select of caches, which keep themselves up to date, within
/// [limits](SelectionLimits). Clones share it.
///
/// `Grid::selections` and `Session::selections` make one. Caches are told apart by their names: those of one registry are
/// of one grid or session, and a local cache that has the name of another wants a registry of its own.
///
/// ```
/// use grid_core::cache::selections::Selections;
/// use grid_core::cache::{CacheError, NamedCache};
/// use grid_core::query::field;
///
/// # async fn example<C>(selections: &Selections, people: C) -> Result<(), CacheError>
/// # where C: NamedCache<String, serde_json::Value>
/// # {
/// let people = selections.of(people);
/// let adults = field("age").ge(18);
/// // Asks the cache, and keeps what it answered up to date.
/// println!("{} adults", people.values_where(&adults).await?.len());
/// // Asks nobody.
/// for (name, person) in people.entries_where(&adults).await? {
///     println!("{name} is {}", person["age"]);
/// }
/// println!("{} of 2 from the copy", selections.figures().hits);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Selections(Arc<Inner>);

impl Selections {
    /// An empty registry. `clock` gives the time since any moment that stays the same.
    #[must_use]
    pub fn new(limits: SelectionLimits, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Selections(Arc::new(Inner {
            limits,
            clock: Arc::new(clock),
            state: Mutex::new(State {
                shelf: Shelf::new(limits),
                figures: SelectionFigures::default(),
                is_swept: false,
            }),
        }))
    }

    /// The selections of a cache.
    #[must_use]
    pub fn of<K, V, C>(&self, cache: C) -> CacheSelections<K, V, C> {
        CacheSelections::new(self.clone(), cache)
    }

    /// What was done, and what there is.
    #[must_use]
    pub fn figures(&self) -> SelectionFigures {
        let state = self.0.lock();
        let mut figures = state.figures;
        for (_, slot) in state.shelf.kept() {
            figures.selections += 1;
            figures.entries += slot.kept.entries();
            figures.bytes += slot.kept.bytes();
        }
        figures
    }

    /// The selections that are kept.
    #[must_use]
    pub fn list(&self) -> Vec<SelectionReport> {
        let now = (self.0.clock)();
        let state = self.0.lock();
        let reports = state.shelf.kept().map(|(key, slot)| SelectionReport {
            cache: key.cache().to_owned(),
            filter: slot.kept.0.plan().filter().to_string(),
            contents: slot.kept.contents(),
            entries: slot.kept.entries(),
            bytes: slot.kept.bytes(),
            hits: slot.hits,
            idle: now.saturating_sub(slot.used),
            status: slot.kept.0.status(),
            current_to: slot.kept.0.current_to(),
        });
        reports.collect()
    }

    /// Lets go what has ended, what nobody asked for in time, and what is beyond the limits. It is done whenever a selection
    /// was opened, and on its own from time to time.
    pub fn sweep(&self) {
        self.0.sweep();
    }

    /// Lets every selection go.
    pub fn clear(&self) {
        self.0.change(|state, _| state.shelf.clear());
    }

    /// Sweeps from time to time, as long as there is something.
    fn keep_swept(&self, background: &Arc<dyn Background>) {
        if std::mem::replace(&mut self.0.lock().is_swept, true) {
            return;
        }
        let sweeping = Sweeping(Arc::downgrade(&self.0));
        let every = (self.0.limits.idle_max / 4).max(PAUSE_MIN);
        // The session must not go on for this.
        let weak = Arc::downgrade(background);
        let task = async move {
            while sweeping.has_something() {
                let Some(pause) = weak.upgrade().map(|background| background.pause(every)) else {
                    return;
                };
                pause.await;
                sweeping.sweep();
            }
        };
        // Without a runtime nothing is kept for long, either.
        let _ended = background.spawn(Box::pin(task));
    }
}

impl fmt::Debug for Selections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selections")
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}

/// Whoever sweeps a registry; when it is dropped, another may.
struct Sweeping(Weak<Inner>);

impl Sweeping {
    /// Whether there is something to sweep. When there is not, nobody sweeps from now on.
    fn has_something(&self) -> bool {
        self.0.upgrade().is_some_and(|inner| {
            let mut state = inner.lock();
            state.is_swept = !state.shelf.is_empty();
            state.is_swept
        })
    }

    fn sweep(&self) {
        if let Some(inner) = self.0.upgrade() {
            inner.sweep();
        }
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.lock().is_swept = false;
        }
    }
}
