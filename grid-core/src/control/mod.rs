//! What the members of a cluster agree on.
//!
//! [`ControlState`] is the agreed truth: who is a member, who holds which partition, which caches there are. It is
//! changed only by [`Command`]s, in the order of the control group's log; every member makes the same ones and has the
//! same state. Nothing here takes the time or a random number.
//!
//! # What always holds
//!
//! - The number of a member is given once ([`MemberId`](crate::membership::MemberId)); so is that of a cache.
//! - The epoch of a partition grows with every change of its replica set, and never shrinks.
//! - A member enters a replica set only empty into a new partition ([`Place`](crate::partition::table::StepChange::Place)),
//!   with a complete copy ([`Admit`](crate::partition::table::StepChange::Admit)), or with a last copy that it kept.
//! - A partition whose last copies are out of reach has no primary until one of them is back or its loss is accepted.
//! - The same command made twice does no harm: each names what it expects to find.

mod cache_record;
mod command;
mod state;

pub use cache_record::CacheRecord;
pub use command::{Command, Identity, KeptCopy, Outcome, Removed};
pub use state::{ControlState, Delta};
