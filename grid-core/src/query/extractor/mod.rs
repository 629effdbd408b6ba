//! Extractors: what is read from an entry, and how it is set.
//!
//! A property is found in the JSON text of the value; nothing else of the value is built. Null-safe: whatever is asked
//! of null is null. A property that an object does not have is null; a property of anything that is no object, and a
//! method that is not known, are errors.

mod extracted;
mod method;
mod number_method;
mod property;
mod splice;
mod text_method;
mod updater;

pub use extracted::Extracted;
pub use updater::{Manipulator, Updater};

pub(crate) use method::call_method;
pub(crate) use number_method::whole;
pub(crate) use property::is_object;
pub(crate) use splice::set_member;

use std::borrow::Cow;

use super::agent::write_array;
use super::{Datum, Operand, QueryEntry, QueryError};

/// The most bytes that an extractor makes of an entry.
const RESULT_LEN_MAX: usize = 16 << 20;

/// What is taken from an entry or a value.
///
/// ```
/// use grid_core::query::{Extractor, QueryEntry};
///
/// let city = Extractor::path("address.city");
/// let entry = QueryEntry::of_value(br#"{"name":"Ada","address":{"city":"Oslo"}}"#);
/// assert_eq!(city.extract(&entry)?.json()?, &b"\"Oslo\""[..]);
/// # Ok::<(), grid_core::query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Extractor {
    /// The value itself.
    Identity,
    /// The key, or what this extractor takes from the key.
    Key(Box<Extractor>),
    /// A property by name.
    Property(String),
    /// The result of a method, known by its Java name; without the parentheses.
    Method {
        /// The name.
        name: String,
        /// The arguments.
        arguments: Vec<Operand>,
    },
    /// Each extractor on what the one before it gave.
    Chained(Vec<Extractor>),
    /// What all of these give, as an array.
    Multi(Vec<Extractor>),
}

impl Extractor {
    /// A property by name. A name that ends with `()` is a method without arguments.
    #[must_use]
    pub fn property(name: &str) -> Self {
        match name.strip_suffix("()") {
            Some(method) => Extractor::method(method, Vec::new()),
            None => Extractor::Property(name.to_owned()),
        }
    }

    /// A method with its arguments.
    #[must_use]
    pub fn method(name: &str, arguments: Vec<Operand>) -> Self {
        Extractor::Method {
            name: name.to_owned(),
            arguments,
        }
    }

    /// Properties within properties, with dots between their names, as the clients take them.
    #[must_use]
    pub fn path(names: &str) -> Self {
        if names.is_empty() {
            return Extractor::Identity;
        }
        match names.split_once('.') {
            None => Extractor::property(names),
            Some(_) => Extractor::Chained(names.split('.').map(Extractor::property).collect()),
        }
    }

    /// Takes it from an entry. The value of an entry that has none is null.
    ///
    /// # Errors
    /// When the value's format is opaque, or it has no such property or method.
    pub fn extract<'a>(&self, entry: &QueryEntry<'a>) -> Result<Extracted<'a>, QueryError> {
        match self {
            Extractor::Property(name) => {
                if let Some(text) = entry.member(name)? {
                    return Ok(Extracted::Json(text));
                }
                // Most often there is no such member, and nothing that stands for one.
                if !property::may_be_other(name) && entry.is_plain_object()? {
                    return Ok(Extracted::NULL);
                }
                property::missing(&entry.extracted()?, name)
            }
            Extractor::Chained(extractors) => {
                let Some((first, rest)) = extractors.split_first() else {
                    return entry.extracted();
                };
                let mut extracted = first.extract(entry)?;
                for extractor in rest {
                    extracted = extractor.extract_from(extracted)?;
                }
                Ok(extracted)
            }
            Extractor::Multi(extractors) => multi(extractors, |extractor| extractor.extract(entry)),
            Extractor::Key(extractor) => extractor.extract_from(Extracted::Json(entry.key()?)),
            Extractor::Identity | Extractor::Method { .. } => self.extract_from(entry.extracted()?),
        }
    }

    /// Takes it from a value without a key.
    ///
    /// # Errors
    /// As [`Extractor::extract`], and when the extractor wants the key.
    pub fn extract_from<'a>(&self, target: Extracted<'a>) -> Result<Extracted<'a>, QueryError> {
        match self {
            Extractor::Identity => Ok(target),
            Extractor::Key(_) => Err(QueryError::NoKey),
            Extractor::Chained(extractors) => extractors
                .iter()
                .try_fold(target, |target, extractor| extractor.extract_from(target)),
            Extractor::Multi(extractors) => multi(extractors, |extractor| {
                let target = match &target {
                    Extracted::Json(text) => Extracted::Json(text),
                    Extracted::Datum(datum) => Extracted::Datum(datum.clone()),
                };
                extractor.extract_from(target)
            }),
            Extractor::Property(name) => property::property(target, name),
            Extractor::Method { name, arguments } => method(target, name, arguments),
        }
    }

    /// The names of the path, if this is nothing but properties within properties.
    #[must_use]
    pub fn property_path(&self) -> Option<Vec<&str>> {
        match self {
            Extractor::Identity => Some(Vec::new()),
            Extractor::Property(name) => Some(vec![name]),
            Extractor::Chained(extractors) => {
                let paths: Option<Vec<_>> = extractors.iter().map(Extractor::property_path).collect();
                paths.map(|paths| paths.concat())
            }
            _ => None,
        }
    }
}

/// A method of a value. What changes the value changes a copy that is forgotten.
fn method<'a>(target: Extracted<'a>, name: &str, arguments: &[Operand]) -> Result<Extracted<'a>, QueryError> {
    if target.is_null() {
        return Ok(Extracted::NULL);
    }
    if let Some(found) = property::accessor(&target, name, arguments)? {
        return Ok(found);
    }
    let called = call_method(target.datum()?, name, arguments)?;
    Ok(Extracted::Datum(called.result))
}

fn multi<'e, 'a>(
    extractors: &[Extractor],
    extract: impl Fn(&Extractor) -> Result<Extracted<'e>, QueryError>,
) -> Result<Extracted<'a>, QueryError> {
    let mut out = Vec::new();
    write_array(extractors, &mut out, |extractor, out| {
        out.extend_from_slice(&extract(extractor)?.json()?);
        // Arrays of arrays of the whole value would double with every extractor of a chain.
        if out.len() > RESULT_LEN_MAX {
            let (what, max) = ("an extractor of many values", RESULT_LEN_MAX);
            return Err(QueryError::TooLarge { what, max });
        }
        Ok(())
    })?;
    Ok(Extracted::Datum(Datum::Array(Cow::Owned(out))))
}
