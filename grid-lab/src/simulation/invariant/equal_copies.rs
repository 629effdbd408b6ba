//! The copies of a partition are the same when nothing moves: entries with their versions, the number of the last
//! change, the last record, and the outcomes of requests.

use std::collections::BTreeMap;

use grid_core::partition::PartitionId;
use grid_core::replication::Replica;
use grid_core::store::{Sequence, Timestamp};

use crate::simulation::group::SERVICE;
use crate::simulation::world::{CLEARED, INSERTS, REGISTERS, World};

type Entries = BTreeMap<(u32, Vec<u8>), (Vec<u8>, Sequence)>;

impl World {
    pub(super) fn check_equal_copies(&mut self) {
        for partition in self.count.all() {
            let Some(assignment) = self.group.state.assignment(SERVICE, partition) else {
                continue;
            };
            let copies: Vec<_> = assignment
                .replicas()
                .filter_map(|member| self.homes.get(&member))
                .map(|home| &self.processes[home.slot].replicas[partition.index()])
                .collect();
            let Some((first, others)) = copies.split_first() else {
                continue;
            };
            let different = others
                .iter()
                .find_map(|other| difference(partition, first, other));
            if let Some(what) = different {
                self.oracle.fail("equal_copies", what);
                return;
            }
        }
    }
}

fn entries(replica: &Replica<u64>) -> Entries {
    let mut entries = Entries::new();
    for cache in [REGISTERS, CLEARED, INSERTS] {
        replica.store().for_each(Timestamp::EPOCH, cache, |view| {
            let at = (cache.get(), view.key().to_vec());
            entries.insert(at, (view.value().to_vec(), view.version()));
        });
    }
    entries
}

fn difference(partition: PartitionId, one: &Replica<u64>, other: &Replica<u64>) -> Option<String> {
    let numbers = |replica: &Replica<u64>| (replica.epoch(), replica.last(), replica.store().sequence());
    if numbers(one) != numbers(other) {
        return Some(format!(
            "the copies of {partition} are at {:?} and {:?}",
            numbers(one),
            numbers(other)
        ));
    }
    let (left, right) = (entries(one), entries(other));
    if left != right {
        let only: Vec<_> = left
            .iter()
            .filter(|(key, value)| right.get(*key) != Some(value))
            .chain(right.iter().filter(|(key, value)| left.get(*key) != Some(value)))
            .take(4)
            .collect();
        return Some(format!("the copies of {partition} differ in {only:?}"));
    }
    let outcomes = |replica: &Replica<u64>| {
        let all = replica.window().all();
        let mut all: Vec<_> = all
            .map(|answered| (answered.id, answered.outcome.done, answered.outcome.existed))
            .collect();
        all.sort_unstable();
        all
    };
    // Each forgets by its own clock, so one may have less; what both have must be the same.
    let (left, right) = (outcomes(one), outcomes(other));
    let conflict = left
        .iter()
        .find(|outcome| right.iter().any(|of| of.0 == outcome.0 && of != *outcome));
    conflict.map(|conflict| format!("the copies of {partition} have different outcomes of {conflict:?}"))
}
