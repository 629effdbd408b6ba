//! What can go wrong with an operation of a repository.

use crate::cache::CacheError;

/// Why an operation of a repository failed. `E` is the error of its store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError<E: std::error::Error + 'static> {
    /// The database refused. Neither the database nor the cache was changed.
    #[error("the database refused, so that neither it nor the cache {cache:?} was changed: {source}")]
    Store {
        /// The name of the cache.
        cache: String,
        /// What the database said.
        source: E,
    },
    /// The cache failed before the database was asked to change anything.
    #[error("the cache failed: {0}")]
    Cache(#[source] CacheError),
    /// The database has the change, but the cache failed afterwards.
    #[error(
        "the change is in the database, but the cache {cache:?} failed: {source} ({})",
        if *.invalidated { "its entries were removed: the next reading asks the database" }
        else { "it may hold older values: clear it when it can be reached again" }
    )]
    CacheAfterStore {
        /// The name of the cache.
        cache: String,
        /// What the cache said.
        source: CacheError,
        /// Whether the entries were removed from the cache, so that the next reading asks the database.
        invalidated: bool,
    },
}

impl<E: std::error::Error + 'static> RepositoryError<E> {
    /// Whether the database has the change that failed.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self, RepositoryError::CacheAfterStore { .. })
    }
}
