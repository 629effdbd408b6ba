//! What comes of a change of the cluster, and of a look at it.

use futures::future::BoxFuture;
use grid_core::cache::{Applied, CacheError};

/// Why the cluster was not changed as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is nothing of that name or number.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done as things are.
    #[error("{0}")]
    Refused(String),
    /// The members could not agree on it now.
    #[error("the members could not agree on it: {0}")]
    NotAgreed(#[from] CacheError),
}

impl ChangeError {
    /// Whether the change was made.
    #[must_use]
    pub fn applied(&self) -> Applied {
        match self {
            ChangeError::NotFound(_) | ChangeError::Refused(_) => Applied::No,
            ChangeError::NotAgreed(error) => error.applied(),
        }
    }
}

/// Why something cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// There is nothing of that name.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be asked for now.
    #[error(transparent)]
    Failed(#[from] CacheError),
}

/// A change under way.
pub type ChangeFuture<'a, T> = BoxFuture<'a, Result<T, ChangeError>>;
