//! What whoever uses a member is told of its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use grid_core::control::{ControlState, Delta};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Assignment, Epoch, ServiceId};
use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many events wait for a subscriber that does not take them.
const WAITING_MAX: usize = 1_024;

/// Something that happened to the cluster, as this member was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterEvent {
    /// A member came in.
    MemberJoined(MemberId),
    /// A member is no longer in: it left, died or was cut off.
    MemberLeft(MemberId),
    /// The last copies of partitions are gone with their members. Their entries are lost, and what they had is refused, until
    /// one of the members comes back with its copy or the loss is accepted.
    PartitionsLost {
        /// The service whose partitions they are.
        service: String,
        /// Which, in order.
        partitions: Vec<PartitionId>,
    },
    /// The members with the last copies of partitions are cut off. Their entries are refused until one of them is back.
    PartitionsOutOfReach {
        /// The service whose partitions they are.
        service: String,
        /// Which, in order.
        partitions: Vec<PartitionId>,
    },
    /// Partitions that were lost or out of reach are back, with all their entries.
    PartitionsBack {
        /// The service whose partitions they are.
        service: String,
        /// Which, in order.
        partitions: Vec<PartitionId>,
    },
    /// The entries of partitions were given up: they begin anew, empty.
    LossAccepted {
        /// The service whose partitions they are.
        service: String,
        /// Which, in order.
        partitions: Vec<PartitionId>,
    },
    /// The subscriber did not take events fast enough: this many are missing here.
    Missed(u64),
}

/// The events of a cluster from when it was made on. Others that subscribe get each event too.
#[derive(Debug)]
pub struct ClusterEvents(broadcast::Receiver<ClusterEvent>);

impl ClusterEvents {
    /// The next event; `None` when the member has stopped. A dropped future loses nothing.
    pub async fn next(&mut self) -> Option<ClusterEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(ClusterEvent::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// How it is with the entries of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Health {
    #[default]
    Fine,
    OutOfReach,
    Lost,
}

impl Health {
    fn of(assignment: &Assignment) -> Self {
        if assignment.lost {
            Health::Lost
        } else if assignment.is_missing() {
            Health::OutOfReach
        } else {
            Health::Fine
        }
    }
}

/// How it is with a partition, and when what it has began empty.
fn standing(assignment: &Assignment) -> (Health, Epoch) {
    let placed = if assignment.is_free() {
        Epoch::ZERO
    } else {
        assignment.placed
    };
    (Health::of(assignment), placed)
}

/// Whether entries were given up in between: the partition had some, and does not have them any more.
fn is_given_up(before: Epoch, now: Epoch) -> bool {
    before != Epoch::ZERO && before != now
}

/// Compares what is agreed with what was before, and tells the difference.
pub(super) struct Newsroom {
    known: Mutex<Known>,
    told: broadcast::Sender<ClusterEvent>,
}

#[derive(Default)]
struct Known {
    members: BTreeSet<MemberId>,
    /// Each partition's health, and when it was given out empty the last time; zero while it is not given out.
    partitions: BTreeMap<ServiceId, Vec<(Health, Epoch)>>,
}

impl Default for Newsroom {
    fn default() -> Self {
        Newsroom {
            known: Mutex::default(),
            told: broadcast::Sender::new(WAITING_MAX),
        }
    }
}

impl Newsroom {
    /// The events from now on.
    pub(super) fn subscribe(&self) -> ClusterEvents {
        ClusterEvents(self.told.subscribe())
    }

    /// The services with partitions that have begun anew in a change that is not told yet: their entries were given up, and
    /// there may be others already.
    pub(super) fn begun_anew(&self, state: &ControlState, delta: &Delta) -> BTreeSet<ServiceId> {
        let known = self.known.lock();
        let begun = delta.partitions.iter().filter(|(service, partition)| {
            let known = known.partitions.get(service);
            let before = known.and_then(|known| known.get(partition.index()));
            let now = state.assignment(*service, *partition).map(standing);
            match (before, now) {
                (Some((_, before)), Some((_, now))) => now != Epoch::ZERO && is_given_up(*before, now),
                _ => false,
            }
        });
        begun.map(|(service, _)| *service).collect()
    }

    /// Tells what a change came to. Gives the services of which entries were given up.
    pub(super) fn observe(&self, state: &ControlState, delta: &Delta) -> BTreeSet<ServiceId> {
        let mut known = self.known.lock();
        let mut events = Vec::new();
        if delta.members {
            let now: BTreeSet<MemberId> = state.members().keys().copied().collect();
            events.extend(
                known
                    .members
                    .difference(&now)
                    .copied()
                    .map(ClusterEvent::MemberLeft),
            );
            events.extend(
                now.difference(&known.members)
                    .copied()
                    .map(ClusterEvent::MemberJoined),
            );
            known.members = now;
        }
        let given_up = known.partitions_changed(state, delta, &mut events);
        for event in events {
            if let ClusterEvent::PartitionsLost { service, partitions } = &event {
                let partitions: Vec<_> = partitions.iter().map(|partition| partition.index()).collect();
                tracing::error!(
                    service,
                    ?partitions,
                    "the last copies of partitions are gone with their members, and their entries are lost; what they had \
                     is refused until one of the members comes back with it or the loss is accepted: grid cluster accept-loss"
                );
            }
            // Nobody may want to know.
            let _listeners = self.told.send(event);
        }
        given_up
    }
}

impl Known {
    fn partitions_changed(
        &mut self,
        state: &ControlState,
        delta: &Delta,
        events: &mut Vec<ClusterEvent>,
    ) -> BTreeSet<ServiceId> {
        let mut changed: BTreeMap<ServiceId, BTreeSet<PartitionId>> = BTreeMap::new();
        for (service, partition) in &delta.partitions {
            changed.entry(*service).or_default().insert(*partition);
        }
        let mut given_up = BTreeSet::new();
        for (id, partitions) in changed {
            let Some(table) = state.services().get(&id) else {
                continue;
            };
            let known = self.partitions.entry(id).or_default();
            known.resize(table.assignments.len(), Default::default());
            let (mut lost, mut out_of_reach, mut back, mut emptied) = (vec![], vec![], vec![], vec![]);
            for partition in partitions {
                let (Some(assignment), Some(known)) = (
                    table.assignments.get(partition.index()),
                    known.get_mut(partition.index()),
                ) else {
                    continue;
                };
                let (before, now) = (
                    std::mem::replace(known, standing(assignment)),
                    standing(assignment),
                );
                // Of a whole state it may be all that is seen: that it was lost in between was not.
                let given_up = is_given_up(before.1, now.1);
                if given_up {
                    emptied.push(partition);
                }
                match (before.0, now.0) {
                    (before, now) if before == now => {}
                    (_, Health::Lost) => lost.push(partition),
                    (_, Health::OutOfReach) => out_of_reach.push(partition),
                    (_, Health::Fine) if given_up => {}
                    (_, Health::Fine) => back.push(partition),
                }
            }
            if !emptied.is_empty() {
                given_up.insert(id);
            }
            type Event = fn(String, Vec<PartitionId>) -> ClusterEvent;
            let kinds: [(Vec<PartitionId>, Event); 4] = [
                (lost, |service, partitions| ClusterEvent::PartitionsLost {
                    service,
                    partitions,
                }),
                (out_of_reach, |service, partitions| {
                    ClusterEvent::PartitionsOutOfReach { service, partitions }
                }),
                (back, |service, partitions| ClusterEvent::PartitionsBack {
                    service,
                    partitions,
                }),
                (emptied, |service, partitions| ClusterEvent::LossAccepted {
                    service,
                    partitions,
                }),
            ];
            for (partitions, event) in kinds {
                if !partitions.is_empty() {
                    events.push(event(table.name.clone(), partitions));
                }
            }
        }
        given_up
    }
}

impl fmt::Debug for Newsroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newsroom")
            .field("subscribers", &self.told.receiver_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "news_test.rs"]
mod tests;
