//! What can go wrong with the database.

use std::path::PathBuf;

/// Why the database did not do what it was asked to. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file cannot be opened, or is not a database of this application.
    #[error(
        "cannot use {path:?} as the database: {source}; give --database a path that can be written, or leave it out"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A rule of the schema forbids the change: a customer or product that there is not, a quantity of 0.
    #[error("{0}")]
    Rule(String),
    /// Anything else that SQLite said.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    /// The runtime is shutting down.
    #[error("the database is closed: the application is shutting down")]
    Closed,
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
            return DatabaseError::Rule(error.to_string());
        }
        DatabaseError::Sqlite(error)
    }
}
