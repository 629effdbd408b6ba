//! A vector of an entry, or one that is searched for.

use std::borrow::Cow;

use super::encoding::{from_base64, from_hex, write_base64, write_hex};
use super::{VectorKind, VectorShape};
use crate::query::agent::{ObjectWriter, WriteAgent, write_array};
use crate::query::parts::Members;
use crate::query::{Datum, Elements, QueryError};
use crate::value::json;

/// The most numbers of a vector.
pub const DIMENSIONS_MAX: usize = 65_536;

/// A vector: numbers of one kind in order, at most [`DIMENSIONS_MAX`] of them. As a member of a Rust type it is written in
/// the form that the official clients read.
///
/// ```
/// use grid_core::query::Vector;
///
/// let sent = br#"{"@class":"ai.Int8Vector","array":"AQL/"}"#;
/// assert_eq!(Vector::read(sent)?, Some(Vector::Int8([1, 2, -1].into())));
/// assert_eq!(Vector::read(b"[0.5, 2]")?, Some(Vector::from([0.5, 2.0])));
/// assert_eq!(Vector::read(b"null")?, None);
/// # Ok::<(), grid_core::query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Vector {
    /// Of single-precision numbers. Those that are read are finite.
    Float32(Box<[f32]>),
    /// Of integers from -128 to 127.
    Int8(Box<[i8]>),
    /// Of bits, the lowest of each byte first. Those after the last byte are zeros.
    Bits(Box<[u8]>),
}

impl Vector {
    /// Reads a JSON text. `None` of null.
    ///
    /// # Errors
    /// When it is no vector, or has more than [`DIMENSIONS_MAX`] numbers.
    pub fn read(text: &[u8]) -> Result<Option<Self>, QueryError> {
        let datum = Datum::read(text)?;
        let vector = match &datum {
            Datum::Null => return Ok(None),
            Datum::Array(text) => floats(text)?,
            Datum::Object(text) => object(text)?,
            _ => None,
        };
        vector.map(Some).ok_or_else(|| QueryError::NotVector {
            kind: datum.kind(),
            max: DIMENSIONS_MAX,
        })
    }

    /// What it is made of.
    #[must_use]
    pub fn shape(&self) -> VectorShape {
        let (kind, dimensions) = match self {
            Vector::Float32(numbers) => (VectorKind::Float32, numbers.len()),
            Vector::Int8(numbers) => (VectorKind::Int8, numbers.len()),
            Vector::Bits(bytes) => (VectorKind::Bits, bytes.len() * 8),
        };
        VectorShape { kind, dimensions }
    }
}

/// A vector of the text of an array of numbers. `None` when it is none.
fn floats(text: &[u8]) -> Result<Option<Vector>, QueryError> {
    let mut numbers = Vec::new();
    for element in Elements::new(text) {
        let element = core::str::from_utf8(element?).unwrap_or_default();
        match element.parse::<f32>() {
            Ok(number) if number.is_finite() && numbers.len() < DIMENSIONS_MAX => numbers.push(number),
            _ => return Ok(None),
        }
    }
    Ok(Some(Vector::Float32(numbers.into())))
}

/// A vector of the text of an object of one of the classes. `None` when it is none.
fn object(text: &[u8]) -> Result<Option<Vector>, QueryError> {
    let (mut class, mut array, mut bits) = (None, None, None);
    for member in Members::new(text) {
        let member = member?;
        for (name, place) in [("@class", &mut class), ("array", &mut array), ("bits", &mut bits)] {
            if place.is_none() && member.is(name) {
                *place = Some(member.value);
            }
        }
    }
    match (string(class).as_deref(), array) {
        (Some("ai.Float32Vector"), Some(array)) if array.first() == Some(&b'[') => floats(array),
        (Some("ai.Int8Vector"), array) => Ok(string(array)
            .and_then(|text| from_base64(&text))
            .filter(|bytes| bytes.len() <= DIMENSIONS_MAX)
            .map(|bytes| Vector::Int8(bytes.into_iter().map(u8::cast_signed).collect()))),
        (Some("ai.BitVector"), _) => Ok(string(bits)
            .and_then(|text| from_hex(text.strip_prefix("0x").unwrap_or(&text)))
            .filter(|bytes| bytes.len() <= DIMENSIONS_MAX / 8)
            .map(|bytes| Vector::Bits(bytes.into()))),
        _ => Ok(None),
    }
}

/// What a member says that is a string.
fn string(text: Option<&[u8]>) -> Option<Cow<'_, str>> {
    let inner = text?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    json::decode(inner).ok()
}

impl WriteAgent for Vector {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let mut text = Vec::new();
        match self {
            Vector::Float32(numbers) => {
                write_array(numbers.iter().copied(), &mut text, |number, out| {
                    if !number.is_finite() || numbers.len() > DIMENSIONS_MAX {
                        let (kind, max) = ("an array", DIMENSIONS_MAX);
                        return Err(QueryError::NotVector { kind, max });
                    }
                    json::write_single(number, out);
                    Ok(())
                })?;
                ObjectWriter::new("ai.Float32Vector", out)
                    .json("array", &text)
                    .end();
            }
            Vector::Int8(numbers) => {
                let bytes: Vec<_> = numbers.iter().map(|number| number.cast_unsigned()).collect();
                text.push(b'"');
                write_base64(&bytes, &mut text);
                text.push(b'"');
                ObjectWriter::new("ai.Int8Vector", out).json("array", &text).end();
            }
            Vector::Bits(bytes) => {
                text.extend_from_slice(b"\"0x");
                write_hex(bytes, &mut text);
                text.push(b'"');
                ObjectWriter::new("ai.BitVector", out).json("bits", &text).end();
            }
        }
        Ok(())
    }
}

impl From<Vec<f32>> for Vector {
    fn from(numbers: Vec<f32>) -> Self {
        Vector::Float32(numbers.into())
    }
}

impl From<&[f32]> for Vector {
    fn from(numbers: &[f32]) -> Self {
        Vector::Float32(numbers.into())
    }
}

impl<const N: usize> From<[f32; N]> for Vector {
    fn from(numbers: [f32; N]) -> Self {
        Vector::Float32(numbers.into())
    }
}

impl<const N: usize> From<&[f32; N]> for Vector {
    fn from(numbers: &[f32; N]) -> Self {
        Vector::from(numbers.as_slice())
    }
}

impl From<&[i8]> for Vector {
    fn from(numbers: &[i8]) -> Self {
        Vector::Int8(numbers.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_as_they_were_written() {
        let vectors = [
            Vector::from([0.1, -2.0, 1e30, f32::MIN_POSITIVE, 0.0]),
            Vector::from(Vec::new()),
            Vector::from(&[1, -1, 127, -128][..]),
            Vector::Int8([].into()),
            Vector::Bits([0x0f, 0xff].into()),
            Vector::Bits([].into()),
        ];
        for vector in vectors {
            let mut text = Vec::new();
            vector.write_agent(&mut text).unwrap();
            assert_eq!(Vector::read(&text).unwrap().as_ref(), Some(&vector), "{vector:?}");
        }
        let mut out = Vec::new();
        assert!(Vector::from([f32::NAN]).write_agent(&mut out).is_err());
    }

    #[test]
    fn what_clients_send_is_read() {
        let read = |text: &str| Vector::read(text.as_bytes()).unwrap();
        let floats = Some(Vector::from([1.0, 0.5]));
        assert_eq!(
            read(r#"{"array": [1, 5e-1], "@class": "ai.Float32Vector"}"#),
            floats
        );
        assert_eq!(read("[1.0, 0.5]"), floats);
        let bits = Some(Vector::Bits([0x0f].into()));
        assert_eq!(read(r#"{"@class":"ai.BitVector","bits":"0x0f"}"#), bits);
        assert_eq!(read(r#"{"@class":"ai.BitVector","bits":"0F"}"#), bits);
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        let many = format!("[{}1]", "1,".repeat(DIMENSIONS_MAX));
        for text in [
            "1",
            "\"x\"",
            "{}",
            "[1, \"2\"]",
            "[1, null]",
            "[1e40]",
            "[[1]]",
            r#"{"@class":"ai.Float32Vector"}"#,
            r#"{"@class":"ai.Float32Vector","array":"AQ=="}"#,
            r#"{"@class":"ai.Int8Vector","array":[1]}"#,
            r#"{"@class":"ai.Int8Vector","array":"A"}"#,
            r#"{"@class":"ai.BitVector","bits":"0x0"}"#,
            r#"{"@class":"ai.BitVector","bits":"zz"}"#,
            r#"{"@class":"ai.OtherVector","array":[1]}"#,
            &many,
        ] {
            let refused = Vector::read(text.as_bytes());
            assert!(
                matches!(refused, Err(QueryError::NotVector { .. })),
                "{refused:?} of {text:.60}"
            );
        }
        assert!(Vector::read(b"[1").is_err());
    }
}
