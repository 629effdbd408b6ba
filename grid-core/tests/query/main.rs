//! Tests of queries and processors: what the reference answers, written down, and what must hold of any of them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot unwrap has failed, also outside its own function"
)]

mod agents;
mod aggregators;
mod cohql;
mod comparison;
mod extractors;
mod filters;
mod limits;
mod naive;
mod processors;
mod properties;
mod random;
mod recorded;
mod sorted;
