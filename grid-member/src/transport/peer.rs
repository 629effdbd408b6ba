//! Who this member is, and who others say that they are.

use std::net::SocketAddr;

use grid_core::membership::{ClusterId, Generation, HostId, MemberId, ProcessId};
use grid_core::partition::PartitionCount;
use grid_proto::member::{Hello, Lane, VERSIONS};

/// What this member says about itself in every handshake. It changes when the member joins a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the cluster that it is for, at most 255 bytes.
    pub cluster_name: String,
    /// The cluster that it belongs to, if it does yet.
    pub cluster: Option<ClusterId>,
    /// The generation of the control group that it knows.
    pub generation: Generation,
    /// This run of the program.
    pub process: ProcessId,
    /// The kernel and network namespace.
    pub host: HostId,
    /// Its number, if it is a member.
    pub member: Option<MemberId>,
    /// The version of the program, at most 255 bytes.
    pub program_version: String,
    /// Where others reach it. `None`: where it listens, and if that is every address, the one of the connection.
    pub advertised: Option<SocketAddr>,
    /// How many partitions its caches have.
    pub partitions: PartitionCount,
}

impl Identity {
    pub(super) fn hello(&self, lane: Lane, wall_ms: u64, listen: SocketAddr) -> Hello {
        Hello {
            versions: VERSIONS,
            lane,
            cluster_name: self.cluster_name.clone(),
            cluster: self.cluster.map(ClusterId::get),
            generation: self.generation.get(),
            process: self.process.get(),
            host: self.host.get(),
            member: self.member.map(MemberId::get),
            program_version: self.program_version.clone(),
            wall_ms,
            listen: self.advertised.unwrap_or(listen),
            partition_count: self.partitions.get(),
        }
    }
}

/// Who is at the other end of a connection, as it said itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its cluster, if it belongs to one. Never another than this member's.
    pub cluster: Option<ClusterId>,
    /// The generation of the control group that it knows.
    pub generation: Generation,
    /// The run of its program.
    pub process: ProcessId,
    /// The kernel and network namespace that it runs in.
    pub host: HostId,
    /// Its number, if it is a member.
    pub member: Option<MemberId>,
    /// The version of its program.
    pub program_version: String,
    /// Where it says that others reach it.
    pub listen: SocketAddr,
    /// The other end of the connection: what was dialled, or where the dialer's socket is.
    pub remote: SocketAddr,
    /// What the connection is for.
    pub lane: Lane,
    /// The version of the protocol that both speak.
    pub protocol: u16,
    /// The number of the connection: no two of a transport have the same.
    pub connection: u64,
}
