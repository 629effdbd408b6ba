//! Sizes, counted exactly as entries come and go.

use std::ops::AddAssign;

/// The sizes of one cache (in one partition, or summed up).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Entries held, with those whose time is over but that have not been swept yet.
    pub entries: u64,
    /// Bytes of their keys as they were spelled.
    pub key_bytes: u64,
    /// Bytes of their values.
    pub value_bytes: u64,
    /// Bytes of memory that they take: slots or own allocations, table, timers.
    pub memory_bytes: u64,
}

impl AddAssign for CacheStats {
    fn add_assign(&mut self, other: Self) {
        self.entries += other.entries;
        self.key_bytes += other.key_bytes;
        self.value_bytes += other.value_bytes;
        self.memory_bytes += other.memory_bytes;
    }
}

/// The memory of one partition in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PartitionMemory {
    /// Slots in use and own allocations.
    pub used_bytes: usize,
    /// Chunks of slots and own allocations: what is taken from the allocator for entries.
    pub reserved_bytes: usize,
    /// Lists of chunks, tables of entries and of caches.
    pub index_bytes: usize,
    /// The timing wheel.
    pub timer_bytes: usize,
    /// The [indexes](crate::store::Partition::add_index) of caches.
    pub query_index_bytes: usize,
}

impl PartitionMemory {
    /// Everything taken from the allocator.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.reserved_bytes + self.index_bytes + self.timer_bytes + self.query_index_bytes
    }
}
