//! The messages between the replicas of one partition.

use std::sync::Arc;

use crate::membership::MemberId;
use crate::partition::table::Epoch;
use crate::store::{CopiedEntry, Sequence};

use super::{Answered, Position, Record};

/// A message from one replica of a partition to another. Messages between two members arrive in the order they were
/// sent, or the connection ends.
#[derive(Clone, Debug)]
pub enum Message {
    /// Records for a backup or a member that gets a copy.
    Append(Append),
    /// What a backup has.
    Appended(Appended),
    /// A part of the partition, for a member that gets a copy.
    Chunk(Box<Chunk>),
    /// A part has arrived.
    ChunkTaken {
        /// The epoch of the sender.
        epoch: Epoch,
        /// Which copy.
        copy: CopyId,
        /// Which part.
        number: u64,
    },
    /// The sender was told something by someone of an older epoch, or cannot go on with what it has.
    Refused {
        /// The epoch of the sender.
        epoch: Epoch,
        /// Why.
        reason: Refusal,
    },
}

/// Why a replica does not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The message is of an older epoch.
    OldEpoch,
    /// The records before are missing: it has them only up to here.
    Behind(Position),
    /// It has no copy, or one that is of no use.
    NoCopy,
}

/// An attempt to copy a partition to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopyId {
    /// The primary that makes it.
    pub primary: MemberId,
    /// Its number among those that this primary has made of the partition.
    pub number: u64,
}

/// Records of the log.
#[derive(Clone, Debug)]
pub struct Append {
    /// The epoch of the sender.
    pub epoch: Epoch,
    /// The epoch in which the partition was given out empty: a log of before that is another one.
    pub placed: Epoch,
    /// For a member that gets a copy: which attempt.
    pub copy: Option<CopyId>,
    /// The position of the first record, also when there is none.
    pub first: Position,
    /// The records, in order.
    pub records: Vec<Arc<Record>>,
    /// Every record up to here is acknowledged by the whole replica set.
    pub committed: Position,
    /// The sender begins anew: what the receiver has from `first` on counts no more.
    pub begins: bool,
}

/// What a backup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The epoch of the sender.
    pub epoch: Epoch,
    /// For a member that gets a copy: which attempt.
    pub copy: Option<CopyId>,
    /// It has every record up to here.
    pub last: Position,
    /// It knows that every record up to here is acknowledged by the whole replica set.
    pub knows: Position,
}

/// A part of a partition.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The epoch of the sender.
    pub epoch: Epoch,
    /// The epoch in which the partition was given out empty.
    pub placed: Epoch,
    /// Which attempt.
    pub copy: CopyId,
    /// Its number, from 0.
    pub number: u64,
    /// With the first part: where the records begin that are sent beside the parts, after this position, and the
    /// partition's sequence number there.
    pub start: Option<(Position, Sequence)>,
    /// Entries.
    pub entries: Vec<CopiedEntry>,
    /// Outcomes of requests: after the last entries all of them, in as many parts as they need.
    pub outcomes: Vec<Answered>,
    /// Whether this is the last part.
    pub end: bool,
}
