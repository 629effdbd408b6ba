//! What was acknowledged is there in the end: each inserted key is in its partition, unless the partition was lost with
//! all its copies.

use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;

use crate::simulation::client::key;
use crate::simulation::group::SERVICE;
use crate::simulation::world::{INSERTS, World};

impl World {
    pub(super) fn check_durable(&mut self) {
        let missing: Vec<u64> = self
            .oracle
            .inserted
            .iter()
            .copied()
            .filter(|number| !self.is_there(*number))
            .collect();
        if let Some(first) = missing.first() {
            let what = format!(
                "{} acknowledged entries are gone, the first is {first}",
                missing.len()
            );
            self.oracle.fail("durable", what);
        }
    }

    fn is_there(&self, number: u64) -> bool {
        let key = key(number);
        let partition = self.count.partition_of(key.placement());
        if self.oracle.is_lost(partition) {
            return true;
        }
        let primary = self
            .primary_of(partition)
            .and_then(|primary| self.homes.get(&primary));
        primary.is_some_and(|home| {
            let store = self.processes[home.slot].replicas[partition.index()].store();
            store.contains(self.time_of_day(home.slot), INSERTS, &key)
        })
    }

    fn primary_of(&self, partition: PartitionId) -> Option<MemberId> {
        self.group.state.assignment(SERVICE, partition)?.primary
    }
}
