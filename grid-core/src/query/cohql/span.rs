//! Where something stands in a text.

use std::fmt;

/// A stretch of a text, as offsets in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends; the offset after it.
    pub(super) end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// From the start of this to the end of another one.
    pub(super) fn to(self, other: Span) -> Self {
        Span::new(self.start, other.end)
    }
}

/// A place in a text as people look for it: its line and column, and the line itself with a caret below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
    /// What stands around it, in one line.
    excerpt: String,
    /// How many characters of the excerpt stand before it.
    before: usize,
}

/// How many characters are shown before the place, and how many from there.
const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 30;

impl Place {
    /// The place at an offset, or the end of the text when the offset lies beyond it.
    pub(super) fn at(text: &str, offset: usize) -> Self {
        let offset = text.floor_char_boundary(offset);
        let (before, after) = text.split_at(offset);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let before = before.get(line_start..).unwrap_or_default();
        let column = before.chars().count();
        let line = text.get(..line_start).unwrap_or_default().matches('\n').count();
        let hidden = column.saturating_sub(SHOWN_BEFORE);
        let shown = before.chars().skip(hidden);
        let line_end = after.find(['\n', '\r']).unwrap_or(after.len());
        let after = after.get(..line_end).unwrap_or_default();
        // Each character takes one column, whatever it is, so that the caret stands below the right one.
        let plain = |character: char| if character.is_control() { ' ' } else { character };
        Place {
            line: line + 1,
            column: column + 1,
            excerpt: shown.chain(after.chars().take(SHOWN_AFTER)).map(plain).collect(),
            before: column - hidden,
        }
    }

    /// The line of the text, cut short around the place, and a line with a caret below.
    pub(super) fn excerpt(&self) -> String {
        format!("  {}\n  {:>2$}", self.excerpt, '^', self.before + 1)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "select é\n\tfrom 😀 x\r\n";
        for (at, line, column, excerpt) in [
            (0, 1, 1, "  select é\n  ^"),
            (7, 1, 8, "  select é\n         ^"),
            (
                text.find('x').unwrap_or_default(),
                2,
                9,
                "   from 😀 x\n          ^",
            ),
            (9_000, 3, 1, "  \n  ^"),
        ] {
            let place = Place::at(text, at);
            assert_eq!((place.line, place.column), (line, column), "{at}");
            assert_eq!(place.excerpt(), excerpt, "{at}");
        }
        let long = Place::at(&"a".repeat(1_000), 500);
        assert_eq!(long.column, 501);
        assert_eq!(long.excerpt().lines().map(str::len).collect::<Vec<_>>(), [72, 43]);
    }
}
