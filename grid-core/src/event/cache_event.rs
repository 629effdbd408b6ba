//! Events as an application sees them.

use super::EventNumber;

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryEventKind {
    /// The key had no value before.
    Insert,
    /// The key had another value, or the same one was put again.
    Update,
    /// The key has no value now.
    Delete,
}

/// A change of one entry.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryEvent<K, V> {
    /// What happened.
    pub kind: EntryEventKind,
    /// The key.
    pub key: K,
    /// The value before the change; `None` for an insert, and for a listener that wants no values.
    pub old: Option<V>,
    /// The value after the change; `None` for a delete, and for a listener that wants no values.
    pub new: Option<V>,
    /// Whether the grid made the change by itself, as when an entry expires.
    pub synthetic: bool,
    /// Whether the entry went because its time to live was over.
    pub expired: bool,
    /// The number of the change, for a listener that [follows](crate::cache::NamedCache::listen_from) the cache.
    pub number: Option<EventNumber>,
}

/// Anything that a listener hears of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CacheEvent<K, V> {
    /// An entry changed.
    Entry(EntryEvent<K, V>),
    /// Every entry is gone, without an event for each.
    Truncated,
    /// The cache is gone. No event follows.
    Destroyed,
    /// Events were lost: the listener was too slow, or its connection was renewed. Whatever was built from
    /// events should be read again.
    Resync,
    /// The connection is gone, for now. What follows goes on where this is, or begins with a
    /// [`Resync`](Self::Resync). Only listeners that [follow](crate::cache::NamedCache::listen_from) the cache are told.
    Disconnected,
}

impl<K, V> CacheEvent<K, V> {
    /// The change of an entry, if this event is one.
    pub fn entry(self) -> Option<EntryEvent<K, V>> {
        match self {
            CacheEvent::Entry(event) => Some(event),
            CacheEvent::Truncated | CacheEvent::Destroyed | CacheEvent::Resync | CacheEvent::Disconnected => {
                None
            }
        }
    }
}
