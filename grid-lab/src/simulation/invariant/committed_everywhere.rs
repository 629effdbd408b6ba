//! A record is acknowledged only when every member of the agreed replica set has it.

use grid_core::partition::PartitionId;
use grid_core::replication::RoleKind;

use crate::simulation::group::SERVICE;
use crate::simulation::world::World;

impl World {
    /// To be called when a replica counts more records as acknowledged than before.
    pub(in crate::simulation) fn check_committed(&mut self, slot: usize, partition: PartitionId) {
        let replica = &self.processes[slot].replicas[partition.index()];
        if replica.role() != RoleKind::Primary {
            return;
        }
        let committed = replica.committed();
        let Some(assignment) = self.group.state.assignment(SERVICE, partition) else {
            return;
        };
        if assignment.epoch != replica.epoch() {
            // What it knows of was agreed before; its backups were asked then.
            return;
        }
        let lacking = assignment.backups.iter().find(|backup| {
            self.homes.get(backup).is_some_and(|home| {
                self.is_running(*home)
                    && self.processes[home.slot].member == Some(**backup)
                    && self.processes[home.slot].replicas[partition.index()].last() < committed
            })
        });
        if let Some(lacking) = lacking {
            let what =
                format!("{partition}{committed} counts as acknowledged, and {lacking} does not have it");
            self.oracle.fail("committed_everywhere", what);
        }
    }
}
