//! What an index is of.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::query::agent::{Node, ObjectWriter, Tree};
use crate::query::{AgentError, Comparator, Extractor, Filter, QueryError};
use crate::store::index::INDEXES_MAX;

/// What an index is of. A cache knows an index by its extractor: it has one of each at most.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDefinition {
    /// What of the entries.
    pub extractor: Extractor,
    /// Whether values are kept in order, so that ranges are found without looking at every value.
    pub sorted: bool,
    /// An order that was asked for. It is kept and told; what the index finds does not depend on it, as filters compare
    /// values in one order. In the reference the values of an ordered index stand in this order and its filters look for
    /// ranges in it, so that with the inverse order `age > 30` finds who is younger: answers that depend on an index.
    pub comparator: Option<Comparator>,
    /// Which entries are in the index; all when there is none. The index is of use to filters that select none of the
    /// others.
    pub filter: Option<Filter>,
    /// For an index of vectors: how many times as many entries as a search wants are found by it, to be compared exactly
    /// then. `None` for an index of values.
    pub oversampling: Option<NonZeroU32>,
}

/// How many times as many entries an index of vectors finds when nothing is said.
const OVERSAMPLING: NonZeroU32 = NonZeroU32::new(3).expect("3 is not 0");

/// The class of a definition in the form in which members agree on it.
const CLASS: &str = "index.IndexDefinition";

/// The class of an extractor that comes with a condition.
const CONDITIONAL: &str = "extractor.ConditionalExtractor";

/// The class of an index of vectors, which comes as an extractor does.
const QUANTIZED: &str = "ai.index.BinaryQuantIndex";

/// The class of another one.
const HNSW: &str = "coherence.hnsw.HnswIndex";

/// The member that says how many times as many entries are found.
const OVERSAMPLING_FACTOR: &str = "oversamplingFactor";

impl IndexDefinition {
    /// An index of what an extractor takes, with values in no order.
    #[must_use]
    pub fn new(extractor: Extractor) -> Self {
        IndexDefinition {
            extractor,
            sorted: false,
            comparator: None,
            filter: None,
            oversampling: None,
        }
    }

    /// An index of the vectors that an extractor takes, by which [searches for similar
    /// entries](crate::query::Aggregator::similar) find three times as many entries as they want in each partition, to
    /// compare them exactly.
    ///
    /// It knows of each number whether it is greater than zero. Entries are found in the order of how many of these differ
    /// from those of what is searched for, all that are as far as the last one included. So a search finds most of the
    /// closest entries, and not always all: vectors should have many numbers, about half of them greater than zero.
    #[must_use]
    pub fn of_vectors(extractor: impl Into<Extractor>) -> Self {
        IndexDefinition {
            oversampling: Some(OVERSAMPLING),
            ..IndexDefinition::new(extractor.into())
        }
    }

    /// The same index of vectors that finds so many times as many entries as are wanted.
    #[must_use]
    pub fn oversampling(mut self, factor: NonZeroU32) -> Self {
        self.oversampling = Some(factor);
        self
    }

    /// An index of a property, by a path of names with dots between them.
    #[must_use]
    pub fn of(path: &str) -> Self {
        IndexDefinition::new(Extractor::path(path))
    }

    /// The same with values in order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sorted = true;
        self
    }

    /// The same with an order that is kept and told with the index, and is part of what tells it from others. What it finds
    /// stays the same: see [`comparator`](Self::comparator).
    #[must_use]
    pub fn ordered_by(mut self, comparator: Comparator) -> Self {
        self.sorted = true;
        self.comparator = Some(comparator);
        self
    }

    /// The same of those entries alone that a filter selects.
    #[must_use]
    pub fn only(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// A definition as clients ask for an index: an extractor, which may come with a condition, perhaps an order; or an index of
    /// vectors, which has none.
    ///
    /// # Errors
    /// When one of them cannot be read, as by [`Filter::from_json`], or the index is of a kind that is not made here.
    pub fn of_request(extractor: &[u8], sorted: bool, comparator: Option<&[u8]>) -> Result<Self, AgentError> {
        let tree = Tree::read(extractor)?;
        let root = tree.root();
        match root.class().as_deref() {
            Some(QUANTIZED) => {
                return Ok(IndexDefinition {
                    oversampling: Some(oversampling(root)?.unwrap_or(OVERSAMPLING)),
                    ..IndexDefinition::new(extractor_of_vectors(root)?)
                });
            }
            Some(HNSW) => {
                return Err(root.refused(
                    "such graphs are not made here; use ai.index.BinaryQuantIndex, or search by brute force without an index",
                ));
            }
            _ => {}
        }
        let (extractor, filter) = if root.class().as_deref() == Some(CONDITIONAL) {
            let extractor = Extractor::from_json(root.need("extractor")?.text())?;
            (extractor, Some(Filter::from_json(root.need("filter")?.text())?))
        } else {
            (Extractor::from_json(extractor)?, None)
        };
        Ok(IndexDefinition {
            extractor,
            sorted,
            comparator: comparator.map(Comparator::from_json).transpose()?,
            filter,
            oversampling: None,
        })
    }

    /// The extractor as clients ask for an index of it: with its condition, if it has one, or as an index of vectors.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say.
    pub fn request_extractor(&self) -> Result<Vec<u8>, QueryError> {
        if let Some(factor) = self.oversampling {
            let mut out = Vec::new();
            ObjectWriter::new(QUANTIZED, &mut out)
                .integer("dataVersion", 0)
                .agent("extractor", &self.extractor)?
                .integer(OVERSAMPLING_FACTOR, i64::from(factor.get()))
                .end();
            return Ok(out);
        }
        let Some(filter) = &self.filter else {
            return self.extractor.to_json();
        };
        let mut out = Vec::new();
        ObjectWriter::new(CONDITIONAL, &mut out)
            .agent("extractor", &self.extractor)?
            .agent("filter", filter)?
            .end();
        Ok(out)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// When it is no such text, or exceeds a limit.
    pub fn from_json(text: &[u8]) -> Result<Self, AgentError> {
        let tree = Tree::read(text)?;
        let root = tree.root();
        let expected = "the definition of an index";
        if root.expect_class(expected)? != CLASS {
            return Err(root.unknown(expected));
        }
        let comparator = root.get("comparator").map(Node::text);
        let filter = root.get("filter").map(Node::text);
        Ok(IndexDefinition {
            extractor: Extractor::from_json(root.need("extractor")?.text())?,
            sorted: root.flag("sorted")?,
            comparator: comparator.map(Comparator::from_json).transpose()?,
            filter: filter.map(Filter::from_json).transpose()?,
            oversampling: oversampling(root)?,
        })
    }

    /// Writes the definition in the one form in which members tell it to each other.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say.
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        let mut writer = ObjectWriter::new(CLASS, &mut out)
            .agent("extractor", &self.extractor)?
            .flag("sorted", self.sorted);
        if let Some(comparator) = &self.comparator {
            writer = writer.agent("comparator", comparator)?;
        }
        if let Some(filter) = &self.filter {
            writer = writer.agent("filter", filter)?;
        }
        if let Some(factor) = self.oversampling {
            writer = writer.integer(OVERSAMPLING_FACTOR, i64::from(factor.get()));
        }
        writer.end();
        Ok(out)
    }

    /// Whether this is the index of an extractor. Chains within chains are taken apart, and what does nothing in them
    /// is left out.
    #[must_use]
    pub fn is_of(&self, extractor: &Extractor) -> bool {
        let chained = |extractor: &Extractor| matches!(extractor, Extractor::Chained(_));
        self.extractor == *extractor
            || (chained(&self.extractor) || chained(extractor)) && same(&self.extractor, extractor)
    }

    /// Whether an index of the same extractor is another index.
    pub(in crate::store) fn differs_from(&self, other: &IndexDefinition) -> bool {
        self.sorted != other.sorted
            || self.comparator != other.comparator
            || self.filter != other.filter
            || self.oversampling != other.oversampling
    }

    /// Whether arrays are known by their elements: what several extractors give together is no collection.
    pub(in crate::store) fn knows_elements(&self) -> bool {
        !matches!(self.extractor, Extractor::Multi(_))
    }
}

/// What says how many times as many entries are found, if it is there.
fn oversampling(node: Node<'_>) -> Result<Option<NonZeroU32>, AgentError> {
    let factor = node.integer(OVERSAMPLING_FACTOR)?.map(|factor| {
        let factor = u32::try_from(factor).ok().and_then(NonZeroU32::new);
        factor.ok_or_else(|| node.wrong(OVERSAMPLING_FACTOR, "a number from 1 on"))
    });
    factor.transpose()
}

/// The extractor of an index of vectors. The client of Python sends the name of a property as it is given one, which the
/// reference cannot read.
fn extractor_of_vectors(node: Node<'_>) -> Result<Extractor, AgentError> {
    let extractor = node.need("extractor")?;
    match extractor.string() {
        Some(path) if !path.is_empty() => {
            let path = Extractor::path(&path);
            // Within the limits of what is read.
            Ok(Extractor::from_json(&path.to_json()?)?)
        }
        _ => Extractor::from_json(extractor.text()),
    }
}

/// Whether two extractors take the same by the way they are put together.
pub(in crate::store) fn same(left: &Extractor, right: &Extractor) -> bool {
    let (mut left_links, mut right_links) = (Vec::new(), Vec::new());
    links(left, &mut left_links);
    links(right, &mut right_links);
    left_links == right_links
}

fn links<'e>(extractor: &'e Extractor, out: &mut Vec<&'e Extractor>) {
    match extractor {
        Extractor::Identity => {}
        Extractor::Chained(inner) => {
            for extractor in inner {
                links(extractor, out);
            }
        }
        other => out.push(other),
    }
}

/// An index that cannot be added. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// There is another index of the same extractor.
    #[error(
        "there is an index of {extractor} with another order or condition, or of another kind; remove it first, then add this one"
    )]
    Different {
        /// The extractor as text.
        extractor: String,
    },
    /// The cache has as many indexes as it may have.
    #[error("the cache has {max} indexes, the most there may be; remove one that is not needed")]
    TooMany {
        /// The most indexes of a cache.
        max: usize,
    },
}

impl IndexError {
    pub(in crate::store) fn different(extractor: &Extractor) -> Self {
        let extractor = extractor.to_string();
        IndexError::Different { extractor }
    }

    pub(in crate::store) const TOO_MANY: IndexError = IndexError::TooMany { max: INDEXES_MAX };
}

/// An index of a cache in a partition, with its sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexInfo {
    /// What it is of.
    pub definition: Arc<IndexDefinition>,
    /// How many entries it has, those without a value included.
    pub entries: usize,
    /// How many of them are without a value, because something cannot be extracted or read. Every filter looks at them.
    pub without_value: usize,
    /// How many values the entries have. Long values, arrays and objects count as one when the index does not tell them
    /// apart.
    pub distinct_values: usize,
    /// The bytes of memory that it takes.
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::field;

    #[test]
    fn definitions_come_back_as_they_were_written() {
        let plain = IndexDefinition::new(Extractor::path("a.b"));
        let full = IndexDefinition {
            comparator: Some(Comparator::by("x").inverse()),
            ..plain.clone().sorted().only(field("a").gt(1))
        };
        let vectors = IndexDefinition::of_vectors(field("v")).oversampling(NonZeroU32::MAX);
        for definition in [plain, full, vectors] {
            let text = definition.to_json().unwrap();
            assert_eq!(IndexDefinition::from_json(&text), Ok(definition));
        }
        assert!(IndexDefinition::from_json(b"{\"@class\":\"filter.AlwaysFilter\"}").is_err());
        assert!(IndexDefinition::from_json(b"[").is_err());
    }

    #[test]
    fn a_request_may_have_a_condition() {
        let extractor = br#"{"@class":"extractor.ConditionalExtractor","extractor":{"@class":"extractor.UniversalExtractor","name":"age"},"filter":{"@class":"filter.AlwaysFilter"}}"#;
        let definition = IndexDefinition::of_request(extractor, true, Some(b"null")).unwrap();
        let expected = IndexDefinition {
            comparator: Some(Comparator::Natural),
            ..IndexDefinition::new(Extractor::path("age"))
                .sorted()
                .only(Filter::Always)
        };
        assert_eq!(definition, expected);
        let asked = expected.request_extractor().unwrap();
        let comparator = Comparator::Natural.to_json().unwrap();
        assert_eq!(
            IndexDefinition::of_request(&asked, true, Some(&comparator)),
            Ok(expected)
        );
        let plain = br#"{"@class":"extractor.UniversalExtractor","name":"age"}"#;
        let definition = IndexDefinition::of_request(plain, false, None).unwrap();
        assert_eq!(definition, IndexDefinition::new(Extractor::path("age")));
    }

    #[test]
    fn an_index_of_vectors_is_asked_for_as_an_extractor() {
        let read = |text: &str| IndexDefinition::of_request(text.as_bytes(), false, None);
        let python = r#"{"@class": "ai.index.BinaryQuantIndex", "dataVersion": 0, "binFuture": null, "extractor": {"@class": "extractor.UniversalExtractor", "name": "v", "params": null}, "oversamplingFactor": 5}"#;
        let expected = IndexDefinition::of_vectors(field("v")).oversampling(NonZeroU32::new(5).unwrap());
        assert_eq!(read(python), Ok(expected.clone()));
        let asked = String::from_utf8(expected.request_extractor().unwrap()).unwrap();
        assert_eq!(read(&asked), Ok(expected));
        let named = r#"{"@class":"ai.index.BinaryQuantIndex","extractor":"a.b"}"#;
        assert_eq!(read(named), Ok(IndexDefinition::of_vectors(field("a.b"))));
        let deep = format!(
            r#"{{"@class":"ai.index.BinaryQuantIndex","extractor":"{}"}}"#,
            "a.".repeat(1_000)
        );
        assert!(read(&deep).is_err());
        for factor in ["0", "-1", "4294967296", "1.5"] {
            let wrong = python.replace("5}", &format!("{factor}}}"));
            assert!(matches!(read(&wrong), Err(AgentError::Wrong { .. })), "{wrong}");
        }
        let refused = read(r#"{"@class":"coherence.hnsw.HnswIndex","extractor":"v","dimension":3}"#);
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("BinaryQuantIndex") && refused.contains("brute force"),
            "{refused}"
        );
    }

    #[test]
    fn an_index_is_known_by_what_its_extractor_takes() {
        let index = IndexDefinition::new(Extractor::path("a.b"));
        let nested = Extractor::Chained(vec![
            Extractor::Identity,
            Extractor::path("a"),
            Extractor::Chained(vec![Extractor::path("b")]),
        ]);
        assert!(index.is_of(&nested) && index.is_of(&Extractor::path("a.b")));
        assert!(!index.is_of(&Extractor::path("b.a")) && !index.is_of(&Extractor::Identity));
    }
}
