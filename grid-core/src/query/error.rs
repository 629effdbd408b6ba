//! What goes wrong while a query looks at an entry.

use super::{PatternError, VectorShape};
use crate::value::{Format, JsonError, KeyError, ValueError};

/// A query that cannot be answered for an entry. Nothing was changed.
///
/// Where the reference throws a `ClassCastException`, or says that a method is missing, there is an error here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The bytes of an entry are not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A value cannot be read or written.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The entry is of a format that cannot be read here.
    #[error(
        "entries of format {format} cannot be looked into; use format json, or operations that don't look inside"
    )]
    Opaque {
        /// The format.
        format: Format,
    },
    /// Two values have no order between them.
    #[error("{left} cannot be compared with {right}; compare values of one type")]
    Incomparable {
        /// What stands left.
        left: &'static str,
        /// What stands right.
        right: &'static str,
    },
    /// A value that has no order at all.
    #[error("{kind} has no order; compare a number, a string or a boolean of it")]
    Unordered {
        /// What it is.
        kind: &'static str,
    },
    /// A property of something that has none of this name.
    #[error("{kind} has no property {name:?}")]
    NoProperty {
        /// What was asked for it.
        kind: &'static str,
        /// The property.
        name: String,
    },
    /// A method that is not known of this kind of value, or not with so many arguments.
    #[error("{kind} has no method {name}() with {arguments} arguments of these types")]
    NoMethod {
        /// What it was called on.
        kind: &'static str,
        /// Its name.
        name: String,
        /// How many arguments it was given.
        arguments: usize,
    },
    /// An argument of a method that is out of its range.
    #[error("{name}(): the index {index} is outside of a length of {len}")]
    OutOfRange {
        /// The method.
        name: &'static str,
        /// The index.
        index: i64,
        /// The length.
        len: usize,
    },
    /// A number is needed.
    #[error("{kind} is no number")]
    NotNumber {
        /// What there is.
        kind: &'static str,
    },
    /// A vector is needed.
    #[error(
        "{kind} is no vector here; a vector is an array of finite numbers, an ai.Float32Vector, an ai.Int8Vector or an \
         ai.BitVector, of at most {max} numbers"
    )]
    NotVector {
        /// What there is.
        kind: &'static str,
        /// The most numbers of a vector.
        max: usize,
    },
    /// Two vectors that have no distance.
    #[error(
        "there is no distance between {asked} and {found}; search with a vector like those of the entries, or only among \
         those with a filter"
    )]
    NoDistance {
        /// The vector that is searched for.
        asked: VectorShape,
        /// That of an entry.
        found: VectorShape,
    },
    /// What a search found takes too much memory.
    #[error("the entries that were found have more than {max_mib} MiB; ask for fewer results")]
    TooMuchFound {
        /// The most that is kept, in MiB.
        max_mib: usize,
    },
    /// A property is to be set where there is no object.
    #[error("there is no object to set the property {name:?} of")]
    NoTarget {
        /// The property.
        name: String,
    },
    /// An integer result of more than 64 bits.
    #[error("the result has more than 64 bits; store the number as math.BigInt")]
    Overflow,
    /// A result that would take too much memory.
    #[error("the result of {what} has more than {max} bytes")]
    TooLarge {
        /// What was computed.
        what: &'static str,
        /// The most bytes.
        max: usize,
    },
    /// Methods and lists of values that would make too much of one entry together.
    #[error("the methods asked of one entry make too much together; ask for less of each entry")]
    MadeTooMuch,
    /// A division by zero, or a remainder by what is negative.
    #[error("a number cannot be divided by zero, and modulo only by what is positive")]
    Undivided,
    /// An aggregator, or a sorted query, that would keep more than it may.
    #[error(
        "what is made of the entries takes more than {bytes_max} bytes; select fewer entries with a filter, take less of \
         each, or aggregate what is summed up: sums, counts, a few groups, the first of an order"
    )]
    TooMuch {
        /// The most bytes.
        bytes_max: usize,
    },
    /// A pattern given to a method cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A filter of events, asked about an entry.
    #[error("a filter of events cannot select entries; use it to listen")]
    OnlyEvents,
    /// A key is needed where there is none.
    #[error("there is no key here; use an extractor of the value")]
    NoKey,
    /// A partial result that no aggregator of this kind wrote.
    #[error("a partial result of {aggregator} cannot be read")]
    BadPartial {
        /// The aggregator.
        aggregator: &'static str,
    },
    /// Code of one's own failed, in its words.
    #[error("{what}")]
    Own {
        /// What it said.
        what: String,
    },
    /// No code is registered by a name where it was to run.
    #[error("nothing is registered by the name {name:?} here; register it at every member")]
    NotRegistered {
        /// The name.
        name: String,
    },
    /// A value with the wrong kind of version.
    #[error("{kind} has no version; a versioned value is an object, with an integer in @version")]
    NotVersioned {
        /// What there is.
        kind: &'static str,
    },
}

impl From<KeyError> for QueryError {
    fn from(error: KeyError) -> Self {
        QueryError::Value(error.into())
    }
}
