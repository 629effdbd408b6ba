//! Changes in the text of an object: every byte that is not meant stays as it is.

use std::borrow::Cow;

use indexmap::IndexMap;

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
    let end = end.unwrap_or_else(|| inside_of(object));
    out.extend_from_slice(object.get(..end).unwrap_or_default());
    out.extend_from_slice(comma);
    json::write_escaped(name, &mut out);
    out.push(b':');
    out.extend_from_slice(value);
    out.extend_from_slice(object.get(end..).unwrap_or_default());
    Ok(out)
}

/// The text of an object with all members of another one set, as by [`set_member`] one after the other, in one pass over
/// each.
///
/// # Errors
/// When one of the texts is no JSON object.
pub(crate) fn set_members(object: &[u8], others: &[u8]) -> Result<Vec<u8>, QueryError> {
    let mut values: IndexMap<Cow<'_, str>, &[u8]> = IndexMap::new();
    for member in Members::new(others) {
        let member = member?;
        values.insert(json::decode(member.name)?, member.value);
    }
    let mut is_set = vec![false; values.len()];
    let mut out = Vec::with_capacity(object.len() + others.len() + 1);
    // As far as the text is copied, and where its last member ends.
    let (mut copied, mut end) = (0, None);
    for member in Members::new(object) {
        let member = member?;
        end = Some(member.end());
        let found = values.get_full(json::decode(member.name)?.as_ref());
        if let Some((place, _, value)) = found
            && let Some(is_set) = is_set.get_mut(place).filter(|is_set| !**is_set)
        {
            *is_set = true;
            out.extend_from_slice(object.get(copied..member.value_start).unwrap_or_default());
            out.extend_from_slice(value);
            copied = member.end();
        }
    }
    let mut is_first = end.is_none();
    let end = end.unwrap_or_else(|| inside_of(object));
    out.extend_from_slice(object.get(copied..end).unwrap_or_default());
    let new = values.iter().zip(is_set).filter(|(_, is_set)| !is_set);
    for ((name, value), _) in new {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        json::write_escaped(name, &mut out);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.extend_from_slice(object.get(end..).unwrap_or_default());
    Ok(out)
}

/// Where the inside of an object begins.
fn inside_of(object: &[u8]) -> usize {
    let open = object.iter().position(|byte| *byte == b'{');
    open.map_or(0, |at| at + 1)
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
    fn many_members_are_set_as_one_after_the_other() {
        let objects = [
            "{}",
            "{ }",
            r#"{"a":1}"#,
            r#"{"a": 1 , "b":2, "a":3 }"#,
            r#"{"c":{"a":0},"\u0061":5}"#,
        ];
        for object in objects {
            for others in [
                "{}",
                r#"{"a":9}"#,
                r#"{"x":[1, 2],"a":7,"x":8}"#,
                r#"{"\u0062":1,"q\"":2,"b":3}"#,
            ] {
                let mut expected = object.as_bytes().to_vec();
                for member in Members::new(others.as_bytes()) {
                    let member = member.unwrap();
                    let name = json::decode(member.name).unwrap();
                    expected = set_member(&expected, &name, member.value).unwrap();
                }
                let found = set_members(object.as_bytes(), others.as_bytes()).unwrap();
                assert_eq!(text(&found), text(&expected), "{object} {others}");
            }
        }
        assert!(set_members(b"{}", b"[1]").is_err());
        assert!(set_members(b"{", b"{}").is_err());
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
