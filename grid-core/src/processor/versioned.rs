//! Values with versions.

use super::EntryView;
use super::process::current;
use crate::query::{Datum, Extracted, Operand, QueryError, find_member, set_member};
use crate::value::{Binary, Format};

/// The member that has the version.
const VERSION: &str = "@version";

/// Sets a value where the one that is there has the same version.
pub(super) fn put(
    entry: &mut EntryView<'_>,
    value: &Operand,
    inserts: bool,
    answers_current: bool,
) -> Result<Option<Binary>, QueryError> {
    let version = version_of(value.text())?;
    let before = match entry.entry().value()? {
        Some(text) if !Extracted::Json(text).is_null() => Some(version_of(text)?),
        _ => None,
    };
    match before {
        Some(before) if before != version => return Ok(current(entry, answers_current)),
        None if !inserts => return Ok(current(entry, answers_current)),
        _ => {}
    }
    let next = version.checked_add(1).ok_or(QueryError::Overflow)?;
    let next = set_member(value.text(), VERSION, &Datum::Int(next).to_json()?)?;
    entry.set(Binary::new(Format::JSON, next.into()));
    Ok(None)
}

/// The version of a value, 0 when it says none.
///
/// # Errors
/// When the value is no object, or its version no integer.
pub(super) fn version_of(text: &[u8]) -> Result<i64, QueryError> {
    let datum = Datum::read(text)?;
    if !matches!(datum, Datum::Object(_)) {
        return Err(QueryError::NotVersioned { kind: datum.kind() });
    }
    let Some(member) = find_member(text, VERSION)? else {
        return Ok(0);
    };
    match Datum::read(member.value)? {
        Datum::Null => Ok(0),
        Datum::Int(version) => Ok(version),
        other => Err(QueryError::NotVersioned { kind: other.kind() }),
    }
}
