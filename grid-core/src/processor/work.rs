//! Work on an entry, as whoever keeps the entries does it.

use std::fmt;
use std::num::NonZeroU64;

use bytes::Bytes;

use super::own::{OwnAgents, OwnPlace};
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

    /// The name of code of [one's own](super::own) in it. Such work is done [beside](Self::work_beside) the entries.
    fn own_name(&self) -> Option<&str> {
        None
    }

    /// A name in it that is not registered there.
    fn unknown_name(&self, agents: &OwnAgents) -> Option<&str> {
        let _needs_none = agents;
        None
    }

    /// About how often it reads the value.
    fn passes(&self) -> usize {
        1
    }

    /// By about how many bytes it may make the value longer while it goes on.
    fn growth(&self) -> usize {
        0
    }

    /// As [`work`](Self::work), where there is code of one's own.
    ///
    /// # Errors
    /// As [`work`](Self::work).
    fn work_beside(
        &self,
        key: &Binary,
        value: Option<&Binary>,
        own: OwnPlace<'_>,
    ) -> Result<(Worked, Option<Binary>), String> {
        let _needs_none = own;
        self.work(key, value)
    }

    /// The bytes of which another member makes the same work.
    fn to_bytes(&self) -> Bytes;
}

/// What is to become of an entry that work was done to.
#[derive(Clone, Debug)]
pub enum Worked {
    /// It stays as it is.
    Stays,
    /// It is to have this value, with a new life of so many milliseconds; `None` for the cache's default.
    Set(Binary, Option<NonZeroU64>),
    /// It stays, with a new life of the cache's default. Nothing is done, and nobody told, if it lives for ever before and
    /// after.
    Touched,
    /// It is to be taken away.
    Removed,
}
