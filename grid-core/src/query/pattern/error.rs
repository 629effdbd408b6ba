//! Patterns that cannot be used.

/// A pattern that is wrong, or that asks for what is not done here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The pattern is too long.
    #[error("the pattern has {len} characters; the limit is {max}")]
    TooLong {
        /// Its length in UTF-16 units.
        len: usize,
        /// The longest accepted.
        max: usize,
    },
    /// The pattern ends with the character that escapes the next one.
    #[error("the pattern ends with an escape; put the escaped character after it")]
    UnclosedEscape,
    /// The escape of a pattern must be one character.
    #[error("the escape must be one character of the basic plane, or absent")]
    BadEscape,
    /// The regular expression is wrong.
    #[error("bad regular expression at character {at}: {what}")]
    Syntax {
        /// Where, in characters from 0.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The regular expression is wrong somewhere.
    #[error("bad regular expression: it has {what}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
    },
    /// The regular expression needs what a matcher in linear time cannot do, or what is not done here.
    #[error("the regular expression has {what} at character {at}, which is not supported; write it without")]
    Unsupported {
        /// Where, in characters from 0.
        at: usize,
        /// What it is.
        what: &'static str,
    },
    /// The regular expression takes too much memory.
    #[error("the regular expression is too large to be compiled; repeat less")]
    TooLarge,
    /// The patterns of one agent or statement take too much memory together.
    #[error("the patterns take more than {max} bytes together when they are read; ask in several requests")]
    TooMany {
        /// The most bytes.
        max: usize,
    },
}
