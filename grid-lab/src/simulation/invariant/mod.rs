//! What must hold. Each file is one promise.
//!
//! | promise | file |
//! |---|---|
//! | the answers about a key are those of one register | `linearizable` |
//! | what was acknowledged is there in the end | `durable` |
//! | a request is done once | `once` |
//! | the copies of a partition are the same when nothing moves | `equal_copies` |
//! | at most one member with a lease serves a partition | `one_primary` |
//! | a record is acknowledged only when the whole agreed replica set has it | `committed_everywhere` |
//! | what was read or told is what the partition's history has | `no_early_sight` |
//! | a partition is given out empty only when it is new or its loss was accepted | `never_empty` |
//! | events of a partition come in order, each at most once, while its primary stays | `event_order` |
//! | a cluster that is left alone serves everything with all its copies | `heals` |

mod committed_everywhere;
mod durable;
mod equal_copies;
mod event_order;
mod heals;
mod linearizable;
mod never_empty;
mod no_early_sight;
mod once;
mod one_primary;

use std::collections::{BTreeMap, BTreeSet};

use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::store::{CacheId, Sequence};

use crate::history::Operation;

use super::world::World;

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) invariant: &'static str,
    pub(super) what: String,
}

/// A write as it was seen: its cache, key and value.
type Seen = (CacheId, Vec<u8>, Option<u64>);

/// All that is remembered to judge a run.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    found: Option<Violation>,
    /// What clients did with the registers, and were told.
    pub(super) operations: Vec<Operation>,
    /// The keys whose insertion was acknowledged.
    pub(super) inserted: Vec<u64>,
    /// Partitions that were lost at some time.
    lost: BTreeSet<PartitionId>,
    /// Losses that were accepted and not used for an empty beginning.
    accepted: BTreeSet<PartitionId>,
    /// What each change was, by where its history began, as it was read or told.
    seen: BTreeMap<(PartitionId, Epoch, Sequence), Seen>,
    /// The change that wrote a value that is written only once.
    written: BTreeMap<u64, (PartitionId, Epoch, Sequence)>,
    /// The last event that each primary told.
    told: BTreeMap<(PartitionId, MemberId), (Epoch, Sequence)>,
}

impl Oracle {
    /// The first promise that was broken, if any was.
    ///
    /// # Errors
    /// That promise.
    pub(super) fn verdict(&mut self) -> Result<(), Violation> {
        self.found.take().map_or(Ok(()), Err)
    }

    fn fail(&mut self, invariant: &'static str, what: String) {
        if self.found.is_none() {
            self.found = Some(Violation { invariant, what });
        }
    }

    pub(super) fn losses(&self) -> usize {
        self.lost.len()
    }

    fn is_lost(&self, partition: PartitionId) -> bool {
        self.lost.contains(&partition)
    }
}

impl World {
    /// Looks at everything that must hold at the end.
    pub(super) fn check_end(&mut self) -> Result<(), Violation> {
        self.check_equal_copies();
        self.check_durable();
        self.check_linearizable();
        self.oracle.verdict()
    }
}
