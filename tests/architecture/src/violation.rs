//! What breaks a rule.

use std::fmt;

/// A place that breaks a rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The file, from the root of the repository.
    pub path: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong there, and what to do.
    pub reason: String,
}

impl Violation {
    /// A violation at a line.
    pub fn new(path: &str, line: usize, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.to_owned(), reason.into());
        Violation { path, line, reason }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.reason),
            line => write!(f, "{}:{line}: {}", self.path, self.reason),
        }
    }
}
