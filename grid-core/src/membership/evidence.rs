//! What one member knows about whether another lives.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a member's process is known to have ended.
///
/// Each needs that every connection to it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proof {
    /// Its listener refuses, and it ran under the same kernel and network namespace as the witness.
    SameHost,
    /// Another process answers at its address, or the same process as a later member.
    Replaced,
    /// Its listener on another machine refused twice, and its kernel had closed a connection in order, which a firewall
    /// does not make up.
    Closed,
    /// Its listener on another machine refused twice, and its connections were reset: a firewall can do that too.
    Reset,
}

/// What one member reports to the leader about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Its process has ended.
    Proven {
        /// Why that is known.
        proof: Proof,
        /// For how long it was not heard before the report was sent.
        silent: Duration,
    },
    /// It is not heard.
    Silent {
        /// For how long it was not heard before the report was sent.
        silent: Duration,
    },
    /// It is heard (again).
    Heard,
}

impl Evidence {
    /// For how long it was not heard; `None` when it is.
    #[must_use]
    pub const fn silent(self) -> Option<Duration> {
        match self {
            Evidence::Proven { silent, .. } | Evidence::Silent { silent } => Some(silent),
            Evidence::Heard => None,
        }
    }

    /// The proof, if there is one.
    #[must_use]
    pub const fn proof(self) -> Option<Proof> {
        match self {
            Evidence::Proven { proof, .. } => Some(proof),
            Evidence::Silent { .. } | Evidence::Heard => None,
        }
    }
}
