//! A set of keys.

use crate::query::{Operand, QueryError};
use crate::value::json;

/// Keys without duplicates, in the order of their canonical forms.
///
/// It is not a set of values: numbers that are equal may be several keys, and `0.0` and `-0.0` are one.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Operand>,
}

impl KeySet {
    /// The set of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Operand>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by(|a, b| a.canonical().cmp(b.canonical()));
        keys.dedup_by(|a, b| a.canonical() == b.canonical());
        KeySet { keys }
    }

    /// The keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Operand> {
        self.keys.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the key of a JSON text is one of these.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn contains(&self, text: &[u8]) -> Result<bool, QueryError> {
        let canonical = json::canonical(text)?;
        let found = self.keys.binary_search_by(|key| key.canonical().cmp(&canonical));
        Ok(found.is_ok())
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        let canonical = |(a, b): (&Operand, &Operand)| a.canonical() == b.canonical();
        self.len() == other.len() && self.iter().zip(other.iter()).all(canonical)
    }
}

impl<T: Into<Operand>> FromIterator<T> for KeySet {
    fn from_iter<I: IntoIterator<Item = T>>(keys: I) -> Self {
        KeySet::new(keys.into_iter().map(Into::into))
    }
}
