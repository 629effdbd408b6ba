//! What follows from the state that the members agreed on, and from nothing else.

use std::collections::BTreeMap;

use grid_core::control::ControlState;
use grid_core::membership::{Member, MemberId, MemberPhase};
use grid_core::partition::assignment::{PartitionCounts, Progress, StatusHa as HowSafe, plan, status_ha};
use grid_core::partition::table::{ServiceId, ServiceTable};

use super::detail::{MemberDetail, PartitionDetail, ServiceDetail};
use super::info::{ClusterInfo, MemberInfo, PartitionsInfo};

/// The answer to `GET /cluster`.
#[must_use]
pub fn cluster_info(state: &ControlState, leader: Option<MemberId>) -> ClusterInfo {
    let counts = partition_counts(state);
    ClusterInfo {
        name: state.identity().name.clone(),
        members: state.members().values().map(member_info).collect(),
        partitions: PartitionsInfo {
            // Without any service there are partitions of none yet, but their number is known.
            count: if state.services().is_empty() {
                usize::from(state.partition_count().get())
            } else {
                counts.count
            },
            unassigned: counts.unassigned,
            endangered: counts.endangered,
            moving: counts.moving,
        },
        status_ha: how_safe(state).into(),
        leader: leader.map(MemberId::get),
        epoch: state.index(),
    }
}

/// Whether any one member could be stopped without a loss.
#[must_use]
pub fn is_safe(state: &ControlState) -> bool {
    let counts = partition_counts(state);
    let backed_up = state.services().values().any(|service| service.backups.get() > 0);
    let storage = state
        .members()
        .values()
        .filter(|member| member.info.storage)
        .count();
    let as_safe_as_can_be = !backed_up || storage <= 1 || how_safe(state) >= HowSafe::NodeSafe;
    counts.unassigned == 0 && counts.endangered == 0 && as_safe_as_can_be
}

/// The numbers of partitions of all services.
pub(super) fn partition_counts(state: &ControlState) -> PartitionCounts {
    let mut counts = PartitionCounts::default();
    for service in state.services().values() {
        counts += PartitionCounts::of(service, state.members());
    }
    counts
}

fn how_safe(state: &ControlState) -> HowSafe {
    status_ha(state.services().values(), state.members())
}

/// The word for how far a member is.
fn state_of(member: &Member) -> String {
    let word = match member.phase {
        MemberPhase::Joining => "joining",
        MemberPhase::Ready => "active",
        MemberPhase::Draining => "leaving",
    };
    word.to_owned()
}

fn member_info(member: &Member) -> MemberInfo {
    MemberInfo {
        id: member.id.get(),
        name: member.info.name.clone(),
        address: member.info.address.to_string(),
        zone: member.info.location.zone.clone(),
        machine: member.info.location.machine.clone(),
        state: state_of(member),
        storage: member.info.storage,
    }
}

/// The members, with what each holds.
#[must_use]
pub fn member_details(
    state: &ControlState,
    me: Option<MemberId>,
    leader: Option<MemberId>,
) -> Vec<MemberDetail> {
    let (mut primaries, mut backups) = (BTreeMap::new(), BTreeMap::new());
    for assignment in state.services().values().flat_map(|service| &service.assignments) {
        if let Some(primary) = assignment.primary {
            *primaries.entry(primary).or_insert(0) += 1;
        }
        for backup in &assignment.backups {
            *backups.entry(*backup).or_insert(0) += 1;
        }
    }
    let held = |of: &BTreeMap<MemberId, usize>, member| of.get(&member).copied().unwrap_or(0);
    let details = state.members().values().map(|member| {
        let info = &member.info;
        MemberDetail {
            id: member.id.get(),
            name: info.name.clone(),
            address: info.address.to_string(),
            grpc: info.grpc.map(|address| address.to_string()),
            http: info.http.map(|address| address.to_string()),
            zone: info.location.zone.clone(),
            rack: info.location.rack.clone(),
            machine: info.location.machine.clone(),
            role: info.role.clone(),
            state: state_of(member),
            storage: info.storage,
            weight: info.weight,
            version: info.version.clone(),
            leader: leader == Some(member.id),
            answers: me == Some(member.id),
            primaries: held(&primaries, member.id),
            backups: held(&backups, member.id),
        }
    });
    details.collect()
}

/// Who holds which partition, by service.
#[must_use]
pub fn service_details(state: &ControlState) -> Vec<ServiceDetail> {
    state.services().values().map(service_detail).collect()
}

fn service_detail(service: &ServiceTable) -> ServiceDetail {
    let ids = |members: &[MemberId]| members.iter().map(|member| member.get()).collect();
    let partitions = service
        .partitions()
        .map(|(partition, assignment)| PartitionDetail {
            number: partition.index(),
            epoch: assignment.epoch.get(),
            primary: assignment.primary.map(MemberId::get),
            backups: ids(&assignment.backups),
            joining: ids(&assignment.joining),
            lost: assignment.lost,
            waits_for: assignment.last.iter().map(|last| last.member.get()).collect(),
        });
    ServiceDetail {
        service: service.name.clone(),
        backups: service.backups.get(),
        partitions: partitions.collect(),
    }
}

/// What is needed to tell how far the partitions are from where they should be. A copy, so that it can be looked at
/// without holding the state.
#[derive(Debug)]
pub(super) struct Tables {
    services: BTreeMap<ServiceId, ServiceTable>,
    members: BTreeMap<MemberId, Member>,
}

impl Tables {
    pub(super) fn of(state: &ControlState) -> Self {
        Tables {
            services: state.services().clone(),
            members: state.members().clone(),
        }
    }

    /// What is left to do, and the copies under way.
    pub(super) fn progress(&self) -> (Progress, usize) {
        let (mut progress, mut under_way) = (Progress::default(), 0);
        for service in self.services.values() {
            progress += Progress::of(service, &plan(service, &self.members));
            let joining = service
                .assignments
                .iter()
                .map(|assignment| assignment.joining.len());
            under_way += joining.sum::<usize>();
        }
        (progress, under_way)
    }
}
