//! Seeded simulations of how a cluster is started, watched and led, with faults in between.
//!
//! `SEEDS=n` runs more of them, `SEED=s` one again.

mod bootstrap;
mod network;
mod random;
mod watch;
