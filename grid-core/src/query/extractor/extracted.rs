//! What an extractor gives.

use std::borrow::Cow;

use super::Room;
use crate::query::{Datum, QueryError, form};

/// What was extracted: a stretch of an entry's JSON text, or a value that was computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Extracted<'a> {
    /// The JSON text of one value, as it stands in the entry.
    Json(&'a [u8]),
    /// A value that was computed.
    Datum(Datum<'a>),
}

impl<'a> Extracted<'a> {
    /// Nothing.
    pub const NULL: Extracted<'static> = Extracted::Datum(Datum::Null);

    /// The value to compute with.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn datum(&self) -> Result<Datum<'_>, QueryError> {
        match self {
            Extracted::Json(text) => Datum::read(text),
            Extracted::Datum(datum) => Ok(borrow(datum)),
        }
    }

    /// The value to compute with, for as long as the entry lives.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn into_datum(self) -> Result<Datum<'a>, QueryError> {
        match self {
            Extracted::Json(text) => Datum::read(text),
            Extracted::Datum(datum) => Ok(datum),
        }
    }

    /// The JSON text, as it stands in the entry where it comes from there.
    ///
    /// # Errors
    /// When a number cannot be written.
    pub fn json(&self) -> Result<Cow<'_, [u8]>, QueryError> {
        match self {
            Extracted::Json(text) => Ok(Cow::Borrowed(text)),
            Extracted::Datum(Datum::Array(text) | Datum::Object(text)) => Ok(Cow::Borrowed(text)),
            Extracted::Datum(datum) => datum.to_json().map(Cow::Owned),
        }
    }

    /// A text that equal values have alike, and others do not: the canonical form of the JSON text, but that numbers
    /// which are spelled in several ways have one, and `-0.0` and `0.0` have two.
    ///
    /// # Errors
    /// When the text is not JSON, or a number cannot be written.
    pub fn canonical(&self) -> Result<Vec<u8>, QueryError> {
        let text = self.json()?;
        Ok(form(&text)?.into_owned())
    }

    /// The room for what is made of it.
    pub(crate) fn room(&self) -> Room {
        Room::of(match self {
            Extracted::Json(text) => text.len(),
            Extracted::Datum(datum) => datum.len(),
        })
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Extracted::Json(text) => text.trim_ascii_start().starts_with(b"null"),
            Extracted::Datum(datum) => datum.is_null(),
        }
    }

    /// The value on its own, whatever it was taken from.
    #[must_use]
    pub fn into_owned(self) -> Extracted<'static> {
        match self {
            Extracted::Json(text) => match text.trim_ascii_start().first() {
                Some(b'[') => Extracted::Datum(Datum::Array(Cow::Owned(text.to_vec()))),
                // An object may be a big number; its text says it.
                Some(b'{') => Extracted::Datum(match Datum::read(text) {
                    Ok(datum) => datum.into_owned(),
                    Err(_not_json) => Datum::Object(Cow::Owned(text.to_vec())),
                }),
                _ => Extracted::Datum(Datum::read(text).map_or(Datum::Null, Datum::into_owned)),
            },
            Extracted::Datum(datum) => Extracted::Datum(datum.into_owned()),
        }
    }
}

impl<'a> From<Datum<'a>> for Extracted<'a> {
    fn from(datum: Datum<'a>) -> Self {
        Extracted::Datum(datum)
    }
}

fn borrow<'d>(datum: &'d Datum<'_>) -> Datum<'d> {
    match datum {
        Datum::Text(text) => Datum::Text(Cow::Borrowed(text)),
        Datum::Array(text) => Datum::Array(Cow::Borrowed(text)),
        Datum::Object(text) => Datum::Object(Cow::Borrowed(text)),
        Datum::Null => Datum::Null,
        Datum::Bool(value) => Datum::Bool(*value),
        Datum::Int(number) => Datum::Int(*number),
        Datum::Double(number) => Datum::Double(*number),
        Datum::BigInt(number) => Datum::BigInt(number.clone()),
        Datum::Decimal(number) => Datum::Decimal(number.clone()),
    }
}
