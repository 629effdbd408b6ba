//! Events between the cache and the frames of either protocol version.

use grid_core::store::ChangeKind;

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
}

impl EventBody {
    /// About how much memory the event takes while it waits, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.new.len() + self.old.len() + 8 * self.filter_ids.len()
    }
}

/// The number of a kind of event in both protocol versions.
pub(crate) fn event_number(kind: ChangeKind) -> i32 {
    match kind {
        ChangeKind::Insert => 1,
        ChangeKind::Update => 2,
        ChangeKind::Delete => 3,
    }
}
