//! Reading serde types from JSON text.

use std::borrow::Cow;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::super::dynamic_serde::EXACT;
use super::super::json::{Cursor, JsonErrorKind, decode};
use super::super::{ValueError, decimal};
use super::name::{NameReader, UnitName};

/// Reads one value after another from a text that has been scanned: its depth is limited, so recursion is.
///
/// A text that was not scanned gives errors, too, but deep nesting would use up the stack.
pub(super) struct Reader<'de> {
    at: Cursor<'de>,
    /// Whether numbers are wanted as they stand, as bytes.
    exact: bool,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de [u8]) -> Self {
        Reader {
            at: Cursor::new(text),
            exact: false,
        }
    }

    fn string(&mut self) -> Result<Cow<'de, str>, ValueError> {
        self.at.peek();
        let start = self.at.position() + 1;
        let inner = self.at.string()?;
        decode(inner).map_err(|error| ValueError::json(start + error.offset, error.kind))
    }

    fn number(&mut self) -> Result<&'de str, ValueError> {
        let start = self.at.position();
        let text = self.at.number()?;
        core::str::from_utf8(text).map_err(|_invalid| ValueError::json(start, JsonErrorKind::InvalidUtf8))
    }

    fn visit_number<V: Visitor<'de>>(&mut self, exact: bool, visitor: V) -> Result<V::Value, ValueError> {
        let text = self.number()?;
        if let Ok(number) = text.parse::<i64>() {
            return visitor.visit_i64(number);
        }
        if exact {
            return visitor.visit_borrowed_bytes(text.as_bytes());
        }
        if let Ok(number) = text.parse::<u64>() {
            return visitor.visit_u64(number);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(ValueError::custom(format_args!(
                "the number {} is beyond a double",
                shorten(text)
            ))),
        }
    }

    /// Reads an integer of a type that may be larger than 64 bits signed.
    fn integer<N: std::str::FromStr>(&mut self) -> Result<Option<N>, ValueError> {
        match self.at.peek() {
            Some(b'-' | b'0'..=b'9') => {
                let mut ahead = self.at.clone();
                let text = ahead.number()?;
                let number = core::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                if number.is_some() {
                    self.at = ahead;
                }
                Ok(number)
            }
            Some(b'{') => self.big_integer(),
            _ => Ok(None),
        }
    }

    /// Reads the `math.BigInt` form; stays where it is when there is something else.
    fn big_integer<N: std::str::FromStr>(&mut self) -> Result<Option<N>, ValueError> {
        let before = self.at.clone();
        let value = serde::de::Deserialize::deserialize(&mut *self)?;
        if let super::super::Value::BigInt(number) = value
            && let Ok(text) = decimal::big_int_text(&number)
            && let Ok(number) = text.parse()
        {
            return Ok(Some(number));
        }
        self.at = before;
        Ok(None)
    }

    fn visit_any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        let exact = std::mem::take(&mut self.exact);
        match self.at.peek() {
            Some(b'n') => {
                self.at.word(b"null")?;
                visitor.visit_unit()
            }
            Some(b't') => {
                self.at.word(b"true")?;
                visitor.visit_bool(true)
            }
            Some(b'f') => {
                self.at.word(b"false")?;
                visitor.visit_bool(false)
            }
            Some(b'"') => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Some(b'[') => {
                self.at.step();
                let result = visitor.visit_seq(Elements {
                    reader: self,
                    first: true,
                })?;
                self.close(b']')?;
                Ok(result)
            }
            Some(b'{') => {
                self.at.step();
                let result = visitor.visit_map(Members {
                    reader: self,
                    first: true,
                })?;
                self.close(b'}')?;
                Ok(result)
            }
            Some(b'-' | b'0'..=b'9') => self.visit_number(exact, visitor),
            _ => Err(self.at.unexpected().into()),
        }
    }

    fn close(&mut self, bracket: u8) -> Result<(), ValueError> {
        if self.at.peek() == Some(b',') {
            return Err(ValueError::custom(format_args!(
                "more elements or members than the type has, at byte {}",
                self.at.position()
            )));
        }
        Ok(self.at.expect(bracket)?)
    }

    /// Goes to the next element or member. Whether there is one.
    fn next(&mut self, first: &mut bool, close: u8) -> Result<bool, ValueError> {
        let next = self.at.peek();
        if next == Some(close) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.at.expect(b',')?;
            self.at.peek();
        }
        Ok(true)
    }
}

fn shorten(number: &str) -> &str {
    number.get(..40).unwrap_or(number)
}

macro_rules! large_integers {
    ($($method:ident: $visit:ident $integer:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.integer::<$integer>()? {
                Some(number) => visitor.$visit(number),
                None => self.visit_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = ValueError;

    large_integers!(
        deserialize_u64: visit_u64 u64, deserialize_i128: visit_i128 i128, deserialize_u128: visit_u128 u128
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.visit_any(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        // By way of a double it would be rounded twice.
        if let Some(b'-' | b'0'..=b'9') = self.at.peek() {
            let number = self
                .number()?
                .parse::<f32>()
                .ok()
                .filter(|number| number.is_finite());
            return match number {
                Some(number) => visitor.visit_f32(number),
                None => Err(ValueError::custom("a number is beyond single precision")),
            };
        }
        self.visit_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if let Some(b'-' | b'0'..=b'9') = self.at.peek() {
            let text = self.number()?;
            return match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
                Some(number) => visitor.visit_f64(number),
                None => Err(ValueError::custom(format_args!(
                    "the number {} is beyond a double",
                    shorten(text)
                ))),
            };
        }
        self.visit_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.at.peek() == Some(b'n') {
            self.at.word(b"null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if name == EXACT {
            self.exact = true;
            return self.visit_any(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.at.peek() {
            Some(b'"') => {
                let name = self.string()?.into_owned();
                visitor.visit_enum(UnitName { name })
            }
            Some(b'{') => {
                self.at.step();
                let result = visitor.visit_enum(Variant { reader: self })?;
                self.close(b'}')?;
                Ok(result)
            }
            _ => Err(ValueError::custom(
                "an enum is a string or an object of one member",
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.at.skip_value()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier
    }
}

struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = ValueError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ValueError> {
        if !self.reader.next(&mut self.first, b']')? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = ValueError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ValueError> {
        if !self.reader.next(&mut self.first, b'}')? {
            return Ok(None);
        }
        let name = self.reader.string()?;
        seed.deserialize(NameReader { name }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ValueError> {
        self.reader.at.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant with content: the only member of an object.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ValueError> {
        let name = self.reader.string()?;
        let variant = seed.deserialize(NameReader { name })?;
        self.reader.at.expect(b':')?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        serde::de::Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ValueError> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.reader.visit_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.reader.visit_any(visitor)
    }
}
