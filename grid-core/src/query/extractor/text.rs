//! Texts as Java sees them.

use crate::query::pattern::without_case;

/// Whether a character is white space to Java: not the spaces at which no line is broken, and not U+0085.
pub(super) fn is_space(character: char) -> bool {
    match character {
        '\u{85}' | '\u{a0}' | '\u{2007}' | '\u{202f}' => false,
        '\u{1c}'..='\u{1f}' => true,
        other => other.is_whitespace(),
    }
}

/// Whether nothing in a text is anything but white space.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// What `compareToIgnoreCase` gives: the difference of the first characters that differ without their case, or of the
/// lengths.
pub(super) fn difference_without_case(left: &str, right: &str) -> i64 {
    let pairs = left
        .chars()
        .map(without_case)
        .zip(right.chars().map(without_case));
    for (left, right) in pairs {
        if left != right {
            return i64::from(u32::from(left)) - i64::from(u32::from(right));
        }
    }
    let len = |text: &str| i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX);
    len(left) - len(right)
}

/// What `hashCode` gives.
pub(super) fn hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}
