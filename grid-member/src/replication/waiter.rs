//! Whoever waits for a write or a read to be acknowledged.

use std::fmt;

use grid_core::replication::{Failure, Outcome};

type Call = Box<dyn FnOnce(Result<Outcome, Failure>) + Send + Sync>;

/// What is to be done when a write or a read is acknowledged, or known not to be. It runs on the thread that finds
/// out, after the partition was unlocked, and must not wait.
pub struct Waiter(Option<Call>);

impl Waiter {
    /// Does this.
    pub fn new(call: impl FnOnce(Result<Outcome, Failure>) + Send + Sync + 'static) -> Self {
        Waiter(Some(Box::new(call)))
    }

    /// Does nothing.
    #[must_use]
    pub const fn none() -> Self {
        Waiter(None)
    }

    /// Does what is to be done.
    pub fn call(self, result: Result<Outcome, Failure>) {
        if let Some(call) = self.0 {
            call(result);
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiter")
    }
}
