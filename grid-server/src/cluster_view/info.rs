//! The answers to `GET /cluster` and `GET /health`.

use grid_core::partition::assignment;
use serde::{Deserialize, Serialize};

/// How well the cluster stands the loss of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

impl StatusHa {
    /// As a number for metrics: 0 is endangered, 4 safe against the loss of a site.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            StatusHa::Endangered => 0,
            StatusHa::NodeSafe => 1,
            StatusHa::MachineSafe => 2,
            StatusHa::RackSafe => 3,
            StatusHa::SiteSafe => 4,
        }
    }
}

impl From<assignment::StatusHa> for StatusHa {
    fn from(status: assignment::StatusHa) -> Self {
        match status {
            assignment::StatusHa::Endangered => StatusHa::Endangered,
            assignment::StatusHa::NodeSafe => StatusHa::NodeSafe,
            assignment::StatusHa::MachineSafe => StatusHa::MachineSafe,
            assignment::StatusHa::RackSafe => StatusHa::RackSafe,
            assignment::StatusHa::SiteSafe => StatusHa::SiteSafe,
        }
    }
}

/// A member as `GET /cluster` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Its number, given by the cluster and never used again.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where other members reach it, HOST:PORT.
    pub address: String,
    /// Its zone, empty when none was configured.
    pub zone: String,
    /// The machine that it runs on.
    pub machine: String,
    /// What it does: `joining`, `active`, or `leaving` while it drains.
    pub state: String,
    /// Whether it holds data.
    pub storage: bool,
}

/// The partitions as `GET /cluster` shows them: those of all services together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionsInfo {
    /// How many there are.
    pub count: usize,
    /// How many no member serves.
    pub unassigned: usize,
    /// How many have fewer copies than they should have and the members there are can hold.
    pub endangered: usize,
    /// How many are on their way from one member to another.
    pub moving: usize,
}

/// The answer to `GET /cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// The name of the cluster.
    pub name: String,
    /// Its members.
    pub members: Vec<MemberInfo>,
    /// Its partitions.
    pub partitions: PartitionsInfo,
    /// The worst of all services that keep backups.
    pub status_ha: StatusHa,
    /// The id of the member that leads, as far as it is known.
    pub leader: Option<u64>,
    /// Counts the changes of what the members agreed on.
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
    /// Any one member could be stopped now without a loss: every partition is served and has the copies that the members
    /// there are can hold. A single member can hold no second copy, so that it has none is not unsafe.
    pub safe: bool,
}
