//! How much the logs of all caches may keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So much of what is not read yet a log may keep, however small its share is, if the budget is as large.
const UNREAD_BYTES: usize = 1 << 20;

/// The bytes that the logs of one kind of caches may keep together: each as much as any other.
#[derive(Debug)]
pub struct LogBudget {
    bytes_max: usize,
    logs: AtomicUsize,
}

/// A log's part in a budget.
#[derive(Debug)]
pub(super) struct Share(Arc<LogBudget>);

impl LogBudget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        LogBudget {
            bytes_max,
            logs: AtomicUsize::new(0),
        }
    }

    /// Whether no log may keep anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.bytes_max == 0
    }

    /// The part of one more log.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        self.logs.fetch_add(1, Ordering::Relaxed);
        Share(self.clone())
    }
}

impl Share {
    /// How many bytes it is now.
    pub(super) fn bytes(&self) -> usize {
        let Share(budget) = self;
        budget.bytes_max / budget.logs.load(Ordering::Relaxed).max(1)
    }

    /// How many bytes the log may keep of what those who follow it have not read yet.
    pub(super) fn unread_bytes(&self) -> usize {
        let Share(budget) = self;
        self.bytes().max(budget.bytes_max.min(UNREAD_BYTES))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.logs.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_have_equal_parts() {
        let budget = Arc::new(LogBudget::new(100));
        let first = budget.share();
        assert_eq!(first.bytes(), 100);
        let second = budget.share();
        assert_eq!((first.bytes(), second.bytes()), (50, 50));
        drop(first);
        assert_eq!(second.bytes(), 100);
    }

    #[test]
    fn what_is_not_read_may_be_more_than_a_small_part() {
        let unread_bytes = |bytes_max: usize, logs: usize| {
            let budget = Arc::new(LogBudget::new(bytes_max));
            let shares: Vec<_> = (0..logs).map(|_| budget.share()).collect();
            shares.first().map(Share::unread_bytes)
        };
        assert_eq!(unread_bytes(100, 2), Some(100));
        assert_eq!(unread_bytes(64 << 20, 2), Some(32 << 20));
        assert_eq!(unread_bytes(64 << 20, 500), Some(1 << 20));
    }
}
