//! Which change an event tells of.

use std::fmt;

use crate::partition::PartitionId;
use crate::partition::table::Epoch;
use crate::store::Sequence;

/// The number of a change: it stays the same whichever member tells of it.
///
/// Every partition numbers the changes of all its caches, so the numbers of the events of one cache grow and have gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventNumber {
    /// The partition of the entry.
    pub partition: PartitionId,
    /// The epoch in which the partition began empty: with it the numbers begin anew.
    pub placed: Epoch,
    /// The number of the change in the partition.
    pub sequence: Sequence,
}

impl EventNumber {
    /// The number within the partition: of two, the greater is that of the later change.
    #[must_use]
    pub fn place(self) -> (Epoch, Sequence) {
        (self.placed, self.sequence)
    }
}

impl fmt::Display for EventNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.partition, self.placed, self.sequence)
    }
}
