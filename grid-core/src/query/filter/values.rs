//! A set of values.

use crate::query::{Operand, QueryError, form};

/// Values without duplicates, in an order of their own.
///
/// Whether a value is in it takes a search, however many there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueSet {
    values: Vec<Operand>,
}

impl ValueSet {
    /// The set of these values.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = Operand>) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(|a, b| a.form().cmp(b.form()));
        values.dedup();
        ValueSet { values }
    }

    /// The values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Operand> {
        self.values.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether the value of a JSON text is one of these.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn contains(&self, text: &[u8]) -> Result<bool, QueryError> {
        Ok(self.position(text)?.is_some())
    }

    /// The place of the value of a JSON text among these.
    pub(crate) fn position(&self, text: &[u8]) -> Result<Option<usize>, QueryError> {
        let form = form(text)?;
        let found = self.values.binary_search_by(|value| value.form().cmp(&form));
        Ok(found.ok())
    }
}

impl<T: Into<Operand>> FromIterator<T> for ValueSet {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        ValueSet::new(values.into_iter().map(Into::into))
    }
}
