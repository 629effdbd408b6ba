//! Values for many keys.

use crate::query::{Operand, QueryError};
use crate::value::{Binary, Format, json};

/// Values by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PutAll {
    /// In the order of the canonical forms of the keys.
    entries: Vec<(Operand, Operand)>,
}

impl PutAll {
    /// A map of these entries; of several with one key the last counts.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = (Operand, Operand)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.reverse();
        entries.sort_by(|(a, _), (b, _)| a.canonical().cmp(b.canonical()));
        entries.dedup_by(|(a, _), (b, _)| a == b);
        PutAll { entries }
    }

    /// The entries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Operand, &Operand)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The value for a key.
    ///
    /// # Errors
    /// When the key is of a format that cannot be read here.
    pub fn get(&self, key: &Binary) -> Result<Option<&Operand>, QueryError> {
        if key.format() != Format::JSON {
            let format = key.format();
            return Err(QueryError::Opaque { format });
        }
        let canonical = json::canonical(key.bytes())?;
        let found = self
            .entries
            .binary_search_by(|(key, _)| key.canonical().cmp(&canonical));
        Ok(found
            .ok()
            .and_then(|index| self.entries.get(index))
            .map(|(_, value)| value))
    }
}
