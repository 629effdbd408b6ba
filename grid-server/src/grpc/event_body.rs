//! Events between the cache and the frames of either protocol version.

use grid_core::event::EntryEventKind;

use super::WireValue;

/// A change of an entry, as clients are told of it.
#[derive(Debug)]
pub struct EventBody {
    /// 1: inserted, 2: updated, 3: deleted.
    pub kind: i32,
    /// The key.
    pub key: WireValue,
    /// The new value.
    pub new: WireValue,
    /// The old value.
    pub old: WireValue,
    /// The listeners that it is for.
    pub filter_ids: Vec<i64>,
    /// Whether the grid made the change by itself.
    pub synthetic: bool,
    /// Whether it is the answer to a listener that primes a copy of its own.
    pub priming: bool,
    /// Whether the entry's time was over.
    pub expired: bool,
    /// Whether the values are what the transformer of its one listener made of them: it is for no other.
    pub transformed: bool,
}

impl EventBody {
    /// About how much memory the event takes while it waits, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.new.len() + self.old.len() + 8 * self.filter_ids.len()
    }

    /// The number of the state of its transformation in both protocol versions.
    pub(crate) fn transformation_state(&self) -> i32 {
        if self.transformed { TRANSFORMED } else { AS_IT_WAS }
    }
}

/// The state of a transformation in both protocol versions, of an event whose values are as they were, as the reference
/// sends it: `NON_TRANSFORMABLE`.
const AS_IT_WAS: i32 = 0;

/// `TRANSFORMED`: clients show such an event to none of their listeners for keys.
const TRANSFORMED: i32 = 2;

/// The number of a kind of event in both protocol versions.
pub(crate) fn event_number(kind: EntryEventKind) -> i32 {
    match kind {
        EntryEventKind::Insert => 1,
        EntryEventKind::Update => 2,
        EntryEventKind::Delete => 3,
    }
}
