//! When the entries of lost partitions are given up without an operator.

use std::collections::BTreeMap;
use std::time::Duration;

use grid_core::control::{Command, ControlState};
use grid_core::membership::Moment;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Epoch, ServiceId};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long each partition has been lost, as far as this leader knows. A new leader begins to count anew: losses are given up
/// rather late than early.
#[derive(Debug, Default)]
pub(super) struct Losses {
    since: BTreeMap<(ServiceId, PartitionId, Epoch), Moment>,
    next_look: Option<Moment>,
}

impl Losses {
    /// The commands that give up what has been lost for so long.
    pub(super) fn due(&mut self, state: &ControlState, now: Moment, after: Duration) -> Vec<Command> {
        if self.next_look.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next_look = Some(now.after(LOOK_EVERY));
        let mut since = BTreeMap::new();
        let mut due: BTreeMap<ServiceId, Vec<(PartitionId, Epoch)>> = BTreeMap::new();
        for (service, table) in state.services() {
            let lost = table.partitions().filter(|(_, assignment)| assignment.lost);
            for (partition, assignment) in lost {
                let key = (*service, partition, assignment.epoch);
                let first = *self.since.get(&key).unwrap_or(&now);
                since.insert(key, first);
                if now.since(first) >= after {
                    due.entry(*service)
                        .or_default()
                        .push((partition, assignment.epoch));
                }
            }
        }
        self.since = since;
        due.into_iter()
            .map(|(service, partitions)| Command::AcceptLoss { service, partitions })
            .collect()
    }
}
