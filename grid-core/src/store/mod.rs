//! The store of one partition.
