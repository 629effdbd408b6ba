//! Java's regular expressions.

use std::ops::Range;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::java_regex::{Purpose, translate};
use super::{LikePattern, PatternError};

/// A regular expression of Java that whole texts are matched with, in time linear in the text.
///
/// Without look-around, back-references, possessive quantifiers and atomic groups, which need more than linear time;
/// also without multi-line mode, blocks of Unicode, and characters by name. Such expressions are refused.
///
/// Copies share what was compiled, and what matching keeps.
#[derive(Clone, Debug)]
pub struct RegexPattern(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    pattern: String,
    regex: Regex,
    size: usize,
}

/// How much memory an expression may take, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegexLimits {
    /// What is compiled of it, with what it takes to read it. At most [`RegexPattern::SIZE_MAX`] count.
    pub(crate) size_max: usize,
    /// What matching may keep, for each thread that does so at a time. Where it is not enough, matching takes longer.
    pub(crate) kept_max: usize,
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
        let limits = RegexLimits {
            size_max: usize::MAX,
            kept_max: Self::SIZE_MAX,
        };
        RegexPattern::within(pattern, limits)
    }

    /// Compiles an expression that may take so much.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when it would take more.
    pub(crate) fn within(pattern: &str, limits: RegexLimits) -> Result<Self, PatternError> {
        RegexPattern::compile(pattern, Purpose::Whole, limits)
    }

    /// Compiles an expression that parts of texts are looked for with, which may take so much.
    ///
    /// # Errors
    /// As [`within`](Self::within), and when it has an end of the text.
    pub(crate) fn of_parts(pattern: &str, limits: RegexLimits) -> Result<Self, PatternError> {
        RegexPattern::compile(pattern, Purpose::Parts, limits)
    }

    fn compile(pattern: &str, purpose: Purpose, limits: RegexLimits) -> Result<Self, PatternError> {
        /// How much is tried first. What is compiled does not tell its size, but stays within a limit.
        const FIRST: usize = 16 << 10;
        const STEP: usize = 4;
        let len = pattern.encode_utf16().count();
        if len > Self::LEN_MAX {
            let max = Self::LEN_MAX;
            return Err(PatternError::TooLong { len, max });
        }
        let text = translate(pattern, purpose)?;
        let text = match purpose {
            Purpose::Whole => format!(r"\A(?:{text})\z"),
            Purpose::Parts => text,
        };
        let reading = reading_size(&text);
        let left = limits
            .size_max
            .checked_sub(reading)
            .ok_or(PatternError::TooLarge)?;
        let size_max = left.min(Self::SIZE_MAX);
        let mut size = FIRST;
        loop {
            if size > size_max {
                return Err(PatternError::TooLarge);
            }
            let built = RegexBuilder::new(&text)
                .size_limit(size)
                .dfa_size_limit(limits.kept_max.max(size))
                .build();
            match built {
                Ok(regex) => {
                    let (pattern, size) = (pattern.to_owned(), reading + size);
                    return Ok(RegexPattern(Arc::new(Compiled { pattern, regex, size })));
                }
                Err(regex::Error::CompiledTooBig(_)) => size *= STEP,
                Err(error) => return Err(refused(&error)),
            }
        }
    }

    /// The expression as it was given.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.regex.is_match(text)
    }

    /// The parts of a text that match, from the front to the back, by their places in bytes: as Java finds them, also an
    /// empty one after another. Of an expression for parts.
    pub(crate) fn parts(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let found = self.0.regex.find_at(text, next?)?.range();
            next = match found.is_empty() {
                false => Some(found.end),
                true => {
                    let rest = text.get(found.end..).unwrap_or_default();
                    rest.chars()
                        .next()
                        .map(|character| found.end + character.len_utf8())
                }
            };
            Some(found)
        })
    }

    /// About how much memory reading and compiling it took, in bytes, and never less than it has.
    pub(crate) fn size(&self) -> usize {
        self.0.size
    }
}

/// About how much memory it takes to read a translated expression: sets of Unicode, and letters without case, are far
/// larger than they are written, even where nothing is compiled of them.
fn reading_size(text: &str) -> usize {
    const CHARACTER: usize = 16;
    const SET: usize = 4 << 10;
    let sets = [r"\p{", r"\w", r"\s", r"\b", r"\B", "(?i:"].map(|set| text.matches(set).count());
    text.len() * CHARACTER + sets.iter().sum::<usize>() * SET
}

/// What is wrong with an expression that could be translated.
fn refused(error: &regex::Error) -> PatternError {
    // The errors of the crate are texts; this one is of its limit of depth, and of nothing else.
    let is_deep = matches!(error, regex::Error::Syntax(text) if text.contains("maximum number of nested"));
    if is_deep {
        return PatternError::TooLarge;
    }
    PatternError::Invalid {
        what: "a property, a range or a quantifier that does not exist",
    }
}

impl PartialEq for RegexPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern == other.0.pattern
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
    fn what_is_wrong_is_told_as_what_it_is() {
        let intersections = format!("[{}]", vec!["a"; 300].join("&&"));
        assert_eq!(
            RegexPattern::new(&intersections).unwrap_err(),
            PatternError::TooLarge
        );
        let unknown = RegexPattern::new(r"a\p{Nope}").unwrap_err();
        assert!(matches!(unknown, PatternError::Invalid { .. }), "{unknown}");
        let open = RegexPattern::new("ab(").unwrap_err();
        assert!(matches!(open, PatternError::Syntax { at: 3, .. }), "{open}");
    }

    #[test]
    fn parts_are_found_as_java_finds_them() {
        let parts = |pattern: &str, text: &str| -> Vec<_> {
            let limits = RegexLimits {
                size_max: 1 << 20,
                kept_max: 1 << 16,
            };
            let pattern = RegexPattern::of_parts(pattern, limits).unwrap();
            pattern.parts(text).map(|part| (part.start, part.end)).collect()
        };
        assert_eq!(parts("[0-9]*", "a1"), [(0, 0), (1, 2), (2, 2)]);
        assert_eq!(parts("", "é"), [(0, 0), (2, 2)]);
        assert_eq!(parts("^a", "aa"), [(0, 1)]);
        assert_eq!(parts("b|", ""), [(0, 0)]);
        let limits = RegexLimits {
            size_max: 1 << 20,
            kept_max: 1 << 16,
        };
        let refused = RegexPattern::of_parts("a$", limits).unwrap_err();
        assert!(matches!(refused, PatternError::Unsupported { .. }), "{refused}");
    }

    #[test]
    fn copies_share_what_was_compiled() {
        let pattern = RegexPattern::new("a+").unwrap();
        assert!(Arc::ptr_eq(&pattern.0, &pattern.clone().0));
        let limits = |size_max| RegexLimits {
            size_max,
            kept_max: 1 << 16,
        };
        let small = RegexPattern::within("a+", limits(32 << 10)).unwrap();
        assert!(small.size() <= 32 << 10 && small.matches("aa"));
        let letters = r"\p{L}{20}";
        let refused = RegexPattern::within(letters, limits(32 << 10)).unwrap_err();
        assert_eq!(refused, PatternError::TooLarge);
        assert!(RegexPattern::within(letters, limits(2 << 20)).unwrap().size() > 64 << 10);
        // Nothing is compiled of it, but it has to be read.
        let nothing = format!("({}){{0}}", r"\p{L}".repeat(200));
        let refused = RegexPattern::within(&nothing, limits(256 << 10)).unwrap_err();
        assert_eq!(refused, PatternError::TooLarge);
        assert!(RegexPattern::new(&nothing).unwrap().matches(""));
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
