//! What an index knows of an entry.

use crate::query::{Datum, Elements, QueryEntry, QueryError, Signature, Vector};
use crate::store::index::IndexDefinition;
use crate::store::index::key::IndexKey;
use crate::value::json;

/// The most elements of an array that an index knows. An entry with more is among those without a value.
pub const ELEMENTS_MAX: usize = 1_024;

/// What an index knows of an entry.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Held {
    /// The condition says that the entry is not in the index, or there is no vector for an index of vectors.
    Nothing,
    /// Something cannot be extracted, read or written.
    NoValue,
    /// A value.
    One(IndexKey),
    /// An array, and the elements that it has.
    Array(IndexKey, Vec<IndexKey>),
    /// A vector.
    Vector(Signature),
}

impl Held {
    /// What an index of this definition has to know of an entry.
    pub(in crate::store) fn of(definition: &IndexDefinition, entry: &QueryEntry<'_>) -> Self {
        match definition.filter.as_ref().map(|filter| filter.evaluate(entry)) {
            Some(Ok(false)) => return Held::Nothing,
            Some(Err(_)) => return Held::NoValue,
            Some(Ok(true)) | None => {}
        }
        let held = match definition.oversampling {
            Some(_) => vector(definition, entry),
            None => value(definition, entry),
        };
        held.unwrap_or(Held::NoValue)
    }

    /// The keys of the value and of its elements.
    pub(in crate::store) fn keys(&self) -> impl Iterator<Item = &IndexKey> {
        let (value, elements) = match self {
            Held::Nothing | Held::NoValue | Held::Vector(_) => (None, None),
            Held::One(key) => (Some(key), None),
            Held::Array(key, elements) => (Some(key), Some(elements)),
        };
        value.into_iter().chain(elements.into_iter().flatten())
    }
}

fn vector(definition: &IndexDefinition, entry: &QueryEntry<'_>) -> Result<Held, QueryError> {
    let vector = Vector::read(&definition.extractor.extract(entry)?.json()?)?;
    Ok(vector.map_or(Held::Nothing, |vector| Held::Vector(Signature::of(&vector))))
}

/// Everything that any filter may do with the value is done once: what fails for one is left to be looked at.
fn value(definition: &IndexDefinition, entry: &QueryEntry<'_>) -> Result<Held, QueryError> {
    let extracted = definition.extractor.extract(entry)?;
    let datum = extracted.datum()?;
    json::canonical(&extracted.json()?)?;
    let key = IndexKey::of(&datum)?;
    let Datum::Array(text) = &datum else {
        return Ok(Held::One(key));
    };
    let mut elements = Vec::new();
    for (index, element) in Elements::new(text).enumerate() {
        if index >= ELEMENTS_MAX {
            return Ok(Held::NoValue);
        }
        let element = Datum::read(element?)?;
        if definition.knows_elements() {
            elements.push(IndexKey::of_element(&element)?);
        }
    }
    elements.sort_unstable_by(|left, right| left.bytes().cmp(right.bytes()));
    elements.dedup();
    Ok(Held::Array(key, elements))
}
