//! What a listener asks for.

use crate::value::Key;

/// The entries that a listener hears of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ListenTo {
    /// One key, whether it is present or not.
    Key(Key),
    /// Every key of the cache.
    All,
}

/// A listener's wishes, for the layers below the typed cache.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Which entries.
    pub to: ListenTo,
    /// Whether events carry the old and the new value. Events without values ("lite") cost less.
    pub values: bool,
}
