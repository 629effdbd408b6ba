//! How much may be done to find out what is left to be looked at.

use std::cell::Cell;

/// So many steps for each entry: about as long as looking at some of them takes.
const STEPS_AN_ENTRY: usize = 4;

/// So many steps however few entries there are, so that what is short is planned in a small partition as in a large one.
const STEPS_MIN: usize = 1_024;

/// What may still be done to find out which entries a filter has to be asked about, in steps: a step is a part of the
/// filter, a value that is asked for, or a value of an index that is gone through.
///
/// It bounds the time and the memory of a plan by the entries that are there, whatever the filter: what is found takes no
/// more memory than steps.
#[derive(Debug)]
pub(in crate::store) struct Effort {
    left: Cell<usize>,
}

impl Effort {
    /// What a filter on so many entries is worth, so many times.
    pub(in crate::store) fn worth(entries: usize, times: usize) -> Self {
        let steps = entries.saturating_mul(STEPS_AN_ENTRY).max(STEPS_MIN);
        Effort {
            left: Cell::new(steps.saturating_mul(times)),
        }
    }

    /// How many steps are left.
    pub(in crate::store) fn left(&self) -> usize {
        self.left.get()
    }

    /// Takes so many steps; `None` when there are not so many: then none are left.
    pub(in crate::store) fn take(&self, steps: usize) -> Option<()> {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_leaves_nothing() {
        let effort = Effort::worth(10, 2);
        assert_eq!(effort.left(), 2_048);
        assert_eq!(effort.take(2_000), Some(()));
        assert_eq!(effort.take(48), Some(()));
        assert_eq!(effort.take(0), Some(()));
        assert_eq!(effort.take(1), None);
        let effort = Effort::worth(1_000, 1);
        assert_eq!(effort.take(4_001), None);
        assert_eq!(effort.left(), 0);
    }
}
