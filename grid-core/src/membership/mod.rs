//! Who is in the cluster: members and what they say of themselves; how a cluster is started once; who lives, who is
//! voted out, who may serve meanwhile.
//!
//! Each protocol is a state machine with its invariant in its module: [`bootstrap`], [`detector`], [`judge`], [`lease`],
//! [`survivor`]. They take the time as a [`Moment`] and give back what is to be done.

pub mod bootstrap;
pub mod detector;
mod evidence;
mod id;
pub mod judge;
pub mod lease;
mod link;
mod member;
mod moment;
pub mod survivor;
pub mod voters;

pub use evidence::{Evidence, Proof};
pub use id::{ClusterId, Generation, HostId, MemberId, ProcessId};
pub use link::{LinkEnd, LinkId};
pub use member::{Location, Member, MemberInfo, MemberPhase};
pub use moment::Moment;
