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
