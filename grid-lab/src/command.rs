//! The program `grid-lab`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::checker::{self, Limits};
use crate::clock;
use crate::history;
use crate::network::{HOSTS_MAX, missing};
use crate::process::Binary;
use crate::scenario::{self, Ground, LabError, Scenario, Settings, Verdict};
use crate::simulation::{Simulate, simulate};

const EXIT_CODES: &str = "Exit codes: 0 all is well, 1 a promise was broken or something could not be judged, 2 the \
command line is wrong.";

/// Faults on real clusters, and checkers of what clients were told.
#[derive(Debug, Parser)]
#[command(name = "grid-lab", version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the scenarios
    List,
    /// Run one scenario
    Scenario {
        /// Its name; `grid-lab list` has them
        name: String,
        #[command(flatten)]
        how: How,
    },
    /// Run every scenario
    All {
        #[command(flatten)]
        how: How,
    },
    /// Run a simulated cluster with faults, in one thread, from seeds
    Simulate(Simulate),
    /// Judge the history of an earlier run again
    Check {
        /// The file, history.jsonl
        file: PathBuf,
        /// Steps that each search may take
        #[arg(long, value_name = "N", default_value_t = Limits::default().steps_max)]
        steps: u64,
        /// Seconds that each key may take
        #[arg(long, value_name = "N", default_value_t = Limits::default().time_max.as_secs())]
        time: u64,
    },
}

#[derive(Clone, Debug, Args)]
struct How {
    /// The seed of all that is drawn [default: a fresh one, which is printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many members begin [default: the scenario's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::try_from(HOSTS_MAX / 2).unwrap_or(1)))]
    members: Option<u16>,
    /// How often the scenario does what it does [default: the scenario's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// How long it lasts, or each fault of it [default: the scenario's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// How many further entries of 100 bytes there are, which nobody touches and which must all be there at the end
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=10_000_000))]
    entries: u64,
    /// Over how many zones the members are spread; 0 for none
    #[arg(long, value_name = "N", default_value_t = 0)]
    zones: usize,
    /// Give each member a machine of its own: network namespaces (needs root, ip and nft)
    #[arg(long)]
    namespaces: bool,
    /// Somebody listens over each session, also in a scenario where nobody does
    #[arg(long)]
    listen: bool,
    /// Fail when a pause is longer than it should be
    #[arg(long)]
    bounds: bool,
    /// The program grid [default: the one beside this one, built first when cargo runs this one]
    #[arg(long, value_name = "FILE")]
    grid: Option<PathBuf>,
    /// Where logs and histories go, in a folder for each run [default: lab beside this program]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Does what the arguments say.
#[must_use]
pub fn execute(arguments: &Arguments) -> ExitCode {
    let well = match &arguments.command {
        Command::List => {
            for scenario in scenario::ALL {
                print_line(&format!("{:17} {}", scenario.name, scenario.about));
            }
            true
        }
        Command::Scenario { name, how } => match scenario::named(name) {
            Some(scenario) => play_all(&[*scenario], how),
            None => {
                print_line(&format!(
                    "there is no scenario {name:?}; `grid-lab list` shows those there are"
                ));
                return ExitCode::from(2);
            }
        },
        Command::All { how } => play_all(scenario::ALL, how),
        Command::Simulate(how) => simulate(how, print_line),
        Command::Check { file, steps, time } => {
            let limits = Limits {
                steps_max: *steps,
                time_max: Duration::from_secs(*time),
            };
            check(file, &limits)
        }
    };
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check(file: &Path, limits: &Limits) -> bool {
    let history = match history::read(file) {
        Ok(history) => history,
        Err(error) => {
            print_line(&error.to_string());
            return false;
        }
    };
    let findings = checker::check(&history, limits);
    for finding in &findings {
        print_line(&finding.to_string());
    }
    let (run, operations) = (&history.run, history.operations.len());
    print_line(&format!(
        "{} with seed {}: {operations} operations, {} findings",
        run.scenario,
        run.seed,
        findings.len()
    ));
    findings.is_empty()
}

fn play_all(scenarios: &[Scenario], how: &How) -> bool {
    let seed = how.seed.unwrap_or_else(clock::seed);
    let mut failed = Vec::new();
    for scenario in scenarios {
        match play(scenario, how, seed) {
            Ok(true) => {}
            Ok(false) => failed.push(scenario.name),
            Err(LabError::Interrupted) => {
                print_line("interrupted; nothing is left behind");
                return false;
            }
            Err(error) => {
                print_line(&format!("  FAILED: {error}"));
                failed.push(scenario.name);
            }
        }
    }
    if scenarios.len() > 1 {
        let well = scenarios.len() - failed.len();
        print_line(&format!(
            "{well} passed, {} failed {}",
            failed.len(),
            failed.join(" ")
        ));
    }
    failed.is_empty()
}

fn play(scenario: &Scenario, how: &How, seed: u64) -> Result<bool, LabError> {
    let members = how.members.map_or(scenario.members, usize::from);
    let rounds = how
        .rounds
        .and_then(|rounds| usize::try_from(rounds).ok())
        .unwrap_or(scenario.rounds);
    let seconds = how.seconds.unwrap_or(scenario.seconds);
    let namespaces = how.namespaces || scenario.ground == Ground::Namespaces;
    let ground = if namespaces { " --namespaces" } else { "" };
    print_line(&format!(
        "{} --seed {seed} --members {members} --rounds {rounds} --seconds {seconds}{ground}",
        scenario.name
    ));
    if let Some(what) = missing().filter(|_| namespaces) {
        return Err(LabError::Settings {
            what: format!("it needs network namespaces, and those need {what}"),
        });
    }
    let settings = Settings {
        seed,
        members,
        rounds,
        seconds,
        entries: how.entries,
        zones: how.zones,
        namespaces,
        listens: how.listen,
        binary: match &how.grid {
            Some(path) => Binary::at(path)?,
            None => Binary::beside_this_one()?,
        },
        folder: folder(how).join(format!("{}-{seed}", scenario.name)),
        limits: Limits::default(),
    };
    let report = scenario::run(scenario, settings)?;
    print_line(&report.to_string());
    let verdict = report.verdict(how.bounds);
    print_line(&format!("  verdict: {verdict:?} (seed {seed})"));
    Ok(verdict == Verdict::Passed)
}

fn folder(how: &How) -> PathBuf {
    how.output.clone().unwrap_or_else(|| {
        let this = std::env::current_exe().unwrap_or_default();
        this.parent().unwrap_or(Path::new(".")).join("lab")
    })
}

#[expect(clippy::print_stdout, reason = "the program's words to whoever runs it")]
fn print_line(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["grid-lab", "scenario", "kill-one", "--members", "5"]);
        assert!(arguments.is_ok());
        assert!(Arguments::try_parse_from(["grid-lab", "scenario", "kill-one", "--members", "0"]).is_err());
    }
}
