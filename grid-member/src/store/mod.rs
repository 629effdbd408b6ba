//! The partitions of this member: the store of `grid-core`, behind locks.

mod expiry;
mod partitions;

pub use expiry::drive_expiry;
pub use partitions::{PartitionWrite, Partitions};
