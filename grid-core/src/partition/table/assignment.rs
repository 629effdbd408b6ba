//! Who holds one partition.

use serde::{Deserialize, Serialize};

use crate::membership::MemberId;

use super::Epoch;

/// A copy of a partition that was the last agreed one, of a member that was cut off and may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCopy {
    /// Who has it.
    pub member: MemberId,
    /// The epoch of the replica set in which it was agreed.
    pub epoch: Epoch,
}

/// The replica set of one partition, and who is on the way into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Grows with every change of `primary` or `backups`, and when a copy is given up; only then.
    pub epoch: Epoch,
    /// The epoch in which it was given out empty the last time. A copy of before that is of no use.
    pub placed: Epoch,
    /// Who orders the writes. `None`: nobody has served the partition yet, or its last copies are out of reach or lost.
    pub primary: Option<MemberId>,
    /// Who has every acknowledged write, in the order of preference for promotion.
    pub backups: Vec<MemberId>,
    /// Who is getting a copy, and is no part of the replica set yet.
    pub joining: Vec<MemberId>,
    /// The last agreed copies when there is no primary: any one of them brings the partition back.
    pub last: Vec<LastCopy>,
    /// Every copy is gone: the partition's entries are lost until someone accepts it.
    pub lost: bool,
}

impl Assignment {
    /// The primary and the backups.
    pub fn replicas(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.primary.into_iter().chain(self.backups.iter().copied())
    }

    /// Whether the partition can be given out empty: nobody has served it yet, or its loss was accepted.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.primary.is_none() && self.last.is_empty() && !self.lost
    }

    /// Whether it has entries that nobody serves: they are lost, or their last copies are out of reach.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.primary.is_none() && !self.is_free()
    }

    /// Whether the member is primary or backup.
    #[must_use]
    pub fn has_replica(&self, member: MemberId) -> bool {
        self.replicas().any(|replica| replica == member)
    }
}
