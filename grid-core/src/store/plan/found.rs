//! Entries that are left to be looked at.

use crate::store::arena::Handle;
use crate::store::index::{Effort, Postings};

/// Entries that may be selected: sets that may share some.
#[derive(Debug, Default)]
pub(in crate::store) struct Found<'p> {
    sets: Vec<&'p Postings>,
    handles: Vec<Handle>,
    /// How many there are at most.
    count: usize,
}

/// How many entries of a set are gone through in the time that looking at one entry takes, about.
const WORTH: usize = 8;

impl<'p> Found<'p> {
    pub(in crate::store) fn of_sets(sets: Vec<&'p Postings>, count: usize) -> Self {
        let handles = Vec::new();
        Found { sets, handles, count }
    }

    pub(in crate::store) fn of_handles(handles: Vec<Handle>) -> Self {
        let (sets, count) = (Vec::new(), handles.len());
        Found { sets, handles, count }
    }

    /// How many entries there are at most.
    pub(in crate::store) fn count(&self) -> usize {
        self.count
    }

    /// How many another part of an `and` may leave to be of use beside this one.
    pub(in crate::store) fn worth_cutting_with(&self) -> usize {
        self.count.saturating_mul(WORTH)
    }

    /// These and those.
    pub(in crate::store) fn join(&mut self, other: Found<'p>) {
        self.sets.extend(other.sets);
        self.handles.extend(other.handles);
        self.count = self.count.saturating_add(other.count);
    }

    /// Those that are in all of these, as far as finding out is cheaper than looking at them, and worth the effort.
    pub(in crate::store) fn common(mut all: Vec<Found<'p>>, effort: &Effort) -> Option<Self> {
        all.sort_by_key(Found::count);
        let mut all = all.into_iter();
        let mut left = all.next()?;
        for other in all {
            if left.count <= 1 || other.count > left.worth_cutting_with() {
                break;
            }
            let gone_through = left.count.saturating_add(other.count) / WORTH;
            if effort.take(gone_through).is_none() {
                break;
            }
            let mut handles = left.into_handles();
            let others = other.into_handles();
            let mut others = others.into_iter().peekable();
            handles.retain(|handle| {
                while others.next_if(|other| other < handle).is_some() {}
                others.peek() == Some(handle)
            });
            left = Found::of_handles(handles);
        }
        Some(left)
    }

    /// The entries, each once, in order of their places.
    pub(in crate::store) fn into_handles(self) -> Vec<Handle> {
        let mut handles = self.handles;
        let one_set = handles.is_empty() && self.sets.len() <= 1;
        handles.reserve_exact(self.count.saturating_sub(handles.len()));
        for set in self.sets {
            handles.extend(set.iter());
        }
        // The entries of one set are in order already.
        if !one_set {
            handles.sort_unstable();
            handles.dedup();
        }
        handles
    }
}
