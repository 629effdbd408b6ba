//! The dynamic value.

use std::fmt;

use bigdecimal::BigDecimal;
use num_bigint::BigInt;

use super::{Binary, Object, ValueError, decimal, from_binary, json, to_binary};

/// What a value means, whatever its type: a tree with exact numbers.
///
/// Equality goes by type and value: `Int(1)` is not `Double(1.0)`. Decimals are equal when they are numerically.
///
/// Read from JSON, integers beyond 64 bits become [`Value::BigInt`], numbers with fraction or exponent
/// [`Value::Double`] where a double prints as exactly that number and [`Value::Decimal`] otherwise. The objects
/// `{"@class":"math.BigInt","value":"118"}` and `{"@class":"math.BigDec","value":"12.50"}` are read as numbers, and
/// big numbers are written so, as the clients do.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer of any length.
    BigInt(BigInt),
    /// A double. One that is not finite cannot be written.
    Double(f64),
    /// A decimal with its scale.
    Decimal(BigDecimal),
    /// Text.
    String(String),
    /// Values in order.
    Array(Vec<Value>),
    /// Named values.
    Object(Object),
}

impl Value {
    /// Reads a value.
    ///
    /// # Errors
    /// When its format is opaque, its bytes are not of their format, or a number is too long to be computed with.
    pub fn from_binary(binary: &Binary) -> Result<Self, ValueError> {
        from_binary(binary)
    }

    /// Writes the value as JSON, without spaces, members in their order.
    ///
    /// # Errors
    /// When a double is not finite, a number is too long, or the value is nested too deeply.
    pub fn to_binary(&self) -> Result<Binary, ValueError> {
        to_binary(self)
    }

    /// What kind of value this is, for messages: "an integer", "a string".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::BigInt(_) => "a big integer",
            Value::Double(_) => "a double",
            Value::Decimal(_) => "a decimal",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl fmt::Display for Value {
    /// JSON without spaces, except that numbers which JSON cannot hold are printed as Rust prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::BigInt(number) => write_class(f, decimal::BIG_INT, number),
            Value::Double(number) if number.is_finite() => {
                let mut text = Vec::new();
                json::write_double(*number, &mut text);
                f.write_str(&String::from_utf8_lossy(&text))
            }
            Value::Double(number) => write!(f, "{number}"),
            Value::Decimal(number) => match decimal::decimal_text(number) {
                Ok(text) => write_class(f, decimal::BIG_DEC, &text),
                Err(_too_long) => write_class(f, decimal::BIG_DEC, &number.to_scientific_notation()),
            },
            Value::String(text) => write_string(f, text),
            Value::Array(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{element}")?;
                }
                f.write_str("]")
            }
            Value::Object(object) => {
                f.write_str("{")?;
                for (index, (name, value)) in object.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut escaped = Vec::with_capacity(text.len() + 2);
    json::write_escaped(text, &mut escaped);
    f.write_str(&String::from_utf8_lossy(&escaped))
}

fn write_class(f: &mut fmt::Formatter<'_>, class: &str, value: &impl fmt::Display) -> fmt::Result {
    write!(f, r#"{{"@class":"{class}","value":"{value}"}}"#)
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

macro_rules! from_small_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                Value::Int(i64::from(number))
            }
        })*
    };
}

from_small_integers!(i8, i16, i32, i64, u8, u16, u32);

macro_rules! from_large_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                i64::try_from(number).map_or_else(|_too_large| Value::BigInt(BigInt::from(number)), Value::Int)
            }
        })*
    };
}

from_large_integers!(u64, i128, u128, usize, isize);

impl From<BigInt> for Value {
    /// Stays a big integer, however small it is.
    fn from(number: BigInt) -> Self {
        Value::BigInt(number)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Value::Double(f64::from(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<BigDecimal> for Value {
    fn from(number: BigDecimal) -> Self {
        Value::Decimal(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(object)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Value::Array(elements.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
