//! Who should hold what.

use std::collections::BTreeMap;

use crate::membership::{Member, MemberId};
use crate::partition::PartitionId;
use crate::partition::table::{Assignment, ServiceTable};

use super::backups::Backups;
use super::primaries::primaries;
use super::ring::Ring;
use super::takers::Takers;

/// Who should hold one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Who should order the writes.
    pub primary: MemberId,
    /// Who should have a copy; the order means nothing.
    pub backups: Vec<MemberId>,
}

impl Placement {
    /// The primary and the backups.
    pub fn replicas(&self) -> impl Iterator<Item = MemberId> + '_ {
        std::iter::once(self.primary).chain(self.backups.iter().copied())
    }

    /// Whether the member should be primary or backup.
    #[must_use]
    pub fn has_replica(&self, member: MemberId) -> bool {
        self.replicas().any(|replica| replica == member)
    }
}

/// Who should hold the partitions of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// By the number of the partition. `None`: whoever has it, or its last copies, is to keep it; nobody can take it.
    pub placements: Vec<Option<Placement>>,
}

impl Target {
    /// Who should hold this partition, if anybody can.
    #[must_use]
    pub fn of(&self, partition: PartitionId) -> Option<&Placement> {
        self.placements.get(partition.index())?.as_ref()
    }
}

/// Who should hold the partitions of a service, given who holds them now and who is there.
///
/// Partitions go to members with storage that are not draining, those that are still joining among them, in
/// proportion to their weights (weight 0 means nothing while another has more). Partitions whose last copies are out
/// of reach or lost are left as they are, and don't count. The [folder](super) says how the rest is found.
#[must_use]
pub fn plan(table: &ServiceTable, members: &BTreeMap<MemberId, Member>) -> Target {
    let takers = Takers::of(members);
    let count = table.assignments.len();
    if takers.is_empty() {
        return Target {
            placements: vec![None; count],
        };
    }
    let mut ring = Ring::new(&takers, count);
    let primaries = primaries(&table.assignments, &takers, &mut ring);
    let sets = Backups::new(table, &takers, &primaries).balanced(&mut ring);
    let placements = primaries
        .iter()
        .zip(sets)
        .map(|(primary, set)| {
            primary.map(|primary| Placement {
                primary: takers.id(primary),
                backups: set.into_iter().map(|taker| takers.id(taker)).collect(),
            })
        })
        .collect();
    Target { placements }
}

/// Whether the partition is to be planned: it is served, or can be given out empty.
pub(super) fn is_planned(assignment: &Assignment) -> bool {
    !assignment.is_missing()
}
