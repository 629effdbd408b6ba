//! `grid config`.

use crate::config::Layers;

use super::arguments::ConfigCommand;
use super::error::CliError;
use super::{output, serve};

pub(super) fn run(command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check { file } => {
            Layers::new().read_file(file)?.load()?;
            output::print(&format!("{}: no mistake", file.display()))
        }
        ConfigCommand::Show(arguments) => output::print(serve::load(arguments)?.to_toml().trim_end()),
    }
}
