//! Vectors as members of Rust types.

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Vector;
use super::encoding::{from_base64, from_hex, write_base64, write_hex};

/// A vector as it is told: in the form of a class, or as a plain array of floats.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Plain(Vec<f32>),
    Floats {
        #[serde(rename = "@class")]
        class: String,
        array: Vec<f32>,
    },
    Bytes {
        #[serde(rename = "@class")]
        class: String,
        array: String,
    },
    Bits {
        #[serde(rename = "@class")]
        class: String,
        bits: String,
    },
}

impl Told {
    fn vector(self) -> Option<Vector> {
        match self {
            Told::Plain(numbers) => Some(numbers.into()),
            Told::Floats { class, array } if class == "ai.Float32Vector" => Some(array.into()),
            Told::Bytes { class, array } if class == "ai.Int8Vector" => {
                let bytes = from_base64(&array)?.into_iter();
                Some(Vector::Int8(bytes.map(u8::cast_signed).collect()))
            }
            Told::Bits { class, bits } if class == "ai.BitVector" => {
                let bytes = from_hex(bits.strip_prefix("0x").unwrap_or(&bits))?;
                Some(Vector::Bits(bytes.into()))
            }
            _ => None,
        }
    }
}

/// In the form that the official clients read.
impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        let mut members = serializer.serialize_map(Some(2))?;
        match self {
            Vector::Float32(numbers) => {
                members.serialize_entry("@class", "ai.Float32Vector")?;
                members.serialize_entry("array", numbers)?;
            }
            Vector::Int8(numbers) => {
                let bytes: Vec<_> = numbers.iter().map(|number| number.cast_unsigned()).collect();
                let mut out = Vec::new();
                write_base64(&bytes, &mut out);
                members.serialize_entry("@class", "ai.Int8Vector")?;
                members.serialize_entry("array", &text(out))?;
            }
            Vector::Bits(bytes) => {
                let mut out = b"0x".to_vec();
                write_hex(bytes, &mut out);
                members.serialize_entry("@class", "ai.BitVector")?;
                members.serialize_entry("bits", &text(out))?;
            }
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let vector = Told::deserialize(deserializer)?.vector();
        vector.ok_or_else(|| D::Error::custom("there is a vector of another class"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Binary, Format, from_binary, to_binary};

    #[test]
    fn vectors_of_types_are_those_of_searches() {
        let vectors = [
            Vector::from([0.1, -2.0, 3.0]),
            Vector::from(&[1, -1][..]),
            Vector::Bits([0x0f].into()),
        ];
        for vector in vectors {
            let binary = to_binary(&vector).unwrap();
            assert_eq!(Vector::read(binary.bytes()).unwrap().as_ref(), Some(&vector));
            assert_eq!(from_binary::<Vector>(&binary).unwrap(), vector);
        }
        let read =
            |text: &'static str| from_binary::<Vector>(&Binary::new(Format::JSON, text.as_bytes().into()));
        assert_eq!(read("[1,2]").unwrap(), Vector::from([1.0, 2.0]));
        for wrong in [
            r#"{"@class":"ai.Int8Vector","array":"A"}"#,
            r#"{"@class":"x","bits":"00"}"#,
            "1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
