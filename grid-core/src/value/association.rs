//! Keys that lie beside another key.

use serde::{Deserialize, Serialize};

use super::json::{Cursor, JsonError};

/// The name of the member of a key that names the key beside which it lies.
const MEMBER: &[u8] = b"associatedKey";

/// A key that lies in the partition of another key: the key of an order's line beside the key of the order.
///
/// A partition holds the entries of all caches of a service, so entries that lie beside each other are read and
/// changed together in one step ([`Entry::beside`](crate::processor::own::Entry::beside)), and fail over together. Any JSON key that is an
/// object with a member `associatedKey` that is not null lies beside that member's value, whoever wrote it: this
/// type writes such a key. A key that is associated with a key that is associated itself lies where the last of
/// them does. Associated keys of one key are one partition's load: associate with many keys, not with few.
///
/// ```
/// use grid_core::value::{AssociatedKey, to_key};
///
/// let order = to_key(&10_248)?;
/// let line = to_key(&AssociatedKey::new(10_248, 11))?;
/// assert_eq!(line.canonical(), br#"{"associatedKey":10248,"key":11}"#);
/// assert_eq!(line.placement(), order.placement());
/// assert_ne!(line, order);
/// # Ok::<(), grid_core::value::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssociatedKey<A, K> {
    /// The key beside which this one lies.
    pub associated_key: A,
    /// What tells this key from others beside the same key.
    pub key: K,
}

impl<A, K> AssociatedKey<A, K> {
    /// A key beside another one.
    pub const fn new(associated_key: A, key: K) -> Self {
        AssociatedKey { associated_key, key }
    }
}

/// The part of a canonical key that says where it lies: the last key of the chain of its associated keys, or all of it.
pub(super) fn placing(canonical: &[u8]) -> &[u8] {
    // Most keys are no objects.
    if canonical.first() != Some(&b'{') {
        return canonical;
    }
    // A text that cannot be read here was not written as canonical by us; it is a key like any other.
    last_associated(canonical).unwrap_or(canonical)
}

/// One pass over the text, however long the chain is: an object is entered where it begins, and ends where its members do.
fn last_associated(canonical: &[u8]) -> Result<&[u8], JsonError> {
    let mut at = Cursor::new(canonical);
    let mut start = at.position();
    at.expect(b'{')?;
    loop {
        if at.byte() == Some(b'}') {
            at.step();
            return Ok(at.slice(start, at.position()));
        }
        let is_associated = at.string()? == MEMBER;
        at.expect(b':')?;
        match at.byte() {
            Some(b'{') if is_associated => {
                start = at.position();
                at.step();
                continue;
            }
            Some(b'n') => at.skip_value()?,
            _ if is_associated => {
                let value = at.position();
                at.skip_value()?;
                return Ok(at.slice(value, at.position()));
            }
            _ => at.skip_value()?,
        }
        if at.byte() == Some(b',') {
            at.step();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::placing;

    #[test]
    fn a_key_lies_where_the_last_of_its_chain_does() {
        for (key, placed_by) in [
            ("1", "1"),
            (r#""associatedKey""#, r#""associatedKey""#),
            ("{}", "{}"),
            (r#"{"a":{"associatedKey":1}}"#, r#"{"a":{"associatedKey":1}}"#),
            (r#"{"associatedKey":1}"#, "1"),
            (r#"{"@class":"Line","associatedKey":"x","id":2}"#, r#""x""#),
            (r#"{"a":[{"b":null}],"associatedKey":[1,2],"z":3}"#, "[1,2]"),
            (
                r#"{"associatedKey":null,"z":3}"#,
                r#"{"associatedKey":null,"z":3}"#,
            ),
            (r#"{"associatedKey":{},"z":3}"#, "{}"),
            (
                r#"{"associatedKey":{"id":1,"name":null},"z":3}"#,
                r#"{"id":1,"name":null}"#,
            ),
            (
                r#"{"associatedKey":{"a":1,"associatedKey":{"associatedKey":2,"b":3}},"z":4}"#,
                "2",
            ),
        ] {
            let found = String::from_utf8(placing(key.as_bytes()).to_vec());
            assert_eq!(found.as_deref(), Ok(placed_by), "{key}");
        }
    }

    #[test]
    fn a_text_that_cannot_be_read_is_placed_by_itself() {
        for text in [
            "{",
            r#"{"a""#,
            r#"{"associatedKey":"#,
            r#"{"associatedKey":{"#,
            r#"{"a":1"#,
            "{1}",
        ] {
            assert_eq!(placing(text.as_bytes()), text.as_bytes());
        }
    }
}
