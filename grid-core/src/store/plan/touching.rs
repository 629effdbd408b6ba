//! Reading ahead what queries of several partitions will read.
//!
//! Memory is slow to come, and what is read next of one partition depends on what was read before. What is read of another
//! one does not: who touches all of them before the first is asked waits about once, and not once for each. A loop that
//! touches has to be short, so that the processor begins several of its steps at a time.

use crate::store::PlannedQuery;
use crate::store::arena::{Arena, Handle};
use crate::store::plan::Plan;

/// Of an entry that will be copied so many bytes are read ahead: of a longer one the processor sees what comes next.
const ENTRY_BYTES_MAX: usize = 2 << 10;

/// So many bytes of all entries are read ahead: what the innermost caches have room for beside what else is read.
const BYTES_MAX: usize = 64 << 10;

impl PlannedQuery<'_, '_> {
    /// Reads the beginnings of the entries that these look at, unless that is all; the whole of small ones, if they will be
    /// copied.
    pub fn touch(planned: &[Self], are_copied: bool) {
        // Where they lie is read first: what is read there depends on it.
        let places = looked_at(planned).map(|(arena, handle)| arena.touch_place(handle));
        std::hint::black_box(places.sum::<usize>());
        let each = if are_copied { ENTRY_BYTES_MAX } else { 1 };
        let mut left = BYTES_MAX;
        for (arena, handle) in looked_at(planned) {
            left = left.saturating_sub(arena.touch(handle, each.min(left)));
        }
    }
}

fn looked_at<'p>(planned: &[PlannedQuery<'p, '_>]) -> impl Iterator<Item = (&'p Arena, Handle)> {
    planned.iter().flat_map(|planned| {
        let handles: &[Handle] = match &planned.plan {
            Plan::Look(handles) | Plan::Exact(handles) => handles,
            Plan::Scan => &[],
        };
        handles.iter().map(|handle| (&planned.partition.arena, *handle))
    })
}
