//! Where something stands in a text, and what stands between. Indices count UTF-16 units, as in Java.

use std::borrow::Cow;

use super::property::length;
use crate::query::{Datum, QueryError, RegexPattern};
use crate::value::json;

/// What is looked for: a text, or a character by its number.
pub(super) fn wanted<'d>(argument: &'d Datum<'_>) -> Option<Cow<'d, str>> {
    match argument {
        Datum::Text(text) => Some(Cow::Borrowed(text)),
        Datum::Int(number) => {
            let character = u32::try_from(*number).ok().and_then(char::from_u32)?;
            Some(Cow::Owned(character.to_string()))
        }
        _ => None,
    }
}

/// The first place from an index on; -1 for none.
pub(super) fn index_of(text: &str, part: &str, from: i64) -> Datum<'static> {
    let from = byte_of(text, from).unwrap_or(text.len());
    let found = text.get(from..).and_then(|rest| rest.find(part));
    index(text, found.map(|found| found + from))
}

/// The last place up to an index; -1 for none.
pub(super) fn last_index_of(text: &str, part: &str, from: i64) -> Datum<'static> {
    if from < 0 {
        return Datum::Int(-1);
    }
    let start = byte_of(text, from).unwrap_or(text.len());
    let mut end = start.saturating_add(part.len()).min(text.len());
    // What ends within a character is not there.
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    index(text, text.get(..end).and_then(|text| text.rfind(part)))
}

/// Whether a text stands at an index.
pub(super) fn stands_at(text: &str, part: &str, at: i64) -> bool {
    if at < 0 {
        return false;
    }
    let rest = byte_of(text, at).and_then(|at| text.get(at..));
    rest.is_some_and(|rest| rest.starts_with(part))
}

/// The offset of a UTF-16 unit in bytes; of the second half of a character the one after it. The start for a negative
/// index, `None` after the end.
fn byte_of(text: &str, index: i64) -> Option<usize> {
    let Some(mut left) = usize::try_from(index).ok().filter(|index| *index > 0) else {
        return (index <= 0).then_some(0);
    };
    if text.is_ascii() {
        return (left <= text.len()).then_some(left);
    }
    for (at, character) in text.char_indices() {
        left = left.saturating_sub(character.len_utf16());
        if left == 0 {
            return Some(at + character.len_utf8());
        }
    }
    None
}

/// The index in UTF-16 units of an index in bytes; -1 for none.
fn index(text: &str, at: Option<usize>) -> Datum<'static> {
    match at.and_then(|at| text.get(..at)) {
        Some(before) => length(before.encode_utf16().count()),
        None => Datum::Int(-1),
    }
}

/// The parts of a text between those that match, as Java's `split` gives them: at most `limit`, where it is more than 0;
/// without the empty ones at the end, where it is 0.
///
/// # Errors
/// When the parts are so many for the length of the text that finding them may take too long: looking for one may take a
/// look at all of the rest.
pub(super) fn split(text: &str, pattern: &RegexPattern, limit: i64) -> Result<Datum<'static>, QueryError> {
    let most = usize::try_from(limit).ok().filter(|limit| *limit > 0);
    let mut parts: Vec<&str> = Vec::new();
    let mut start = 0;
    let looks_max = looks_max(text, pattern);
    for (looks, found) in pattern.parts(text).enumerate() {
        if looks >= looks_max {
            return Err(QueryError::MadeTooMuch);
        }
        if most.is_some_and(|most| parts.len() + 1 >= most) {
            break;
        }
        // Nothing stands before an empty part at the start.
        if found.end == 0 {
            continue;
        }
        parts.push(text.get(start..found.start).unwrap_or_default());
        start = found.end;
    }
    parts.push(text.get(start..).unwrap_or_default());
    if limit == 0 && parts.len() > 1 {
        let kept = parts.iter().rposition(|part| !part.is_empty());
        parts.truncate(kept.map_or(0, |last| last + 1));
    }
    let mut out = vec![b'['];
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_escaped(part, &mut out);
    }
    out.push(b']');
    Ok(Datum::Array(Cow::Owned(out)))
}

/// How many parts may be looked for in a text.
fn looks_max(text: &str, pattern: &RegexPattern) -> usize {
    /// The most characters that are looked at.
    const STEPS_MAX: usize = 1 << 30;
    // What neither repeats nor chooses is found, or not, within its own length.
    let is_short = !pattern.pattern().contains(['*', '+', '?', '{', '|']);
    if is_short {
        usize::MAX
    } else {
        STEPS_MAX / text.len().max(1)
    }
}
