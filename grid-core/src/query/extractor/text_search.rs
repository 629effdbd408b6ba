//! Where something stands in a text, and what stands between. Indices count UTF-16 units, as in Java.

use std::borrow::Cow;
use std::ops::Range;

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
    if part.is_empty() {
        return Datum::Int(from.clamp(0, units(text)));
    }
    let from = place_of(text, from).map_or(text.len(), |place| place.end);
    let found = text.get(from..).and_then(|rest| rest.find(part));
    index(text, found.map(|found| found + from))
}

/// The last place up to an index; -1 for none.
pub(super) fn last_index_of(text: &str, part: &str, from: i64) -> Datum<'static> {
    if from < 0 {
        return Datum::Int(-1);
    }
    if part.is_empty() {
        return Datum::Int(from.min(units(text)));
    }
    let start = place_of(text, from).map_or(text.len(), |place| place.start);
    let mut end = start.saturating_add(part.len()).min(text.len());
    // What ends within a character is not there.
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    index(text, text.get(..end).and_then(|text| text.rfind(part)))
}

/// Whether a text stands at an index.
pub(super) fn stands_at(text: &str, part: &str, at: i64) -> bool {
    match place_of(text, at) {
        Some(place) if at >= 0 && place.is_empty() => {
            let rest = text.get(place.start..);
            rest.is_some_and(|rest| rest.starts_with(part))
        }
        // Nothing begins with half of a character.
        Some(_) => at >= 0 && part.is_empty(),
        None => false,
    }
}

/// How many UTF-16 units a text has.
fn units(text: &str) -> i64 {
    i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX)
}

/// Where a UTF-16 unit stands in bytes: an empty range at it, or the character that it is the second half of. The start
/// for a negative index, `None` after the end.
fn place_of(text: &str, index: i64) -> Option<Range<usize>> {
    let index = usize::try_from(index).unwrap_or_default();
    if text.is_ascii() {
        return (index <= text.len()).then_some(index..index);
    }
    let mut units = 0;
    for (at, character) in text.char_indices() {
        if units >= index {
            return Some(at..at);
        }
        units += character.len_utf16();
        if units > index {
            return Some(at..at + character.len_utf8());
        }
    }
    (units == index).then_some(text.len()..text.len())
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
    const STEPS_MAX: usize = 1 << 28;
    // What neither repeats nor chooses is found, or not, within its own length.
    let is_short = !pattern.pattern().contains(['*', '+', '?', '{', '|']);
    if is_short {
        usize::MAX
    } else {
        STEPS_MAX / text.len().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What Java does, on the units.
    fn naive(text: &str, part: &str, from: i64) -> (i64, i64, bool) {
        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let (text, part) = (units(text), units(part));
        let stands = |at: i64| {
            let at = usize::try_from(at).ok();
            at.and_then(|at| text.get(at..))
                .is_some_and(|rest| rest.starts_with(&part))
        };
        let len = i64::try_from(text.len()).unwrap();
        let first = (from.clamp(0, len)..=len).find(|at| stands(*at)).unwrap_or(-1);
        let last = (0..=from.min(len)).rev().find(|at| stands(*at)).unwrap_or(-1);
        (first, last, stands(from))
    }

    proptest! {
        #[test]
        fn places_are_those_of_units(text in "[ab😀é]{0,6}", part in "[ab😀é]{0,2}", from in -2..9_i64) {
            let (first, last, stands) = naive(&text, &part, from);
            prop_assert_eq!(index_of(&text, &part, from), Datum::Int(first));
            prop_assert_eq!(last_index_of(&text, &part, from), Datum::Int(last));
            prop_assert_eq!(stands_at(&text, &part, from), stands);
        }
    }

    #[test]
    fn what_may_take_long_is_refused() {
        let pattern = |pattern: &str| {
            crate::query::agent::Patterns::new()
                .regex_of_parts(pattern)
                .unwrap()
        };
        let text = "A".repeat(1 << 15);
        // Of such a one, as of `.*[^A-Z]|[A-Z]`, each look may go on to the end.
        let refused = split(&text, &pattern("[A-Z]+?"), 0).unwrap_err();
        assert_eq!(refused, QueryError::MadeTooMuch);
        assert_eq!(
            split(&text, &pattern("[A-Z]"), 0).unwrap(),
            Datum::Array(b"[]".as_slice().into())
        );
    }
}
