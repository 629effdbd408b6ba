//! Our own protocol beside Coherence's: who serves what.

mod service;
mod topology;

pub use service::ClusterService;
pub use topology::topology_of;
