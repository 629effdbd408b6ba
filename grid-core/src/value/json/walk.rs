//! One pass over a JSON text, which checks it and tells what it meets.

use super::{Cursor, JsonError, JsonErrorKind, Limits};

/// What a walk meets. Offsets are in bytes; an end is the offset after the last byte.
pub(super) trait Events {
    /// White space was skipped.
    fn space(&mut self) {}
    /// `{` at this offset.
    fn object_start(&mut self, _at: usize) {}
    /// The name of a member, without its quotes, which stand around these offsets.
    fn name(&mut self, _start: usize, _end: usize) {}
    /// `}` at this offset.
    fn object_end(&mut self, _at: usize) {}
    /// `[` at this offset.
    fn array_start(&mut self, _at: usize) {}
    /// `]` at this offset.
    fn array_end(&mut self, _at: usize) {}
    /// A comma at this offset.
    fn comma(&mut self, _at: usize) {}
    /// A string value, without its quotes, which stand around these offsets.
    fn string(&mut self, _start: usize, _end: usize) {}
    /// A number.
    fn number(&mut self, _start: usize, _end: usize) {}
    /// `true` or `false`.
    fn boolean(&mut self, _start: usize, _end: usize) {}
    /// `null`, as an element of an array, on its own, or as a member of an object.
    fn null(&mut self, _start: usize, _end: usize, _member: bool) {}
}

/// The kinds of the open containers, innermost in the lowest bit: 1 for an object.
struct Open {
    kinds: u128,
    depth: u8,
}

impl Open {
    #[inline]
    fn in_object(&self) -> bool {
        self.depth > 0 && self.kinds & 1 == 1
    }

    #[inline]
    fn push(&mut self, object: bool, limits: Limits) -> Result<(), JsonErrorKind> {
        if self.depth >= limits.depth() {
            return Err(JsonErrorKind::TooDeep { max: limits.depth() });
        }
        self.kinds = self.kinds << 1 | u128::from(object);
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Checks a text from its first byte to its last, without recursion.
#[inline]
pub(super) fn walk<E: Events>(text: &[u8], limits: Limits, events: &mut E) -> Result<(), JsonError> {
    if text.len() > limits.len_max() {
        let kind = JsonErrorKind::TooLong {
            len: text.len(),
            max: limits.len_max(),
        };
        return Err(JsonError::new(limits.len_max(), kind));
    }
    if let Err(error) = core::str::from_utf8(text) {
        let kind = if error.error_len().is_none() {
            JsonErrorKind::CutShort
        } else {
            JsonErrorKind::InvalidUtf8
        };
        return Err(JsonError::new(error.valid_up_to(), kind));
    }
    let mut at = Cursor::new(text);
    let mut open = Open { kinds: 0, depth: 0 };
    loop {
        if !start_value(&mut at, &mut open, limits, events)? {
            continue;
        }
        if end_values(&mut at, &mut open, events)? {
            return Ok(());
        }
    }
}

/// Takes a scalar, an empty container or the opening of one. Whether a value ended.
#[inline]
fn start_value<E: Events>(
    at: &mut Cursor<'_>,
    open: &mut Open,
    limits: Limits,
    events: &mut E,
) -> Result<bool, JsonError> {
    let first = peek(at, events);
    let start = at.position();
    match first {
        Some(b'"') => {
            at.string()?;
            events.string(start + 1, at.position() - 1);
        }
        Some(b'-' | b'0'..=b'9') => {
            at.number()?;
            events.number(start, at.position());
        }
        Some(b'{') => {
            open.push(true, limits).map_err(|kind| at.error(kind))?;
            at.step();
            events.object_start(start);
            if peek(at, events) != Some(b'}') {
                member_name(at, events)?;
                return Ok(false);
            }
            events.object_end(at.position());
            open.pop();
            at.step();
        }
        Some(b'[') => {
            open.push(false, limits).map_err(|kind| at.error(kind))?;
            at.step();
            events.array_start(start);
            if peek(at, events) != Some(b']') {
                return Ok(false);
            }
            events.array_end(at.position());
            open.pop();
            at.step();
        }
        Some(b'n') => {
            at.word(b"null")?;
            events.null(start, at.position(), open.in_object());
        }
        Some(b't') => {
            at.word(b"true")?;
            events.boolean(start, at.position());
        }
        Some(b'f') => {
            at.word(b"false")?;
            events.boolean(start, at.position());
        }
        _ => return Err(at.unexpected()),
    }
    Ok(true)
}

/// After a value: closes what closes here, up to a comma or the end of the text. Whether the text ended.
#[inline]
fn end_values<E: Events>(at: &mut Cursor<'_>, open: &mut Open, events: &mut E) -> Result<bool, JsonError> {
    loop {
        let next = peek(at, events);
        if open.depth == 0 {
            return if next.is_none() {
                Ok(true)
            } else {
                Err(at.error(JsonErrorKind::TrailingData))
            };
        }
        let object = open.in_object();
        match next {
            Some(b',') => {
                events.comma(at.position());
                at.step();
                if object {
                    peek(at, events);
                    member_name(at, events)?;
                }
                return Ok(false);
            }
            Some(b'}') if object => events.object_end(at.position()),
            Some(b']') if !object => events.array_end(at.position()),
            _ => return Err(at.unexpected()),
        }
        open.pop();
        at.step();
    }
}

#[inline]
fn member_name<E: Events>(at: &mut Cursor<'_>, events: &mut E) -> Result<(), JsonError> {
    let start = at.position();
    at.string()?;
    events.name(start + 1, at.position() - 1);
    peek(at, events);
    at.expect(b':')
}

#[inline]
fn peek<E: Events>(at: &mut Cursor<'_>, events: &mut E) -> Option<u8> {
    let before = at.position();
    let next = at.peek();
    if at.position() != before {
        events.space();
    }
    next
}
