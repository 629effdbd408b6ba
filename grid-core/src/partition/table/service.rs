//! The partitions of one cache service.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::partition::{PartitionCount, PartitionId};

use super::Assignment;

/// The number of a cache service: caches of one service share its partitions and its count of backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(u8);

impl ServiceId {
    /// The service with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        ServiceId(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.0)
    }
}

/// How many copies of a partition there are beside the primary: 0 to 3, by default 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackupCount(u8);

impl BackupCount {
    /// The most that are allowed.
    pub const MAX: BackupCount = BackupCount(3);

    /// The number of backups, if it is allowed.
    #[must_use]
    pub const fn new(count: u8) -> Option<Self> {
        if count <= Self::MAX.0 {
            Some(BackupCount(count))
        } else {
            None
        }
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for BackupCount {
    fn default() -> Self {
        BackupCount(1)
    }
}

/// Who holds the partitions of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTable {
    /// The service.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// How many backups each partition is to have, as far as there are members.
    pub backups: BackupCount,
    /// By the number of the partition.
    pub assignments: Vec<Assignment>,
}

impl ServiceTable {
    /// A table in which nobody holds anything yet.
    #[must_use]
    pub fn new(id: ServiceId, name: String, backups: BackupCount, count: PartitionCount) -> Self {
        ServiceTable {
            id,
            name,
            backups,
            assignments: count.all().map(|_| Assignment::default()).collect(),
        }
    }

    /// Every partition with who holds it, in order.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionId, &Assignment)> {
        let count = u16::try_from(self.assignments.len())
            .ok()
            .and_then(NonZeroU16::new);
        let ids = count
            .into_iter()
            .flat_map(|count| PartitionCount::new(count).all());
        ids.zip(&self.assignments)
    }

    /// Who holds this partition.
    ///
    /// # Panics
    /// When the partition is none of this table's.
    #[must_use]
    pub fn of(&self, partition: PartitionId) -> &Assignment {
        &self.assignments[partition.index()]
    }
}
