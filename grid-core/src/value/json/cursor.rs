//! A position in JSON text, and the tokens that start there.

use super::{JsonError, JsonErrorKind};

/// Exponents of more significant digits are refused, so that arithmetic on them never overflows.
const EXPONENT_DIGITS_MAX: usize = 9;

/// A position in a JSON text. Every method checks what it reads: any bytes may be given.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Cursor { text, pos: 0 }
    }

    /// A cursor that goes on where another one was.
    pub(crate) fn at(text: &'a [u8], pos: usize) -> Self {
        Cursor { text, pos }
    }

    pub(crate) fn position(&self) -> usize {
        self.pos
    }

    #[inline]
    pub(crate) fn byte(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    /// Steps over one byte that the caller has looked at.
    #[inline]
    pub(crate) fn step(&mut self) {
        self.pos += 1;
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    #[cold]
    pub(crate) fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError::new(self.pos, kind)
    }

    /// The error for a byte that cannot stand here, or for the end of the text.
    #[cold]
    pub(crate) fn unexpected(&self) -> JsonError {
        match self.byte() {
            None => self.error(JsonErrorKind::CutShort),
            Some(found) => self.error(JsonErrorKind::UnexpectedByte { found }),
        }
    }

    /// Skips white space and looks at the next byte.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.pos += 1,
                other => return other,
            }
        }
    }

    /// Takes this byte after white space.
    #[inline]
    pub(crate) fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        if self.peek() == Some(wanted) {
            self.pos += 1;
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Takes one of the words `null`, `true` and `false`.
    #[inline]
    pub(crate) fn word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        for wanted in word {
            if self.byte() != Some(*wanted) {
                return Err(self.unexpected());
            }
            self.pos += 1;
        }
        Ok(())
    }

    /// Takes a string whose opening quote is here; the range of what stands between the quotes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], JsonError> {
        if self.byte() != Some(b'"') {
            return Err(self.unexpected());
        }
        self.pos += 1;
        let start = self.pos;
        loop {
            self.pos = next_special(self.text, self.pos);
            match self.byte() {
                Some(b'"') => {
                    let inner = self.slice(start, self.pos);
                    self.pos += 1;
                    return Ok(inner);
                }
                Some(b'\\') => self.escape()?,
                Some(found) => return Err(self.error(JsonErrorKind::ControlCharacter { found })),
                None => return Err(self.error(JsonErrorKind::CutShort)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.pos + 1..).unwrap_or_default();
        match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => {
                self.pos += 2;
                Ok(())
            }
            [b'u', digits @ ..] => {
                let hex = digits
                    .iter()
                    .take(4)
                    .take_while(|digit| digit.is_ascii_hexdigit())
                    .count();
                if hex == 4 {
                    self.pos += 6;
                    Ok(())
                } else if digits.len() == hex {
                    self.pos = self.text.len();
                    Err(self.error(JsonErrorKind::CutShort))
                } else {
                    Err(self.error(JsonErrorKind::InvalidEscape))
                }
            }
            [] => {
                self.pos = self.text.len();
                Err(self.error(JsonErrorKind::CutShort))
            }
            _ => Err(self.error(JsonErrorKind::InvalidEscape)),
        }
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.pos;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.pos += 1;
        }
        self.pos - start
    }

    #[cold]
    fn bad_number(&self) -> JsonError {
        let cut = self.byte().is_none();
        self.error(if cut {
            JsonErrorKind::CutShort
        } else {
            JsonErrorKind::InvalidNumber
        })
    }

    /// Takes a number that starts here; its text.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<&'a [u8], JsonError> {
        let start = self.pos;
        if self.byte() == Some(b'-') {
            self.pos += 1;
        }
        if self.byte() == Some(b'0') {
            self.pos += 1;
        } else if self.digits() == 0 {
            return Err(self.bad_number());
        }
        if self.byte() == Some(b'.') {
            self.pos += 1;
            if self.digits() == 0 {
                return Err(self.bad_number());
            }
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.pos += 1;
            }
            let digits_start = self.pos;
            if self.digits() == 0 {
                return Err(self.bad_number());
            }
            let digits = self.slice(digits_start, self.pos);
            let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
            if digits.len() - zeros > EXPONENT_DIGITS_MAX {
                return Err(JsonError::new(digits_start, JsonErrorKind::ExponentTooLarge));
            }
        }
        Ok(self.slice(start, self.pos))
    }

    /// Steps over one value of a text that has been scanned: brackets are counted, not matched.
    pub(crate) fn skip_value(&mut self) -> Result<(), JsonError> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                }
                Some(b'n') => self.word(b"null")?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'{' | b'[') => {
                    open += 1;
                    self.pos += 1;
                }
                Some(b'}' | b']') if open > 0 => {
                    open -= 1;
                    self.pos += 1;
                }
                Some(b',' | b':') if open > 0 => self.pos += 1,
                _ => return Err(self.unexpected()),
            }
            if open == 0 {
                return Ok(());
            }
        }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks the high bit of the bytes of a word that are a quote, a backslash or a control character. The lowest
/// mark is exact; marks above it may be false, because a borrow can run on.
#[inline]
fn marks(word: u64) -> u64 {
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_backslash | is_control) & HIGHS
}

/// The offset of the next quote, backslash or control character, or the end of the text.
#[inline]
pub(super) fn next_special(text: &[u8], from: usize) -> usize {
    const WORDS_FIRST: usize = 3;
    let mut pos = from;
    // Names and short strings end within a few words; only long strings are worth the wide blocks.
    for _ in 0..WORDS_FIRST {
        match word_at(text, pos) {
            Some(word) => {
                let marks = marks(word);
                if marks != 0 {
                    return pos + marks_offset(marks);
                }
                pos += 8;
            }
            None => return tail(text, pos),
        }
    }
    while let Some(block) = text.get(pos..pos + 32) {
        // No early exit inside a block, so that the compiler makes vector code of it.
        let special = block.iter().fold(false, |found, byte| {
            found | (*byte == b'"') | (*byte == b'\\') | (*byte < 0x20)
        });
        if special {
            break;
        }
        pos += 32;
    }
    while let Some(word) = word_at(text, pos) {
        let marks = marks(word);
        if marks != 0 {
            return pos + marks_offset(marks);
        }
        pos += 8;
    }
    tail(text, pos)
}

#[inline]
fn word_at(text: &[u8], pos: usize) -> Option<u64> {
    text.get(pos..)?
        .first_chunk::<8>()
        .map(|word| u64::from_le_bytes(*word))
}

#[inline]
fn marks_offset(marks: u64) -> usize {
    usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default()
}

#[inline]
fn tail(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let special = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    special.map_or(text.len(), |offset| from + offset)
}
