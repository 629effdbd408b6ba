//! Where the effects of replicas go.

use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Epoch, ServiceId, StepChange};
use grid_core::replication::{Effect, Message};

/// Something that another member has to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The member.
    pub member: MemberId,
    /// Its number among the events between the two members.
    pub number: u64,
}

/// Where the effects of replicas go. None of these may wait, nor lock a partition.
pub trait Outlet: Send + Sync {
    /// Tells listeners of a change that is acknowledged: those at other members, and those at this one if `here`. Called with
    /// the partition locked, in the order of changes. `place` is the partition, with the epoch in which it began empty. Adds
    /// what other members have to hear of to `awaited`.
    fn publish(
        &self,
        place: (ServiceId, PartitionId, Epoch),
        effect: &Effect,
        here: bool,
        awaited: &mut Vec<Awaited>,
    );

    /// Whether another member has heard of something, or is not waited for any longer. Called with the partition locked.
    fn is_heard(&self, awaited: Awaited) -> bool;

    /// Sends a message to another replica of the partition. Called with the partition locked, in order. A message that
    /// cannot be sent is dropped: what is missing is found out when the next connection begins.
    fn send(&self, to: MemberId, service: ServiceId, partition: PartitionId, message: &Message);

    /// Proposes a change of the replica set that has this epoch.
    fn propose(&self, service: ServiceId, partition: PartitionId, epoch: Epoch, change: StepChange);

    /// Whether this member may serve now: it has a lease, or needs none.
    fn may_serve(&self) -> bool;
}
