//! Faults on real clusters.
pub mod checker;
mod clock;
pub mod history;
pub mod network;
pub mod process;
mod random;
