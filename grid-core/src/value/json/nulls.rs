//! Members of objects that are null.

use bytes::Bytes;

use super::Limits;
use super::walk::{Events, walk};

/// What happens to the members of an object that are `null` when a value is taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullMembers {
    /// They are left out, as the reference server does. Nulls in arrays stay.
    #[default]
    Drop,
    /// They stay.
    Keep,
}

/// The text without the members of objects that are `null`; every other byte stays as it is.
///
/// Gives the same bytes, not a copy, when there is nothing to leave out or when the text is not JSON. In an object
/// that names one member twice, only those that are null go.
#[must_use]
pub fn drop_null_members(text: &Bytes) -> Bytes {
    let mut dropper = Dropper {
        text,
        out: Vec::new(),
        copied: 0,
        frames: Vec::new(),
    };
    if walk(text, Limits::new(), &mut dropper).is_err() || dropper.copied == 0 {
        return text.clone();
    }
    let Dropper { mut out, copied, .. } = dropper;
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Bytes::from(out)
}

/// An open container.
struct Frame {
    /// Where the text of the current member starts: after the brace or the last comma.
    member_start: usize,
    /// Whether a member before it stays, so that a comma precedes this one.
    kept: bool,
    /// Whether the comma after a member that was left out goes as well.
    swallow_comma: bool,
}

struct Dropper<'a> {
    text: &'a [u8],
    out: Vec<u8>,
    /// The text up to here is either in `out` or left out. Never 0 again after the first cut.
    copied: usize,
    frames: Vec<Frame>,
}

impl Dropper<'_> {
    fn cut(&mut self, from: usize, to: usize) {
        self.out
            .extend_from_slice(self.text.get(self.copied..from).unwrap_or_default());
        self.copied = to;
    }

    fn keep(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.kept = true;
        }
    }

    fn push(&mut self, at: usize) {
        self.keep();
        self.frames.push(Frame {
            member_start: at + 1,
            kept: false,
            swallow_comma: false,
        });
    }
}

impl Events for Dropper<'_> {
    fn object_start(&mut self, at: usize) {
        self.push(at);
    }

    fn array_start(&mut self, at: usize) {
        self.push(at);
    }

    fn object_end(&mut self, _at: usize) {
        self.frames.pop();
    }

    fn array_end(&mut self, _at: usize) {
        self.frames.pop();
    }

    fn comma(&mut self, at: usize) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.member_start = at + 1;
        if std::mem::take(&mut frame.swallow_comma) {
            self.copied = at + 1;
        }
    }

    fn string(&mut self, _start: usize, _end: usize) {
        self.keep();
    }

    fn number(&mut self, _start: usize, _end: usize) {
        self.keep();
    }

    fn boolean(&mut self, _start: usize, _end: usize) {
        self.keep();
    }

    fn null(&mut self, _start: usize, end: usize, member: bool) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if !member {
            frame.kept = true;
        } else if frame.kept {
            let comma = frame.member_start - 1;
            self.cut(comma, end);
        } else {
            frame.swallow_comma = true;
            let start = frame.member_start;
            self.cut(start, end);
        }
    }
}
