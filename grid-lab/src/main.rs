//! The `grid-lab` program. Everything is in the library, where tests reach it.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    grid_lab::command::execute(&grid_lab::command::Arguments::parse())
}
