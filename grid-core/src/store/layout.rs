//! How an entry lies in its blob.
//!
//! ```text
//! flags      1 byte: formats follow, a token follows, a canonical key follows
//! formats    2 bytes (key, value); left out when both are JSON
//! lengths    key, value and, when present, canonical key: varints
//! version    varint
//! token      4 bytes; only for an entry with a time to live
//! key, canonical key, value
//! ```
//!
//! An entry of JSON with a short key and a value below 128 bytes so takes 4 to 8 bytes for its header. In an own
//! allocation the value is the tail, so that it can be handed out without a copy.

use bytes::Bytes;

use crate::store::arena::Blob;
use crate::store::wheel::Token;
use crate::store::{Sequence, Timestamp};
use crate::value::{Binary, Format, Key};

const WITH_FORMATS: u8 = 1;
const WITH_TOKEN: u8 = 2;
const WITH_CANONICAL: u8 = 4;

/// The longest header: flags, formats, three lengths, version, token.
const HEADER_BYTES_MAX: usize = 1 + 2 + 3 * 10 + 10 + 4;

/// A key as it is stored: its first spelling, and its canonical form where that differs.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredKey<'a> {
    pub(super) format: Format,
    pub(super) spelling: &'a [u8],
    pub(super) canonical: Option<&'a [u8]>,
}

impl<'a> StoredKey<'a> {
    pub(super) fn of(key: &'a Key) -> Self {
        StoredKey {
            format: key.format(),
            spelling: key.spelling().bytes(),
            canonical: (!key.is_canonical()).then(|| key.canonical()),
        }
    }

    pub(super) fn canonical(&self) -> &'a [u8] {
        self.canonical.unwrap_or(self.spelling)
    }

    /// Whether this stored key and a key of a request are the same key.
    pub(super) fn is(&self, key: &Key) -> bool {
        self.format == key.format() && self.canonical() == key.canonical()
    }

    fn len(&self) -> usize {
        self.spelling.len() + self.canonical.map_or(0, <[u8]>::len)
    }
}

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) key: StoredKey<'a>,
    pub(super) value_format: Format,
    pub(super) value: &'a [u8],
    pub(super) version: Sequence,
    pub(super) token: Option<Token>,
}

impl Draft<'_> {
    /// The length of the whole blob, given whether it will have a token.
    pub(super) fn len(&self, with_token: bool) -> usize {
        let formats = if self.formats_needed() { 2 } else { 0 };
        let canonical = self
            .key
            .canonical
            .map_or(0, |canonical| varint_len(canonical.len() as u64));
        1 + formats
            + varint_len(self.key.spelling.len() as u64)
            + varint_len(self.value.len() as u64)
            + canonical
            + varint_len(self.version.get())
            + if with_token { 4 } else { 0 }
            + self.key.len()
            + self.value.len()
    }

    /// Writes the blob into a slot that is long enough.
    pub(super) fn write(&self, slot: &mut [u8]) {
        let (header, len) = self.header();
        let (head, rest) = slot.split_at_mut(len);
        head.copy_from_slice(&header[..len]);
        let (spelling, rest) = rest.split_at_mut(self.key.spelling.len());
        spelling.copy_from_slice(self.key.spelling);
        let canonical = self.key.canonical.unwrap_or_default();
        let (room, rest) = rest.split_at_mut(canonical.len());
        room.copy_from_slice(canonical);
        rest[..self.value.len()].copy_from_slice(self.value);
    }

    /// The head and the tail of an own allocation.
    pub(super) fn to_own(self) -> (Box<[u8]>, Bytes) {
        let (header, len) = self.header();
        let canonical = self.key.canonical.unwrap_or_default();
        let head = [&header[..len], self.key.spelling, canonical].concat();
        // A copy, though the value may be shared already: it could be a small part of a large frame.
        (head.into_boxed_slice(), Bytes::copy_from_slice(self.value))
    }

    fn formats_needed(&self) -> bool {
        self.key.format != Format::JSON || self.value_format != Format::JSON
    }

    fn header(&self) -> ([u8; HEADER_BYTES_MAX], usize) {
        let mut header = [0; HEADER_BYTES_MAX];
        let mut at = 1;
        let mut flags = 0;
        if self.formats_needed() {
            flags |= WITH_FORMATS;
            header[1] = self.key.format.id();
            header[2] = self.value_format.id();
            at = 3;
        }
        at += write_varint(&mut header[at..], self.key.spelling.len() as u64);
        at += write_varint(&mut header[at..], self.value.len() as u64);
        if let Some(canonical) = self.key.canonical {
            flags |= WITH_CANONICAL;
            at += write_varint(&mut header[at..], canonical.len() as u64);
        }
        at += write_varint(&mut header[at..], self.version.get());
        if let Some(token) = self.token {
            flags |= WITH_TOKEN;
            header[at..at + 4].copy_from_slice(&token.to_bits().to_le_bytes());
            at += 4;
        }
        header[0] = flags;
        (header, at)
    }
}

/// An entry as it lies in the store, read in place.
#[derive(Clone, Copy, Debug)]
pub struct EntryView<'a> {
    key: StoredKey<'a>,
    value_format: Format,
    value: &'a [u8],
    shared: Option<&'a Bytes>,
    version: Sequence,
    token: Option<Token>,
    deadline: Option<Timestamp>,
}

impl<'a> EntryView<'a> {
    /// Reads a blob that a [`Draft`] wrote. The deadline is not in it and stays `None`.
    pub(super) fn read(blob: Blob<'a>) -> Self {
        let head = blob.head;
        let flags = head[0];
        let mut at = 1;
        let (mut key_format, mut value_format) = (Format::JSON, Format::JSON);
        if flags & WITH_FORMATS != 0 {
            key_format = Format::from_id(head[1]);
            value_format = Format::from_id(head[2]);
            at = 3;
        }
        let key_len = read_length(head, &mut at);
        let value_len = read_length(head, &mut at);
        let canonical_len = (flags & WITH_CANONICAL != 0).then(|| read_length(head, &mut at));
        let version = Sequence::new(read_varint(head, &mut at));
        let token = (flags & WITH_TOKEN != 0).then(|| {
            let bits = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            at += 4;
            Token::from_bits(u32::from_le_bytes(bits))
        });
        let (spelling, rest) = head[at..].split_at(key_len);
        let (canonical, rest) = rest.split_at(canonical_len.unwrap_or(0));
        let value = blob.tail.map_or_else(|| &rest[..value_len], |tail| tail.as_ref());
        EntryView {
            key: StoredKey {
                format: key_format,
                spelling,
                canonical: canonical_len.map(|_len| canonical),
            },
            value_format,
            value,
            shared: blob.tail,
            version,
            token,
            deadline: None,
        }
    }

    pub(super) fn with_deadline(self, deadline: Option<Timestamp>) -> Self {
        EntryView { deadline, ..self }
    }

    pub(super) fn stored_key(&self) -> StoredKey<'a> {
        self.key
    }

    pub(super) fn token(&self) -> Option<Token> {
        self.token
    }

    /// The bytes of the key and of the value, as statistics count them: the key's spelling, without a canonical
    /// form kept beside it.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.key.spelling.len(), self.value.len())
    }

    /// The format of the key.
    #[must_use]
    pub fn key_format(&self) -> Format {
        self.key.format
    }

    /// The key as its first writer spelled it.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.key.spelling
    }

    /// The canonical form of the key.
    #[must_use]
    pub fn canonical_key(&self) -> &'a [u8] {
        self.key.canonical()
    }

    /// The format of the value.
    #[must_use]
    pub fn value_format(&self) -> Format {
        self.value_format
    }

    /// The bytes of the value.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The sequence number of the change that wrote the entry.
    #[must_use]
    pub fn version(&self) -> Sequence {
        self.version
    }

    /// When the entry expires, if it ever does.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// The key with its format, as a copy.
    #[must_use]
    pub fn key_binary(&self) -> Binary {
        Binary::new(self.key.format, Bytes::copy_from_slice(self.key.spelling))
    }

    /// The value with its format. A copy, except for an entry above 8 KiB, whose bytes are shared.
    #[must_use]
    pub fn value_binary(&self) -> Binary {
        let bytes = self
            .shared
            .map_or_else(|| Bytes::copy_from_slice(self.value), Bytes::clone);
        Binary::new(self.value_format, bytes)
    }

    pub(super) fn shared_value(&self) -> Option<&'a Bytes> {
        self.shared
    }
}

/// The canonical key in a blob, and nothing else: what a growing table asks of every entry.
pub(super) fn canonical_key(blob: Blob<'_>) -> &[u8] {
    EntryView::read(blob).key.canonical()
}

fn varint_len(number: u64) -> usize {
    (number | 1).ilog2() as usize / 7 + 1
}

fn write_varint(out: &mut [u8], mut number: u64) -> usize {
    let mut at = 0;
    while number >= 0x80 {
        out[at] = (number & 0x7f) as u8 | 0x80;
        number >>= 7;
        at += 1;
    }
    out[at] = (number & 0x7f) as u8;
    at + 1
}

fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let byte = bytes[*at];
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return number;
        }
        shift += 7;
    }
}

fn read_length(bytes: &[u8], at: &mut usize) -> usize {
    usize::try_from(read_varint(bytes, at)).expect("the length of bytes in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft<'a>(key: StoredKey<'a>, value: &'a [u8], version: u64, token: Option<u32>) -> Draft<'a> {
        let (value_format, token) = (Format::from_id(3), token.map(Token::from_bits));
        Draft {
            key,
            value_format,
            value,
            version: Sequence::new(version),
            token,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let long = vec![7u8; 300];
        for canonical in [None, Some(&b"canonical"[..])] {
            for token in [None, Some(0x0102_0304)] {
                for version in [0, 127, 128, 1 << 40, u64::MAX] {
                    for value in [&b""[..], b"v", &long] {
                        let key = StoredKey {
                            format: Format::JSON,
                            spelling: b"spelling",
                            canonical,
                        };
                        let draft = draft(key, value, version, token);
                        let len = draft.len(token.is_some());
                        let mut slot = vec![0xff; len];
                        draft.write(&mut slot);
                        let (head, tail) = draft.to_own();
                        assert_eq!(head.len() + tail.len(), len);
                        let blobs = [
                            Blob {
                                head: &slot,
                                tail: None,
                            },
                            Blob {
                                head: &head,
                                tail: Some(&tail),
                            },
                        ];
                        for blob in blobs {
                            let view = EntryView::read(blob);
                            assert_eq!(view.key(), b"spelling");
                            assert_eq!(view.canonical_key(), canonical.unwrap_or(b"spelling"));
                            assert_eq!(view.value(), value);
                            assert_eq!(view.value_format(), Format::from_id(3));
                            assert_eq!(view.version().get(), version);
                            assert_eq!(view.token().map(Token::to_bits), token);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_short_json_entry_has_a_header_of_four_bytes() {
        let key = StoredKey {
            format: Format::JSON,
            spelling: b"\"k\"",
            canonical: None,
        };
        let draft = Draft {
            key,
            value_format: Format::JSON,
            value: b"1",
            version: Sequence::new(100),
            token: None,
        };
        assert_eq!(draft.len(false), 4 + 3 + 1);
    }
}
