//! Standard output and standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use super::error::CliError;

/// Why a write failed: a reader that went away is no failure.
pub(super) fn write_error(what: &dyn Display, error: &io::Error) -> CliError {
    if error.kind() == ErrorKind::BrokenPipe {
        return CliError::ClosedOutput;
    }
    CliError::Data(format!("{what}: cannot be written: {error}"))
}

/// Prints a line.
pub(super) fn print(line: &str) -> Result<(), CliError> {
    print_bytes(format!("{line}\n").as_bytes())
}

/// Prints bytes as they are.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| write_error(&"standard output", &error))
}

/// Says on standard error what went wrong.
pub(super) fn complain(message: &str) {
    // When standard error is closed, the exit code still says it.
    let _ = writeln!(io::stderr().lock(), "grid: {message}");
}
