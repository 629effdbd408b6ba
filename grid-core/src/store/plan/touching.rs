//! Reading ahead what queries of several partitions will read.
//!
//! Memory is slow to come, and what is read next of one partition depends on what was read before. What is read of another
//! one does not: who touches all of them before the first is asked waits about once, and not once for each. A loop that
//! touches has to be short, so that the processor begins several of its steps at a time.

use crate::store::PlannedQuery;
use crate::store::arena::{Arena, Handle};
use crate::store::plan::Plan;

impl PlannedQuery<'_, '_> {
    /// Reads the beginnings of the entries that these look at, unless that is all.
    pub fn touch(planned: &[Self]) {
        // Where they lie is read first: what is read there depends on it.
        let places = looked_at(planned).map(|(arena, handle)| arena.touch_place(handle));
        std::hint::black_box(places.sum::<usize>());
        let begins = looked_at(planned).map(|(arena, handle)| usize::from(arena.touch(handle)));
        // What is read is of no use but for having been read.
        std::hint::black_box(begins.sum::<usize>());
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
