//! Changes in the text of an object: every byte that is not meant stays as it is.

use crate::query::QueryError;
use crate::query::parts::{Members, find_member};
use crate::value::json;

/// The text of an object with a member set: the first of this name is replaced, a new one comes last.
///
/// # Errors
/// When the text is no JSON object.
pub(crate) fn set_member(object: &[u8], name: &str, value: &[u8]) -> Result<Vec<u8>, QueryError> {
    let mut out = Vec::with_capacity(object.len() + name.len() + value.len() + 4);
    if let Some(member) = find_member(object, name)? {
        out.extend_from_slice(object.get(..member.value_start).unwrap_or_default());
        out.extend_from_slice(value);
        out.extend_from_slice(object.get(member.end()..).unwrap_or_default());
        return Ok(out);
    }
    let mut end = None;
    for member in Members::new(object) {
        end = Some(member?.end());
    }
    let comma: &[u8] = if end.is_some() { b"," } else { b"" };
    let end = end.unwrap_or_else(|| {
        object
            .iter()
            .position(|byte| *byte == b'{')
            .map_or(0, |at| at + 1)
    });
    out.extend_from_slice(object.get(..end).unwrap_or_default());
    out.extend_from_slice(comma);
    json::write_escaped(name, &mut out);
    out.push(b':');
    out.extend_from_slice(value);
    out.extend_from_slice(object.get(end..).unwrap_or_default());
    Ok(out)
}

/// What is left of an object, and what was taken out of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Removed<'a> {
    /// The text of the object without the member.
    pub(crate) rest: Vec<u8>,
    /// The text of the member's value.
    pub(crate) value: &'a [u8],
}

/// Takes a member out of the text of an object; `None` when there is none of this name.
///
/// # Errors
/// When the text is no JSON object.
pub(crate) fn remove_member<'a>(object: &'a [u8], name: &str) -> Result<Option<Removed<'a>>, QueryError> {
    let (mut before, mut found, mut after) = (None, None, None);
    for member in Members::new(object) {
        let member = member?;
        if found.is_some() {
            after = Some(member.start);
            break;
        }
        if member.is(name) {
            found = Some(member);
        } else {
            before = Some(member.end());
        }
    }
    let Some(member) = found else {
        return Ok(None);
    };
    // The comma goes with the member: the one after it, or the one before it when it is the last.
    let (from, to) = match (before, after) {
        (_, Some(next)) => (member.start, next),
        (Some(end), None) => (end, member.end()),
        (None, None) => (member.start, member.end()),
    };
    let mut rest = Vec::with_capacity(object.len());
    rest.extend_from_slice(object.get(..from).unwrap_or_default());
    rest.extend_from_slice(object.get(to..).unwrap_or_default());
    let value = member.value;
    Ok(Some(Removed { rest, value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        core::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn members_are_set_where_they_stand() {
        for (object, name, expected) in [
            ("{}", "a", r#"{"a":9}"#),
            ("{ }", "a", r#"{"a":9 }"#),
            (r#"{"a":1}"#, "a", r#"{"a":9}"#),
            (r#"{"a": [1,{}] , "b":2}"#, "a", r#"{"a": 9 , "b":2}"#),
            (r#"{"b":3.10 }"#, "a", r#"{"b":3.10,"a":9 }"#),
            (r#"{"\u0061":1}"#, "a", r#"{"\u0061":9}"#),
            (r#"{"a":1}"#, "q\"", r#"{"a":1,"q\"":9}"#),
        ] {
            assert_eq!(
                text(&set_member(object.as_bytes(), name, b"9").unwrap()),
                expected
            );
        }
        assert!(set_member(b"[1]", "a", b"9").is_err());
    }

    #[test]
    fn members_are_taken_out_with_their_comma() {
        for (object, expected) in [
            (r#"{"a":1}"#, "{}"),
            (r#"{"a":1, "b":2}"#, r#"{"b":2}"#),
            (r#"{"b":2 , "a":1}"#, r#"{"b":2}"#),
            (r#"{"b":2,"a":1,"c":3}"#, r#"{"b":2,"c":3}"#),
        ] {
            let removed = remove_member(object.as_bytes(), "a").unwrap().unwrap();
            assert_eq!((text(&removed.rest), removed.value), (expected, &b"1"[..]));
        }
        assert_eq!(remove_member(br#"{"b":1}"#, "a").unwrap(), None);
    }
}
