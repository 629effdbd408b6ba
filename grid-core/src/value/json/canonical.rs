//! The canonical form of JSON text.

use std::borrow::Cow;

use super::number::Parts;
use super::string::{Matcher, Sink, compare_names, write_canonical};
use super::walk::{Events, walk};
use super::{JsonError, Limits, MAX_DEPTH};

/// The one spelling of what a text means, borrowed when the text is spelled so already.
///
/// No spaces; members sorted by the UTF-8 bytes of their names, the last of those with one name; strings in raw
/// UTF-8 with the shortest escapes, and only where JSON demands one; halves of surrogate pairs as `\udxxx`;
/// integers with all digits, and `-0` as `0`; every other number exact, normalised, and told from an integer by a
/// point or an exponent.
///
/// # Errors
/// When the text is not JSON, or nested more than [`MAX_DEPTH`] levels deep.
pub fn canonical(text: &[u8]) -> Result<Cow<'_, [u8]>, JsonError> {
    // A scalar, as most keys are, needs no room for names; clearing it would cost more than the rest. A container
    // after white space is not canonical anyway.
    let container = matches!(text.first(), Some(b'{' | b'['));
    let is_canonical = if container {
        check::<DEPTH>(text)?
    } else {
        check::<1>(text)?
    };
    if is_canonical {
        return Ok(Cow::Borrowed(text));
    }
    let out = Vec::with_capacity(text.len());
    let mut writer = Writer {
        text,
        out,
        members: Vec::new(),
        objects: Vec::new(),
        scratch: Vec::new(),
    };
    walk(text, Limits::new(), &mut writer)?;
    Ok(Cow::Owned(writer.out))
}

/// Checks a text and finds out whether it is canonical; `LEVELS` is one more than the deepest nesting of a
/// canonical text.
fn check<const LEVELS: usize>(text: &[u8]) -> Result<bool, JsonError> {
    let mut check = Check {
        text,
        names: [NO_NAME; LEVELS],
        depth: 0,
        canonical: true,
    };
    walk(text, Limits::new(), &mut check)?;
    Ok(check.canonical)
}

/// One more than [`MAX_DEPTH`], for values outside any container.
const DEPTH: usize = 129;
const _: () = assert!(DEPTH == MAX_DEPTH as usize + 1);
const NO_NAME: (u32, u32) = (u32::MAX, 0);

/// Finds out whether a text is canonical, without allocating.
struct Check<'a, const LEVELS: usize> {
    text: &'a [u8],
    /// The last name met at each depth. Texts beyond 4 GiB count as not canonical and are rewritten.
    names: [(u32, u32); LEVELS],
    depth: usize,
    canonical: bool,
}

impl<const LEVELS: usize> Check<'_, LEVELS> {
    fn inner(&self, start: usize, end: usize) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    #[inline]
    fn open(&mut self) {
        self.depth += 1;
        if let Some(name) = self.names.get_mut(self.depth) {
            *name = NO_NAME;
        }
    }

    fn is_canonical_string(&self, start: usize, end: usize) -> bool {
        let inner = self.inner(start, end);
        if !inner.contains(&b'\\') {
            return true;
        }
        let mut matcher = Matcher::new(inner);
        write_canonical(inner, &mut matcher);
        matcher.matched()
    }

    fn is_next_name(&self, start: usize, end: usize) -> bool {
        match self.names.get(self.depth) {
            Some(&NO_NAME) => true,
            Some(&(last_start, last_end)) => match (usize::try_from(last_start), usize::try_from(last_end)) {
                (Ok(last_start), Ok(last_end)) => {
                    compare_names(self.inner(last_start, last_end), self.inner(start, end)).is_lt()
                }
                _ => false,
            },
            None => false,
        }
    }
}

impl<const LEVELS: usize> Events for Check<'_, LEVELS> {
    #[inline]
    fn space(&mut self) {
        self.canonical = false;
    }

    #[inline]
    fn object_start(&mut self, _at: usize) {
        self.open();
    }

    #[inline]
    fn object_end(&mut self, _at: usize) {
        self.depth = self.depth.saturating_sub(1);
    }

    #[inline]
    fn array_start(&mut self, _at: usize) {
        self.open();
    }

    #[inline]
    fn array_end(&mut self, _at: usize) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn name(&mut self, start: usize, end: usize) {
        if !self.canonical {
            return;
        }
        self.canonical = self.is_canonical_string(start, end) && self.is_next_name(start, end);
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => {
                if let Some(name) = self.names.get_mut(self.depth) {
                    *name = (start, end);
                }
            }
            _ => self.canonical = false,
        }
    }

    #[inline]
    fn string(&mut self, start: usize, end: usize) {
        self.canonical = self.canonical && self.is_canonical_string(start, end);
    }

    #[inline]
    fn number(&mut self, start: usize, end: usize) {
        let text = self.inner(start, end);
        // Most numbers in keys are short integers.
        let plain = text.iter().all(u8::is_ascii_digit);
        self.canonical = self.canonical && (plain || is_canonical_number(text));
    }
}

fn is_canonical_number(text: &[u8]) -> bool {
    let mut matcher = Matcher::new(text);
    if let Some(parts) = Parts::new(text) {
        parts.write_canonical(&mut matcher);
    }
    matcher.matched()
}

/// A member in the output: where it starts, the inside of its name ends, and it ends.
#[derive(Clone, Copy)]
struct Member {
    start: usize,
    name_end: usize,
    end: usize,
}

/// Writes the canonical form, sorting each object when it closes.
struct Writer<'a> {
    text: &'a [u8],
    out: Vec<u8>,
    /// The members of all open objects, those of the innermost last.
    members: Vec<Member>,
    /// For each open container: the offset after its bracket, and where its members start; `None` for an array.
    objects: Vec<Option<(usize, usize)>>,
    scratch: Vec<u8>,
}

impl Writer<'_> {
    fn end_member(&mut self) {
        if let (Some(Some(_)), Some(member)) = (self.objects.last(), self.members.last_mut()) {
            member.end = self.out.len();
        }
    }

    fn sort(&mut self, content: usize, first: usize) {
        let Writer {
            out,
            members,
            scratch,
            ..
        } = self;
        let Some(members) = members.get_mut(first..) else {
            return;
        };
        let name = |member: &Member| out.get(member.start + 1..member.name_end).unwrap_or_default();
        if members
            .windows(2)
            .all(|pair| compare_names(name(&pair[0]), name(&pair[1])).is_lt())
        {
            return;
        }
        // The sort is stable: of members with one name the last written stays last.
        members.sort_by(|a, b| compare_names(name(a), name(b)));
        scratch.clear();
        for (index, member) in members.iter().enumerate() {
            if members
                .get(index + 1)
                .is_some_and(|next| name(next) == name(member))
            {
                continue;
            }
            if !scratch.is_empty() {
                scratch.push(b',');
            }
            scratch.extend_from_slice(out.get(member.start..member.end).unwrap_or_default());
        }
        out.truncate(content);
        out.extend_from_slice(scratch);
    }
}

impl Events for Writer<'_> {
    fn object_start(&mut self, _at: usize) {
        self.out.push(b'{');
        self.objects.push(Some((self.out.len(), self.members.len())));
    }

    fn name(&mut self, start: usize, end: usize) {
        let member_start = self.out.len();
        self.out.push(b'"');
        let text = self.text;
        write_canonical(text.get(start..end).unwrap_or_default(), &mut self.out);
        let name_end = self.out.len();
        self.out.extend_from_slice(b"\":");
        self.members.push(Member {
            start: member_start,
            name_end,
            end: name_end,
        });
    }

    fn object_end(&mut self, _at: usize) {
        let open = self.objects.last().copied().flatten();
        if let Some((content, first)) = open {
            if self.members.len() > first {
                self.end_member();
            }
            self.sort(content, first);
            self.members.truncate(first);
        }
        self.objects.pop();
        self.out.push(b'}');
    }

    fn array_start(&mut self, _at: usize) {
        self.out.push(b'[');
        self.objects.push(None);
    }

    fn array_end(&mut self, _at: usize) {
        self.objects.pop();
        self.out.push(b']');
    }

    fn comma(&mut self, _at: usize) {
        self.end_member();
        self.out.push(b',');
    }

    fn string(&mut self, start: usize, end: usize) {
        self.out.push(b'"');
        let text = self.text;
        write_canonical(text.get(start..end).unwrap_or_default(), &mut self.out);
        self.out.push(b'"');
    }

    fn number(&mut self, start: usize, end: usize) {
        let text = self.text;
        if let Some(parts) = Parts::new(text.get(start..end).unwrap_or_default()) {
            parts.write_canonical(&mut self.out);
        }
    }

    fn boolean(&mut self, start: usize, end: usize) {
        let text = self.text;
        self.out.put(text.get(start..end).unwrap_or_default());
    }

    fn null(&mut self, _start: usize, _end: usize, _member: bool) {
        self.out.put(b"null");
    }
}
