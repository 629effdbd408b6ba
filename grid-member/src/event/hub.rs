//! The listeners of one cache.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use grid_core::event::ListenTo;
use grid_core::store::{Change, Want};
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
    /// Which sinks registered for a key.
    by_key: HashMap<KeyIdentity, Vec<SinkId>>,
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
            ids.retain(|other| *other != id);
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

    /// Attaches a sink. It hears of the cache's lifecycle at once, and of entries when it listens.
    #[must_use]
    pub fn attach(self: &Arc<Self>, sink: Arc<dyn EventSink>) -> AttachedSink {
        let mut inner = self.inner.write();
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
    pub fn publish(&self, change: &Change) {
        let inner = self.inner.read();
        let of_key: &[SinkId] = if inner.by_key.is_empty() {
            &[]
        } else {
            let identity = Key::new(change.key.clone()).ok().map(|key| identity_of(&key));
            identity
                .and_then(|identity| inner.by_key.get(&identity))
                .map_or(&[], Vec::as_slice)
        };
        for (id, attached) in &inner.sinks {
            let matched = Matched {
                all: attached.all.is_some(),
                key: of_key.contains(id),
            };
            if matched != Matched::default() {
                attached.sink.entry(change, matched);
            }
        }
    }

    /// Tells every sink what happened to the cache.
    pub fn publish_lifecycle(&self, what: Lifecycle) {
        for attached in self.inner.read().sinks.values() {
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
                    inner.by_key.entry(identity).or_default().push(self.id);
                }
                before
            }
            _ => attached.all.replace(values),
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
            _ => attached.all.take(),
        };
        inner.count(before, None);
        self.hub.show_interest(inner);
    }
}

impl Drop for AttachedSink {
    fn drop(&mut self) {
        let mut guard = self.hub.inner.write();
        let inner = &mut *guard;
        if let Some(attached) = inner.sinks.remove(&self.id) {
            inner.count(attached.all, None);
            #[expect(clippy::iter_over_hash_type, reason = "each key is forgotten by itself")]
            for (identity, values) in attached.keys {
                inner.forget_key(&identity, self.id);
                inner.count(Some(values), None);
            }
        }
        self.hub.show_interest(inner);
    }
}
