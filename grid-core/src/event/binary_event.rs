//! Events before they are decoded.

use crate::value::Binary;

use super::EntryEventKind;

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
}
