//! What clients asked, when, and what they were told.
//!
//! A history is all that the checkers see. It is written as lines of JSON, so that a run that failed can be looked at
//! again, by people and by `grid-lab check`.

mod file;
mod operation;
mod told;
mod view;

pub use file::{HistoryError, read, write};
pub use operation::{Action, Operation, Outcome, Workload};
pub use told::{News, Told};
pub use view::{Entries, View};

use serde::{Deserialize, Serialize};

/// What a run was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The name of the scenario.
    pub scenario: String,
    /// The seed of everything that was drawn.
    pub seed: u64,
    /// How many members the cluster began with.
    pub members: usize,
}

/// Something that was done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When, in nanoseconds since the run began.
    pub at_ns: u64,
    /// What.
    pub what: String,
}

/// All that is known of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What it was.
    pub run: Run,
    /// What was done to the cluster, in its order.
    pub faults: Vec<Fault>,
    /// What clients did; in any order.
    pub operations: Vec<Operation>,
    /// What those who listen were told, of each in its order.
    pub told: Vec<Told>,
    /// What each member showed in the end.
    pub views: Vec<View>,
}
