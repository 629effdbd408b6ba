//! Replication: copies of a partition at several members that agree.
//!
//! The primary orders the writes of a partition and sends each as a [`Record`] to every member of the agreed replica
//! set; a write is acknowledged when all of them have it (primary-backup replication with the replica set agreed
//! elsewhere: PacificA, Lin et al., 2008). The control group agrees on the replica set and gives each an
//! [`Epoch`](crate::partition::table::Epoch). [`Replica`] decides; the driver locks, sends and answers.
//!
//! # How it goes
//!
//! - A primary applies a write to its own store at once, as the next record of the partition's log, and sends it on.
//!   Backups keep the record beside their store until they are told that all have it, and then apply it.
//! - A read of an entry that a record touches which not all have yet waits for it ([`Replica::gate`]).
//! - A backup that becomes the primary counts all its records as written, and sends those that may be missing elsewhere
//!   to the other backups, which replace the end of their own log with them.
//! - A new copy is filled by parts of the store and by the records that come meanwhile, on one connection in one
//!   order. The parts may hold changes that are not acknowledged; the copy is proposed as a backup when they are, and
//!   when it has every record that was acknowledged. From before that proposal on nothing is acknowledged without it.
//! - A partition is handed over by sealing it: nothing is served until everything is acknowledged, the successor has it
//!   all and knows so, and the change is agreed (or refused).
//!
//! # Listeners
//!
//! Listeners hear of a change when all replicas have it. Those at other members hear of it a moment later, and until they
//! have, the primary does not say to its followers that the change is acknowledged: so each has the record still if it
//! becomes the primary meanwhile, and tells of it again, with the number by which those who heard of it know it. For the
//! same reason a partition is handed over, and a new copy admitted, only when what was told before is heard of. The driver
//! says [how far that is](Replica::heard_before), and sees to it that it does not take for ever.
//!
//! That a [truncation](Effect::Truncate) emptied the partition is such a change too: whoever heard of it knows that the end of
//! the truncation is still to be told, whichever members die before.
//!
//! # What always holds
//!
//! - *Durability*: an acknowledged write is on every member of the agreed replica set, so on whichever of them becomes
//!   the primary. It does not depend on clocks.
//! - *Fencing*: a message of an older epoch changes nothing. So a primary that was replaced can't have a write
//!   acknowledged: its backups know a newer epoch, or one of them is the new primary.
//! - *No early sight*: nothing that is read, told as an event or answered depends on a record that a member of the replica
//!   set does not have.
//! - *Once*: a request with an id is done by at most one record of the log; its outcome is in the same record, and in
//!   every copy's [`RequestWindow`].
//! - *Together*: what a [`Step`] changes, in one cache or several, is one record: every copy has all of it or nothing, in one
//!   place of the log, and whatever it read was the same under the lock under which it was done.
//! - *Prefix*: the logs of two replicas of one epoch agree as far as both go; what a backup has applied is acknowledged
//!   by all.
//! - *Bounds*: what waits for backups has a limit, beyond which writes are refused; a backup that does not answer is
//!   voted out and not waited for. So have the outcomes that are kept, answers included.
//! - *One message*: every record and every part of a copy fits in a message between members, answers and the outcomes of
//!   requests included: a change whose record would not is refused, and the outcomes go to a copy in parts as entries do.
//!
//! Whether the member may serve at all is not decided here but by its [lease](crate::membership).

mod bounded_work;
mod effects;
mod follower;
mod indexing;
mod joining;
mod log;
mod message;
mod primary;
mod receive;
mod record;
mod replica;
mod request;
mod settings;
mod step;
mod window;
mod write;

pub use effects::{Answer, Effects, Failure};
pub use indexing::IndexPlan;
pub use message::{Append, Appended, Chunk, CopyId, Message, Refusal};
pub use record::{Answered, Effect, Outcome, Position, Record, TruncationId};
pub use replica::{Replica, RoleKind};
pub use request::{ClientId, RequestId, RequestTag};
pub use settings::{PlantedBug, ReplicaSettings};
pub use step::{Asked, Step, StepFailure};
pub use window::{OPEN_REQUESTS_MAX, RequestWindow, Seen};
pub use write::{SweptEntries, Write, Written};
