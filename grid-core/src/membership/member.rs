//! A member and what it says about itself.

use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{HostId, MemberId, ProcessId};

/// Where a member is, from the widest domain of failure to the narrowest. An empty name is a domain of its own, the
/// same for all members that give none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The zone (a site).
    pub zone: String,
    /// The rack in the zone.
    pub rack: String,
    /// The machine in the rack.
    pub machine: String,
}

/// What a member says about itself when it joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// The process.
    pub process: ProcessId,
    /// The kernel and network namespace that it runs in, as far as it is known.
    pub host: HostId,
    /// Its name, for people.
    pub name: String,
    /// Where other members reach it.
    pub address: SocketAddr,
    /// Where gRPC clients reach it, if it serves them.
    pub grpc: Option<SocketAddr>,
    /// Where its HTTP port is, if it has one.
    pub http: Option<SocketAddr>,
    /// Where it is.
    pub location: Location,
    /// What it is for, in the operator's words.
    pub role: String,
    /// Whether it holds partitions.
    pub storage: bool,
    /// How many partitions it takes compared to others; 100 is usual.
    pub weight: u32,
    /// The version of the program.
    pub version: String,
}

/// How far a member is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberPhase {
    /// It is in, and does not take primaries yet: not all others have told it what they listen to.
    Joining,
    /// It takes part.
    Ready,
    /// It hands its partitions over and will leave.
    Draining,
}

/// A member of the cluster, as the control group knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its number.
    pub id: MemberId,
    /// What it said about itself.
    pub info: MemberInfo,
    /// How far it is.
    pub phase: MemberPhase,
}

impl Member {
    /// Whether partitions may be given to it.
    #[must_use]
    pub fn takes_partitions(&self) -> bool {
        self.info.storage && self.phase != MemberPhase::Draining
    }
}
