//! One value as a query sees it.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use num_bigint::BigInt;

use super::{Elements, QueryError};
use crate::value::json::{self, Cursor};
use crate::value::{Binary, Format, JsonError, JsonErrorKind, Value, ValueError, decimal};

/// A value as a query sees it: a scalar is read, an array or object stays the text it is.
///
/// It differs from [`Value`] in one point: a bare number with a fraction or an exponent is always a double, the
/// nearest there is, as in the reference. Integers stay exact, however long.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum<'a> {
    /// Nothing, or a property that is missing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer of any length.
    BigInt(BigInt),
    /// A double; infinite where the text has a larger number than a double can be.
    Double(f64),
    /// A decimal with its scale.
    Decimal(BigDecimal),
    /// Text.
    Text(Cow<'a, str>),
    /// The JSON text of an array.
    Array(Cow<'a, [u8]>),
    /// The JSON text of an object.
    Object(Cow<'a, [u8]>),
}

/// The most digits of a bare integer beyond 64 bits.
const TOO_LONG: JsonErrorKind = JsonErrorKind::NumberTooLong {
    max: decimal::DIGITS_MAX,
};

impl<'a> Datum<'a> {
    /// Reads a JSON text of one value.
    ///
    /// What is inside an array or object is not looked at.
    ///
    /// # Errors
    /// When the text does not begin with a JSON value, or has an integer of too many digits.
    pub fn read(text: &'a [u8]) -> Result<Self, QueryError> {
        let mut at = Cursor::new(text);
        match at.peek() {
            Some(b'n') => Ok(at.word(b"null").map(|()| Datum::Null)?),
            Some(b't') => Ok(at.word(b"true").map(|()| Datum::Bool(true))?),
            Some(b'f') => Ok(at.word(b"false").map(|()| Datum::Bool(false))?),
            Some(b'"') => Ok(Datum::Text(json::decode(at.string()?)?)),
            Some(b'-' | b'0'..=b'9') => read_number(at.number()?),
            Some(b'[') => Ok(Datum::Array(Cow::Borrowed(at.slice(at.position(), text.len())))),
            Some(b'{') => {
                let text = at.slice(at.position(), text.len());
                Ok(big_number(text)?.unwrap_or(Datum::Object(Cow::Borrowed(text))))
            }
            _ => Err(at.unexpected().into()),
        }
    }

    /// The value as a query sees it.
    ///
    /// # Errors
    /// When an array or object has something that JSON cannot say.
    pub fn of(value: &'a Value) -> Result<Self, QueryError> {
        Ok(match value {
            Value::Null => Datum::Null,
            Value::Bool(value) => Datum::Bool(*value),
            Value::Int(number) => Datum::Int(*number),
            Value::BigInt(number) => Datum::BigInt(number.clone()),
            Value::Double(number) => Datum::Double(*number),
            Value::Decimal(number) => Datum::Decimal(number.clone()),
            Value::String(text) => Datum::Text(Cow::Borrowed(text)),
            Value::Array(_) => Datum::Array(Cow::Owned(value.to_binary()?.into_bytes().into())),
            Value::Object(_) => Datum::Object(Cow::Owned(value.to_binary()?.into_bytes().into())),
        })
    }

    /// The value with all that is in it.
    ///
    /// # Errors
    /// When the text of an array or object is not JSON.
    pub fn to_value(&self) -> Result<Value, QueryError> {
        Ok(match self {
            Datum::Null => Value::Null,
            Datum::Bool(value) => Value::Bool(*value),
            Datum::Int(number) => Value::Int(*number),
            Datum::BigInt(number) => Value::BigInt(number.clone()),
            Datum::Double(number) => Value::Double(*number),
            Datum::Decimal(number) => Value::Decimal(number.clone()),
            Datum::Text(text) => Value::String(text.clone().into_owned()),
            Datum::Array(text) | Datum::Object(text) => {
                Value::from_binary(&Binary::new(Format::JSON, text.to_vec().into()))?
            }
        })
    }

    /// Writes the value as JSON.
    ///
    /// # Errors
    /// When a double is not finite or a number is too long.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match self {
            Datum::Null => out.extend_from_slice(b"null"),
            Datum::Bool(true) => out.extend_from_slice(b"true"),
            Datum::Bool(false) => out.extend_from_slice(b"false"),
            Datum::Int(number) => json::write_integer(*number, out),
            Datum::Double(number) if number.is_finite() => json::write_double(*number, out),
            Datum::Double(number) => {
                let number = number.to_string();
                return Err(ValueError::NotFinite { number }.into());
            }
            Datum::BigInt(number) => write_class(decimal::BIG_INT, &decimal::big_int_text(number)?, out),
            Datum::Decimal(number) => write_class(decimal::BIG_DEC, &decimal::decimal_text(number)?, out),
            Datum::Text(text) => json::write_escaped(text, out),
            Datum::Array(text) | Datum::Object(text) => out.extend_from_slice(text),
        }
        Ok(())
    }

    /// The JSON text of the value.
    ///
    /// # Errors
    /// As [`Datum::write`].
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        self.write(&mut out)?;
        Ok(out)
    }

    /// The value on its own, whatever it was read from.
    #[must_use]
    pub fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::Null => Datum::Null,
            Datum::Bool(value) => Datum::Bool(value),
            Datum::Int(number) => Datum::Int(number),
            Datum::BigInt(number) => Datum::BigInt(number),
            Datum::Double(number) => Datum::Double(number),
            Datum::Decimal(number) => Datum::Decimal(number),
            Datum::Text(text) => Datum::Text(Cow::Owned(text.into_owned())),
            Datum::Array(text) => Datum::Array(Cow::Owned(text.into_owned())),
            Datum::Object(text) => Datum::Object(Cow::Owned(text.into_owned())),
        }
    }

    /// About how many bytes it has beside itself.
    pub(crate) fn len(&self) -> usize {
        match self {
            Datum::Text(text) => text.len(),
            Datum::Array(text) | Datum::Object(text) => text.len(),
            _ => 0,
        }
    }

    /// What kind of value this is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Datum::Null => "null",
            Datum::Bool(_) => "a boolean",
            Datum::Int(_) => "an integer",
            Datum::BigInt(_) => "a big integer",
            Datum::Double(_) => "a double",
            Datum::Decimal(_) => "a decimal",
            Datum::Text(_) => "a string",
            Datum::Array(_) => "an array",
            Datum::Object(_) => "an object",
        }
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// The elements of an array; `None` for anything else.
    #[must_use]
    pub fn elements(&self) -> Option<Elements<'_>> {
        match self {
            Datum::Array(text) => Some(Elements::new(text)),
            _ => None,
        }
    }
}

fn write_class(class: &str, number: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"@class\":\"");
    out.extend_from_slice(class.as_bytes());
    out.extend_from_slice(b"\",\"value\":\"");
    out.extend_from_slice(number.as_bytes());
    out.extend_from_slice(b"\"}");
}

fn read_number<'a>(text: &[u8]) -> Result<Datum<'a>, QueryError> {
    let too_long = || QueryError::Json(JsonError::new(0, TOO_LONG));
    let number = core::str::from_utf8(text).unwrap_or_default();
    if let Ok(number) = number.parse::<i64>() {
        return Ok(Datum::Int(number));
    }
    if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return Ok(Datum::Double(number.parse().unwrap_or_default()));
    }
    if text.len() > decimal::DIGITS_MAX {
        return Err(too_long());
    }
    number
        .parse()
        .map(Datum::BigInt)
        .map_err(|_not_digits: num_bigint::ParseBigIntError| too_long())
}

/// The big number that an object of two members spells, if it does. Looks no further than that takes.
fn big_number<'a>(text: &'a [u8]) -> Result<Option<Datum<'a>>, QueryError> {
    let mut at = Cursor::new(text);
    at.step();
    let (mut class, mut value) = (None, None);
    for index in 0..2 {
        if at.peek() != Some(b'"') {
            return Ok(None);
        }
        let name = at.string()?;
        at.expect(b':')?;
        if at.peek() != Some(b'"') {
            return Ok(None);
        }
        let inner = at.string()?;
        match json::decode(name).as_deref() {
            Ok("@class") => class = Some(inner),
            Ok("value") => value = Some(inner),
            _ => return Ok(None),
        }
        match at.peek() {
            Some(b',') if index == 0 => at.step(),
            Some(b'}') if index == 1 => {}
            _ => return Ok(None),
        }
    }
    let (Some(class), Some(value)) = (class, value) else {
        return Ok(None);
    };
    let (Ok(class), Ok(value)) = (json::decode(class), json::decode(value)) else {
        return Ok(None);
    };
    Ok(match class.as_ref() {
        decimal::BIG_INT => decimal::parse_big_int(&value).map(Datum::BigInt),
        decimal::BIG_DEC => decimal::parse_decimal(&value).map(Datum::Decimal),
        _ => None,
    })
}
