//! The listeners of one cache.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use grid_core::event::ListenTo;
use grid_core::store::{Change, ChangeKind, Want};
use grid_core::value::{Format, Key};
use parking_lot::RwLock;

use super::{EventSink, Lifecycle, Matched};

/// Someone listens.
const ANYONE: u8 = 1;
/// Someone listens who wants values.
const VALUES: u8 = 2;

type SinkId = u64;

/// The identity of a key: its format and its canonical form.
type KeyIdentity = (Format, Bytes);

struct Attached {
    sink: Arc<dyn EventSink>,
    /// The registration for everything; whether it wants values.
    all: Option<bool>,
    /// The registrations for keys; whether each wants values.
    keys: HashMap<KeyIdentity, bool>,
}

#[derive(Default)]
struct Inner {
    next_id: SinkId,
    sinks: BTreeMap<SinkId, Attached>,
    /// Which sinks registered for everything: those that each change concerns.
    all: BTreeSet<SinkId>,
    /// Which sinks registered for a key.
    by_key: HashMap<KeyIdentity, BTreeSet<SinkId>>,
    /// The cache is gone, and every sink was told.
    destroyed: bool,
    /// How many registrations there are, of all sinks.
    registrations: usize,
    /// How many of them want values.
    with_values: usize,
}

impl Inner {
    /// Keeps the counts when a registration changes from one wish (`None`: there is none) to another.
    fn count(&mut self, before: Option<bool>, after: Option<bool>) {
        if let Some(values) = before {
            self.registrations -= 1;
            self.with_values -= usize::from(values);
        }
        if let Some(values) = after {
            self.registrations += 1;
            self.with_values += usize::from(values);
        }
    }

    fn forget_key(&mut self, identity: &KeyIdentity, id: SinkId) {
        if let Some(ids) = self.by_key.get_mut(identity) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_key.remove(identity);
            }
        }
    }
}

/// The listeners of one cache, and what they registered for.
///
/// The invariant that listeners rely on: a change that starts after [`AttachedSink::listen`] returned is
/// heard. It holds because `listen` raises the interest before it returns, and a writer asks for it
/// ([`ListenerHub::want`]) when it has the lock of the partition, before it changes anything.
#[derive(Default)]
pub struct ListenerHub {
    interest: AtomicU8,
    inner: RwLock<Inner>,
}

impl ListenerHub {
    /// A cache without listeners.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a writer must find out about its change for the listeners to be told.
    #[must_use]
    pub fn want(&self, previous: bool) -> Want {
        let interest = self.interest.load(Ordering::SeqCst);
        let values = interest & VALUES != 0;
        Want {
            previous,
            change: interest & ANYONE != 0,
            old_value: values,
            new_value: values,
        }
    }

    /// Attaches a sink. It hears of the cache's lifecycle at once, and of entries when it listens. A sink that comes
    /// after the cache was destroyed is told so here, and is not left to wait for ever.
    #[must_use]
    pub fn attach(self: &Arc<Self>, sink: Arc<dyn EventSink>) -> AttachedSink {
        let mut inner = self.inner.write();
        if inner.destroyed {
            sink.lifecycle(Lifecycle::Destroyed);
        }
        let id = inner.next_id;
        inner.next_id += 1;
        inner.sinks.insert(
            id,
            Attached {
                sink,
                all: None,
                keys: HashMap::new(),
            },
        );
        AttachedSink {
            hub: self.clone(),
            id,
        }
    }

    /// Tells those who listen of a change. Called with the partition locked, so that the order is that of the
    /// changes.
    ///
    /// A registration that wants values is not told of a change that was made without them: it came after the writer
    /// asked what is [wanted](ListenerHub::want), so the change is before it, and its listener reads the result.
    pub fn publish(&self, change: &Change) {
        let has_values = match change.kind {
            ChangeKind::Delete => change.old.is_some(),
            ChangeKind::Insert | ChangeKind::Update => change.new.is_some(),
        };
        let told = |values: bool| has_values || !values;
        let inner = self.inner.read();
        let identity = (!inner.by_key.is_empty())
            .then(|| Key::new(change.key.clone()).ok())
            .flatten();
        let identity = identity.map(|key| identity_of(&key));
        let of_key = identity.as_ref().and_then(|identity| inner.by_key.get(identity));
        let of_key_alone = of_key.into_iter().flatten().filter(|id| !inner.all.contains(id));
        for attached in inner
            .all
            .iter()
            .chain(of_key_alone)
            .filter_map(|id| inner.sinks.get(id))
        {
            let key = identity.as_ref().and_then(|identity| attached.keys.get(identity));
            let matched = Matched {
                all: attached.all.is_some_and(told),
                key: key.copied().is_some_and(told),
            };
            if matched != Matched::default() {
                attached.sink.entry(change, matched);
            }
        }
    }

    /// Tells every sink what happened to the cache.
    pub fn publish_lifecycle(&self, what: Lifecycle) {
        let mut inner = self.inner.write();
        inner.destroyed |= what == Lifecycle::Destroyed;
        for attached in inner.sinks.values() {
            attached.sink.lifecycle(what);
        }
    }

    /// The number of sinks that are attached.
    #[must_use]
    pub fn sink_count(&self) -> usize {
        self.inner.read().sinks.len()
    }

    fn show_interest(&self, inner: &Inner) {
        let anyone = if inner.registrations > 0 { ANYONE } else { 0 };
        let values = if inner.with_values > 0 { VALUES } else { 0 };
        self.interest.store(anyone | values, Ordering::SeqCst);
    }
}

impl fmt::Debug for ListenerHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerHub")
            .field("sinks", &self.sink_count())
            .finish()
    }
}

fn identity_of(key: &Key) -> KeyIdentity {
    (key.format(), Bytes::copy_from_slice(key.canonical()))
}

/// A sink on a hub. Dropping it detaches the sink.
#[derive(Debug)]
pub struct AttachedSink {
    hub: Arc<ListenerHub>,
    id: SinkId,
}

impl AttachedSink {
    /// Registers for a key or for everything. A second registration for the same changes only `values`.
    pub fn listen(&self, to: &ListenTo, values: bool) {
        let mut guard = self.hub.inner.write();
        let inner = &mut *guard;
        let Some(attached) = inner.sinks.get_mut(&self.id) else {
            return;
        };
        let before = match to {
            ListenTo::Key(key) => {
                let identity = identity_of(key);
                let before = attached.keys.insert(identity.clone(), values);
                if before.is_none() {
                    inner.by_key.entry(identity).or_default().insert(self.id);
                }
                before
            }
            _ => {
                inner.all.insert(self.id);
                attached.all.replace(values)
            }
        };
        inner.count(before, Some(values));
        self.hub.show_interest(inner);
    }

    /// Takes a registration back. One that was never made is not missed.
    pub fn unlisten(&self, to: &ListenTo) {
        let mut guard = self.hub.inner.write();
        let inner = &mut *guard;
        let Some(attached) = inner.sinks.get_mut(&self.id) else {
            return;
        };
        let before = match to {
            ListenTo::Key(key) => {
                let identity = identity_of(key);
                let before = attached.keys.remove(&identity);
                inner.forget_key(&identity, self.id);
                before
            }
            _ => {
                inner.all.remove(&self.id);
                attached.all.take()
            }
        };
        inner.count(before, None);
        self.hub.show_interest(inner);
    }
}

impl Drop for AttachedSink {
    fn drop(&mut self) {
        let mut guard = self.hub.inner.write();
        let inner = &mut *guard;
        let removed = inner.sinks.remove(&self.id);
        if let Some(attached) = &removed {
            inner.all.remove(&self.id);
            inner.count(attached.all, None);
            #[expect(clippy::iter_over_hash_type, reason = "each key is forgotten by itself")]
            for (identity, values) in &attached.keys {
                inner.forget_key(identity, self.id);
                inner.count(Some(*values), None);
            }
        }
        self.hub.show_interest(inner);
        // The sink may hold many events: they are freed after the lock, which writers wait for.
        drop(guard);
        drop(removed);
    }
}
