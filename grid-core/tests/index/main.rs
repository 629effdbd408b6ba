//! Tests of indexes and plans: they change neither results nor errors, and follow every change.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot unwrap has failed, also outside its own function"
)]

mod answers;
mod effort;
mod memory;
mod model;
#[path = "../oracle/mod.rs"]
mod oracle;
mod plans;
#[path = "../fuzz/processor_time.rs"]
mod processor_time;
mod properties;
#[path = "../query/random.rs"]
mod random;
#[path = "../query/random_agents.rs"]
mod random_agents;
mod slices;
mod vectors;
