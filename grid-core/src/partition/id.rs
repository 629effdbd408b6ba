//! The number of a partition, and how many there are.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// The number of a partition, from 0 to [`PartitionCount`] - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(u16);

impl PartitionId {
    /// The number as an index into a table of partitions.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}", self.0)
    }
}

/// How many partitions a cluster's keys are spread over. Fixed for the life of a cluster; 257 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionCount(NonZeroU16);

impl PartitionCount {
    /// 257, a prime, as the reference grid has it.
    pub const DEFAULT: PartitionCount = PartitionCount(NonZeroU16::new(257).expect("257 is not zero"));

    /// One partition, for caches that live in one process.
    pub const ONE: PartitionCount = PartitionCount(NonZeroU16::MIN);

    /// A count of partitions.
    #[must_use]
    pub const fn new(count: NonZeroU16) -> Self {
        PartitionCount(count)
    }

    /// The count as a plain number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }

    /// The partition of a key that is placed by this hash ([`Key::placement`](crate::value::Key::placement)): the hash
    /// modulo the count.
    ///
    /// # Panics
    /// Never: a remainder is below its modulus.
    #[must_use]
    pub fn partition_of(self, placement: u64) -> PartitionId {
        let number = placement % u64::from(self.0.get());
        PartitionId(u16::try_from(number).expect("a remainder is below its u16 modulus"))
    }

    /// Every partition, in order.
    pub fn all(self) -> impl DoubleEndedIterator<Item = PartitionId> + ExactSizeIterator {
        (0..self.0.get()).map(PartitionId)
    }

    /// The partition with this number, if there is one.
    #[must_use]
    pub fn nth(self, number: u16) -> Option<PartitionId> {
        (number < self.get()).then_some(PartitionId(number))
    }
}

impl Default for PartitionCount {
    fn default() -> Self {
        Self::DEFAULT
    }
}
