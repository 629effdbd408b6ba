//! `grid-lab simulate`.

use std::time::Duration;

use clap::Args;
use grid_core::replication::{PlantedBug, ReplicaSettings};

use crate::clock;

use super::{SimulationSettings, bug_named, run};

/// What is asked for on the command line.
#[derive(Clone, Debug, Args)]
pub struct Simulate {
    /// How many seeds are run, one after the other
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// The first seed [default: a fresh one, which is printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many faults there are in a run
    #[arg(long, value_name = "N", default_value_t = 200)]
    faults: usize,
    /// How many members begin, 3 to 9 [default: drawn from the seed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(3..=9))]
    members: Option<u8>,
    /// Make a mistake on purpose; a name that is none lists them. Needs a build with `--features planted-bugs`
    #[arg(long, value_name = "NAME", value_parser = bug_named)]
    bug: Option<PlantedBug>,
    /// Go on with further seeds for so long
    #[arg(long, value_name = "M", conflicts_with = "seeds", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    minutes: Option<u64>,
}

/// Runs seeds until one fails, or all are done. Gives whether every promise was kept.
#[must_use]
pub fn simulate(how: &Simulate, mut say: impl FnMut(&str)) -> bool {
    let needs_build = how.bug.is_some_and(|bug| bug != PlantedBug::AnswerWithoutLease);
    if needs_build && !ReplicaSettings::can_have_bugs() {
        say("this program can't make mistakes: build it with `--features planted-bugs`");
        return false;
    }
    let first = how.seed.unwrap_or_else(clock::seed);
    let end = how
        .minutes
        .map(|minutes| clock::now() + Duration::from_secs(minutes * 60));
    let (mut runs, mut operations, mut simulated_us, mut losses) = (0, 0, 0, 0);
    say(&format!("simulate --seed {first} --faults {}", how.faults));
    loop {
        let is_over = end.map_or(runs >= how.seeds, |end| clock::now() >= end);
        if is_over {
            break;
        }
        let settings = SimulationSettings {
            faults: how.faults,
            members: how.members.map(usize::from),
            bug: how.bug,
            ..SimulationSettings::of(first.wrapping_add(runs))
        };
        match run(settings) {
            Ok(passed) => {
                operations += passed.operations;
                simulated_us += passed.simulated_us;
                losses += passed.losses;
            }
            Err(failed) => {
                say(&failed.to_string());
                return false;
            }
        }
        runs += 1;
    }
    say(&format!(
        "{runs} runs of {} faults kept every promise: {operations} requests in {} s of simulated time; {losses} \
         partitions were lost with all their copies, and said to be",
        how.faults,
        simulated_us / 1_000_000
    ));
    true
}
