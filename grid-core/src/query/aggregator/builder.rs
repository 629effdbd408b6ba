//! Aggregators as they read in Rust.

use serde::Serialize;

use super::{Aggregator, NumberOperation, OwnAggregator, SimilaritySearch};
use crate::query::{Comparator, Distance, Extractor, Field, Filter, Operand, QueryError, Vector};
use crate::value::to_binary;

impl Aggregator {
    /// How many entries there are.
    #[must_use]
    pub fn count() -> Self {
        Aggregator::Count
    }

    /// The sum of a property, exactly; null of no entries.
    #[must_use]
    pub fn sum(path: &str) -> Self {
        Aggregator::Number(NumberOperation::DecimalSum, Extractor::path(path))
    }

    /// The mean of a property, with eight more places than its sum; null of no entries.
    #[must_use]
    pub fn average(path: &str) -> Self {
        Aggregator::Number(NumberOperation::DecimalAverage, Extractor::path(path))
    }

    /// The least value of a property; null of no entries.
    #[must_use]
    pub fn min(path: &str) -> Self {
        Aggregator::Min(Extractor::path(path))
    }

    /// The greatest value of a property; null of no entries.
    #[must_use]
    pub fn max(path: &str) -> Self {
        Aggregator::Max(Extractor::path(path))
    }

    /// The values of a property, each once.
    #[must_use]
    pub fn distinct(path: &str) -> Self {
        Aggregator::Distinct(Extractor::path(path))
    }

    /// One of one's own that was registered by this name, with its arguments.
    ///
    /// # Errors
    /// When the arguments cannot be written as JSON.
    pub fn own(name: &str, args: &impl Serialize) -> Result<Self, QueryError> {
        Ok(Aggregator::Own(OwnAggregator {
            name: name.to_owned(),
            args: Operand::new(to_binary(args)?.bytes())?,
            code: None,
        }))
    }

    /// So many of the entries with the greatest values of a property, the greatest first.
    #[must_use]
    pub fn top(results: usize, path: &str) -> Self {
        Aggregator::Top {
            results,
            extractor: Extractor::Identity,
            comparator: Comparator::by(path),
        }
    }

    /// So many of the entries whose vectors are closest to one by their cosine, the closest first, to be read as
    /// [`SimilarEntry`](crate::query::SimilarEntry). [`by_distance`](Self::by_distance), [`among`](Self::among) and
    /// [`exactly`](Self::exactly) say more.
    ///
    /// ```
    /// use grid_core::query::{Aggregator, Distance, QueryEntry, field};
    /// # use grid_core::value::Format;
    ///
    /// let similar = Aggregator::similar(field("vector"), [0.6, 0.8], 1)
    ///     .by_distance(Distance::L2Squared)
    ///     .among(field("lang").eq("en"));
    /// # let texts = [
    /// #     (b"1", r#"{"lang":"en","vector":[1.0,0.0]}"#),
    /// #     (b"2", r#"{"lang":"en","vector":[0.6,0.8]}"#),
    /// #     (b"3", r#"{"lang":"de","vector":[0.6,0.8]}"#),
    /// # ];
    /// # let entry = |(key, value): &'static (&[u8; 1], &str)| {
    /// #     QueryEntry::new((Format::JSON, *key), Some((Format::JSON, value.as_bytes())))
    /// # };
    /// # let texts: &'static _ = Box::leak(Box::new(texts));
    /// # let answer = similar.aggregate(texts.iter().map(entry))?;
    /// # assert!(answer.bytes().starts_with(br#"[{"@class":"ai.results.QueryResult","distance":0.0,"key":2,"#));
    /// # Ok::<(), grid_core::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn similar(field: Field, vector: impl Into<Vector>, results: usize) -> Self {
        Aggregator::Similar(Box::new(SimilaritySearch {
            extractor: field.into(),
            vector: vector.into(),
            distance: Distance::default(),
            results,
            filter: None,
            exact: false,
        }))
    }

    /// A search for similar entries by another distance; nothing else than a search is changed.
    #[must_use]
    pub fn by_distance(self, distance: Distance) -> Self {
        self.searching(|search| search.distance = distance)
    }

    /// A search for similar entries only among those that a filter selects; nothing else than a search is changed.
    #[must_use]
    pub fn among(self, filter: Filter) -> Self {
        self.searching(|search| search.filter = Some(Box::new(filter)))
    }

    /// A search for similar entries that looks at every entry, though there is an index of vectors; nothing else than a search
    /// is changed.
    #[must_use]
    pub fn exactly(self) -> Self {
        self.searching(|search| search.exact = true)
    }

    fn searching(mut self, change: impl FnOnce(&mut SimilaritySearch)) -> Self {
        if let Aggregator::Similar(search) = &mut self {
            change(search);
        }
        self
    }

    /// The answer of this aggregator for each value of a property.
    ///
    /// ```
    /// use grid_core::query::{Aggregator, QueryEntry};
    ///
    /// let oldest_by_city = Aggregator::max("age").by("city");
    /// # let entries = [r#"{"age":36,"city":"Oslo"}"#, r#"{"age":41,"city":"Rome"}"#];
    /// # let answer = oldest_by_city.aggregate(entries.iter().map(|text| QueryEntry::of_value(text.as_bytes())))?;
    /// # assert!(answer.bytes().ends_with(br#"{"key":"Rome","value":41}]}"#));
    /// # Ok::<(), grid_core::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn by(self, path: &str) -> Self {
        Aggregator::Group {
            extractor: Extractor::path(path),
            aggregator: Box::new(self),
            filter: None,
        }
    }

    /// Of the groups only those whose answers a filter selects; nothing else than groups is changed.
    #[must_use]
    pub fn having(mut self, answers: Filter) -> Self {
        if let Aggregator::Group { filter, .. } = &mut self {
            *filter = Some(Box::new(answers));
        }
        self
    }
}
