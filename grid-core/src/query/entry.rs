//! An entry as a query looks at it.

use std::cell::RefCell;

use super::extractor::{Room, is_object};
use super::parts::{find_member, name_is};
use super::{Datum, Extracted, QueryError};
use crate::value::json::Cursor;
use crate::value::{Binary, Format, JsonError};

/// The key and the value of an entry, in bytes, of which queries read what they need.
///
/// Several filters on one entry look for their properties in one pass: what was passed on the way to one property is
/// remembered for the next. Nothing is allocated.
#[derive(Debug)]
pub struct QueryEntry<'a> {
    key: Option<(Format, &'a [u8])>,
    value: Option<(Format, &'a [u8])>,
    seen: RefCell<Seen>,
    room: Room,
}

/// How many members of a value are remembered; those after them are looked for from there each time.
const SEEN_MAX: usize = 12;

/// A member that was passed: where its name starts and ends, and its value.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    name: (u32, u32),
    value: (u32, u32),
}

/// The members that were passed, in the order of the text.
#[derive(Debug, Default)]
struct Seen {
    places: [Place; SEEN_MAX],
    count: usize,
    /// The offset after the last of them.
    end: usize,
    /// Whether there are no more.
    all: bool,
}

impl<'a> QueryEntry<'a> {
    /// An entry of its parts. `None` for the value of a key that has none, as a processor may see it.
    #[must_use]
    pub fn new(key: (Format, &'a [u8]), value: Option<(Format, &'a [u8])>) -> Self {
        let room = Room::of(key.1.len() + value.map_or(0, |(_, value)| value.len()));
        QueryEntry {
            key: Some(key),
            value,
            seen: RefCell::default(),
            room,
        }
    }

    /// An entry of binaries.
    #[must_use]
    pub fn of(key: &'a Binary, value: Option<&'a Binary>) -> Self {
        let parts = |binary: &'a Binary| (binary.format(), &binary.bytes()[..]);
        QueryEntry::new(parts(key), value.map(parts))
    }

    /// An entry of which the key, the value or both are known.
    #[must_use]
    pub fn of_parts(key: Option<&'a Binary>, value: Option<&'a Binary>) -> Self {
        let parts = |binary: &'a Binary| (binary.format(), &binary.bytes()[..]);
        let len = |binary: Option<&Binary>| binary.map_or(0, |binary| binary.bytes().len());
        QueryEntry {
            key: key.map(parts),
            value: value.map(parts),
            seen: RefCell::default(),
            room: Room::of(len(key) + len(value)),
        }
    }

    /// A JSON value without a key.
    #[must_use]
    pub fn of_value(json: &'a [u8]) -> Self {
        QueryEntry {
            key: None,
            value: Some((Format::JSON, json)),
            seen: RefCell::default(),
            room: Room::of(json.len()),
        }
    }

    /// Whether there is a value.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.value.is_some()
    }

    /// The JSON text of the key.
    ///
    /// # Errors
    /// When there is no key, or its format is opaque.
    pub fn key(&self) -> Result<&'a [u8], QueryError> {
        readable(self.key.ok_or(QueryError::NoKey)?)
    }

    /// The format and the bytes of the key, if there is one.
    pub(crate) fn spelled_key(&self) -> Option<(Format, &'a [u8])> {
        self.key
    }

    /// How long the value is, in bytes; 0 when there is none.
    pub(crate) fn value_len(&self) -> usize {
        self.value.map_or(0, |(_, value)| value.len())
    }

    /// The JSON text of the value, if there is one.
    ///
    /// # Errors
    /// When its format is opaque.
    pub fn value(&self) -> Result<Option<&'a [u8]>, QueryError> {
        self.value.map(readable).transpose()
    }

    /// The whole value, or null.
    ///
    /// # Errors
    /// When its format is opaque.
    pub fn extracted(&self) -> Result<Extracted<'a>, QueryError> {
        Ok(self.value()?.map_or(Extracted::NULL, Extracted::Json))
    }

    /// The text of a member of the value, if the value is an object that has one of this name; the first of several.
    ///
    /// # Errors
    /// When the format is opaque, or the text is not JSON as far as it must be read.
    pub(crate) fn member(&self, name: &str) -> Result<Option<&'a [u8]>, QueryError> {
        let Some(text) = self.value()? else {
            return Ok(None);
        };
        if !is_object(text, name)? {
            return Ok(None);
        }
        // Offsets of longer texts do not fit; nobody can send them.
        if u32::try_from(text.len()).is_err() {
            return Ok(find_member(text, name)?.map(|member| member.value));
        }
        Ok(self.seen.borrow_mut().find(text, name)?)
    }
}

impl QueryEntry<'_> {
    /// The room for what is made of the entry, by all that is asked about it.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Whether the value is an object, and neither a number nor a map that is spelled as one.
    pub(crate) fn is_plain_object(&self) -> Result<bool, QueryError> {
        let Some(text) = self.value()? else {
            return Ok(false);
        };
        Ok(matches!(Datum::read(text)?, Datum::Object(_)) && self.member("entries")?.is_none())
    }
}

fn readable((format, bytes): (Format, &[u8])) -> Result<&[u8], QueryError> {
    if format == Format::JSON {
        Ok(bytes)
    } else {
        Err(QueryError::Opaque { format })
    }
}

impl Seen {
    fn find<'a>(&mut self, text: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, JsonError> {
        let slice = |(start, end): (u32, u32)| {
            let (start, end) = (usize::try_from(start), usize::try_from(end));
            text.get(start.unwrap_or_default()..end.unwrap_or_default())
                .unwrap_or_default()
        };
        for place in self.places.iter().take(self.count) {
            if name_is(slice(place.name), name) {
                return Ok(Some(slice(place.value)));
            }
        }
        if self.all {
            return Ok(None);
        }
        self.look_on(text, name)
    }

    /// Looks for a member after those that were passed. One loop, without the iterator over members: this is where
    /// queries spend their time.
    fn look_on<'a>(&mut self, text: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, JsonError> {
        let mut at = Cursor::at(text, self.end);
        let mut first = self.end == 0;
        if first {
            at.expect(b'{')?;
        }
        loop {
            match at.peek() {
                Some(b'}') => {
                    self.all = self.count < SEEN_MAX;
                    return Ok(None);
                }
                Some(b',') if !first => {
                    at.step();
                    at.peek();
                }
                Some(_) if first => {}
                _ => return Err(at.unexpected()),
            }
            first = false;
            let start = at.position() + 1;
            let spelled = at.string()?;
            at.expect(b':')?;
            at.peek();
            let value_start = at.position();
            at.skip_value()?;
            let end = at.position();
            if let Some(place) = self.places.get_mut(self.count) {
                let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                *place = Place {
                    name: (offset(start), offset(start + spelled.len())),
                    value: (offset(value_start), offset(end)),
                };
                self.count += 1;
                self.end = end;
            }
            if name_is(spelled, name) {
                return Ok(Some(at.slice(value_start, end)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_any_order_and_beyond_those_remembered() {
        let members: Vec<_> = (0..40).map(|index| format!("\"m{index}\": {index}")).collect();
        let text = format!("{{{}}}", members.join(" , "));
        let entry = QueryEntry::of_value(text.as_bytes());
        for index in [3, 0, 39, 12, 11, 20, 39, 5, 40, 13] {
            let found = entry.member(&format!("m{index}")).unwrap();
            let expected = (index < 40).then(|| index.to_string());
            assert_eq!(found, expected.as_ref().map(|text| text.as_bytes()), "m{index}");
        }
        assert_eq!(QueryEntry::of_value(b" [1]").member("a").unwrap(), None);
        let escaped = QueryEntry::of_value(br#"{"\u0061":1,"a":2}"#);
        assert_eq!(escaped.member("a").unwrap(), Some(&b"1"[..]));
        assert_eq!(escaped.member("a").unwrap(), Some(&b"1"[..]));
    }

    #[test]
    fn opaque_entries_are_refused() {
        let entry = QueryEntry::new((Format::POF, b"k"), Some((Format::POF, b"v")));
        let refused = QueryError::Opaque { format: Format::POF };
        assert_eq!(entry.key(), Err(refused.clone()));
        assert_eq!(entry.member("a"), Err(refused));
    }
}
