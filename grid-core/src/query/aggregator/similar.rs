//! Searches for the entries with the vectors that are closest to one.

use serde::{Deserialize, Serialize};

use crate::query::agent::{Node, ObjectWriter, check_depth, extractor, filter};
use crate::query::{AgentError, Distance, Extractor, Filter, QueryEntry, QueryError, Vector};

/// The class of a search.
pub(super) const CLASS: &str = "ai.search.SimilarityAggregator";

/// A search for the entries whose vectors are closest to one.
///
/// Entries without a vector, or with null for it, are passed over. Those with something else there, or with a vector of
/// another kind or length, are errors, as in the reference: a filter keeps them out.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilaritySearch {
    /// What takes the vector from an entry.
    pub extractor: Extractor,
    /// What is searched for.
    pub vector: Vector,
    /// How distances are measured.
    pub distance: Distance,
    /// How many entries are found at most.
    pub results: usize,
    /// Which entries are looked at; all when there is none.
    pub filter: Option<Box<Filter>>,
    /// Whether every entry is looked at, be there an index of vectors or not.
    pub exact: bool,
}

/// An entry that a search found, for Rust programs to read its answer as.
///
/// ```
/// # use grid_core::query::{Aggregator, QueryEntry, field};
/// # use grid_core::value::{Binary, Format, from_binary};
/// use grid_core::query::SimilarEntry;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Document {
///     text: String,
/// }
///
/// # let (key, value) = (&b"7"[..], &br#"{"text":"hello","vector":[0.6,0.8]}"#[..]);
/// # let entry = QueryEntry::new((Format::JSON, key), Some((Format::JSON, value)));
/// # let answer = Aggregator::similar(field("vector"), [0.0, 1.0], 3).aggregate([entry])?;
/// // With a cache: documents.aggregate(&Aggregator::similar(field("vector"), embedding, 3)).await?
/// let found: Vec<SimilarEntry<u32, Document>> = from_binary(&answer)?;
/// assert_eq!((found[0].key, &*found[0].value.text), (7, "hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimilarEntry<K, V> {
    /// How far its vector is from the one that was searched for.
    pub distance: f64,
    /// Its key.
    pub key: K,
    /// Its value.
    pub value: V,
}

impl SimilaritySearch {
    /// The distance of an entry's vector; `None` when it has none, or is not looked at.
    ///
    /// # Errors
    /// When the filter or the extractor fails, or there is something else than a vector of the same kind and length.
    pub fn distance_of(&self, entry: &QueryEntry<'_>) -> Result<Option<f64>, QueryError> {
        if !self.selects(entry)? {
            return Ok(None);
        }
        let vector = Vector::read(&self.extractor.extract(entry)?.json()?)?;
        let distance = vector.map(|vector| self.distance.between(&self.vector, &vector));
        distance.transpose()
    }

    /// Whether an entry is looked at.
    ///
    /// # Errors
    /// When the filter fails.
    pub fn selects(&self, entry: &QueryEntry<'_>) -> Result<bool, QueryError> {
        self.filter
            .as_ref()
            .map_or(Ok(true), |filter| filter.evaluate(entry))
    }

    /// Reads a search that stands in so many agents.
    pub(super) fn read(node: Node<'_>, depth: usize) -> Result<Self, AgentError> {
        let results = node.integer("maxResults")?.unwrap_or_default();
        Ok(SimilaritySearch {
            extractor: extractor(node.need("extractor")?, depth + 1)?,
            vector: Vector::read(node.need("vector")?.text())?
                .ok_or_else(|| node.wrong("vector", "a vector"))?,
            distance: match node.get("algorithm") {
                Some(inner) => algorithm(inner, depth + 1)?,
                None => Distance::default(),
            },
            results: usize::try_from(results)
                .map_err(|_negative| node.wrong("maxResults", "a number of results"))?,
            filter: match node.get("filter") {
                Some(inner) => Some(Box::new(filter(inner, depth + 1)?)),
                None => None,
            },
            exact: node.flag("bruteForce")?,
        })
    }

    /// Writes what comes after the class.
    pub(super) fn write(&self, writer: ObjectWriter<'_>) -> Result<(), QueryError> {
        let mut algorithm = Vec::new();
        ObjectWriter::new(self.distance.class(), &mut algorithm).end();
        let mut writer = writer
            .json("algorithm", &algorithm)
            .flag("bruteForce", self.exact)
            .agent("extractor", &self.extractor)?;
        if let Some(filter) = &self.filter {
            writer = writer.agent("filter", filter.as_ref())?;
        }
        writer
            .integer("maxResults", i64::try_from(self.results).unwrap_or(i64::MAX))
            .agent("vector", &self.vector)?
            .end();
        Ok(())
    }
}

fn algorithm(node: Node<'_>, depth: usize) -> Result<Distance, AgentError> {
    check_depth(depth)?;
    let expected = "a distance of vectors";
    Distance::of_class(&node.expect_class(expected)?).ok_or_else(|| node.unknown(expected))
}
