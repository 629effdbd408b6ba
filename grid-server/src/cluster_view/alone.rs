//! A member that is in no cluster with others.

use std::future::ready;
use std::time::Duration;

use futures::FutureExt;
use grid_core::partition::assignment::Progress;
use grid_member::Grid;
use grid_member::cache::CacheInfo;

use super::{
    ChangeError, ChangeFuture, ClusterFigures, ClusterInfo, ClusterView, Health, MemberDetail, MemberInfo,
    PartitionDetail, PartitionsInfo, Rebalance, ServiceDetail, StatusHa,
};

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
    fn cluster(&self) -> Option<ClusterInfo> {
        let count = usize::from(self.grid.partition_count());
        Some(ClusterInfo {
            name: self.grid.cluster_name().to_owned(),
            members: vec![MemberInfo {
                id: Self::ID,
                name: self.grid.member_name().to_owned(),
                address: self.identity.address.clone(),
                zone: self.identity.zone.clone(),
                machine: self.identity.machine.clone(),
                state: if self.stopping() { "leaving" } else { "active" }.to_owned(),
                storage: true,
            }],
            partitions: PartitionsInfo {
                count,
                unassigned: 0,
                // There is nobody who could have another copy.
                endangered: 0,
                moving: 0,
            },
            status_ha: StatusHa::Endangered,
            leader: Some(Self::ID),
            epoch: Self::EPOCH,
        })
    }

    fn figures(&self) -> ClusterFigures {
        ClusterFigures {
            leads: true,
            ..ClusterFigures::default()
        }
    }

    fn members(&self) -> Vec<MemberDetail> {
        let cluster = self.cluster();
        let members = cluster.into_iter().flat_map(|cluster| cluster.members);
        let detail = |member: MemberInfo| MemberDetail {
            id: member.id,
            name: member.name,
            grpc: Some(member.address.clone()),
            http: None,
            address: member.address,
            zone: member.zone,
            rack: String::new(),
            machine: member.machine,
            role: String::new(),
            state: member.state,
            storage: member.storage,
            weight: 100,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            leader: true,
            answers: true,
            primaries: usize::from(self.grid.partition_count()),
            backups: 0,
        };
        members.map(detail).collect()
    }

    fn partitions(&self) -> Vec<ServiceDetail> {
        let partitions = (0..usize::from(self.grid.partition_count())).map(|number| PartitionDetail {
            number,
            epoch: Self::EPOCH,
            primary: Some(Self::ID),
            backups: Vec::new(),
            joining: Vec::new(),
            lost: false,
            waits_for: Vec::new(),
        });
        vec![ServiceDetail {
            service: "partitioned".to_owned(),
            backups: 0,
            partitions: partitions.collect(),
        }]
    }

    fn rebalance(&self) -> Rebalance {
        Rebalance::new(Progress::default(), 0, Some(Duration::ZERO))
    }

    fn hand_over(&self) -> ChangeFuture<'_, ()> {
        // There is nobody to hand anything over to.
        ready(Ok(())).boxed()
    }

    fn drain(&self, _member: u64) -> ChangeFuture<'_, ()> {
        let text = "there is no other member that could take the partitions";
        ready(Err(ChangeError::Refused(text.to_owned()))).boxed()
    }

    fn accept_loss(&self, service: String, partitions: Option<Vec<usize>>) -> ChangeFuture<'_, Vec<usize>> {
        let nothing = partitions.unwrap_or_default();
        ready(match nothing.first() {
            None => Ok(nothing),
            Some(number) => Err(ChangeError::Refused(format!(
                "partition {number} of {service} is not lost; nothing was given up"
            ))),
        })
        .boxed()
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
