//! A place in an order of entries.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::query::agent::write_array;
use crate::query::comparator::{Order, SortKey};
use crate::query::{Datum, Elements, QueryError};
use crate::value::{Format, FormatRegistry, json};

/// Where an entry stands in an order of values: by what of its value is compared, and among equals by its key's bytes. So no
/// two entries stand in one place, and the order is the same at every member.
#[derive(Clone, Debug, PartialEq)]
pub struct SortedPlace {
    pub(super) key: SortKey<'static>,
    pub(super) format: Format,
    pub(super) spelling: Box<[u8]>,
}

/// The format of a key that is written as text.
const TEXT: Format = Format::JSON;

impl SortedPlace {
    /// The order of two places.
    pub(super) fn compare(&self, other: &SortedPlace, order: &Order) -> Ordering {
        let name = |place: &SortedPlace| FormatRegistry::shared().name(place.format).unwrap_or_default();
        order
            .compare(&self.key, &other.key)
            .then_with(|| self.spelling.cmp(&other.spelling))
            .then_with(|| name(self).cmp(name(other)))
    }

    /// About how many bytes of memory it takes, beside its own.
    pub(super) fn bytes(&self) -> usize {
        self.key.bytes() + self.spelling.len()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let parts: Vec<_> = Elements::new(text).collect::<Result<_, _>>().ok()?;
        let (key, spelled) = parts.split_first()?;
        Self::of_parts(key, spelled)
    }

    /// The place whose parts are written so.
    pub(super) fn of_parts(key: &[u8], spelled: &[&[u8]]) -> Option<Self> {
        let (format, spelling) = read_key(spelled)?;
        Some(SortedPlace {
            key: read_sort_key(key)?,
            format,
            spelling: spelling.into(),
        })
    }

    /// The place as text.
    pub(super) fn to_text(&self) -> Result<String, QueryError> {
        let mut out = vec![b'['];
        write_sort_key(&self.key, &mut out)?;
        self.write_key(&mut out);
        out.push(b']');
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Writes the key after what stands before it in an array. JSON goes as a string, so that it may be as deep as it likes;
    /// what is no text as its digits, with the name of its format, whose number stays in its process.
    pub(super) fn write_key(&self, out: &mut Vec<u8>) {
        out.push(b',');
        match core::str::from_utf8(&self.spelling) {
            Ok(text) if self.format == TEXT => json::write_escaped(text, out),
            _ => {
                out.push(b'"');
                for byte in &self.spelling {
                    out.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
                out.extend_from_slice(b"\",");
                let name = FormatRegistry::shared().name(self.format);
                json::write_escaped(name.unwrap_or_default(), out);
            }
        }
    }
}

/// Reads a key as it was written: its format and bytes.
pub(super) fn read_key<'t>(spelled: &[&'t [u8]]) -> Option<(Format, Cow<'t, [u8]>)> {
    match spelled {
        [text] => Some((
            TEXT,
            match string(text)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        )),
        [digits, name] => {
            let name = string(name)?;
            let digits = string(digits)?;
            let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
                return None;
            };
            let byte = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
            let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
            let format = FormatRegistry::shared().intern(&name).ok()?;
            Some((format, Cow::Owned(bytes?)))
        }
        _ => None,
    }
}

fn string(text: &[u8]) -> Option<Cow<'_, str>> {
    match Datum::read(text).ok()? {
        Datum::Text(text) => Some(text),
        _ => None,
    }
}

/// Writes what values are compared by.
pub(super) fn write_sort_key(key: &SortKey<'_>, out: &mut Vec<u8>) -> Result<(), QueryError> {
    write_array(key.data(), out, |datum, out| match datum {
        // Such a number comes from a text like this one.
        Datum::Double(number) if *number == f64::INFINITY => {
            out.extend_from_slice(b"1e999");
            Ok(())
        }
        Datum::Double(number) if *number == f64::NEG_INFINITY => {
            out.extend_from_slice(b"-1e999");
            Ok(())
        }
        datum => datum.write(out),
    })
}

/// Reads what [`write_sort_key`] wrote.
pub(super) fn read_sort_key(text: &[u8]) -> Option<SortKey<'static>> {
    let datum = |text| Datum::read(text).map(Datum::into_owned);
    let data = Elements::new(text).map(|text| datum(text?));
    data.collect::<Result<Vec<_>, QueryError>>().ok().map(SortKey::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Comparator, Extracted};

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let order = Comparator::Chained(vec![Comparator::by("a"), Comparator::by("b").inverse()]).order();
        let values = [
            r#"{"a":1,"b":"x\"y"}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e999,"b":true}"#,
            r#"{"a":-1e999,"b":123456789012345678901234567890}"#,
            r#"{"a":{"@class":"math.BigDec","value":"1.50"},"b":[1]}"#,
        ];
        let opaque = FormatRegistry::shared().intern("a-format-of-one-s-own").unwrap();
        let keys = [
            (Format::JSON, &br#"{"k":"1"}"#[..]),
            (Format::POF, b"\x01\xff"),
            (opaque, b"7"),
        ];
        for value in values {
            for (format, spelling) in keys {
                let key = order.key(Extracted::Json(value.as_bytes())).unwrap();
                let place = SortedPlace {
                    key: key.into_owned(),
                    format,
                    spelling: spelling.into(),
                };
                let text = place.to_text().unwrap();
                let read = SortedPlace::read(text.as_bytes()).unwrap();
                assert_eq!(read, place, "{text}");
                assert!(read.compare(&place, &order).is_eq());
            }
        }
        for text in [
            "",
            "[]",
            "[1]",
            r#"[[1],2]"#,
            r#"[[1],"0g","pof"]"#,
            r#"[[1],"1","2","3"]"#,
        ] {
            assert_eq!(SortedPlace::read(text.as_bytes()), None, "{text}");
        }
    }
}
