//! Methods of values, by the names that they have in Java.
//!
//! The reference calls whatever method the Java class of a value has. Here are those of strings, numbers, booleans,
//! lists and maps whose results can be said in JSON. Indices count UTF-16 units, as there.

use std::borrow::Cow;

use super::property::{length, members};
use super::splice::{remove_member, set_member, set_members};
use super::{MethodCall, number_method, text_method};
use crate::query::java_text::java_text;
use crate::query::parts::{Members, find_member};
use crate::query::{Datum, Elements, Extracted, Operand, QueryError, ValueSet};

/// What a method gave, and the value after it, where the method changes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Called {
    /// The result.
    pub(crate) result: Datum<'static>,
    /// The JSON text of the value after it; `None` when it stayed as it was.
    pub(crate) after: Option<Vec<u8>>,
}

impl From<Datum<'static>> for Called {
    fn from(result: Datum<'static>) -> Self {
        let after = None;
        Called { result, after }
    }
}

/// Calls a method of a value.
///
/// # Errors
/// When the value has no such method with such arguments, or they are out of range.
pub(super) fn call(target: Datum<'_>, call: &MethodCall) -> Result<Called, QueryError> {
    let (name, arguments) = (call.name(), call.arguments());
    let given: Vec<_> = arguments.iter().map(Operand::datum).collect();
    let called = match (&target, name, given.as_slice()) {
        (Datum::Null, _, _) => Some(Datum::Null.into()),
        (_, "toString", []) => Some(Datum::Text(Cow::Owned(java_text(&target)?)).into()),
        (_, "equals", [_]) => Some(Datum::Bool(is_equal(arguments, 0, &target)).into()),
        (Datum::Text(text), _, _) => text_method::call(text, call, &given)?.map(Called::from),
        (Datum::Bool(value), "booleanValue", []) => Some(Datum::Bool(*value).into()),
        (Datum::Bool(value), "hashCode", []) => Some(Datum::Int(if *value { 1231 } else { 1237 }).into()),
        (Datum::Bool(value), "compareTo", [Datum::Bool(other)]) => {
            Some(Datum::Int(i64::from(*value) - i64::from(*other)).into())
        }
        (Datum::Array(text), _, _) => list(text, name, &given, arguments)?,
        (Datum::Object(text), _, _) => map(text, name, &given, arguments)?,
        _ => number_method::call(&target, name, &given)?.map(Called::from),
    };
    called.ok_or_else(|| QueryError::NoMethod {
        kind: target.kind(),
        name: name.to_owned(),
        arguments: arguments.len(),
    })
}

/// Whether a value is equal to an argument, whose canonical form is known.
fn is_equal(arguments: &[Operand], index: usize, value: &Datum<'_>) -> bool {
    arguments
        .get(index)
        .is_some_and(|argument| argument.equals(value))
}

fn list(
    text: &[u8],
    name: &str,
    given: &[&Datum<'static>],
    arguments: &[Operand],
) -> Result<Option<Called>, QueryError> {
    let array = Datum::Array(Cow::Borrowed(text));
    let texts: Result<Vec<_>, _> = array.elements().into_iter().flatten().collect();
    let texts = texts?;
    let position = || -> Result<Option<usize>, QueryError> {
        for (index, text) in texts.iter().enumerate() {
            if is_equal(arguments, 0, &Datum::read(text)?) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    };
    let index_or_none = |index: Option<usize>| index.map_or(Datum::Int(-1), length);
    let result = match (name, given) {
        ("size", []) => length(texts.len()),
        ("isEmpty", []) => Datum::Bool(texts.is_empty()),
        ("get", [Datum::Int(index)]) => {
            let found = usize::try_from(*index).ok().and_then(|index| texts.get(index));
            let out_of_range = QueryError::OutOfRange {
                name: "get",
                index: *index,
                len: texts.len(),
            };
            Datum::read(found.ok_or(out_of_range)?)?.into_owned()
        }
        ("contains", [_]) => Datum::Bool(position()?.is_some()),
        ("indexOf", [_]) => index_or_none(position()?),
        ("lastIndexOf", [_]) => {
            let mut last = None;
            for (index, text) in texts.iter().enumerate().rev() {
                if is_equal(arguments, 0, &Datum::read(text)?) {
                    last = Some(index);
                    break;
                }
            }
            index_or_none(last)
        }
        ("containsAll", [Datum::Array(wanted)]) => {
            let wanted = Elements::new(wanted).map(|wanted| Operand::new(wanted?));
            let wanted = ValueSet::new(wanted.collect::<Result<Vec<_>, _>>()?);
            let mut found = vec![false; wanted.len()];
            for text in &texts {
                if let Some(place) = wanted.position(text)?.and_then(|place| found.get_mut(place)) {
                    *place = true;
                }
            }
            Datum::Bool(!found.contains(&false))
        }
        ("toArray" | "clone", []) => Datum::Array(Cow::Owned(text.to_vec())),
        ("add", [_]) => {
            let added = arguments.first().map(Operand::text).unwrap_or_default();
            let all: Vec<_> = texts.iter().copied().chain([added]).collect();
            return Ok(Some(changed(Datum::Bool(true), array_of(&all))));
        }
        // An integer is taken for an element, not for an index, as the reference does.
        ("remove", [_]) => {
            let Some(index) = position()? else {
                return Ok(Some(Datum::Bool(false).into()));
            };
            let mut rest = texts.clone();
            rest.remove(index);
            return Ok(Some(changed(Datum::Bool(true), array_of(&rest))));
        }
        ("clear", []) => return Ok(Some(changed(Datum::Null, b"[]".to_vec()))),
        _ => return Ok(None),
    };
    Ok(Some(result.into()))
}

fn map(
    text: &[u8],
    name: &str,
    given: &[&Datum<'static>],
    arguments: &[Operand],
) -> Result<Option<Called>, QueryError> {
    // Names of members are strings: whatever else is asked for is not there.
    let key = match given.first() {
        Some(Datum::Text(key)) => Some(key.as_ref()),
        _ => None,
    };
    let current = match key {
        Some(key) => find_member(text, key)?.map(|member| member.value),
        None => None,
    };
    let value = |text: Option<&[u8]>| match text {
        Some(text) => Ok::<_, QueryError>(Datum::read(text)?.into_owned()),
        None => Ok(Datum::Null),
    };
    let absent = current.is_none_or(|text| Extracted::Json(text).is_null());
    let argument = |index: usize| arguments.get(index).map(Operand::text).unwrap_or_default();
    let result = match (name, given) {
        ("size", []) => length(members(text)?),
        ("isEmpty", []) => Datum::Bool(members(text)? == 0),
        ("get", [_]) => value(current)?,
        ("getOrDefault", [_, _]) => value(Some(current.unwrap_or_else(|| argument(1))))?,
        ("containsKey", [_]) => Datum::Bool(current.is_some()),
        ("containsValue", [_]) => Datum::Bool(has_value(text, arguments)?),
        ("keySet", []) => names(text)?,
        ("values", []) => values(text)?,
        ("put", [Datum::Text(key), _]) => {
            return Ok(Some(changed(
                value(current)?,
                set_member(text, key, argument(1))?,
            )));
        }
        ("putIfAbsent", [Datum::Text(key), _]) if absent => {
            return Ok(Some(changed(Datum::Null, set_member(text, key, argument(1))?)));
        }
        ("putIfAbsent", [Datum::Text(_), _]) => value(current)?,
        ("replace", [Datum::Text(key), _]) if current.is_some() => {
            return Ok(Some(changed(
                value(current)?,
                set_member(text, key, argument(1))?,
            )));
        }
        ("replace", [_, _]) => Datum::Null,
        ("replace", [_, _, _]) => return replace(text, key, current, arguments).map(Some),
        ("remove", [_]) => return remove(text, key),
        ("remove", [_, _]) => {
            if current.is_some() && is_equal(arguments, 1, &value(current)?) {
                let removed = remove(text, key)?.and_then(|called| called.after);
                return Ok(removed.map(|after| changed(Datum::Bool(true), after)));
            }
            Datum::Bool(false)
        }
        ("putAll", [Datum::Object(others)]) => {
            return Ok(Some(changed(Datum::Null, set_members(text, others)?)));
        }
        ("clear", []) => return Ok(Some(changed(Datum::Null, b"{}".to_vec()))),
        _ => return Ok(None),
    };
    Ok(Some(result.into()))
}

/// Whether a member has the value of the first argument.
fn has_value(object: &[u8], arguments: &[Operand]) -> Result<bool, QueryError> {
    for member in Members::new(object) {
        if is_equal(arguments, 0, &Datum::read(member?.value)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn replace(
    text: &[u8],
    key: Option<&str>,
    current: Option<&[u8]>,
    arguments: &[Operand],
) -> Result<Called, QueryError> {
    if let (Some(key), Some(current)) = (key, current)
        && is_equal(arguments, 1, &Datum::read(current)?)
    {
        let new = arguments.get(2).map(Operand::text).unwrap_or_default();
        return Ok(changed(Datum::Bool(true), set_member(text, key, new)?));
    }
    Ok(Datum::Bool(false).into())
}

fn remove(text: &[u8], key: Option<&str>) -> Result<Option<Called>, QueryError> {
    let removed = match key {
        Some(key) => remove_member(text, key)?,
        None => None,
    };
    Ok(Some(match removed {
        Some(removed) => changed(Datum::read(removed.value)?.into_owned(), removed.rest),
        None => Datum::Null.into(),
    }))
}

fn changed(result: Datum<'static>, after: Vec<u8>) -> Called {
    let after = Some(after);
    Called { result, after }
}

fn names(object: &[u8]) -> Result<Datum<'static>, QueryError> {
    let mut texts = Vec::new();
    for member in Members::new(object) {
        let quoted = [b"\"", member?.name, b"\""].concat();
        texts.push(quoted);
    }
    let texts: Vec<_> = texts.iter().map(Vec::as_slice).collect();
    Ok(Datum::Array(Cow::Owned(array_of(&texts))))
}

fn values(object: &[u8]) -> Result<Datum<'static>, QueryError> {
    let values: Result<Vec<_>, _> = Members::new(object)
        .map(|member| member.map(|member| member.value))
        .collect();
    Ok(Datum::Array(Cow::Owned(array_of(&values?))))
}

/// The text of an array of these texts.
fn array_of(texts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![b'['];
    out.extend_from_slice(&texts.join(&b","[..]));
    out.push(b']');
    out
}
