//! What operators see of the cluster.

use grid_member::Grid;
use grid_member::cache::CacheInfo;
use serde::Serialize;

/// How well the cluster stands the loss of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum StatusHa {
    /// The loss of one process may lose data.
    Endangered,
    /// Any one process can be lost.
    NodeSafe,
    /// Any one machine can be lost.
    MachineSafe,
    /// Any one rack can be lost.
    RackSafe,
    /// Any one site (zone) can be lost.
    SiteSafe,
}

/// A member as `GET /cluster` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberInfo {
    /// Its number, given by the cluster and never used again.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it is reached, HOST:PORT. While members have no transport among them: where applications reach it.
    pub address: String,
    /// Its zone, empty when none was configured.
    pub zone: String,
    /// The machine that it runs on.
    pub machine: String,
    /// What it does: `active`, or `leaving` while it drains.
    pub state: &'static str,
    /// Whether it holds data.
    pub storage: bool,
}

/// The partitions as `GET /cluster` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionsInfo {
    /// How many there are.
    pub count: u64,
    /// How many no member holds.
    pub unassigned: u64,
    /// How many have fewer copies than they should.
    pub endangered: u64,
    /// How many are on their way from one member to another.
    pub moving: u64,
}

/// The answer to `GET /cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterInfo {
    /// The name of the cluster.
    pub name: String,
    /// Its members.
    pub members: Vec<MemberInfo>,
    /// Its partitions.
    pub partitions: PartitionsInfo,
    /// The worst of all services that keep backups.
    pub status_ha: StatusHa,
    /// The id of the member that leads.
    pub leader: u64,
    /// Counts the changes of the partition table.
    pub epoch: u64,
}

/// What `/health` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The process has come up.
    pub started: bool,
    /// It works; if not, it should be killed.
    pub live: bool,
    /// It takes requests; if not, they should go elsewhere.
    pub ready: bool,
    /// Stopping another member now would lose nothing: no partition is unassigned, moves, or has fewer copies than
    /// the members there are can hold. A single member can hold no second copy, so that it has none is not unsafe.
    pub safe: bool,
}

/// What the HTTP edge asks the member.
pub trait ClusterView: Send + Sync + 'static {
    /// The cluster.
    fn cluster(&self) -> ClusterInfo;
    /// The caches, by name.
    fn caches(&self) -> Vec<CacheInfo>;
    /// The health of this member.
    fn health(&self) -> Health;
}

/// Who this member is, as configured.
#[derive(Clone, Debug)]
pub struct MemberIdentity {
    /// See [`MemberInfo::address`].
    pub address: String,
    /// See [`MemberInfo::zone`].
    pub zone: String,
    /// See [`MemberInfo::machine`].
    pub machine: String,
}

/// The view of a cluster of one: this member.
#[derive(Debug)]
pub struct SingleMember {
    grid: Grid,
    identity: MemberIdentity,
}

impl SingleMember {
    /// The number of the only member.
    const ID: u64 = 1;
    /// The partition table of a single member never changes.
    const EPOCH: u64 = 1;

    /// The view of this member.
    #[must_use]
    pub fn new(grid: Grid, identity: MemberIdentity) -> Self {
        SingleMember { grid, identity }
    }

    fn stopping(&self) -> bool {
        self.grid.supervisor().token().is_cancelled()
    }
}

impl ClusterView for SingleMember {
    fn cluster(&self) -> ClusterInfo {
        let count = u64::from(self.grid.partition_count());
        ClusterInfo {
            name: self.grid.cluster_name().to_owned(),
            members: vec![MemberInfo {
                id: Self::ID,
                name: self.grid.member_name().to_owned(),
                address: self.identity.address.clone(),
                zone: self.identity.zone.clone(),
                machine: self.identity.machine.clone(),
                state: if self.stopping() { "leaving" } else { "active" },
                storage: true,
            }],
            partitions: PartitionsInfo {
                count,
                unassigned: 0,
                endangered: count,
                moving: 0,
            },
            status_ha: StatusHa::Endangered,
            leader: Self::ID,
            epoch: Self::EPOCH,
        }
    }

    fn caches(&self) -> Vec<CacheInfo> {
        self.grid.caches()
    }

    fn health(&self) -> Health {
        // The member stops its tasks when it is told to, or when one that it cannot do without has failed.
        let up = !self.stopping();
        Health {
            started: true,
            live: up,
            ready: up,
            safe: up,
        }
    }
}
