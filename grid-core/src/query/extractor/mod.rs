//! Extractors: what is read from an entry, and how it is set.
//!
//! A property is found in the JSON text of the value; nothing else of the value is built. Null-safe: whatever is asked
//! of null is null. A property that an object does not have is null; a property of anything that is no object, and a
//! method that is not known, are errors.

mod big_method;
mod extracted;
mod method;
mod method_call;
mod number_method;
mod property;
mod room;
mod splice;
mod text;
mod text_method;
mod text_search;
mod updater;

pub use extracted::Extracted;
pub use method_call::MethodCall;
pub use updater::{Manipulator, Updater};

pub(crate) use number_method::whole;
pub(crate) use property::is_object;
pub(crate) use room::Room;
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
    /// The result of a method.
    Method(Box<MethodCall>),
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
        Extractor::Method(Box::new(MethodCall::new(name, arguments)))
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
    /// When the value's format is opaque, or it has no such property or method; when what is asked of the entry makes too
    /// much of it.
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
                    extracted = extractor.take_from(extracted, entry.room())?;
                }
                Ok(extracted)
            }
            Extractor::Multi(extractors) => {
                multi(extractors, entry.room(), |extractor| extractor.extract(entry))
            }
            Extractor::Key(extractor) => extractor.take_from(Extracted::Json(entry.key()?), entry.room()),
            Extractor::Identity | Extractor::Method(_) => self.take_from(entry.extracted()?, entry.room()),
        }
    }

    /// Takes it from a value without a key.
    ///
    /// # Errors
    /// As [`Extractor::extract`], and when the extractor wants the key.
    pub fn extract_from<'a>(&self, target: Extracted<'a>) -> Result<Extracted<'a>, QueryError> {
        let room = target.room();
        self.take_from(target, &room)
    }

    /// As [`Extractor::extract_from`], within the room that is left.
    pub(crate) fn take_from<'a>(
        &self,
        target: Extracted<'a>,
        room: &Room,
    ) -> Result<Extracted<'a>, QueryError> {
        match self {
            Extractor::Identity => Ok(target),
            Extractor::Key(_) => Err(QueryError::NoKey),
            Extractor::Chained(extractors) => extractors
                .iter()
                .try_fold(target, |target, extractor| extractor.take_from(target, room)),
            Extractor::Multi(extractors) => multi(extractors, room, |extractor| {
                let target = match &target {
                    Extracted::Json(text) => Extracted::Json(text),
                    Extracted::Datum(datum) => Extracted::Datum(datum.clone()),
                };
                extractor.take_from(target, room)
            }),
            Extractor::Property(name) => property::property(target, name),
            Extractor::Method(call) => call.take_from(target, room),
        }
    }

    /// Whether the key of an entry is needed for it.
    #[must_use]
    pub fn wants_key(&self) -> bool {
        match self {
            Extractor::Key(_) => true,
            // Those after the first have values alone to take from.
            Extractor::Chained(inner) => inner.first().is_some_and(Extractor::wants_key),
            Extractor::Multi(inner) => inner.iter().any(Extractor::wants_key),
            _ => false,
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

fn multi<'e, 'a>(
    extractors: &[Extractor],
    room: &Room,
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
    // What the entry has is taken apart and put together once.
    room.take(out.len())?;
    Ok(Extracted::Datum(Datum::Array(Cow::Owned(out))))
}
