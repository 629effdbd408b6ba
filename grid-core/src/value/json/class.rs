//! The class that an object says it is of.

use std::borrow::Cow;

use super::{Cursor, JsonError, decode};

/// The value of the member `@class` of a text that is an object; the last one when there are several.
///
/// Only the members of the outermost object are looked at, and no tree is built. `None` when the text is no
/// object, has no such member, when that is no string, or when the text is not JSON.
#[must_use]
pub fn class_of(text: &[u8]) -> Option<Cow<'_, str>> {
    find_class(text).ok().flatten()
}

fn find_class(text: &[u8]) -> Result<Option<Cow<'_, str>>, JsonError> {
    let mut at = Cursor::new(text);
    let mut class = None;
    if at.peek() != Some(b'{') {
        return Ok(None);
    }
    at.step();
    if at.peek() == Some(b'}') {
        return Ok(None);
    }
    loop {
        at.peek();
        let name = at.string()?;
        at.expect(b':')?;
        let is_string = at.peek() == Some(b'"');
        // Names with escapes are rare, and the only ones that must be decoded to be compared.
        if name == b"@class" || (name.contains(&b'\\') && decode(name).is_ok_and(|name| name == "@class")) {
            class = None;
            if is_string {
                class = decode(at.string()?).ok();
            } else {
                at.skip_value()?;
            }
        } else {
            at.skip_value()?;
        }
        match at.peek() {
            Some(b',') => at.step(),
            Some(b'}') => return Ok(class),
            _ => return Err(at.unexpected()),
        }
    }
}
