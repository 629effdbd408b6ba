//! How much the logs of all caches may keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
}
