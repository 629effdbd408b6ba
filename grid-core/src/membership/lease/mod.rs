//! Who may serve, and until when.
//!
//! **Invariant.** At no time does a member serve that the leader considers safe to take from
//! ([`LeaseBook::safe_to_take`]), as long as no clock is more than 10 % too fast or too slow.
//!
//! Why it holds. Let L be the agreed length.
//!
//! - A member counts its lease from when it *asked*, for 0.9 L on its own clock ([`Lease`]). On a clock that is 10 % too
//!   slow that takes L. The leader notes the grant when it gives it, which is later than the asking, and holds the
//!   member's partitions for 1.1 L on its own clock ([`LeaseBook`]). On a clock that is 10 % too fast that takes L. So the
//!   member stops before the leader takes.
//! - A leader grants only when a majority confirmed its leadership *after* the request came. So every lease that an
//!   earlier leader granted was asked for before a majority elected the new one, and ends less than L after the election;
//!   the new leader takes from nobody before 1.1 L since it was elected.
//! - Proven deaths need no wait where the process has ended, since then it serves nothing.
//! - A lease also ends with the connection to the leader that it was granted on, whatever time is left. This is no part of the
//!   proof: it makes a member stop early when it is cut off by resets.
//!
//! The sole voter needs no lease while it is that: nobody else can take anything from it.

mod book;
mod member_lease;

use core::time::Duration;

pub use book::LeaseBook;
pub use member_lease::{Lease, LeaseInput, LeaseOutput, LeaseSource};

/// How long leases are, and how often they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The agreed length, the same on all members. Default: 2 s.
    pub length: Duration,
    /// How often a member asks. Default: 200 ms.
    pub ask_every: Duration,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        LeaseSettings {
            length: Duration::from_secs(2),
            ask_every: Duration::from_millis(200),
        }
    }
}

impl LeaseSettings {
    /// How long a member serves after it asked, on its clock: nine tenths of the length.
    #[must_use]
    pub fn served(&self) -> Duration {
        self.length / 10 * 9
    }

    /// How long a leader waits after a grant, on its clock: eleven tenths of the length.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.length / 10 * 11
    }
}
