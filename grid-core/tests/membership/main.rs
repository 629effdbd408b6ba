//! Seeded simulations of how a cluster is started, watched and led, with faults in between.
//!
//! `SEEDS=n` runs more of them, `SEED=s` one again.

#![expect(clippy::unwrap_used, reason = "a simulation that breaks is a test that fails")]

mod bootstrap;
mod lease;
mod network;
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says which seeds it runs"
)]
mod random;
mod watch;
