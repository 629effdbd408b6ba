//! Faults on real clusters, and checkers of what clients were told.
//!
//! The members are processes of `grid serve`, on this machine's loopback interface or each in a network namespace. Clients
//! read and write through `grid-client` and remember each question with its answer while members are killed, paused and
//! cut off. At the end everything is read through every member, and the checkers look for lies: an acknowledged write that
//! is gone, an answer that no order of the operations explains, a change that was made twice.
//!
//! - [`history`]: what clients did and were told, as lines of JSON.
//! - [`checker`]: what is wrong with a history.
//! - [`network`]: machines, and what can happen between them.
//! - [`process`]: members as processes.
//! - [`load`]: the clients, and how long they had no answer.
//! - [`scenario`]: what is done to the cluster, one file each.
//! - [`simulation`]: clusters of the state machines alone, in one thread, from a seed.
//! - [`command`]: the program.
//!
//! ```
//! use grid_lab::checker::{Limits, linearizable};
//! use grid_lab::history::{Action, Operation, Outcome, Workload};
//!
//! let operation = |action, start_ns, outcome| Operation {
//!     client: 1,
//!     member: 1,
//!     workload: Workload::Registers,
//!     key: "k".to_owned(),
//!     action,
//!     start_ns,
//!     end_ns: start_ns + 1,
//!     outcome,
//! };
//! // What was acknowledged is not there.
//! let history = [
//!     operation(Action::Put(7), 0, Outcome::Written),
//!     operation(Action::Get, 10, Outcome::Value(None)),
//! ];
//! assert_eq!(linearizable::check(&history, &Limits::default()).len(), 1);
//! ```

pub mod checker;
pub mod clock;
pub mod command;
pub mod history;
pub mod load;
pub mod network;
pub mod process;
pub mod random;
pub mod scenario;
pub mod simulation;
