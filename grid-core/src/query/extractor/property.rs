//! Properties of values.

use super::text::is_blank;
use crate::query::parts::{Members, find_member};
use crate::query::{Datum, Elements, Extracted, Operand, QueryError};
use crate::value::json;

/// A property of a value.
///
/// Of an object its member of this name. The reference looks for a method first, so that it takes `size` for the
/// number of members even where there is a member of that name; here the member comes first.
pub(super) fn property<'a>(target: Extracted<'a>, name: &str) -> Result<Extracted<'a>, QueryError> {
    match &target {
        Extracted::Json(text) => {
            if is_object(text, name)?
                && let Some(member) = find_member(text, name)?
            {
                return Ok(Extracted::Json(member.value));
            }
        }
        Extracted::Datum(Datum::Object(text)) => {
            if let Some(member) = find_member(text, name)? {
                return Ok(Extracted::Json(member.value).into_owned());
            }
        }
        Extracted::Datum(_) => {}
    }
    missing(&target, name)
}

/// Whether a text is an object that may have a member of this name, and not a big number, which is spelled as one.
pub(crate) fn is_object(text: &[u8], name: &str) -> Result<bool, QueryError> {
    let spells_number = matches!(name, "value" | "@class");
    Ok(text.trim_ascii_start().starts_with(b"{")
        && (!spells_number || matches!(Datum::read(text)?, Datum::Object(_))))
}

/// A property that is no member: what the reference takes for one because there is a method of that name.
pub(super) fn missing<'a>(target: &Extracted<'_>, name: &str) -> Result<Extracted<'a>, QueryError> {
    let target = target.datum()?;
    let datum = match (&target, name) {
        (Datum::Null, _) => Datum::Null,
        (Datum::Text(text), "length" | "getLength") => length(text.encode_utf16().count()),
        (Datum::Text(text), "empty" | "isEmpty") => Datum::Bool(text.is_empty()),
        (Datum::Text(text), "blank" | "isBlank") => Datum::Bool(is_blank(text)),
        (Datum::Array(_), "size") => length(elements(&target)?),
        (Datum::Array(_), "empty" | "isEmpty") => Datum::Bool(elements(&target)? == 0),
        (Datum::Object(text), "size") => length(members(text)?),
        (Datum::Object(text), "empty" | "isEmpty") => Datum::Bool(members(text)? == 0),
        (Datum::Object(text), _) => {
            let member = match accessor_name(name) {
                Some(name) => find_member(text, &name)?.map(|member| member.value),
                None => of_map(text, name)?,
            };
            return Ok(member.map_or(Extracted::NULL, |value| Extracted::Json(value).into_owned()));
        }
        _ => {
            let (kind, name) = (target.kind(), name.to_owned());
            return Err(QueryError::NoProperty { kind, name });
        }
    };
    Ok(Extracted::Datum(datum))
}

/// Whether something else than a member may be meant: a method, or the member that an accessor stands for.
pub(super) fn may_be_other(name: &str) -> bool {
    matches!(name, "size" | "empty" | "value" | "@class") || name.starts_with("is") || name.starts_with("get")
}

/// The value under a key of a map that is spelled with its entries, as the reference writes maps of its own.
fn of_map<'a>(object: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, QueryError> {
    if !json::class_of(object).is_some_and(|class| class.ends_with("Map")) {
        return Ok(None);
    }
    let Some(entries) = find_member(object, "entries")? else {
        return Ok(None);
    };
    if !entries.value.starts_with(b"[") {
        return Ok(None);
    }
    for entry in Elements::new(entries.value) {
        let entry = entry?;
        if entry.starts_with(b"{")
            && let Some(key) = find_member(entry, "key")?
            && Datum::read(key.value)? == Datum::Text(name.into())
        {
            return Ok(find_member(entry, "value")?.map(|member| member.value));
        }
    }
    Ok(None)
}

/// A method that is another name for a property: `getName()` for `name`.
pub(super) fn accessor<'a>(
    target: &Extracted<'a>,
    name: &str,
    arguments: &[Operand],
) -> Result<Option<Extracted<'a>>, QueryError> {
    let Some(property) = accessor_name(name).filter(|_| arguments.is_empty() && name != "isEmpty") else {
        return Ok(None);
    };
    if !matches!(target.datum()?, Datum::Object(_)) {
        return Ok(None);
    }
    self::property(target.clone(), &property).map(Some)
}

/// The property that an accessor stands for.
fn accessor_name(method: &str) -> Option<String> {
    let property = method.strip_prefix("get").or_else(|| method.strip_prefix("is"))?;
    let mut letters = property.chars();
    let first = letters.next().filter(|first| first.is_uppercase())?;
    Some(first.to_lowercase().chain(letters).collect())
}

pub(super) fn length(len: usize) -> Datum<'static> {
    Datum::Int(i64::try_from(len).unwrap_or(i64::MAX))
}

fn elements(array: &Datum<'_>) -> Result<usize, QueryError> {
    let mut count = 0;
    for element in array.elements().into_iter().flatten() {
        element?;
        count += 1;
    }
    Ok(count)
}

pub(super) fn members(object: &[u8]) -> Result<usize, QueryError> {
    let mut count = 0;
    for member in Members::new(object) {
        member?;
        count += 1;
    }
    Ok(count)
}
