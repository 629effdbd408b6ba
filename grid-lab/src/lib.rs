//! Faults on real clusters.
pub mod checker;
pub mod clock;
pub mod history;
pub mod load;
pub mod network;
pub mod process;
pub mod random;
