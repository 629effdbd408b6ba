//! The subcommands.

mod compare;
mod memory;
pub mod peer;
mod query;
mod run;
mod start;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use crate::arguments::{Arguments, Command};
use crate::data_set::DataSet;
use crate::fleet::{self, FleetSettings};
use crate::measurement::Measurement;
use crate::progress;

/// Does what the command line says.
///
/// # Errors
/// When a server cannot be reached, something else goes wrong, or a measurement had errors.
pub fn execute(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Query(arguments) => query::query(&arguments),
        Command::Memory(arguments) => memory::memory(&arguments),
        Command::Start(arguments) => start::start(&arguments),
        Command::Peer(arguments) => peer::peer(&arguments, std::io::stdin().lock()),
    }
}

/// Puts every entry, with a bar on a terminal.
fn load(settings: &FleetSettings, data: &Arc<DataSet>) -> Result<()> {
    let bar = progress::entries_bar(data.keys(), "loading");
    let loaded = fleet::load(settings, data, |entries| bar.inc(entries as u64));
    bar.finish_and_clear();
    loaded
}

/// Fails when there was an error in any of them.
fn refuse_errors<'a>(measured: impl IntoIterator<Item = &'a Measurement>) -> Result<()> {
    let (mut errors, mut first) = (0, None);
    for one in measured {
        errors += one.errors;
        first = first.or(one.first_error.as_deref());
    }
    ensure!(
        errors == 0,
        "{errors} operations failed; the first error: {}",
        first.unwrap_or("not told")
    );
    Ok(())
}

/// The scheduler of a subcommand that makes no load.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no scheduler")
}
