//! Partitions: which one a key belongs to, and who holds it.

mod id;
pub mod table;

pub use id::{PartitionCount, PartitionId};
