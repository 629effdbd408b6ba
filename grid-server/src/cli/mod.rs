//! The command line.

mod arguments;
mod cache;
mod client;
mod cluster;
mod config;
mod error;
mod http_request;
mod json_text;
mod output;
mod query;
mod serve;
mod signals;
mod status;
mod table;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use grid_core::processor::own::OwnAgents;

use arguments::{Arguments, Command};
use error::CliError;

pub use error::EXIT_CODES;

/// Runs the program: reads the arguments, does what they say, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    main_with(OwnAgents::new())
}

/// As [`main`], for a program of one's own whose `serve` has these processors and aggregators.
#[must_use]
pub fn main_with(agents: OwnAgents) -> ExitCode {
    // Clap prints help and its own errors, and exits with 0 or 2.
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments, agents),
        Command::Status(client) => client::run(status::run(&client)),
        Command::Cluster(arguments) => client::run(cluster::run(&arguments)),
        Command::Up(arguments) => up::run(&arguments),
        Command::Cache(arguments) => client::run(cache::run(&arguments)),
        Command::Query(arguments) => client::run(query::run(&arguments)),
        Command::Config(command) => config::run(&command),
        Command::Completions { shell } => completions(shell),
    };
    match done {
        Ok(()) | Err(CliError::ClosedOutput) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "grid", &mut script);
    output::print_bytes(&script)
}
