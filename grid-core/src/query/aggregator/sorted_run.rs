//! The answer to a part of an order.

use super::sorted::{Written, size};
use super::sorted_place::{SortedPlace, read_key};
use crate::query::{Elements, QueryError};
use crate::value::Binary;

/// The keys of entries in the order of their values: what a [`SortedPart`](super::SortedPart) answers.
#[derive(Clone, Debug, PartialEq)]
pub struct SortedRun {
    /// The keys as they are spelled, in order, and how long the values are in bytes.
    pub entries: Vec<SortedEntry>,
    /// The place behind which there are more entries; `None` when these are the last.
    pub next: Option<SortedPlace>,
}

/// An entry of a [`SortedRun`].
#[derive(Clone, Debug)]
pub struct SortedEntry {
    /// Its key as it is spelled.
    pub key: Binary,
    /// How long its value was, in bytes.
    pub value_len: usize,
}

impl PartialEq for SortedEntry {
    fn eq(&self, other: &Self) -> bool {
        self.key.same_value(&other.key) && self.value_len == other.value_len
    }
}

impl SortedRun {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(answer: &Binary) -> Result<Self, QueryError> {
        let bad = || QueryError::BadPartial {
            aggregator: "girih.Sorted",
        };
        let written = Written::read(answer.bytes()).ok_or_else(bad)?;
        let (mut entries, mut last) = (Vec::new(), None);
        for text in Elements::new(written.entries) {
            let text = text?;
            let parts: Result<Vec<_>, _> = Elements::new(text).collect();
            let parts = parts?;
            let [_key, value_len, spelled @ ..] = parts.as_slice() else {
                return Err(bad());
            };
            let (format, spelling) = read_key(spelled).ok_or_else(bad)?;
            entries.push(SortedEntry {
                key: Binary::new(format, spelling.into_owned().into()),
                value_len: size(value_len).ok_or_else(bad)?,
            });
            last = Some(parts);
        }
        let next = match last.as_deref() {
            Some([key, _value_len, spelled @ ..]) if written.more => {
                Some(SortedPlace::of_parts(key, spelled).ok_or_else(bad)?)
            }
            _ => None,
        };
        Ok(SortedRun { entries, next })
    }
}
