//! A request is done once, however often it comes: a value that one request writes is written by one change.

use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::store::{CacheId, Sequence};

use crate::simulation::client::{COUNTER_KEYS, REGISTER_KEYS};
use crate::simulation::serving::number_in;
use crate::simulation::world::{REGISTERS, World};

impl World {
    /// To be called with every change that is told.
    pub(super) fn check_once(
        &mut self,
        at: (PartitionId, Epoch, Sequence),
        cache: CacheId,
        key: &[u8],
        value: Option<u64>,
    ) {
        let counters = REGISTER_KEYS..REGISTER_KEYS + COUNTER_KEYS;
        let Some(value) = value.filter(|_| cache != REGISTERS || !counters.contains(&number_in(key))) else {
            return;
        };
        let first = *self.oracle.written.entry(value).or_insert(at);
        // What was lost with all its copies may be done again.
        if first != at && first.1 == at.1 {
            let what = format!("value {value} was written by {first:?} and again by {at:?}");
            self.oracle.fail("once", what);
        }
    }
}
