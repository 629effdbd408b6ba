//! Judges histories. Each checker looks for one kind of lie.
//!
//! | checker | what must hold |
//! |---|---|
//! | [`linearizable`] | the answers about a key are those of one register that each operation met at one moment between its beginning and its end |
//! | [`kept`] | what was acknowledged is there in the end, what was refused is not |
//! | [`tally`] | what was added is there exactly once |
//! | [`complete`] | a query gives every entry that is there all the time, once |
//! | [`agreement`] | every member shows the same |
//! | [`told`] | who listens is told of each change once, in order, or that something is missing; a view shows what is there |
//!
//! An operation whose outcome is unknown may count at any moment after its beginning, or never. A checker that cannot
//! come to an end within its limits says so, and that is no pass.

pub mod agreement;
pub mod complete;
pub mod kept;
pub mod linearizable;
#[cfg(test)]
mod made_up;
mod register;
mod search;
pub mod tally;
pub mod told;

pub use search::Limits;

use std::fmt;

use crate::history::{History, Operation};

/// How many operations of a finding are shown; the history has them all.
const SHOWN_MAX: usize = 12;

/// Whether a finding is a lie, or a question that was left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// A promise was broken.
    Violation,
    /// The checker gave up.
    Unknown,
}

/// Something that a checker has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which checker.
    pub checker: &'static str,
    /// Whether it is certain.
    pub certainty: Certainty,
    /// What is wrong, with the key.
    pub what: String,
    /// The operations that show it, when there are any.
    pub operations: Vec<Operation>,
}

impl Finding {
    pub(crate) fn violation(checker: &'static str, what: String, operations: Vec<Operation>) -> Self {
        Finding {
            checker,
            certainty: Certainty::Violation,
            what,
            operations,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certainty = match self.certainty {
            Certainty::Violation => "VIOLATION",
            Certainty::Unknown => "UNKNOWN",
        };
        write!(f, "{certainty} ({}): {}", self.checker, self.what)?;
        let hidden = self.operations.len().saturating_sub(SHOWN_MAX);
        if hidden > 0 {
            write!(f, "\n    ... {hidden} operations before")?;
        }
        for operation in &self.operations[hidden..] {
            write!(f, "\n    {operation}")?;
        }
        Ok(())
    }
}

/// Everything that any checker has to say about a history; nothing when all is well.
#[must_use]
pub fn check(history: &History, limits: &Limits) -> Vec<Finding> {
    let mut found = linearizable::check(&history.operations, limits);
    found.extend(kept::check(&history.operations, &history.views));
    found.extend(tally::check(&history.operations, &history.views));
    found.extend(complete::check(&history.operations));
    found.extend(agreement::check(&history.views));
    found.extend(told::check(&history.told, &history.operations, &history.views));
    found
}
