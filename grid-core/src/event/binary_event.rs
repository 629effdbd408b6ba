//! Events before they are decoded.

use crate::value::Binary;

use super::{EntryEventKind, EventNumber, EventPositions};

/// A change of one entry, in bytes.
#[derive(Clone, Debug)]
pub struct BinaryEntryEvent {
    /// What happened.
    pub kind: EntryEventKind,
    /// The key, as it was first spelled.
    pub key: Binary,
    /// The value before the change; `None` for an insert, and for a listener that wants no values.
    pub old: Option<Binary>,
    /// The value after the change; `None` for a delete, and for a listener that wants no values.
    pub new: Option<Binary>,
    /// Whether the grid made the change by itself, as when an entry expires.
    pub synthetic: bool,
    /// Whether the entry went because its time to live was over.
    pub expired: bool,
    /// The number of the change, for a listener that [follows](crate::cache::CacheBackend::follow) the cache.
    pub number: Option<EventNumber>,
}

/// Anything that a listener hears of, in bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BinaryEvent {
    /// An entry changed.
    Entry(BinaryEntryEvent),
    /// Every entry is gone, without an event for each.
    Truncated,
    /// The cache is gone. No event follows.
    Destroyed,
    /// Events were lost: the listener was too slow, or its connection was renewed. What it knows may be stale.
    Resync,
    /// The connection is gone, for now. What follows goes on where this is, or begins with a [`Resync`](Self::Resync).
    /// Only those who follow the cache are told.
    Disconnected,
    /// Where one who follows the cache begins, at first and after each [`Resync`](Self::Resync); and that the
    /// connection is there, after [`Disconnected`](Self::Disconnected).
    Reached(Box<EventPositions>),
    /// One who follows the cache is this far in some partitions without an event: it does not want to hear of the changes
    /// before.
    Passed(Vec<EventNumber>),
}
