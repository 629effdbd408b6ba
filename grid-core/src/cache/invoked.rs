//! What came of a processor on one of many entries.

use super::CacheError;

/// What came of a processor on one of many entries.
#[derive(Debug)]
pub struct Invoked<K, R> {
    /// The key.
    pub key: K,
    /// The answer, or why there is none; [`CacheError::applied`] says whether the entry was changed all the same.
    pub answer: Result<R, CacheError>,
}

impl<K, R> Invoked<K, R> {
    /// The key and the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn into_pair(self) -> Result<(K, R), CacheError> {
        self.answer.map(|answer| (self.key, answer))
    }
}
