//! What operators see beside `GET /cluster`.

use std::time::Duration;

use grid_core::partition::assignment::Progress;
use serde::{Deserialize, Serialize};

/// A member as `GET /cluster/members` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberDetail {
    /// Its number, given by the cluster and never used again.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where other members reach it, HOST:PORT.
    pub address: String,
    /// Where gRPC clients reach it, if it serves them.
    pub grpc: Option<String>,
    /// Where its HTTP port is, if it has one.
    pub http: Option<String>,
    /// Its zone, empty when none was configured.
    pub zone: String,
    /// Its rack, empty when none was configured.
    pub rack: String,
    /// The machine that it runs on.
    pub machine: String,
    /// What it is for, in the operator's words.
    pub role: String,
    /// What it does: `joining`, `active`, or `leaving` while it drains.
    pub state: String,
    /// Whether it holds data.
    pub storage: bool,
    /// How many partitions it takes compared to others; 100 is usual.
    pub weight: u32,
    /// The version of its program.
    pub version: String,
    /// Whether it leads, as far as it is known.
    pub leader: bool,
    /// Whether it is the one that answers.
    pub answers: bool,
    /// How many partitions it is the primary of.
    pub primaries: usize,
    /// How many partitions it is a backup of.
    pub backups: usize,
}

/// A partition as `GET /cluster/partitions` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionDetail {
    /// Its number.
    pub number: usize,
    /// Counts the changes of who holds it.
    pub epoch: u64,
    /// The member that serves it.
    pub primary: Option<u64>,
    /// The members that have every acknowledged change.
    pub backups: Vec<u64>,
    /// The members that get a copy now.
    pub joining: Vec<u64>,
    /// Every copy is gone; it serves again, empty, when that is accepted.
    pub lost: bool,
    /// Members that have the last copies and are out of reach: it serves again when one of them is back.
    pub waits_for: Vec<u64>,
}

/// A service as `GET /cluster/partitions` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDetail {
    /// Its name.
    pub service: String,
    /// How many backups each partition is to have.
    pub backups: u8,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionDetail>,
}

/// The answer to `GET /cluster/rebalance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebalance {
    /// Whether every partition is where it should be.
    pub done: bool,
    /// What is still to be done, all together.
    pub moves_left: usize,
    /// Partitions to be given out empty.
    pub places_left: usize,
    /// Copies to be made; those under way are among them.
    pub copies_left: usize,
    /// Partitions whose primary is to be another one.
    pub hand_overs_left: usize,
    /// Copies that nobody needs any more.
    pub dismissals_left: usize,
    /// Copies under way.
    pub copies_under_way: usize,
    /// The time until everything is done, in milliseconds, at the pace since the first question; `null` before the pace
    /// is known.
    pub time_left_ms: Option<u64>,
}

impl Rebalance {
    /// From what is left, and the pace.
    #[must_use]
    pub fn new(progress: Progress, copies_under_way: usize, time_left: Option<Duration>) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Rebalance {
            done: progress.is_done() && copies_under_way == 0,
            moves_left: moves_left(progress),
            places_left: progress.places,
            copies_left: progress.copies,
            hand_overs_left: progress.hand_overs,
            dismissals_left: progress.dismissals,
            copies_under_way,
            time_left_ms: time_left.map(ms),
        }
    }
}

/// What is still to be done, all together.
pub(super) fn moves_left(progress: Progress) -> usize {
    progress.places + progress.copies + progress.hand_overs + progress.dismissals
}

/// What metrics say beside [`super::ClusterInfo`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterFigures {
    /// Partitions without any copy, whose loss nobody has accepted.
    pub lost: usize,
    /// Whether this member leads.
    pub leads: bool,
    /// For how long this member has had no lease, so that it serves nothing; zero while it has one.
    pub lease_missing: Duration,
    /// How many questions of other members are being answered here.
    pub questions_open: usize,
    /// How many questions of other members were withdrawn while they were being answered.
    pub questions_withdrawn: u64,
}
