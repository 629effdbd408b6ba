//! Our own protocol beside Coherence's: who serves what, and events with numbers.

mod followed;
mod following;
mod service;
mod topology;

pub use following::EventsService;
pub use service::ClusterService;
pub use topology::topology_of;
