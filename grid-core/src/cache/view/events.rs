//! What is told of the changes of a view.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures::Stream;

use crate::cache::CacheError;

use super::content::Told;

/// A change of a view.
#[derive(Debug)]
#[non_exhaustive]
pub enum ViewEvent<K, V> {
    /// The view has an entry that it had not.
    Inserted {
        /// The key.
        key: Arc<K>,
        /// The value.
        new: Arc<V>,
    },
    /// An entry of the view has another value.
    Updated {
        /// The key.
        key: Arc<K>,
        /// The value before.
        old: Arc<V>,
        /// The value now.
        new: Arc<V>,
    },
    /// The view has an entry no more: it is gone, or the filter does not select it any more.
    Deleted {
        /// The key.
        key: Arc<K>,
        /// The value before.
        old: Arc<V>,
    },
    /// Changes were lost, because they were not read in time. What was built from them should be made anew from
    /// [`View::follow`](super::View::follow).
    Resync,
    /// The view does not change any more, with the reason. Nothing follows.
    Ended(Arc<CacheError>),
}

impl<K, V> Clone for ViewEvent<K, V> {
    fn clone(&self) -> Self {
        match self {
            ViewEvent::Inserted { key, new } => ViewEvent::Inserted {
                key: key.clone(),
                new: new.clone(),
            },
            ViewEvent::Updated { key, old, new } => ViewEvent::Updated {
                key: key.clone(),
                old: old.clone(),
                new: new.clone(),
            },
            ViewEvent::Deleted { key, old } => ViewEvent::Deleted {
                key: key.clone(),
                old: old.clone(),
            },
            ViewEvent::Resync => ViewEvent::Resync,
            ViewEvent::Ended(error) => ViewEvent::Ended(error.clone()),
        }
    }
}

/// What one who listens to a view wants to hear of.
pub(super) enum Wish<K, V> {
    /// Every change.
    All,
    /// Those of the key with this hash.
    Key(u128),
    /// Those of which this is true.
    Where(Selects<K, V>),
}

/// Whether a change is meant.
pub(super) type Selects<K, V> = Box<dyn Fn(&ViewEvent<K, V>) -> bool + Send + Sync>;

impl<K, V> Wish<K, V> {
    fn wants(&self, told: &Told<K, V>) -> bool {
        match self {
            Wish::All => true,
            Wish::Key(key) => *key == told.key,
            Wish::Where(selects) => selects(&told.event),
        }
    }
}

struct State<K, V> {
    events: VecDeque<ViewEvent<K, V>>,
    /// Whether events were dropped after those that are here.
    lost: bool,
    end: Option<Arc<CacheError>>,
    told_end: bool,
    waker: Option<Waker>,
}

/// The events that wait for one who listens: a fixed number at most. What comes while it is full is dropped until all before
/// was read.
pub(super) struct Queue<K, V> {
    state: Mutex<State<K, V>>,
    len_max: usize,
    wish: Wish<K, V>,
}

impl<K, V> Queue<K, V> {
    fn change(&self, change: impl FnOnce(&mut State<K, V>, usize)) {
        let waker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state, self.len_max);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn push(&self, event: ViewEvent<K, V>) {
        self.change(|state, len_max| {
            if state.events.len() >= len_max {
                state.lost = true;
            } else if !state.lost {
                state.events.push_back(event);
            }
        });
    }

    fn end(&self, error: &Arc<CacheError>) {
        self.change(|state, _| state.end = Some(error.clone()));
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<ViewEvent<K, V>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = state.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if std::mem::take(&mut state.lost) {
            return Poll::Ready(Some(ViewEvent::Resync));
        }
        if let Some(error) = &state.end {
            if state.told_end {
                return Poll::Ready(None);
            }
            let end = ViewEvent::Ended(error.clone());
            state.told_end = true;
            return Poll::Ready(Some(end));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Those who listen to a view.
pub(super) struct Listeners<K, V>(Vec<Weak<Queue<K, V>>>);

impl<K, V> Listeners<K, V> {
    pub(super) fn new() -> Self {
        Listeners(Vec::new())
    }

    /// Someone listens from now on.
    pub(super) fn add(&mut self, len_max: usize, wish: Wish<K, V>) -> ViewEvents<K, V> {
        let state = State {
            events: VecDeque::new(),
            lost: false,
            end: None,
            told_end: false,
            waker: None,
        };
        let queue = Arc::new(Queue {
            state: Mutex::new(state),
            len_max,
            wish,
        });
        self.0.retain(|listener| listener.strong_count() > 0);
        self.0.push(Arc::downgrade(&queue));
        ViewEvents(queue)
    }

    pub(super) fn tell(&mut self, told: &Told<K, V>) {
        self.0.retain(|listener| match listener.upgrade() {
            Some(queue) => {
                if queue.wish.wants(told) {
                    queue.push(told.event.clone());
                }
                true
            }
            None => false,
        });
    }

    pub(super) fn end(&self, error: &Arc<CacheError>) {
        for queue in self.0.iter().filter_map(Weak::upgrade) {
            queue.end(error);
        }
    }
}

/// The changes of a view, in their order. Dropping it ends the listening.
pub struct ViewEvents<K, V>(Arc<Queue<K, V>>);

impl<K, V> Stream for ViewEvents<K, V> {
    type Item = ViewEvent<K, V>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx)
    }
}

impl<K, V> fmt::Debug for ViewEvents<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViewEvents")
    }
}
