//! Texts that cannot be read.

use std::fmt;

use super::span::{Place, Span};
use crate::query::{PatternError, QueryError};

/// A text of the query language that cannot be read. Nothing was asked of any cache.
///
/// Printed, it says where in the text, what is wrong or was expected, and shows the line with a caret below.
///
/// ```
/// use grid_core::query::{Filter, cohql::Bindings};
///
/// let error = Filter::from_cohql("age >", &Bindings::new()).unwrap_err();
/// assert_eq!((error.line(), error.column()), (1, 6));
/// assert_eq!(
///     error.to_string(),
///     "line 1, column 6: expected a value or a property, found the end\n  age >\n       ^"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CohqlError {
    kind: CohqlErrorKind,
    place: Box<Place>,
}

/// What is wrong with a text of the query language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CohqlErrorKind {
    /// The text is too long.
    #[error("the text has {len} bytes; the limit is {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest accepted.
        max: usize,
    },
    /// Too much stands in each other.
    #[error("conditions, lists or calls are nested more than {max} deep; put them side by side")]
    TooDeep {
        /// The deepest accepted.
        max: usize,
    },
    /// There are too many parts of a kind.
    #[error("there are more than {max} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The most accepted.
        max: usize,
    },
    /// A character that nothing begins with.
    #[error("the character {character:?} means nothing here")]
    UnknownCharacter {
        /// The character.
        character: char,
    },
    /// A string or a name that does not end.
    #[error("{what} begins here and does not end; put {quote} after it")]
    Unclosed {
        /// What begins.
        what: &'static str,
        /// What ends it.
        quote: char,
    },
    /// A number that is none.
    #[error("this is no number: {reason}")]
    BadNumber {
        /// Why.
        reason: &'static str,
    },
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What was expected.
        expected: &'static str,
        /// What there is, cut short.
        found: String,
    },
    /// A word of the language where a property is meant.
    #[error("expected {expected}, found the word {word:?}; a property of that name is written `{word}`")]
    Reserved {
        /// What was expected.
        expected: &'static str,
        /// The word.
        word: String,
    },
    /// A statement that changes something.
    #[error("{statement:?} is not part of the reading half; use the API")]
    NotReading {
        /// The word it begins with.
        statement: String,
    },
    /// Something that is not done here.
    #[error("{what} is not supported; {instead}")]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A comparison of two properties.
    #[error("a property can be compared with a value, not with another property")]
    TwoProperties,
    /// A column that is neither in `group by` nor an aggregate.
    #[error("this column is neither in group by nor an aggregate")]
    NotGrouped,
    /// An order that the rows do not have.
    #[error("rows can only be ordered by {by} here")]
    NotOrdered {
        /// What they can be ordered by.
        by: &'static str,
    },
    /// A bind variable without a value.
    #[error("the bind variable {name} has no value")]
    NotBound {
        /// Its name, with what it begins with.
        name: String,
    },
    /// A pattern that cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A value that cannot be used.
    #[error(transparent)]
    Value(#[from] QueryError),
}

impl CohqlError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &CohqlErrorKind {
        &self.kind
    }

    /// The line of the text where it is, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.place.line
    }

    /// The column in the line, in characters from 1. One more than the line has when something is missing at its end.
    #[must_use]
    pub fn column(&self) -> usize {
        self.place.column
    }

    /// The line of the text, cut short around the place, and below it a line with a caret.
    #[must_use]
    pub fn excerpt(&self) -> String {
        self.place.excerpt()
    }
}

impl fmt::Display for CohqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.place, self.kind, self.place.excerpt())
    }
}

impl std::error::Error for CohqlError {}

/// What is wrong, and where: an error before anyone looked at the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: CohqlErrorKind,
    pub(super) span: Span,
}

impl Fault {
    pub(super) fn new(kind: impl Into<CohqlErrorKind>, span: Span) -> Box<Self> {
        let kind = kind.into();
        Box::new(Fault { kind, span })
    }

    pub(super) fn unsupported(what: &'static str, instead: &'static str, span: Span) -> Box<Self> {
        Fault::new(CohqlErrorKind::Unsupported { what, instead }, span)
    }

    /// The error for those who wrote the text.
    pub(super) fn in_text(self, text: &str) -> CohqlError {
        CohqlError {
            kind: self.kind,
            place: Box::new(Place::at(text, self.span.start)),
        }
    }
}
