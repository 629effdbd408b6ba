//! At most one member with a lease serves a partition at any time.

use crate::simulation::world::World;

impl World {
    /// To be called when a lease was granted or a role changed.
    pub(in crate::simulation) fn check_one_primary(&mut self) {
        for partition in self.count.all() {
            let serving = |slot: &usize| {
                let process = &self.processes[*slot];
                process.is_alive && process.replicas[partition.index()].serves() && self.has_lease(*slot)
            };
            let mut serve = (0..self.processes.len()).filter(serving);
            if let (Some(one), Some(other)) = (serve.next(), serve.next()) {
                let what = format!("{one} and {other} both serve {partition} with a lease");
                self.oracle.fail("one_primary", what);
                return;
            }
        }
    }
}
