//! What can go wrong with a statement.

use crate::cache::CacheError;
use crate::query::cohql::{AnswerError, CohqlError};

/// Why a statement has no rows. Statements only read, so nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The text is no statement; the error says where.
    #[error(transparent)]
    Statement(#[from] CohqlError),
    /// The cache could not be opened or asked.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The answer could not be made into rows: it has values without an order that the statement wants, or that cannot be
    /// read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// What was selected is more than is kept at once.
    #[error(
        "what was selected has more than {bytes_max} bytes; select less with a condition, or a limit without an order, or \
         read the entries as a stream"
    )]
    TooLarge {
        /// The most bytes.
        bytes_max: usize,
    },
}

impl AskError {
    /// Whether the same statement may work when it is asked again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, AskError::Cache(error) if error.is_transient())
    }
}
