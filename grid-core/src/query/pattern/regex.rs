//! Java's regular expressions.

use regex::{Regex, RegexBuilder};

use super::java_regex::translate;
use super::{LikePattern, PatternError};

/// A regular expression of Java that whole texts are matched with, in time linear in the text.
///
/// Without look-around, back-references, possessive quantifiers and atomic groups, which need more than linear time;
/// also without multi-line mode, blocks of Unicode, and characters by name. Such expressions are refused.
#[derive(Clone, Debug)]
pub struct RegexPattern {
    pattern: String,
    regex: Regex,
}

impl RegexPattern {
    /// The longest expression, in UTF-16 units.
    pub const LEN_MAX: usize = LikePattern::LEN_MAX;

    /// The most memory of a compiled expression, in bytes.
    pub const SIZE_MAX: usize = 1 << 20;

    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is too long or too large, wrong, or has what is not supported.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let len = pattern.encode_utf16().count();
        if len > Self::LEN_MAX {
            let max = Self::LEN_MAX;
            return Err(PatternError::TooLong { len, max });
        }
        let regex = RegexBuilder::new(&format!(r"\A(?:{})\z", translate(pattern)?))
            .size_limit(Self::SIZE_MAX)
            .dfa_size_limit(Self::SIZE_MAX)
            .build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            _ => PatternError::Syntax {
                at: 0,
                what: "a property, a range or a quantifier that does not exist",
            },
        })?;
        let pattern = pattern.to_owned();
        Ok(RegexPattern { pattern, regex })
    }

    /// The expression as it was given.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for RegexPattern {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching<'t>(pattern: &str, texts: &[&'t str]) -> Vec<&'t str> {
        let pattern = RegexPattern::new(pattern).unwrap();
        texts
            .iter()
            .copied()
            .filter(|text| pattern.matches(text))
            .collect()
    }

    #[test]
    fn ends_of_the_text_may_stand_where_nothing_follows() {
        let texts = ["a", "b", "ab", "a\n", ""];
        for (pattern, expected) in [
            ("^a$", &["a"][..]),
            ("^(a|b)$", &["a", "b"]),
            ("(^a$|^b$)", &["a", "b"]),
            ("(a$|(b))", &["a", "b"]),
            ("a$|b", &["a", "b"]),
            ("^$", &[""]),
            (r"\Aab\Z", &["ab"]),
        ] {
            assert_eq!(matching(pattern, &texts), expected, "{pattern}");
        }
        for pattern in ["a$b", "(a$)b", "(a$|c)b", "a$\n"] {
            let refused = RegexPattern::new(pattern).unwrap_err();
            assert!(matches!(refused, PatternError::Unsupported { .. }), "{pattern}");
        }
    }

    #[test]
    fn flags_hold_to_the_end_of_their_group() {
        let texts = ["ab", "aB", "AB", "Ab", "éa", "Éa"];
        for (pattern, expected) in [
            ("(?i)ab", &["ab", "aB", "AB", "Ab"][..]),
            ("a(?i:b)", &["ab", "aB"]),
            ("(a(?i)b)", &["ab", "aB"]),
            ("((?i)a)b", &["ab", "Ab"]),
            ("(?i)[a-z](?-i)b", &["ab", "Ab"]),
            ("(?i)éa", &["éa"]),
            ("(?iu)éa", &["éa", "Éa"]),
            ("(?x) a # the first\n b", &["ab"]),
            ("[a&&[^b]]B", &["aB"]),
            ("[^a-z&&[^B]]b", &["Ab"]),
        ] {
            assert_eq!(matching(pattern, &texts), expected, "{pattern}");
        }
    }

    #[test]
    fn what_means_something_else_elsewhere_means_what_it_does_in_java() {
        for (pattern, text, expected) in [
            (r"\d", "\u{663}", false),
            (r"\w", "é", false),
            (r"(?U)\w", "é", true),
            (".", "\u{2028}", false),
            (".", "😀", true),
            ("[a~~b]", "~", true),
            ("[a-]", "-", true),
            ("[]a]", "]", true),
            (r"\x{1f600}", "😀", true),
            (r"\uD83D\uDE00", "😀", true),
            (r"\0101", "A", true),
            (r"\cA", "\u{1}", true),
            (r"[\Q^]\E]", "^", true),
            (r"\p{Punct}", "!", true),
            (r"\P{Alpha}", "a", false),
            (r"\p{IsGreek}", "α", true),
            (r"\p{sc=Greek}", "α", true),
            (r"\h", "\u{3000}", true),
            (r"\R", "\r\n", true),
            ("a{2,}?", "aaa", true),
            (r"\bé\b", "é", true),
            ("[a&&b&&c]", "a", false),
            ("[a-c&&b-d]", "b", true),
            (r"[\d-x]", "-", true),
            (r"\p{L}&&a", "é&&a", true),
            (r"(?i)\u00c9", "é", false),
            (r"(?i)\p{Lower}", "A", true),
            (r"(?i)\p{Lu}", "a", true),
            ("(?i)[^a]", "A", false),
            ("(?iu)k", "\u{212a}", true),
            ("(?i)k", "\u{212a}", false),
        ] {
            assert_eq!(
                RegexPattern::new(pattern).unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
        for pattern in [
            "a{2,1}",
            "[z-a]",
            r"\p{Nope}",
            r"\p{}",
            r"\xg",
            "(?q)",
            "(?<1>a)",
            "a{",
            "[a&&]",
            "x{1}{2}",
        ] {
            assert!(RegexPattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
