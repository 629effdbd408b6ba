//! Bringing what is asked of partitions to the members that serve them.

mod agents;
mod calls;
mod channels;
mod each;
mod patience;
mod router;
mod wire;

pub use calls::{CallFailed, Calls};
pub use channels::{Channel, Channels};
pub use router::{Router, RouterSettings};
pub use wire::{PartsAnswer, PartsRequest};
