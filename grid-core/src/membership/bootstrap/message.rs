//! What members without a cluster tell each other.

use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::membership::{ClusterId, ProcessId};

/// The place of a member among those that could start a cluster: the lowest address comes first. Two that say the same
/// address, which is a mistake in their settings, are told apart by their processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rank {
    /// Where other members reach it, as it says itself.
    pub address: SocketAddr,
    /// Its process.
    pub process: ProcessId,
}

/// A process of which something was seen: what its handshake or announcement said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who it is.
    pub rank: Rank,
    /// The cluster that it belongs to.
    pub belongs_to: Option<ClusterId>,
}

/// A message between two members without a cluster. All may be lost, doubled, and overtake each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootstrapMessage {
    /// "Promise that I may start the cluster." Sent again until it is answered.
    Ask {
        /// Which attempt of this candidate.
        round: u64,
    },
    /// "You may, as far as I am concerned; I let nobody else until you release me." Sent again while it holds.
    Promise {
        /// The attempt that was asked for.
        round: u64,
        /// Whether an earlier candidate vanished without releasing this member, and may have started a cluster.
        tainted: bool,
    },
    /// "No: this one comes first."
    Deny {
        /// The attempt that was asked for.
        round: u64,
        /// Whom it holds a promise for, or waits for.
        holder: Rank,
    },
    /// "I will not start a cluster with promises for this attempt or any before it."
    Release {
        /// The last attempt that was given up.
        round: u64,
    },
    /// "I belong to this cluster." Told to all when it becomes so, and to whoever asks or promises later.
    Belongs {
        /// Which.
        cluster: ClusterId,
    },
}
