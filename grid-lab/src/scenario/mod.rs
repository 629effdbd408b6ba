//! What is done to a cluster, one file each.
//!
//! A scenario starts a cluster, puts load on it, breaks something, mends it, and waits until the cluster is whole. Then
//! everything is read through every member, and the checkers judge the whole history. All that is drawn depends on the
//! seed; what the machine does in between does not, so the same seed gives the same faults and not the same history.

mod cut_minority;
mod cut_one_way;
mod cut_with_resets;
mod error;
mod join_fourth;
mod join_leave_storm;
mod kill_one;
mod pause_one;
mod quiet;
mod random_mix;
mod report;
mod rolling_restart;
mod rule;
mod run;
mod stage;
mod two_members;

pub use error::LabError;
pub use report::{Figure, Report, Verdict};
pub use rule::Rule;
pub use run::run;
pub use stage::Stage;

use std::path::PathBuf;

use futures::future::BoxFuture;

use crate::checker::Limits;
use crate::process::Binary;

/// Which kind of network a scenario runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// One machine, or namespaces when they are asked for.
    Any,
    /// Namespaces: it cuts the network.
    Namespaces,
}

/// A way to break a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// How many members begin.
    pub members: usize,
    /// How often it does it.
    pub rounds: usize,
    /// How long it lasts, or each fault of it.
    pub seconds: u64,
    /// Where it runs.
    pub ground: Ground,
    /// Whether each client talks to one member only, whatever happens.
    pub pinned: bool,
    /// Whether somebody listens over each session to what clients change.
    pub listens: bool,
    act: fn(&mut Stage) -> BoxFuture<'_, Result<(), LabError>>,
}

/// All scenarios, in the order in which `grid-lab all` runs them.
pub const ALL: &[Scenario] = &[
    quiet::SCENARIO,
    kill_one::SCENARIO,
    pause_one::SCENARIO,
    rolling_restart::SCENARIO,
    join_fourth::SCENARIO,
    join_leave_storm::SCENARIO,
    two_members::SCENARIO,
    cut_minority::SCENARIO,
    cut_one_way::SCENARIO,
    cut_with_resets::SCENARIO,
    random_mix::SCENARIO,
];

/// The scenario of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

/// How a scenario is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of all that is drawn.
    pub seed: u64,
    /// How many members begin.
    pub members: usize,
    /// How often it does it.
    pub rounds: usize,
    /// How long it lasts, or each fault of it.
    pub seconds: u64,
    /// How many further entries there are, which nobody touches.
    pub entries: u64,
    /// Over how many zones the members are spread; 0 for none.
    pub zones: usize,
    /// Whether each member has a machine of its own.
    pub namespaces: bool,
    /// Whether somebody listens also where the scenario has nobody.
    pub listens: bool,
    /// The program `grid`.
    pub binary: Binary,
    /// Where logs and the history go.
    pub folder: PathBuf,
    /// How long the checkers may look.
    pub limits: Limits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own() {
        for (index, scenario) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != scenario.name));
            assert_eq!(named(scenario.name).unwrap().about, scenario.about);
            assert!(scenario.members > 0 && scenario.rounds > 0 && scenario.seconds > 0);
        }
        assert!(named("no-such").is_none());
    }
}
