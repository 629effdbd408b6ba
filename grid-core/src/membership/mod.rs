//! Who is in the cluster.

mod id;
mod member;
pub mod voters;

pub use id::{ClusterId, Generation, HostId, MemberId, ProcessId};
pub use member::{Location, Member, MemberInfo, MemberPhase};
