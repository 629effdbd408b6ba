//! Updaters: how a property is set.

use super::{Extractor, set_member};
use crate::query::{Datum, Extracted, QueryError};

/// Sets something in a value.
///
/// Only what is meant changes: every other byte of the JSON text stays.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Updater {
    /// Sets a property. A name like `setAge()` means the property `age`.
    Property(String),
    /// Takes an object out of the value, and sets something in that.
    Composite {
        /// What is taken out. Only properties can be set within.
        extractor: Extractor,
        /// What is set there.
        updater: Box<Updater>,
    },
}

impl Updater {
    /// The property at the end of a path of names with dots between them.
    #[must_use]
    pub fn path(names: &str) -> Self {
        match names.rsplit_once('.') {
            None => Updater::Property(names.to_owned()),
            Some((path, name)) => Updater::Composite {
                extractor: Extractor::path(path),
                updater: Box::new(Updater::Property(name.to_owned())),
            },
        }
    }

    /// The text of a value in which something is set.
    ///
    /// # Errors
    /// When there is no object to set it of, or the path to it is made of more than properties.
    pub fn update(&self, text: &[u8], value: &[u8]) -> Result<Vec<u8>, QueryError> {
        match self {
            Updater::Property(name) => {
                let name = property_of(name);
                match Datum::read(text)? {
                    Datum::Object(_) => set_member(text, &name, value),
                    Datum::Null => Err(QueryError::NoTarget {
                        name: name.into_owned(),
                    }),
                    other => Err(QueryError::NoProperty {
                        kind: other.kind(),
                        name: name.into_owned(),
                    }),
                }
            }
            Updater::Composite { extractor, updater } => {
                let Some(path) = extractor.property_path() else {
                    // What a method gives is a copy: setting something in it would be lost.
                    let kind = "the result of a method";
                    let name = updater.name().to_owned();
                    return Err(QueryError::NoProperty { kind, name });
                };
                within(text, &path, updater, value)
            }
        }
    }

    /// Whether the name of a method is that of a Java setter, such as `setAge`.
    pub(crate) fn is_setter(method: &str) -> bool {
        let property = method.strip_prefix("set").unwrap_or_default();
        property.chars().next().is_some_and(char::is_uppercase)
    }

    /// The property that is set in the end.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Updater::Property(name) => name,
            Updater::Composite { updater, .. } => updater.name(),
        }
    }
}

/// Changes what is at the end of a path, and puts each object back into the one around it.
fn within(text: &[u8], path: &[&str], updater: &Updater, value: &[u8]) -> Result<Vec<u8>, QueryError> {
    let Some((name, rest)) = path.split_first() else {
        return updater.update(text, value);
    };
    let inner = super::property::property(Extracted::Json(text), name)?;
    if inner.is_null() {
        let name = updater.name().to_owned();
        return Err(QueryError::NoTarget { name });
    }
    let inner = within(&inner.json()?, rest, updater, value)?;
    set_member(text, name, &inner)
}

/// The property that a name of a Java setter means.
fn property_of(name: &str) -> std::borrow::Cow<'_, str> {
    let setter = name.strip_suffix("()").and_then(|name| name.strip_prefix("set"));
    let mut letters = setter.unwrap_or_default().chars();
    match letters.next() {
        Some(first) if first.is_uppercase() => first.to_lowercase().chain(letters).collect(),
        _ => name.into(),
    }
}

/// A property that is read and set: what numbers are incremented by.
#[derive(Clone, Debug, PartialEq)]
pub struct Manipulator {
    /// What is read.
    pub extractor: Extractor,
    /// What is set.
    pub updater: Updater,
}

impl Manipulator {
    /// The property at the end of a path of names with dots between them.
    #[must_use]
    pub fn path(names: &str) -> Self {
        Manipulator {
            extractor: Extractor::path(names),
            updater: Updater::path(names),
        }
    }
}
