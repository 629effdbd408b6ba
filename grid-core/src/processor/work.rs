//! Work on an entry, as whoever keeps the entries does it.

use std::fmt;

use bytes::Bytes;

use crate::value::Binary;

/// Something that is done to an entry where it lies, and answers.
pub trait Work: fmt::Debug + Send + Sync {
    /// Looks at an entry, says what is to become of it, and answers; without an answer the entry was passed over. It is
    /// pure: it may be done again on another copy.
    ///
    /// # Errors
    /// When it fails, with the reason in words. Nothing is done to the entry then.
    fn work(&self, key: &Binary, value: Option<&Binary>) -> Result<(Worked, Option<Binary>), String>;

    /// Whether it may change an entry.
    fn may_change(&self) -> bool;

    /// The bytes of which another member makes the same work.
    fn to_bytes(&self) -> Bytes;
}

/// What is to become of an entry that work was done to.
#[derive(Clone, Debug)]
pub enum Worked {
    /// It stays as it is.
    Stays,
    /// It is to have this value, with a new life of the cache's default.
    Set(Binary),
    /// It stays, with a new life of the cache's default. Nothing is done, and nobody told, if it lives for ever before and
    /// after.
    Touched,
    /// It is to be taken away.
    Removed,
}
