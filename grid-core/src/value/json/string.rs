//! The inside of JSON strings: decoding and writing it.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::cursor::next_special;
use super::{JsonError, JsonErrorKind};

/// Where canonical text goes: a buffer, or a comparison with text that may be canonical already.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Compares what is put with a text.
pub(super) struct Matcher<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Matcher { rest: Some(text) }
    }

    /// Whether exactly the text was put.
    pub(super) fn matched(&self) -> bool {
        self.rest.is_some_and(<[u8]>::is_empty)
    }
}

impl Sink for Matcher<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.rest = self.rest.and_then(|rest| rest.strip_prefix(bytes));
    }
}

/// A stretch of the inside of a string.
enum Piece<'a> {
    Raw(&'a [u8]),
    Char(char),
    /// Half of a surrogate pair.
    Lone(u16),
}

/// The pieces of the inside of a string that a cursor has taken.
struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let escape = self
            .rest
            .iter()
            .position(|byte| *byte == b'\\')
            .unwrap_or(self.rest.len());
        if escape > 0 {
            let (raw, rest) = self.rest.split_at(escape);
            self.rest = rest;
            return Some(Piece::Raw(raw));
        }
        let (piece, taken) = match self.rest.get(1)? {
            b'u' => unicode_escape(self.rest),
            b'b' => (Piece::Char('\u{8}'), 2),
            b'f' => (Piece::Char('\u{c}'), 2),
            b'n' => (Piece::Char('\n'), 2),
            b'r' => (Piece::Char('\r'), 2),
            b't' => (Piece::Char('\t'), 2),
            other => (Piece::Char(char::from(*other)), 2),
        };
        self.rest = self.rest.get(taken..).unwrap_or_default();
        Some(piece)
    }
}

/// The escape `\uXXXX` that starts here, two of them when they are a pair, and its length.
fn unicode_escape(text: &[u8]) -> (Piece<'_>, usize) {
    let first = hex(text.get(2..6));
    if let Some(character) = char::from_u32(u32::from(first)) {
        return (Piece::Char(character), 6);
    }
    if text.get(6..8) == Some(br"\u") {
        let second = hex(text.get(8..12));
        if let Some(Ok(character)) = char::decode_utf16([first, second]).next() {
            return (Piece::Char(character), 12);
        }
    }
    (Piece::Lone(first), 6)
}

fn hex(digits: Option<&[u8]>) -> u16 {
    let digits = digits
        .and_then(|digits| core::str::from_utf8(digits).ok())
        .unwrap_or_default();
    u16::from_str_radix(digits, 16).unwrap_or_default()
}

/// Writes the canonical spelling of the inside of a string: raw UTF-8, with the fewest and shortest escapes.
pub(super) fn write_canonical<S: Sink>(inner: &[u8], out: &mut S) {
    if !inner.contains(&b'\\') {
        out.put(inner);
        return;
    }
    for piece in (Pieces { rest: inner }) {
        match piece {
            Piece::Raw(raw) => out.put(raw),
            Piece::Char(character) => write_char(character, out),
            Piece::Lone(unit) => {
                out.put(br"\u");
                for shift in [12, 8, 4, 0] {
                    out.put(&[hex_digit(unit >> shift)]);
                }
            }
        }
    }
}

fn write_char<S: Sink>(character: char, out: &mut S) {
    match short_escape(character) {
        Some(escape) => out.put(escape),
        None if character < ' ' => {
            let code = u16::try_from(u32::from(character)).unwrap_or_default();
            out.put(&[b'\\', b'u', b'0', b'0', hex_digit(code >> 4), hex_digit(code)]);
        }
        None => out.put(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn short_escape(character: char) -> Option<&'static [u8]> {
    Some(match character {
        '"' => br#"\""#,
        '\\' => br"\\",
        '\u{8}' => br"\b",
        '\u{c}' => br"\f",
        '\n' => br"\n",
        '\r' => br"\r",
        '\t' => br"\t",
        _ => return None,
    })
}

fn hex_digit(number: u16) -> u8 {
    b"0123456789abcdef"[usize::from(number & 15)]
}

/// Writes a Rust string with its quotes, in the canonical spelling.
pub(crate) fn write_escaped(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut raw_start = 0;
    loop {
        let special = next_special(bytes, raw_start);
        out.extend_from_slice(bytes.get(raw_start..special).unwrap_or_default());
        let Some(byte) = bytes.get(special) else { break };
        write_char(char::from(*byte), out);
        raw_start = special + 1;
    }
    out.push(b'"');
}

/// The inside of a string as text, borrowed when it has no escape.
///
/// # Errors
/// Half of a surrogate pair, or bytes that are not UTF-8; the offset counts from the start of `inner`.
pub(crate) fn decode(inner: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    if !inner.contains(&b'\\') {
        return utf8(inner).map(Cow::Borrowed);
    }
    let mut text = String::with_capacity(inner.len());
    let mut pieces = Pieces { rest: inner };
    loop {
        let offset = inner.len() - pieces.rest.len();
        match pieces.next() {
            None => return Ok(Cow::Owned(text)),
            Some(Piece::Raw(raw)) => text.push_str(utf8(raw)?),
            Some(Piece::Char(character)) => text.push(character),
            Some(Piece::Lone(_)) => return Err(JsonError::new(offset, JsonErrorKind::LoneSurrogate)),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    core::str::from_utf8(bytes)
        .map_err(|error| JsonError::new(error.valid_up_to(), JsonErrorKind::InvalidUtf8))
}

/// The order of two names by the UTF-8 bytes that they mean; halves of pairs count as if encoded on their own.
pub(super) fn compare_names(a: &[u8], b: &[u8]) -> Ordering {
    if !a.contains(&b'\\') && !b.contains(&b'\\') {
        return a.cmp(b);
    }
    meaning(a).cmp(&meaning(b))
}

fn meaning(inner: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(inner.len());
    for piece in (Pieces { rest: inner }) {
        match piece {
            Piece::Raw(raw) => bytes.extend_from_slice(raw),
            Piece::Char(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Lone(unit) => {
                let [high, low] = unit.to_be_bytes();
                bytes.extend_from_slice(&[
                    0xe0 | high >> 4,
                    0x80 | (high & 15) << 2 | low >> 6,
                    0x80 | low & 63,
                ]);
            }
        }
    }
    bytes
}
