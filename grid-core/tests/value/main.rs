//! Tests of values: JSON text, canonical keys, the dynamic value, serde types, and the wire.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot unwrap has failed, also outside its own function"
)]

mod canonical;
mod dynamic;
mod golden;
mod node;
mod nulls;
mod scan;
mod serde_types;
mod wire;
