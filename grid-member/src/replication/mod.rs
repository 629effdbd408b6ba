//! The replicas of this member, behind their locks, and what they want done.

mod outlet;
mod replicas;
mod waiter;
pub mod wire;

pub use outlet::{Awaited, Outlet};
pub use replicas::{Replicas, Tried};
pub use waiter::Waiter;
