//! The cluster as clients are told of it.

use bytes::Bytes;
use grid_core::control::ControlState;
use grid_core::membership::{Member, MemberId};
use grid_core::partition::table::ServiceTable;
use grid_proto::girih;

/// The cluster as clients are told of it.
#[must_use]
pub fn topology_of(state: &ControlState) -> girih::Topology {
    girih::Topology {
        cluster_id: Bytes::copy_from_slice(&state.identity().id.get().to_be_bytes()),
        generation: state.generation().get(),
        index: state.index(),
        partition_count: u32::from(state.partition_count().get()),
        members: state.members().values().map(member_of).collect(),
        services: state.services().values().map(service_of).collect(),
    }
}

fn member_of(member: &Member) -> girih::Member {
    let info = &member.info;
    girih::Member {
        id: member.id.get(),
        grpc_address: info.grpc.map(|address| address.to_string()).unwrap_or_default(),
        name: info.name.clone(),
        zone: info.location.zone.clone(),
        machine: info.location.machine.clone(),
    }
}

fn service_of(service: &ServiceTable) -> girih::Service {
    let primary = |primary: Option<MemberId>| primary.map_or(0, MemberId::get);
    girih::Service {
        id: u32::from(service.id.get()),
        primaries: service
            .assignments
            .iter()
            .map(|assignment| primary(assignment.primary))
            .collect(),
    }
}
