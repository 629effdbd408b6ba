//! What is wrong with a configuration, and where.

use std::fmt;

/// Where a setting comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave it.
    #[default]
    Default,
    /// A file.
    File {
        /// The path as it was given.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Source::Environment(variable) => f.write_str(variable),
            Source::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One mistake: `girih.toml:12:11: grpc.address: "abc" is not HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it was made.
    pub place: Source,
    /// The key, such as `grpc.address`; empty when the mistake is in no key.
    pub key: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {reason}")]
    Unreadable {
        /// The path as it was given.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Something in it is wrong. All that was found is told at once.
    #[error("{}", lines(mistakes))]
    Mistakes {
        /// What was found, at least one.
        mistakes: Vec<Mistake>,
    },
}

/// As many mistakes as anyone reads.
const SHOWN_MAX: usize = 20;

fn lines(mistakes: &[Mistake]) -> String {
    let mut lines: Vec<String> = mistakes.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    if mistakes.len() > SHOWN_MAX {
        lines.push(format!("... and {} more", mistakes.len() - SHOWN_MAX));
    }
    lines.join("\n")
}
