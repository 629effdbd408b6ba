//! Every partition, each behind its lock.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::store::{Partition, Timestamp};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::Clock;

/// No entry has a time to live.
const NO_DEADLINE: u64 = u64::MAX;

struct Slot {
    partition: RwLock<Partition>,
    /// When the partition next has something to expire, in milliseconds since the Unix epoch. Written only under the
    /// lock; read without it, so that looking for work costs nothing.
    next_deadline_ms: AtomicU64,
}

/// The partitions of a member. A partition is the unit of locking: one write at a time, reads side by side.
pub struct Partitions {
    slots: Box<[Slot]>,
    count: PartitionCount,
    clock: Arc<dyn Clock>,
}

impl Partitions {
    /// Empty partitions.
    #[must_use]
    pub fn new(count: PartitionCount, clock: Arc<dyn Clock>) -> Self {
        let slot = |_| Slot {
            partition: RwLock::new(Partition::new()),
            next_deadline_ms: AtomicU64::new(NO_DEADLINE),
        };
        Partitions {
            slots: count.all().map(slot).collect(),
            count,
            clock,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> PartitionCount {
        self.count
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Locks a partition for reading. The guard must not live across an await.
    pub fn read(&self, id: PartitionId) -> RwLockReadGuard<'_, Partition> {
        self.slots[id.index()].partition.read()
    }

    /// Locks a partition for writing. The guard must not live across an await.
    pub fn write(&self, id: PartitionId) -> PartitionWrite<'_> {
        let slot = &self.slots[id.index()];
        PartitionWrite {
            guard: slot.partition.write(),
            next_deadline_ms: &slot.next_deadline_ms,
        }
    }

    /// Locks every partition for writing, in the order of their numbers, for a step that must be one in all.
    /// Nobody else may hold a partition while it waits for another, so this cannot dead-lock.
    pub fn write_all(&self) -> Vec<PartitionWrite<'_>> {
        self.count.all().map(|id| self.write(id)).collect()
    }

    /// The partitions that have something to expire.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = PartitionId> {
        let is_due = move |id: &PartitionId| {
            self.slots[id.index()].next_deadline_ms.load(Ordering::Relaxed) <= now.as_unix_ms()
        };
        self.count.all().filter(is_due)
    }
}

impl fmt::Debug for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partitions")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// A partition that is locked for writing.
pub struct PartitionWrite<'a> {
    guard: RwLockWriteGuard<'a, Partition>,
    next_deadline_ms: &'a AtomicU64,
}

impl Deref for PartitionWrite<'_> {
    type Target = Partition;

    fn deref(&self) -> &Partition {
        &self.guard
    }
}

impl DerefMut for PartitionWrite<'_> {
    fn deref_mut(&mut self) -> &mut Partition {
        &mut self.guard
    }
}

impl Drop for PartitionWrite<'_> {
    fn drop(&mut self) {
        let next = self
            .guard
            .next_deadline()
            .map_or(NO_DEADLINE, Timestamp::as_unix_ms);
        self.next_deadline_ms.store(next, Ordering::Relaxed);
    }
}

impl fmt::Debug for PartitionWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartitionWrite")
    }
}
