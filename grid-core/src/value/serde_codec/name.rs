//! The keys of maps, which JSON has as strings.

use serde::de::{Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Serialize, Serializer};

use super::super::dynamic_serde::EXACT;
use super::super::{ValueError, json};
use super::writer::Never;

/// Writes the key of a map as the name of a member.
pub(super) struct NameWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
}

macro_rules! plain_names {
    ($($method:ident: $plain:ty),*) => {
        $(fn $method(self, value: $plain) -> Result<(), ValueError> {
            self.serialize_str(&value.to_string())
        })*
    };
}

impl Serializer for NameWriter<'_> {
    type Ok = ();
    type Error = ValueError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    plain_names!(
        serialize_bool: bool, serialize_char: char, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_u128: u128
    );

    fn serialize_str(self, text: &str) -> Result<(), ValueError> {
        json::write_escaped(text, self.out);
        Ok(())
    }

    fn serialize_f32(self, _number: f32) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_f64(self, _number: f64) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_bytes(self, _bytes: &[u8]) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_none(self) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), ValueError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, ValueError> {
        Err(ValueError::NameNotText)
    }
}

/// Reads the name of a member as the key of a map.
pub(super) struct NameReader<'de> {
    pub(super) name: std::borrow::Cow<'de, str>,
}

macro_rules! parsed_names {
    ($($method:ident: $visit:ident $plain:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.name.parse::<$plain>() {
                Ok(value) => visitor.$visit(value),
                Err(_other_text) => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for NameReader<'de> {
    type Error = ValueError;

    parsed_names!(
        deserialize_bool: visit_bool bool, deserialize_i8: visit_i8 i8, deserialize_i16: visit_i16 i16,
        deserialize_i32: visit_i32 i32, deserialize_i64: visit_i64 i64, deserialize_i128: visit_i128 i128,
        deserialize_u8: visit_u8 u8, deserialize_u16: visit_u16 u16, deserialize_u32: visit_u32 u32,
        deserialize_u64: visit_u64 u64, deserialize_u128: visit_u128 u128
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.name {
            std::borrow::Cow::Borrowed(name) => visitor.visit_borrowed_str(name),
            std::borrow::Cow::Owned(name) => visitor.visit_string(name),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if name == EXACT {
            self.deserialize_any(visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_enum(UnitName {
            name: self.name.into_owned(),
        })
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// A variant without content, by its name.
pub(super) struct UnitName {
    pub(super) name: String,
}

impl<'de> EnumAccess<'de> for UnitName {
    type Error = ValueError;
    type Variant = UnitOnly;

    fn variant_seed<S: serde::de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, UnitOnly), ValueError> {
        let name: serde::de::value::StringDeserializer<ValueError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, UnitOnly))
    }
}

/// The content of a variant that has none.
pub(super) struct UnitOnly;

impl UnitOnly {
    fn refuse<T>() -> Result<T, ValueError> {
        Err(ValueError::custom(
            "a variant with content is an object of one member, not a string",
        ))
    }
}

impl<'de> VariantAccess<'de> for UnitOnly {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        Ok(())
    }

    fn newtype_variant_seed<S: serde::de::DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, ValueError> {
        Self::refuse()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ValueError> {
        Self::refuse()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ValueError> {
        Self::refuse()
    }
}
