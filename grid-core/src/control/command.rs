//! What can be agreed on.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::membership::{ClusterId, Generation, MemberId, MemberInfo, ProcessId};
use crate::partition::PartitionId;
use crate::partition::table::{BackupCount, Epoch, ServiceId, Step, StepRefused};
use crate::store::CacheId;

/// What a cluster is from its beginning on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its number, drawn when it was started.
    pub id: ClusterId,
    /// How many partitions each service has.
    pub partition_count: u16,
}

/// A copy of a partition that a member kept when it was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCopy {
    /// Of which service.
    pub service: ServiceId,
    /// Of which partition.
    pub partition: PartitionId,
    /// The epoch of the replica set that it was agreed in, as far as the member knew.
    pub epoch: Epoch,
}

/// A change of the agreed state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A member comes in.
    Join {
        /// What it says about itself.
        info: Box<MemberInfo>,
        /// The number that it had before it was cut off, and the copies that it kept.
        before: Option<(MemberId, Vec<KeptCopy>)>,
    },
    /// A member has been told by all others what they listen to, and can be the primary of partitions.
    Ready(MemberId),
    /// A member is to hand its partitions over, since it will leave.
    Drain(MemberId),
    /// A member that was drained takes its leave.
    Leave(MemberId),
    /// Members are gone.
    Remove {
        /// All that went together.
        members: BTreeSet<MemberId>,
        /// They are known to be dead: what they held in memory is gone with them.
        proven: bool,
    },
    /// There is to be a service of this name.
    EnsureService {
        /// The name.
        name: String,
        /// How many backups its partitions have. One that exists is not changed.
        backups: BackupCount,
    },
    /// There is to be a cache of this name.
    EnsureCache {
        /// The scope; empty for the default one.
        scope: String,
        /// The name in the scope.
        name: String,
        /// The service that holds it.
        service: ServiceId,
        /// How long entries live by default, in milliseconds. One that exists is not changed.
        default_ttl_ms: Option<NonZeroU64>,
        /// The largest number of caches.
        caches_max: u64,
    },
    /// A cache is no more.
    DestroyCache(CacheId),
    /// A cache is to have an index. One that is there with the same definition stays.
    AddIndex {
        /// The cache.
        cache: CacheId,
        /// What the index is of, in JSON: by this it is known.
        extractor: String,
        /// Its definition, in JSON.
        definition: String,
        /// The largest number of indexes of a cache.
        indexes_max: u64,
    },
    /// A cache is not to have an index. One that is not there is not missed.
    RemoveIndex {
        /// The cache.
        cache: CacheId,
        /// What the index is of, in JSON.
        extractor: String,
    },
    /// Replica sets are to change. Each step is made or not by itself.
    Change {
        /// Of which service.
        service: ServiceId,
        /// What to change.
        steps: Vec<Step>,
    },
    /// The entries of partitions that are lost or out of reach are given up.
    AcceptLoss {
        /// Of which service.
        service: ServiceId,
        /// Which partitions, each in the epoch of the loss: one that was served again meanwhile, and lost again, is not
        /// meant.
        partitions: Vec<(PartitionId, Epoch)>,
    },
    /// The survivor of two members goes on alone.
    BeginGeneration(Generation),
}

/// A member that was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Its process, which may come back as another member.
    pub process: ProcessId,
    /// Whether it was known to be dead, or had left.
    pub proven: bool,
    /// The place in the log.
    pub index: u64,
}

/// What came of a [`Command`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was made, or had been made before.
    Done,
    /// The member's number.
    Joined(MemberId),
    /// The service's number.
    Service(ServiceId),
    /// The cache's number.
    Cache(CacheId),
    /// What came of each step: the epoch after it.
    Steps(Vec<Result<Epoch, StepRefused>>),
    /// It was not made, for this reason.
    Refused(String),
    /// Who wants to join has the address of this member, which is not known to be dead: it may ask again.
    Occupied(MemberId),
}
