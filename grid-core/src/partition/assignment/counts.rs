//! How many partitions are not as they should be.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::membership::{Member, MemberId};
use crate::partition::table::ServiceTable;

use super::plan::Target;
use super::takers::Takers;

/// Numbers of partitions, of one service or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCounts {
    /// All of them.
    pub count: usize,
    /// Nobody serves them: not placed yet, their last copies out of reach, or lost.
    pub unassigned: usize,
    /// They are served, with fewer complete copies than the service wishes and the members allow.
    pub endangered: usize,
    /// Copies of them are under way.
    pub moving: usize,
    /// No copy is left, and nobody has accepted it; these are unassigned too.
    pub lost: usize,
}

impl PartitionCounts {
    /// Those of one service, as they are now.
    #[must_use]
    pub fn of(table: &ServiceTable, members: &BTreeMap<MemberId, Member>) -> Self {
        let goal = copies_wished(table, &Takers::of(members));
        let mut counts = PartitionCounts {
            count: table.assignments.len(),
            ..PartitionCounts::default()
        };
        for assignment in &table.assignments {
            let copies = assignment
                .replicas()
                .filter(|replica| members.contains_key(replica))
                .count();
            let unassigned = assignment.primary.is_none();
            counts.unassigned += usize::from(unassigned);
            counts.endangered += usize::from(!unassigned && copies < goal);
            counts.moving += usize::from(!assignment.joining.is_empty());
            counts.lost += usize::from(assignment.lost);
        }
        counts
    }
}

impl AddAssign for PartitionCounts {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.unassigned += other.unassigned;
        self.endangered += other.endangered;
        self.moving += other.moving;
        self.lost += other.lost;
    }
}

/// How many complete copies a partition is to have, the primary among them: as many as the service wishes, as far as
/// there are members.
pub(super) fn copies_wished(table: &ServiceTable, takers: &Takers<'_>) -> usize {
    (1 + usize::from(table.backups.get())).min(takers.len().max(1))
}

/// What is still to be done until a service is as it was planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Partitions to be given out empty.
    pub places: usize,
    /// Copies to be made; those under way are among them.
    pub copies: usize,
    /// Partitions whose primary is to be another one.
    pub hand_overs: usize,
    /// Copies that nobody needs any more.
    pub dismissals: usize,
}

impl Progress {
    /// From what is to what is planned.
    #[must_use]
    pub fn of(table: &ServiceTable, target: &Target) -> Self {
        let mut progress = Progress::default();
        let wished = 1 + usize::from(table.backups.get());
        for (partition, assignment) in table.partitions() {
            let Some(placement) = target.of(partition) else {
                continue;
            };
            let Some(primary) = assignment.primary else {
                progress.places += usize::from(assignment.is_free());
                continue;
            };
            let missing = placement
                .replicas()
                .filter(|replica| !assignment.has_replica(*replica));
            let missing = missing.count();
            progress.copies += missing;
            progress.hand_overs += usize::from(primary != placement.primary);
            let unneeded = assignment
                .replicas()
                .filter(|replica| !placement.has_replica(*replica));
            // What nobody can take over stays, as long as there are fewer copies than wished.
            let too_many = (assignment.replicas().count() + missing).saturating_sub(wished);
            progress.dismissals += unneeded.count().min(too_many);
        }
        progress
    }

    /// Whether everything is as planned.
    #[must_use]
    pub fn is_done(&self) -> bool {
        *self == Progress::default()
    }
}

impl AddAssign for Progress {
    fn add_assign(&mut self, other: Self) {
        self.places += other.places;
        self.copies += other.copies;
        self.hand_overs += other.hand_overs;
        self.dismissals += other.dismissals;
    }
}
