//! What can go wrong, and the exit codes.

use grid_client::ConnectError;
use grid_core::cache::{Applied, CacheError};

use crate::config::ConfigError;
use crate::server::StartError;

/// What the help says about exit codes.
pub const EXIT_CODES: &str = "Exit codes:
  0  done
  1  not found: there is no such key
  2  wrong usage or configuration, or the server cannot start
  3  no connection or no answer; nothing was changed
  4  refused by the server; nothing was changed
  5  the outcome is unknown: the change may have been made, in whole or in part
  6  data that cannot be read or written: a file, a line of it, an entry
  7  the server had to stop because a part of it failed
  8  a check found something wrong
  130, 143  stopped at once by a second SIGINT or SIGTERM";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// There is no such key.
    #[error("not found: {0}")]
    NotFound(String),
    /// The command makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No connection, or no answer.
    #[error("{0}")]
    Unreachable(String),
    /// The server said no.
    #[error("{0}")]
    Refused(String),
    /// A change may have been made.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// A file or an entry cannot be read or written.
    #[error("{0}")]
    Data(String),
    /// The server had to stop.
    #[error("{0}")]
    Failed(String),
    /// A check found something wrong.
    #[error("{0}")]
    Found(String),
    /// Nobody reads what is printed; that is no failure.
    #[error("nobody reads the output")]
    ClosedOutput,
}

/// Whether a command changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only reads.
    Reads,
    /// It may change something.
    Changes,
}

impl CliError {
    /// See [`EXIT_CODES`].
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            CliError::ClosedOutput => 0,
            CliError::NotFound(_) => 1,
            CliError::Usage(_) | CliError::Config(_) | CliError::Start(_) => 2,
            CliError::Unreachable(_) => 3,
            CliError::Refused(_) => 4,
            CliError::OutcomeUnknown(_) => 5,
            CliError::Data(_) => 6,
            CliError::Failed(_) => 7,
            CliError::Found(_) => 8,
        }
    }

    /// What an operation on a cache ended with.
    pub(super) fn of_cache(error: &CacheError, effect: Effect) -> Self {
        let text = error.to_string();
        match error {
            CacheError::Previous(_) => CliError::Data(text),
            _ if effect == Effect::Changes && error.applied() != Applied::No => {
                CliError::OutcomeUnknown(text)
            }
            CacheError::Name(_) | CacheError::Invalid { .. } => CliError::Usage(text),
            CacheError::Value(_) => CliError::Data(text),
            CacheError::Deadline { .. } | CacheError::Disconnected { .. } => CliError::Unreachable(text),
            _ => CliError::Refused(text),
        }
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Address { .. } | ConnectError::Setting { .. } => CliError::Usage(error.to_string()),
            _ => CliError::Unreachable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_exit_code_says_whether_a_change_was_made() {
        let deadline = |applied| CacheError::Deadline {
            after: Duration::from_secs(1),
            applied,
        };
        let code = |error, effect| CliError::of_cache(&error, effect).exit_code();
        assert_eq!(code(deadline(Applied::No), Effect::Changes), 3);
        assert_eq!(code(deadline(Applied::Unknown), Effect::Changes), 5);
        assert_eq!(code(deadline(Applied::Unknown), Effect::Reads), 3);
        assert_eq!(
            code(
                CacheError::Refused {
                    message: String::new()
                },
                Effect::Changes
            ),
            4
        );
        assert_eq!(
            code(CacheError::Invalid { what: String::new() }, Effect::Changes),
            2
        );
    }
}
