//! Filters: which entries are meant.

mod builder;
mod describe;
mod evaluate;
mod event;
mod keys;
mod transformer;
mod values;

pub use builder::{Field, field, key};
pub use event::{EventCauses, EventFilter, EventKinds};
pub use keys::KeySet;
pub use transformer::EventTransformer;
pub use values::ValueSet;

use super::{Extractor, LikePattern, Operand, RegexPattern};

/// Selects entries.
///
/// What a filter means does not depend on the order in which its parts are looked at: an error in a part counts only
/// where it decides. `age > "x" AND never` is false, as it is in the reference, which looks at what is cheap first.
///
/// ```
/// use grid_core::query::{QueryEntry, field};
///
/// let filter = field("age").gt(25).and(field("name").like("A%"));
/// assert!(filter.evaluate(&QueryEntry::of_value(br#"{"name":"Ada","age":36}"#))?);
/// # Ok::<(), grid_core::query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Filter {
    /// Every entry.
    Always,
    /// No entry.
    Never,
    /// Entries that have a value: of use to processors, which may be run on a key that has none.
    Present,
    /// What is extracted, compared with a value.
    Compare {
        /// How.
        test: Test,
        /// What of the entry.
        extractor: Extractor,
        /// With what. With null only equality can be asked for.
        value: Operand,
    },
    /// What is extracted lies between two values. Null does not.
    Between(Box<Between>),
    /// What is extracted is one of these, null included.
    In(Extractor, ValueSet),
    /// What is extracted is an array that has this element.
    Contains(Extractor, Operand),
    /// What is extracted is an array that has all of these elements; with none of them, any array.
    ContainsAll(Extractor, ValueSet),
    /// What is extracted is an array that has one of these elements.
    ContainsAny(Extractor, ValueSet),
    /// What is extracted, as text, is like a pattern. Null is not like anything.
    ///
    /// The reference's queries take `%` for every entry, null or not; its processors do not.
    Like(Extractor, LikePattern),
    /// What is extracted matches a regular expression as a whole, as the text that Java makes of it. The text of null
    /// is `null`.
    Regex(Extractor, RegexPattern),
    /// All of these select the entry; with none of them, any entry.
    All(Vec<Filter>),
    /// One of these selects the entry.
    Any(Vec<Filter>),
    /// One of two selects the entry, and the other does not.
    Xor(Box<(Filter, Filter)>),
    /// This does not select the entry.
    Not(Box<Filter>),
    /// This selects what was extracted.
    Predicate(Extractor, Box<Filter>),
    /// Entries with one of these keys that a filter selects.
    InKeySet(Box<Filter>, KeySet),
    /// What a filter selects among the entries that lie beside a key: only its partition needs to be asked.
    KeyAssociated(Box<Filter>, Operand),
    /// What a filter selects, so many at a time. Pages are for those who ask; each entry is selected as by the filter.
    /// While nothing changes, pages have no entry in common, and together all of them.
    Limit {
        /// The filter.
        filter: Box<Filter>,
        /// How many at a time; 0 for all.
        page_size: u32,
        /// Which page, from 0. Those before it are read again and left out.
        page: u32,
    },
    /// Events. For listening: no entry can be selected by it.
    Event(EventFilter),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// They are equal; null is equal to null.
    Equals,
    /// They are not.
    NotEquals,
    /// The entry's is greater.
    Greater,
    /// The entry's is greater or neither is.
    GreaterEquals,
    /// The entry's is less.
    Less,
    /// The entry's is less or neither is.
    LessEquals,
}

/// Two bounds for what is extracted.
#[derive(Clone, Debug, PartialEq)]
pub struct Between {
    /// What of the entry.
    pub extractor: Extractor,
    /// The lower bound.
    pub from: Operand,
    /// Whether the lower bound itself is meant.
    pub includes_from: bool,
    /// The upper bound.
    pub to: Operand,
    /// Whether the upper bound itself is meant.
    pub includes_to: bool,
}

impl Between {
    /// The test of the lower bound.
    #[must_use]
    pub fn lower_test(&self) -> Test {
        if self.includes_from {
            Test::GreaterEquals
        } else {
            Test::Greater
        }
    }

    /// The test of the upper bound.
    #[must_use]
    pub fn upper_test(&self) -> Test {
        if self.includes_to {
            Test::LessEquals
        } else {
            Test::Less
        }
    }
}

impl Filter {
    /// All of these. What is itself nothing but `all` of some is taken apart, so that long chains stay flat.
    #[must_use]
    pub fn all(filters: impl IntoIterator<Item = Filter>) -> Self {
        let mut flat = Vec::new();
        for filter in filters {
            match filter {
                Filter::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Filter::All(flat)
    }

    /// One of these; taken apart as by [`Filter::all`].
    #[must_use]
    pub fn any(filters: impl IntoIterator<Item = Filter>) -> Self {
        let mut flat = Vec::new();
        for filter in filters {
            match filter {
                Filter::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Filter::Any(flat)
    }
}

/// The opposite of a filter.
impl std::ops::Not for Filter {
    type Output = Filter;

    fn not(self) -> Filter {
        Filter::Not(Box::new(self))
    }
}
