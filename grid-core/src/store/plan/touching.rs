//! Reading ahead what queries of several partitions will read.
//!
//! Memory is slow to come, and what is read next of one partition depends on what was read before. What is read of another
//! one does not: who touches all of them before the first is asked waits about once, and not once for each. A loop that
//! touches has to be short, so that the processor begins several of its steps at a time.

use crate::store::index::{Asked, PartitionIndex};
use crate::store::plan::prepared::Ready;
use crate::store::plan::{Plan, PreparedFilter};
use crate::store::{CacheId, Partition, PlannedQuery};

/// Of more values than these the others are not read ahead.
const VALUES_MAX: usize = 4;

impl PreparedFilter<'_> {
    /// Reads what planning will read last in these partitions, where the filter asks for values of one index.
    pub fn touch<'p>(&self, cache: CacheId, partitions: impl Iterator<Item = &'p Partition>) {
        let filter = self.filter;
        let Some(extractor) = filter.extractor() else {
            return;
        };
        let index = |partition: &'p Partition| {
            let (_, index) = partition.indexes.get(cache)?.of(extractor)?;
            Some(index)
        };
        let indexes: Vec<&PartitionIndex> = partitions.filter_map(index).collect();
        let ask = match indexes.is_empty() {
            true => Ready::Unknown,
            false => self.ask(filter, true),
        };
        let Ready::Asks(Some(ask)) = ask else {
            return;
        };
        for value in ask.points().take(VALUES_MAX) {
            let asked = Asked::new(value);
            let entries = indexes.iter().map(|index| index.buckets().touch(asked));
            // What is read is of no use but for having been read.
            std::hint::black_box(entries.sum::<usize>());
        }
    }
}

impl PlannedQuery<'_, '_> {
    /// Reads the beginnings of the entries that these look at, unless that is all.
    pub fn touch<'q>(planned: impl Iterator<Item = &'q Self>)
    where
        Self: 'q,
    {
        let mut sum = 0;
        for planned in planned {
            if let Plan::Look(handles) | Plan::Exact(handles) = &planned.plan {
                for handle in handles {
                    sum += usize::from(planned.partition.arena.touch(*handle));
                }
            }
        }
        std::hint::black_box(sum);
    }
}
