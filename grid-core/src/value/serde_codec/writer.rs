//! Writing serde types as JSON text.

use std::fmt::Display;

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::super::dynamic_serde::{JSON_NUMBER, REFUSED, REFUSED_NOT_FINITE};
use super::super::json::{self, Limits, MAX_DEPTH};
use super::super::{ValueError, decimal};
use super::name::NameWriter;

/// Writes one value at the end of a buffer.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    depth: u8,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out, depth: 0 }
    }

    fn open(self, bracket: &'static [u8], close: &'static [u8]) -> Result<Container<'a>, ValueError> {
        // A variant opens two containers at once.
        let levels = bracket.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
        let depth = usize::from(self.depth) + levels;
        let depth = u8::try_from(depth).ok().filter(|depth| *depth <= MAX_DEPTH);
        let depth = depth.ok_or(ValueError::TooDeep { max: MAX_DEPTH })?;
        self.out.extend_from_slice(bracket);
        Ok(Container {
            out: self.out,
            depth,
            first: true,
            close,
            number: false,
        })
    }

    fn open_variant(
        self,
        variant: &str,
        bracket: &'static [u8],
        close: &'static [u8],
    ) -> Result<Container<'a>, ValueError> {
        let Container { out, depth, .. } = self.open(b"{", b"")?;
        json::write_escaped(variant, out);
        out.push(b':');
        Writer { out, depth }.open(bracket, close)
    }

    fn big(self, number: impl Display) -> Result<(), ValueError> {
        let mut map = self.open(b"{", b"}")?;
        map.member("@class", decimal::BIG_INT)?;
        map.member("value", &number.to_string())?;
        map.finish();
        Ok(())
    }
}

fn not_finite(number: impl Display) -> ValueError {
    ValueError::NotFinite {
        number: number.to_string(),
    }
}

macro_rules! small_integers {
    ($($method:ident: $integer:ty),*) => {
        $(fn $method(self, number: $integer) -> Result<(), ValueError> {
            self.serialize_i64(i64::from(number))
        })*
    };
}

macro_rules! large_integers {
    ($($method:ident: $integer:ty),*) => {
        $(fn $method(self, number: $integer) -> Result<(), ValueError> {
            match i64::try_from(number) {
                Ok(number) => self.serialize_i64(number),
                Err(_too_large) => self.big(number),
            }
        })*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = ValueError;
    type SerializeSeq = Container<'a>;
    type SerializeTuple = Container<'a>;
    type SerializeTupleStruct = Container<'a>;
    type SerializeTupleVariant = Container<'a>;
    type SerializeMap = Container<'a>;
    type SerializeStruct = Container<'a>;
    type SerializeStructVariant = Container<'a>;

    small_integers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32
    );
    large_integers!(serialize_u64: u64, serialize_i128: i128, serialize_u128: u128);

    fn serialize_bool(self, value: bool) -> Result<(), ValueError> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i64(self, number: i64) -> Result<(), ValueError> {
        json::write_integer(number, self.out);
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), ValueError> {
        if !number.is_finite() {
            return Err(not_finite(number));
        }
        json::write_single(number, self.out);
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), ValueError> {
        if !number.is_finite() {
            return Err(not_finite(number));
        }
        json::write_double(number, self.out);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), ValueError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), ValueError> {
        json::write_escaped(text, self.out);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), ValueError> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<(), ValueError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), ValueError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), ValueError> {
        self.serialize_unit()
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
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        if name == REFUSED {
            return Err(match index {
                REFUSED_NOT_FINITE => not_finite(variant),
                _ => ValueError::NumberTooLong {
                    max: decimal::DIGITS_MAX,
                },
            });
        }
        let mut object = self.open(b"{", b"}")?;
        object.member(variant, value)?;
        object.finish();
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Container<'a>, ValueError> {
        self.open(b"[", b"]")
    }

    fn serialize_tuple(self, _len: usize) -> Result<Container<'a>, ValueError> {
        self.open(b"[", b"]")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Container<'a>, ValueError> {
        self.open(b"[", b"]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container<'a>, ValueError> {
        self.open_variant(variant, b"[", b"]}")
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Container<'a>, ValueError> {
        self.open(b"{", b"}")
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Container<'a>, ValueError> {
        if name == JSON_NUMBER {
            return Ok(Container {
                out: self.out,
                depth: self.depth,
                first: true,
                close: b"",
                number: true,
            });
        }
        self.open(b"{", b"}")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container<'a>, ValueError> {
        self.open_variant(variant, b"{", b"}}")
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        self.serialize_str(&value.to_string())
    }
}

/// An open array or object.
pub(super) struct Container<'a> {
    out: &'a mut Vec<u8>,
    depth: u8,
    first: bool,
    close: &'static [u8],
    /// Whether this is no container but a number that `serde_json` keeps as text.
    number: bool,
}

impl Container<'_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        value.serialize(Writer {
            out: self.out,
            depth: self.depth,
        })
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.comma();
        self.value(value)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), ValueError> {
        if self.number {
            return self.exact_number(value);
        }
        self.comma();
        json::write_escaped(name, self.out);
        self.out.push(b':');
        self.value(value)
    }

    /// Writes the text of a number without its quotes, once it is known to be one.
    fn exact_number<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let mut quoted = Vec::new();
        value.serialize(Writer::new(&mut quoted))?;
        let text = quoted
            .strip_prefix(b"\"")
            .and_then(|text| text.strip_suffix(b"\""))
            .unwrap_or_default();
        let starts = text
            .first()
            .is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit());
        json::scan(text, Limits::new())?;
        if !starts || !text.last().is_some_and(u8::is_ascii_digit) {
            return Err(ValueError::json(0, json::JsonErrorKind::InvalidNumber));
        }
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn finish(self) {
        self.out.extend_from_slice(self.close);
    }
}

impl SerializeSeq for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl SerializeTuple for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl SerializeTupleStruct for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl SerializeTupleVariant for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl SerializeMap for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.comma();
        key.serialize(NameWriter { out: self.out })?;
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.value(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl SerializeStruct for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl SerializeStructVariant for Container<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

/// What a name can never be.
pub(super) type Never = Impossible<(), ValueError>;
