//! What can go wrong with an operation on a cache.

use std::fmt;
use std::time::Duration;

use crate::store::CookieError;
use crate::value::ValueError;

use super::CacheNameError;

/// Whether a change that failed was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was made, though the answer was lost.
    Yes,
    /// It was not made: doing it again is safe.
    No,
    /// It may have been made: doing it again is safe only when doing it twice is.
    Unknown,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Applied::Yes => "yes",
            Applied::No => "no",
            Applied::Unknown => "unknown",
        })
    }
}

/// Why an operation on a cache failed. [`CacheError::applied`] tells whether a change was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A key or a value cannot be written or read in its format.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The change was made, and then the value before it could not be read as the type that was asked for.
    #[error("applied, but the value before cannot be read: {0}")]
    Previous(#[source] ValueError),
    /// The name names no cache.
    #[error(transparent)]
    Name(#[from] CacheNameError),
    /// A page was asked for with a cookie that no page gave.
    #[error(transparent)]
    Cookie(#[from] CookieError),
    /// An argument makes no sense.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it, and what would be right.
        what: String,
    },
    /// The cache was destroyed; a handle from before does not reach its successor.
    #[error("the cache {cache:?} was destroyed; get it again from the grid or the session")]
    Destroyed {
        /// Its name.
        cache: String,
    },
    /// The handle was released.
    #[error("this handle of the cache {cache:?} was released; get it again from the grid or the session")]
    Released {
        /// Its name.
        cache: String,
    },
    /// The other side refused the operation.
    #[error("refused: {message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// The operation is not offered.
    #[error("{what} is not supported yet")]
    Unsupported {
        /// What is not.
        what: &'static str,
    },
    /// A limit was reached. Nothing was done; later it may work.
    #[error("overloaded, not applied: {what}")]
    Overloaded {
        /// Which limit.
        what: String,
    },
    /// No answer came in time.
    #[error("no answer within {after:?} (applied: {applied})")]
    Deadline {
        /// How long was waited.
        after: Duration,
        /// Whether the change was made.
        applied: Applied,
    },
    /// The connection failed.
    #[error("the connection to {address} failed: {reason} (applied: {applied})")]
    Disconnected {
        /// Where it led.
        address: String,
        /// What happened.
        reason: String,
        /// Whether the change was made.
        applied: Applied,
    },
    /// Other writers changed the entry between each reading and each writing.
    #[error("not applied: other writers changed the entry {attempts} times in a row; try again later")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The answer was not one that the protocol allows.
    #[error("the answer breaks the protocol: {what}")]
    Protocol {
        /// What is wrong with it.
        what: String,
    },
    /// The grid or the session is shutting down.
    #[error("not applied: the grid is shutting down")]
    ShuttingDown,
}

impl CacheError {
    /// Whether the change that failed was made.
    ///
    /// An operation of several keys (`put_all`, `clear`) may have been made in part when the answer is `Unknown`.
    #[must_use]
    pub fn applied(&self) -> Applied {
        match self {
            CacheError::Deadline { applied, .. } | CacheError::Disconnected { applied, .. } => *applied,
            CacheError::Protocol { .. } => Applied::Unknown,
            CacheError::Previous(_) => Applied::Yes,
            _ => Applied::No,
        }
    }

    /// Whether the same operation may work when it is done again, without a change on the caller's side.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            CacheError::Overloaded { .. }
                | CacheError::Deadline { .. }
                | CacheError::Disconnected { .. }
                | CacheError::Contended { .. }
        )
    }
}
