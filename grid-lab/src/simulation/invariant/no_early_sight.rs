//! What was read or told as an event is what the partition's history has: no two are told different changes of one
//! number. What was seen before it was acknowledged, and then lost, would be.

use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::store::{CacheId, Sequence};
use grid_core::value::Key;

use crate::simulation::group::SERVICE;
use crate::simulation::world::World;

impl World {
    /// To be called with what a member reads.
    pub(in crate::simulation) fn seen(
        &mut self,
        slot: usize,
        partition: PartitionId,
        version: Sequence,
        cache: CacheId,
        key: &Key,
        value: u64,
    ) {
        let view = self.processes[slot].view.as_ref();
        let assignment = view.and_then(|view| view.assignment(SERVICE, partition));
        let Some(placed) = assignment.map(|assignment| assignment.placed) else {
            return;
        };
        // What is read here is shown later, if at all: it counts when it is in the history.
        let at = (partition, placed, version);
        if let Some((of, known, told)) = self.oracle.seen.get(&at)
            && (*of, known.as_slice(), *told) != (cache, key.spelling().bytes().as_ref(), Some(value))
            && self.has_lease(slot)
        {
            let what = format!(
                "{partition} {version} was told as {told:?} of {of:?}, and read as {value} of {cache:?}"
            );
            self.oracle.fail("no_early_sight", what);
        }
    }

    /// To be called with what is told, or there in the end.
    pub(super) fn note_seen(
        &mut self,
        (partition, placed, sequence): (PartitionId, Epoch, Sequence),
        cache: CacheId,
        key: &[u8],
        value: Option<u64>,
    ) {
        let at = (partition, placed, sequence);
        let seen = (cache, key.to_vec(), value);
        let known = self.oracle.seen.entry(at).or_insert_with(|| seen.clone());
        if *known != seen {
            let what = format!("{partition} {sequence} was told as {known:?} and as {seen:?}");
            self.oracle.fail("no_early_sight", what);
        }
    }
}
