//! Agents that cannot be read.

use crate::query::{PatternError, QueryError};
use crate::value::JsonError;

/// Something sent to be run on entries that cannot be. Nothing was applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The text is not JSON.
    #[error("Could not deserialize: {0}")]
    Json(#[from] JsonError),
    /// The text is too long.
    #[error("the text has {len} bytes; the limit is {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest accepted.
        max: usize,
    },
    /// Too much stands in each other.
    #[error("filters, extractors or values are nested more than {max} deep; put them side by side")]
    TooDeep {
        /// The deepest accepted.
        max: usize,
    },
    /// There are too many parts.
    #[error("there are more than {max} values or extractors; ask in several requests")]
    TooMany {
        /// The most accepted.
        max: usize,
    },
    /// There is no object with a class where one is needed.
    #[error("Could not deserialize: {expected} is needed, an object with an @class")]
    NoClass {
        /// What is needed.
        expected: &'static str,
    },
    /// The class is not known for what is needed.
    #[error("Could not deserialize: {class:?} is not known as {expected}")]
    Unknown {
        /// The class, cut short.
        class: String,
        /// What is needed.
        expected: &'static str,
    },
    /// A member of an object is missing.
    #[error("Could not deserialize: {class} needs {field:?}")]
    Missing {
        /// The class, cut short.
        class: String,
        /// The member.
        field: &'static str,
    },
    /// A member of an object has a wrong value.
    #[error("Could not deserialize: {field:?} of {class} must be {expected}")]
    Wrong {
        /// The class, cut short.
        class: String,
        /// The member.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The class is known, and cannot be run here.
    #[error("{class} is not supported: {reason}")]
    Refused {
        /// The class.
        class: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// A pattern cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A value that came with it cannot be used.
    #[error(transparent)]
    Value(#[from] QueryError),
}
