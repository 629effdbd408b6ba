//! Partitions: which one a key belongs to, who holds it, and who should.

pub mod assignment;
mod id;
pub mod table;

pub use id::{PartitionCount, PartitionId};
