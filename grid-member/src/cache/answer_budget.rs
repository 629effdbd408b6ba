//! How much is answered to one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Work on many entries is answered with about so many bytes at a time.
const ANSWER_BYTES: usize = 8 << 20;

/// What may still be answered to a request for work on many entries, in all partitions of the member together: when it is
/// spent, no further entry is begun, and whoever asked asks again for the rest. So what one request has in memory and in
/// a message is bounded, and each request gets further.
#[derive(Clone, Debug)]
pub(crate) struct AnswerBudget(Arc<AtomicUsize>);

impl AnswerBudget {
    /// About 8 MiB.
    pub(crate) fn new() -> Self {
        AnswerBudget(Arc::new(AtomicUsize::new(ANSWER_BYTES)))
    }

    /// Spends so many bytes. What is begun is told whole, so that it may be more than there is.
    pub(crate) fn spend(&self, bytes: usize) {
        let spent = |left: usize| Some(left.saturating_sub(bytes));
        // The closure always has a value.
        let _left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }

    /// Whether nothing further is to be begun.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// What the changes of one partition under one lock may come to, before others have their turn and its backups have them.
pub(crate) const CHANGED_BYTES_AT_ONCE: usize = ANSWER_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_share_it_spend_the_same() {
        let budget = AnswerBudget::new();
        let other = budget.clone();
        other.spend(ANSWER_BYTES - 1);
        assert!(!budget.is_spent());
        budget.spend(ANSWER_BYTES);
        assert!(budget.is_spent() && other.is_spent());
    }
}
