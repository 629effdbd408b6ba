//! The dynamic value as a serde type.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::{Object, Value, ValueError, decimal};

/// Asks the reader of this module for numbers as they stand in the text, handed over as bytes. Other readers take
/// it for the name of a newtype.
pub(crate) const EXACT: &str = "$grid::Value";

/// The name under which `serde_json` hands over the text of a number when it keeps numbers exact.
pub(crate) const JSON_NUMBER: &str = "$serde_json::private::Number";

/// The enum by which the writer of this module is told of a number that cannot be written, so that its error has a
/// type. Other writers come to [`Refused`], which is an error in itself.
pub(crate) const REFUSED: &str = "$grid::Refused";
pub(crate) const REFUSED_NOT_FINITE: u32 = 0;
pub(crate) const REFUSED_TOO_LONG: u32 = 1;

/// Fails to serialize: writers of JSON turn numbers that are not finite into null without a word.
struct Refused;

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom(
            "a number that is not finite, or has too many digits, cannot be written",
        ))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::BigInt(number) => {
                serialize_number(serializer, decimal::BIG_INT, decimal::big_int_text(number))
            }
            Value::Double(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Double(number) => {
                let name = if number.is_nan() {
                    "NaN"
                } else if *number > 0.0 {
                    "inf"
                } else {
                    "-inf"
                };
                serializer.serialize_newtype_variant(REFUSED, REFUSED_NOT_FINITE, name, &Refused)
            }
            Value::Decimal(number) => {
                serialize_number(serializer, decimal::BIG_DEC, decimal::decimal_text(number))
            }
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(elements) => {
                let mut array = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    array.serialize_element(element)?;
                }
                array.end()
            }
            Value::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// `@class` comes first: a client looks for it at the start of the text.
fn serialize_number<S: Serializer>(
    serializer: S,
    class: &str,
    text: Result<String, ValueError>,
) -> Result<S::Ok, S::Error> {
    let Ok(value) = text else {
        return serializer.serialize_newtype_variant(REFUSED, REFUSED_TOO_LONG, "number too long", &Refused);
    };
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("@class", class)?;
    map.serialize_entry("value", &value)?;
    map.end()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(EXACT, ValueVisitor { foreign: false })
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    object.insert(name, value);
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

struct ValueVisitor {
    /// Whether a reader that does not know [`EXACT`] calls.
    foreign: bool,
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor { foreign: true })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Double(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    /// The text of a number, from a reader that knows [`EXACT`].
    fn visit_bytes<E: serde::de::Error>(self, number: &[u8]) -> Result<Value, E> {
        decimal::read_number(number).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.foreign && object.is_empty() && name == JSON_NUMBER {
                let text = map.next_value::<String>()?;
                return decimal::read_number(text.as_bytes()).map_err(A::Error::custom);
            }
            object.insert(name, map.next_value::<Value>()?);
        }
        Ok(number_of(&object).unwrap_or(Value::Object(object)))
    }
}

/// The number that an object of two members spells, if it does.
fn number_of(object: &Object) -> Option<Value> {
    let (2, Some(class), Some(Value::String(text))) = (object.len(), object.class(), object.get("value"))
    else {
        return None;
    };
    match class {
        decimal::BIG_INT => decimal::parse_big_int(text).map(Value::BigInt),
        decimal::BIG_DEC => decimal::parse_decimal(text).map(Value::Decimal),
        _ => None,
    }
}
