//! A cache as one client's stream knows it, with the listeners of that stream.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use grid_core::event::{EventNumber, told_kind};
use grid_core::query::EventFilter;
use grid_core::store::Change;
use grid_core::value::{Binary, Key};
use grid_member::cache::{OpenCache, Reply};
use grid_member::event::{AttachedSink, EventSink, Lifecycle, Matched, Quiet};
use parking_lot::RwLock;

use super::event_body::event_number;
use super::listeners::{ListenerTable, Registration, Transformed, identity_of};
use super::{Edge, EventBody, Reader, Refusal, WireValue};

/// What a stream is told.
#[derive(Debug)]
pub(crate) enum Notice {
    /// An entry changed.
    Entry(Box<EventBody>),
    /// The cache changed as a whole.
    Lifecycle(Lifecycle),
    /// Events were lost on the way to this member: the stream must end, as that of a reader that is too slow.
    Missed,
}

/// Where a stream takes its notices from. Must not wait.
type Outlet = Box<dyn Fn(Notice) + Send + Sync>;

/// Turns the events of one cache into notices for one stream.
struct CacheSink {
    edge: Arc<Edge>,
    reader: Reader,
    /// What stands for an old or new value that there is not.
    absent: WireValue,
    outlet: Outlet,
    listeners: RwLock<ListenerTable>,
}

impl CacheSink {
    fn value(&self, wanted: bool, value: Option<&Binary>) -> Option<WireValue> {
        match value {
            _ if !wanted => Some(WireValue::nothing()),
            Some(value) => self.edge.to_wire(self.reader, value.clone()).ok(),
            None => Some(self.absent.clone()),
        }
    }

    /// The event for one listener that wants other values.
    fn transformed(&self, change: &Change, told: Transformed) -> Option<EventBody> {
        let wanted = told.values.is_some();
        let (old, new) = told.values.unwrap_or_default();
        Some(EventBody {
            kind: event_number(told.kind),
            key: self.edge.to_wire(self.reader, change.key.clone()).ok()?,
            new: self.value(wanted, new.as_ref())?,
            old: self.value(wanted, old.as_ref())?,
            filter_ids: vec![told.filter_id],
            synthetic: change.expired,
            priming: false,
            expired: change.expired,
            transformed: true,
        })
    }

    /// The event for this stream. `None` when no listener wants it, and when it is in another format than the
    /// client reads: it could do nothing with it.
    fn event(&self, change: &Change, matched: Matched) -> Option<EventBody> {
        let told = self.listeners.read().told(change, matched)?;
        Some(EventBody {
            kind: event_number(told_kind(None, change)),
            key: self.edge.to_wire(self.reader, change.key.clone()).ok()?,
            new: self.value(told.new, change.new.as_ref())?,
            old: self.value(told.old, change.old.as_ref())?,
            filter_ids: told.filter_ids,
            synthetic: change.expired,
            priming: false,
            expired: change.expired,
            transformed: false,
        })
    }
}

impl EventSink for CacheSink {
    fn entry(&self, (_, change): (EventNumber, &Change), matched: Matched) {
        if let Some(event) = self.event(change, matched) {
            (self.outlet)(Notice::Entry(Box::new(event)));
        }
        for told in self.listeners.read().transformed(change, matched) {
            if let Some(event) = self.transformed(change, told) {
                (self.outlet)(Notice::Entry(Box::new(event)));
            }
        }
    }

    fn lifecycle(&self, what: Lifecycle) {
        if what == Lifecycle::Truncated && !self.reader.faithful {
            self.listeners.write().silence_keys();
        }
        (self.outlet)(Notice::Lifecycle(what));
    }

    fn missed(&self) {
        (self.outlet)(Notice::Missed);
    }
}

/// A cache as one stream knows it. Dropping it ends its listeners.
pub(crate) struct CacheProxy {
    cache: Arc<OpenCache>,
    sink: Arc<CacheSink>,
    attached: Arc<AttachedSink>,
}

impl CacheProxy {
    /// The cache for a stream of this reader; its notices go to the outlet from now on.
    pub(crate) fn new(
        edge: Arc<Edge>,
        cache: Arc<OpenCache>,
        reader: Reader,
        absent: WireValue,
        outlet: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Self {
        let sink = Arc::new(CacheSink {
            edge,
            reader,
            absent,
            outlet: Box::new(outlet),
            listeners: RwLock::default(),
        });
        let attached = Arc::new(cache.listeners().attach(sink.clone()));
        CacheProxy {
            cache,
            sink,
            attached,
        }
    }

    /// The cache.
    pub(crate) fn cache(&self) -> &Arc<OpenCache> {
        &self.cache
    }

    /// How many listeners there are.
    pub(crate) fn listener_count(&self) -> usize {
        self.sink.listeners.read().count()
    }

    /// The client asks for these keys in one request; see [`ListenerTable::asked_for`].
    pub(crate) fn asked_for(&self, keys: &[Key]) {
        // Most clients that read have no listeners: they need not wait for those who write.
        if self.listener_count() > 0 {
            self.sink.listeners.write().asked_for(keys);
        }
    }

    /// Changes the listeners, and tells the cache.
    ///
    /// # Errors
    /// Those of the change.
    pub(crate) fn change_listeners(
        &self,
        change: impl FnOnce(&mut ListenerTable) -> Result<Registration, Refusal>,
    ) -> Result<Option<Quiet>, Refusal> {
        let registration = change(&mut self.sink.listeners.write())?;
        Ok(registration.make(&self.attached))
    }

    fn add_key(&self, key: &Key, lite: bool, priming: bool) -> Option<Quiet> {
        let registration = self.sink.listeners.write().add_key(key.clone(), lite, priming);
        registration.make(&self.attached)
    }

    /// Adds a listener. The reply is there when it is heard everywhere: no change that starts later is missed. It is at once
    /// when there is no other member. What it is then is done by `begin`; a listener that is not heard is taken back with
    /// `remove`.
    ///
    /// # Errors
    /// Those of `add`.
    fn add_listener(
        &self,
        add: impl FnOnce(&mut ListenerTable) -> Result<Registration, Refusal>,
        begin: impl FnOnce(&mut ListenerTable) + Send + 'static,
        remove: impl FnOnce(&mut ListenerTable) -> Registration + Send + 'static,
    ) -> Result<Reply<()>, Refusal> {
        let quiet = self.change_listeners(add)?;
        let (sink, attached) = (self.sink.clone(), Arc::downgrade(&self.attached));
        Ok(self.cache.heard_everywhere().then(move |heard| {
            match (&heard, attached.upgrade()) {
                (Ok(()), _) => {
                    begin(&mut sink.listeners.write());
                    quiet.into_iter().for_each(Quiet::begin);
                }
                (Err(_), Some(attached)) => {
                    let registration = remove(&mut sink.listeners.write());
                    // What stays of the listener for others has begun.
                    registration.make(&attached).into_iter().for_each(Quiet::begin);
                }
                (Err(_), None) => {}
            }
            heard.into()
        }))
    }

    /// Adds a listener for what a filter selects, under an id of the client's choice. The reply is as that of
    /// [`add_listener`](Self::add_listener): the listener is told of nothing before, be others of the stream told or not.
    ///
    /// # Errors
    /// When the id is 0.
    pub(crate) fn add_filter_listener(
        &self,
        id: i64,
        filter: EventFilter,
        lite: bool,
    ) -> Result<Reply<()>, Refusal> {
        self.add_listener(
            |table| table.add_filter(id, filter, lite),
            move |table| table.begin_filter(id),
            move |table| table.remove_filter(id),
        )
    }

    /// Adds a listener for a key, as [`add_listener`](Self::add_listener).
    ///
    /// # Errors
    /// None at present.
    pub(crate) fn add_key_listener(
        &self,
        key: &Key,
        lite: bool,
        priming: bool,
    ) -> Result<Reply<()>, Refusal> {
        let (added, removed) = (key.clone(), key.clone());
        self.add_listener(
            |table| Ok(table.add_key(added, lite, priming)),
            // There is one for each key, and its registration is quiet until it is heard.
            |_| {},
            move |table| table.remove_key(removed),
        )
    }

    /// Adds listeners for keys that prime a copy of their own, and gives the values of the keys, which are read when the
    /// listeners are heard everywhere: what changes later is heard of.
    pub(crate) fn add_primed(&self, keys: Vec<Key>, lite: bool) -> Reply<Primed> {
        let mut quiet = Vec::with_capacity(keys.len());
        quiet.extend(keys.iter().filter_map(|key| self.add_key(key, lite, true)));
        let (sink, attached) = (self.sink.clone(), Arc::downgrade(&self.attached));
        let cache = self.cache.clone();
        self.cache.heard_everywhere().then(move |heard| {
            let Err(error) = heard else {
                quiet.into_iter().for_each(Quiet::begin);
                return values_of(&cache, keys);
            };
            if let Some(attached) = attached.upgrade() {
                for key in keys {
                    let registration = sink.listeners.write().remove_key(key);
                    registration.make(&attached).into_iter().for_each(Quiet::begin);
                }
            }
            Reply::Ready(Err(error))
        })
    }

    /// What makes the events for listeners that prime a copy of their own.
    pub(crate) fn primer(&self) -> Primer {
        Primer(self.sink.clone())
    }
}

/// Keys and their values.
pub(crate) type Primed = Vec<(Key, Option<Binary>)>;

fn values_of(cache: &Arc<OpenCache>, mut keys: Vec<Key>) -> Reply<Primed> {
    if keys.len() == 1
        && let Some(key) = keys.pop()
    {
        return cache.get(&key).map(|value| vec![(key, value)]);
    }
    cache.get_all(keys.clone()).map(|found| {
        let found = found.into_iter();
        let found = found.filter_map(|(key, value)| Some((identity_of(&Key::new(key).ok()?), value)));
        let mut found: HashMap<_, _> = found.collect();
        let keys = keys.into_iter();
        keys.map(|key| {
            let value = found.remove(&identity_of(&key));
            (key, value)
        })
        .collect()
    })
}

/// Makes the event that a listener gets at once that primes a copy of its own: the present value of a key.
pub(crate) struct Primer(Arc<CacheSink>);

impl Primer {
    /// The event of a value that was read after the listener was registered: what changes later is heard of, so
    /// nothing is missed.
    ///
    /// # Errors
    /// When the entry is in another format.
    pub(crate) fn event(&self, key: &Key, value: Option<Binary>) -> Result<EventBody, Refusal> {
        let Primer(sink) = self;
        let value = value
            .map(|value| sink.edge.to_wire(sink.reader, value))
            .transpose()?;
        Ok(EventBody {
            kind: 2,
            key: sink.edge.to_wire(sink.reader, key.spelling().clone())?,
            new: value.unwrap_or_else(|| sink.absent.clone()),
            old: WireValue::nothing(),
            filter_ids: Vec::new(),
            synthetic: true,
            priming: true,
            expired: false,
            transformed: false,
        })
    }
}

impl fmt::Debug for CacheProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheProxy")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
