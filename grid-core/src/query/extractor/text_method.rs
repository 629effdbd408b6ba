//! Methods of strings.

use std::borrow::Cow;

use super::property::length;
use super::text::{difference_without_case, hash, is_blank, is_space};
use super::{MethodCall, RESULT_LEN_MAX, text_search};
use crate::query::{Datum, QueryError};

/// By how many bytes a text may grow where a number alone says by how much.
const GROWTH_MAX: usize = 1 << 20;

/// Calls a method of a string; `None` when there is none of this name with such arguments.
pub(super) fn call(
    text: &str,
    call: &MethodCall,
    given: &[&Datum<'static>],
) -> Result<Option<Datum<'static>>, QueryError> {
    let units = || text.encode_utf16().collect::<Vec<u16>>();
    Ok(Some(match (call.name(), given) {
        ("length", []) => length(text.encode_utf16().count()),
        ("isEmpty", []) => Datum::Bool(text.is_empty()),
        ("isBlank", []) => Datum::Bool(is_blank(text)),
        ("toUpperCase", []) => owned(text.to_uppercase()),
        ("toLowerCase", []) => owned(text.to_lowercase()),
        ("trim", []) => owned(text.trim_matches(|character| character <= ' ').to_owned()),
        ("strip", []) => owned(text.trim_matches(is_space).to_owned()),
        ("stripLeading", []) => owned(text.trim_start_matches(is_space).to_owned()),
        ("stripTrailing", []) => owned(text.trim_end_matches(is_space).to_owned()),
        ("intern", []) => owned(text.to_owned()),
        ("charAt", [Datum::Int(index)]) => {
            let end = index.saturating_add(1);
            owned(substring(&units(), "charAt", *index, Some(end))?)
        }
        ("substring", [Datum::Int(from)]) => owned(substring(&units(), "substring", *from, None)?),
        ("substring" | "subSequence", [Datum::Int(from), Datum::Int(to)]) => {
            owned(substring(&units(), "substring", *from, Some(*to))?)
        }
        ("concat", [Datum::Text(other)]) => {
            bounded(text.len().saturating_add(other.len()), RESULT_LEN_MAX)?;
            owned(format!("{text}{other}"))
        }
        ("repeat", [Datum::Int(count)]) => owned(repeat(text, *count)?),
        ("indexOf" | "lastIndexOf", [part, rest @ ..]) => match find(text, call.name(), part, rest) {
            Some(index) => index,
            None => return Ok(None),
        },
        ("contains", [Datum::Text(part)]) => Datum::Bool(text.contains(part.as_ref())),
        ("startsWith", [Datum::Text(part)]) => Datum::Bool(text.starts_with(part.as_ref())),
        ("startsWith", [Datum::Text(part), Datum::Int(at)]) => {
            Datum::Bool(text_search::stands_at(text, part, *at))
        }
        ("endsWith", [Datum::Text(part)]) => Datum::Bool(text.ends_with(part.as_ref())),
        ("equalsIgnoreCase", [Datum::Text(other)]) => Datum::Bool(difference_without_case(text, other) == 0),
        ("equalsIgnoreCase", [Datum::Null]) => Datum::Bool(false),
        ("compareToIgnoreCase", [Datum::Text(other)]) => Datum::Int(difference_without_case(text, other)),
        ("contentEquals", [Datum::Text(other)]) => Datum::Bool(text == other.as_ref()),
        ("hashCode", []) => Datum::Int(i64::from(hash(text))),
        ("split", [Datum::Text(_), rest @ ..]) => match (call.pattern(), rest) {
            (Some(pattern), []) => text_search::split(text, pattern?, 0)?,
            (Some(pattern), [Datum::Int(limit)]) => text_search::split(text, pattern?, *limit)?,
            _ => return Ok(None),
        },
        ("codePointAt", [Datum::Int(index)]) => {
            let rest = substring(&units(), "codePointAt", *index, None)?;
            let first = rest.chars().next().ok_or(QueryError::OutOfRange {
                name: "codePointAt",
                index: *index,
                len: text.encode_utf16().count(),
            })?;
            Datum::Int(i64::from(u32::from(first)))
        }
        ("matches", [Datum::Text(_)]) => match call.pattern() {
            Some(pattern) => Datum::Bool(pattern?.matches(text)),
            None => return Ok(None),
        },
        ("compareTo", [Datum::Text(other)]) => Datum::Int(difference(text, other)),
        ("replace", [Datum::Text(from), Datum::Text(to)]) => owned(replace(text, from, to)?),
        _ => return Ok(None),
    }))
}

fn owned(text: String) -> Datum<'static> {
    Datum::Text(Cow::Owned(text))
}

/// The first place or the last of a text or a character, from an index on or up to it.
fn find(text: &str, name: &str, part: &Datum<'_>, rest: &[&Datum<'static>]) -> Option<Datum<'static>> {
    let from = match rest {
        [] => None,
        [Datum::Int(from)] => Some(*from),
        _ => return None,
    };
    let Some(wanted) = text_search::wanted(part) else {
        // A number that is none of a character is nowhere.
        return matches!(part, Datum::Int(_)).then_some(Datum::Int(-1));
    };
    Some(match name {
        "indexOf" => text_search::index_of(text, &wanted, from.unwrap_or(0)),
        _ => text_search::last_index_of(text, &wanted, from.unwrap_or(i64::MAX)),
    })
}

fn substring(units: &[u16], name: &'static str, from: i64, to: Option<i64>) -> Result<String, QueryError> {
    let len = units.len();
    let bound = |index: i64| {
        let valid = usize::try_from(index).ok().filter(|index| *index <= len);
        valid.ok_or(QueryError::OutOfRange { name, index, len })
    };
    let from_index = bound(from)?;
    let to_index = to.map_or(Ok(len), bound)?;
    let part = units.get(from_index..to_index).ok_or(QueryError::OutOfRange {
        name,
        index: from,
        len,
    })?;
    // A character that was cut in two has no text.
    Ok(String::from_utf16_lossy(part))
}

fn repeat(text: &str, count: i64) -> Result<String, QueryError> {
    let len = text.len();
    let out_of_range = QueryError::OutOfRange {
        name: "repeat",
        index: count,
        len,
    };
    let count = usize::try_from(count).map_err(|_negative| out_of_range)?;
    bounded(len.saturating_mul(count), text.len().saturating_add(GROWTH_MAX))?;
    Ok(text.repeat(count))
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, QueryError> {
    let places = text.matches(from).count();
    let max = RESULT_LEN_MAX.max(text.len().saturating_add(GROWTH_MAX));
    bounded(places.saturating_mul(to.len()).saturating_add(text.len()), max)?;
    Ok(text.replace(from, to))
}

fn bounded(len: usize, max: usize) -> Result<(), QueryError> {
    let what = "a method of a string";
    if len > max {
        return Err(QueryError::TooLarge { what, max });
    }
    Ok(())
}

/// What Java's `compareTo` gives: the difference of the first units that differ, or of the lengths.
fn difference(left: &str, right: &str) -> i64 {
    let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let (left, right) = (units(left), units(right));
    for (left, right) in left.iter().zip(&right) {
        if left != right {
            return i64::from(*left) - i64::from(*right);
        }
    }
    let len = |units: &[u16]| i64::try_from(units.len()).unwrap_or(i64::MAX);
    len(&left) - len(&right)
}
