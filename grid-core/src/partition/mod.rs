//! Partitions: which one a key belongs to.

mod id;

pub use id::{PartitionCount, PartitionId};
