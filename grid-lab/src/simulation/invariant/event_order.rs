//! Events of a partition come in the order of its changes, each at most once, while its primary stays.

use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::replication::Effect;

use crate::simulation::group::SERVICE;
use crate::simulation::serving::number_in;
use crate::simulation::world::World;

impl World {
    /// To be called with every event that a member tells.
    pub(in crate::simulation) fn told(&mut self, by: MemberId, partition: PartitionId, effect: &Effect) {
        let Some(placed) = self.placed_at(by, partition) else {
            return;
        };
        let sequence = effect.sequence();
        let last = self.oracle.told.insert((partition, by), (placed, sequence));
        if let Some((of, last)) = last
            && of == placed
            && sequence <= last
        {
            let what = format!("{by} told change {sequence} of {partition} after {last}");
            self.oracle.fail("event_order", what);
        }
        if let Some(change) = effect.change() {
            let value = change.new.as_ref().map(|value| number_in(value.bytes()));
            let at = (partition, placed, sequence);
            self.note_seen(at, change.cache, change.key.bytes(), value);
            self.check_once(at, change.cache, change.key.bytes(), value);
        }
    }

    /// Where the history of a member's copy began.
    fn placed_at(
        &self,
        member: MemberId,
        partition: PartitionId,
    ) -> Option<grid_core::partition::table::Epoch> {
        let home = self.homes.get(&member)?;
        let view = self.processes[home.slot].view.as_ref()?;
        Some(view.assignment(SERVICE, partition)?.placed)
    }
}
