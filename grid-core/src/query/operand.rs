//! A value that a filter, an extractor or a processor was given.

use std::fmt;

use super::{Datum, QueryError, equal, form};
use crate::value::{Binary, Format, Value, ValueError, json, to_binary};

/// A value that came with a query: its JSON text as it was sent, and what it says.
///
/// Two are equal when their values are [`equal`].
#[derive(Clone)]
pub struct Operand {
    text: Box<[u8]>,
    datum: Datum<'static>,
    canonical: Box<[u8]>,
    /// What tells the value from others, where the canonical form does not.
    form: Option<Box<[u8]>>,
}

impl Operand {
    /// Takes a JSON text.
    ///
    /// # Errors
    /// When it is not JSON, or a bare integer has too many digits.
    pub fn new(text: &[u8]) -> Result<Self, QueryError> {
        let canonical = json::canonical(text)?;
        let datum = Datum::read(text)?.into_owned();
        let form = form(text)?;
        Ok(Operand {
            text: text.trim_ascii().into(),
            datum,
            form: (form != canonical).then(|| form.into()),
            canonical: canonical.into(),
        })
    }

    /// Takes any value.
    ///
    /// # Errors
    /// When JSON cannot say it.
    pub fn of(value: &Value) -> Result<Self, QueryError> {
        Operand::new(to_binary(value)?.bytes())
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The value.
    #[must_use]
    pub fn datum(&self) -> &Datum<'static> {
        &self.datum
    }

    /// The canonical form of the JSON text: of a key, what it is found by.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// What tells the value from those that are not equal to it.
    pub(crate) fn form(&self) -> &[u8] {
        self.form.as_ref().unwrap_or(&self.canonical)
    }

    /// Whether a value is equal to this one.
    #[must_use]
    pub fn equals(&self, other: &Datum<'_>) -> bool {
        match (&self.datum, other) {
            // The canonical form of this side is known already.
            (Datum::Array(_), Datum::Array(text)) | (Datum::Object(_), Datum::Object(text)) => {
                **text == *self.text || json::canonical(text).is_ok_and(|text| *text == *self.canonical)
            }
            (datum, _) => equal(datum, other),
        }
    }

    /// The value as it is stored.
    #[must_use]
    pub fn to_binary(&self) -> Binary {
        Binary::new(Format::JSON, self.text.to_vec().into())
    }

    /// Null.
    #[must_use]
    pub fn null() -> Self {
        Operand {
            text: b"null".as_slice().into(),
            datum: Datum::Null,
            canonical: b"null".as_slice().into(),
            form: None,
        }
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.form() == other.form()
    }
}

impl fmt::Debug for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl<T: Into<Value>> From<T> for Operand {
    /// A double that is not finite, or a number that is too long to be written, becomes null.
    fn from(value: T) -> Self {
        let value = value.into();
        Operand::of(&value).unwrap_or_else(|_error| Operand::null())
    }
}

impl From<Operand> for Binary {
    fn from(operand: Operand) -> Self {
        operand.to_binary()
    }
}

impl TryFrom<&Binary> for Operand {
    type Error = QueryError;

    fn try_from(binary: &Binary) -> Result<Self, QueryError> {
        if binary.format() != Format::JSON {
            let format = binary.format();
            return Err(ValueError::Opaque { format }.into());
        }
        Operand::new(binary.bytes())
    }
}
