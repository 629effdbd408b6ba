//! A partition is given out empty only when it is new, or when its loss was accepted.

use grid_core::control::{Command, ControlState, Delta};

use crate::simulation::group::SERVICE;
use crate::simulation::world::World;

impl World {
    /// To be called when something was agreed.
    pub(in crate::simulation) fn check_agreed(
        &mut self,
        before: &ControlState,
        command: &Command,
        delta: &Delta,
    ) {
        if let Command::AcceptLoss { partitions, .. } = command {
            let partitions = partitions.iter().map(|(partition, _epoch)| *partition);
            self.oracle.accepted.extend(partitions);
        }
        for (_, partition) in &delta.partitions {
            let (Some(old), Some(new)) = (
                before.assignment(SERVICE, *partition),
                self.group.state.assignment(SERVICE, *partition),
            ) else {
                continue;
            };
            if new.lost {
                self.oracle.lost.insert(*partition);
            }
            let shrinks = new.epoch < old.epoch || new.placed < old.placed;
            let begins = new.placed != old.placed;
            let may_begin = !begins || old.epoch.get() == 0 || self.oracle.accepted.remove(partition);
            if shrinks || !may_begin {
                let what = format!("{partition} was given out empty: {old:?} became {new:?}");
                self.oracle.fail("never_empty", what);
            }
        }
    }
}
