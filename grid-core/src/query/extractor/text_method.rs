//! Methods of strings.

use std::borrow::Cow;

use super::RESULT_LEN_MAX;
use super::property::length;
use crate::query::{Datum, QueryError, RegexPattern};

/// Calls a method of a string; `None` when there is none of this name with such arguments.
pub(super) fn call(
    text: &str,
    name: &str,
    given: &[&Datum<'static>],
) -> Result<Option<Datum<'static>>, QueryError> {
    let units = || text.encode_utf16().collect::<Vec<u16>>();
    Ok(Some(match (name, given) {
        ("length", []) => length(text.encode_utf16().count()),
        ("isEmpty", []) => Datum::Bool(text.is_empty()),
        ("isBlank", []) => Datum::Bool(text.trim().is_empty()),
        ("toUpperCase", []) => owned(text.to_uppercase()),
        ("toLowerCase", []) => owned(text.to_lowercase()),
        ("trim", []) => owned(text.trim_matches(|character| character <= ' ').to_owned()),
        ("strip", []) => owned(text.trim().to_owned()),
        ("stripLeading", []) => owned(text.trim_start().to_owned()),
        ("stripTrailing", []) => owned(text.trim_end().to_owned()),
        ("intern", []) => owned(text.to_owned()),
        ("charAt", [Datum::Int(index)]) => {
            let end = index.saturating_add(1);
            owned(substring(&units(), "charAt", *index, Some(end))?)
        }
        ("substring", [Datum::Int(from)]) => owned(substring(&units(), "substring", *from, None)?),
        ("substring", [Datum::Int(from), Datum::Int(to)]) => {
            owned(substring(&units(), "substring", *from, Some(*to))?)
        }
        ("concat", [Datum::Text(other)]) => {
            bounded(text.len().saturating_add(other.len()))?;
            owned(format!("{text}{other}"))
        }
        ("repeat", [Datum::Int(count)]) => owned(repeat(text, *count)?),
        ("indexOf", [Datum::Text(part)]) => index(text, text.find(part.as_ref())),
        ("lastIndexOf", [Datum::Text(part)]) => index(text, text.rfind(part.as_ref())),
        ("contains", [Datum::Text(part)]) => Datum::Bool(text.contains(part.as_ref())),
        ("startsWith", [Datum::Text(part)]) => Datum::Bool(text.starts_with(part.as_ref())),
        ("endsWith", [Datum::Text(part)]) => Datum::Bool(text.ends_with(part.as_ref())),
        ("equalsIgnoreCase", [Datum::Text(other)]) => {
            Datum::Bool(text.to_uppercase().to_lowercase() == other.to_uppercase().to_lowercase())
        }
        ("codePointAt", [Datum::Int(index)]) => {
            let rest = substring(&units(), "codePointAt", *index, None)?;
            let first = rest.chars().next().ok_or(QueryError::OutOfRange {
                name: "codePointAt",
                index: *index,
                len: text.encode_utf16().count(),
            })?;
            Datum::Int(i64::from(u32::from(first)))
        }
        ("matches", [Datum::Text(pattern)]) => Datum::Bool(RegexPattern::new(pattern)?.matches(text)),
        ("compareTo", [Datum::Text(other)]) => Datum::Int(difference(text, other)),
        ("replace", [Datum::Text(from), Datum::Text(to)]) => owned(replace(text, from, to)?),
        _ => return Ok(None),
    }))
}

fn owned(text: String) -> Datum<'static> {
    Datum::Text(Cow::Owned(text))
}

/// The index in UTF-16 units of an index in bytes; -1 for none.
fn index(text: &str, at: Option<usize>) -> Datum<'static> {
    match at.and_then(|at| text.get(..at)) {
        Some(before) => length(before.encode_utf16().count()),
        None => Datum::Int(-1),
    }
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
    bounded(len.saturating_mul(count))?;
    Ok(text.repeat(count))
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, QueryError> {
    let places = text.matches(from).count();
    bounded(places.saturating_mul(to.len()).saturating_add(text.len()))?;
    Ok(text.replace(from, to))
}

fn bounded(len: usize) -> Result<(), QueryError> {
    let (what, max) = ("a method of a string", RESULT_LEN_MAX);
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
