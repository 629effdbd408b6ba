//! Where the effects of replicas go.

use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Epoch, ServiceId, StepChange};
use grid_core::replication::{Effect, Message};

/// Where the effects of replicas go. None of these may wait, nor lock a partition.
pub trait Outlet: Send + Sync {
    /// Tells listeners of a change that is acknowledged. Called with the partition locked, in the order of changes.
    fn publish(&self, service: ServiceId, partition: PartitionId, effect: &Effect);

    /// Sends a message to another replica of the partition. Called with the partition locked, in order. A message that
    /// cannot be sent is dropped: what is missing is found out when the next connection begins.
    fn send(&self, to: MemberId, service: ServiceId, partition: PartitionId, message: &Message);

    /// Proposes a change of the replica set that has this epoch.
    fn propose(&self, service: ServiceId, partition: PartitionId, epoch: Epoch, change: StepChange);

    /// Whether this member may serve now: it has a lease, or needs none.
    fn may_serve(&self) -> bool;
}
