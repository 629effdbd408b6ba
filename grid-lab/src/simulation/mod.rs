//! A cluster in one thread, from one seed: the state machines of `grid-core` with a network, members and clients that
//! are made up, and faults. `grid-lab simulate` runs it; a seed that fails is printed, with what happened last.
//!
//! What is real: [`Replica`](grid_core::replication::Replica), [`ControlState`](grid_core::control::ControlState) and
//! the planner of assignments. What is made up: the network (`network`), the control group as a log that survives
//! what a majority survives (`group`), and the driver of a member (`member`), which must do what `grid-member`
//! does. The same seed gives the same run, to the last message.
//!
//! Each file of `invariant` is one promise that is looked at while a run goes on, or at its end.

mod client;
mod command;
mod event;
mod fault;
mod group;
mod group_duties;
mod invariant;
mod member;
mod network;
mod run;
#[cfg(test)]
mod run_test;
mod serving;
mod settings;
mod trace;
mod world;

pub use command::{Simulate, simulate};
pub use run::{Failed, Passed, run};
pub use settings::{SimulationSettings, bug_named};
