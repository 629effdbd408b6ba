//! Checking a JSON text.

use super::walk::{Events, walk};
use super::{JsonError, Limits};

/// What a scan of a valid text found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// Whether a member of an object, at any depth, is `null`.
    pub null_members: bool,
}

impl Events for Scan {
    #[inline]
    fn null(&mut self, _start: usize, _end: usize, member: bool) {
        self.null_members |= member;
    }
}

/// Checks that a text is one JSON value (RFC 8259, UTF-8) within limits, in one pass and without allocating.
///
/// Halves of surrogate pairs are accepted when they are escaped, as the grammar has it. Exponents of more than
/// nine digits are refused.
///
/// # Errors
/// When the text is not JSON or exceeds a limit: what is wrong, and where.
pub fn scan(text: &[u8], limits: Limits) -> Result<Scan, JsonError> {
    let mut found = Scan::default();
    walk(text, limits, &mut found)?;
    Ok(found)
}
