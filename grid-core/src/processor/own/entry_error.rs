//! Why a processor cannot reach or change an entry.

use crate::value::ValueError;

/// Why a processor cannot reach or change an entry. A processor that gives it back fails, and nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// A key or a value cannot be read or written.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The key lies in another partition.
    #[error(
        "the key {key} of the cache {cache:?} lies in another partition: an entry reaches those of its own partition \
         alone, as those with an equal key"
    )]
    OtherPartition {
        /// The cache.
        cache: String,
        /// The JSON text of the key.
        key: String,
    },
    /// There is no such cache beside that of the entry.
    #[error(
        "there is no cache {cache:?} beside this one: open it before, as partitioned as this one and with as many backups"
    )]
    NoCache {
        /// The cache.
        cache: String,
    },
    /// The entry is the one that is worked on.
    #[error("the key {key} of the cache {cache:?} is the entry itself: change that")]
    Itself {
        /// The cache.
        cache: String,
        /// The JSON text of the key.
        key: String,
    },
    /// More entries are reached than one step may have.
    #[error("more than {max} entries are reached in one step")]
    TooMany {
        /// How many may be.
        max: usize,
    },
    /// What was read before is not so any more: the processor runs again, whatever it does now.
    #[error("an entry that was read has changed meanwhile; the processor runs again")]
    Overtaken,
}

impl From<EntryError> for String {
    fn from(error: EntryError) -> Self {
        error.to_string()
    }
}
