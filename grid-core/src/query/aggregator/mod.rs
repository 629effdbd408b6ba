//! Aggregators: one answer of many entries.
//!
//! Each partition has an [`Accumulator`] that is shown its entries one by one; what it made of them goes as bytes to
//! where the answer is put together. The answer does not depend on how the entries were divided, but for the order of
//! what is answered as a list.

mod accumulator;
mod agent;
mod builder;
mod keeping;
mod nearest;
mod number;
mod own;
mod record;
mod similar;
mod sorted;
mod sorted_place;
mod sorted_run;
mod top;

pub use accumulator::Accumulator;
pub use keeping::{Keeping, Kept};
pub use number::NumberOperation;
pub(crate) use number::{add_decimals, decimal_of, multiply_decimals};
pub use own::{AggregatorCode, OwnAggregation, OwnAggregator};
pub(crate) use own::{failed, unfit_args};
pub use record::{IndexRecord, PartitionRecord, QueryRecord, RecordKind, RecordStep, StepRoom};
pub use similar::{SimilarEntry, SimilaritySearch};
pub use sorted::SortedPart;
pub use sorted_place::SortedPlace;
pub use sorted_run::{SortedEntry, SortedRun};

use super::{Comparator, Extractor, Filter, QueryEntry, QueryError};
use crate::value::Binary;

/// Makes one answer of many entries.
///
/// ```
/// use grid_core::query::{Aggregator, Extractor, QueryEntry};
///
/// let oldest = Aggregator::Max(Extractor::path("age"));
/// let entries = [r#"{"age":36}"#, r#"{"age":41}"#, "{}"];
/// let answer = oldest.aggregate(entries.iter().map(|text| QueryEntry::of_value(text.as_bytes())))?;
/// assert_eq!(&answer.bytes()[..], b"41");
/// # Ok::<(), grid_core::query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Aggregator {
    /// How many entries there are.
    Count,
    /// A number of the numbers that are extracted; nulls do not count. Null of none.
    Number(NumberOperation, Extractor),
    /// The least of what is extracted; nulls do not count. Null of none.
    Min(Extractor),
    /// The greatest of what is extracted; nulls do not count. Null of none.
    Max(Extractor),
    /// What is extracted, each value once; without null. The reference cannot answer when there is none.
    Distinct(Extractor),
    /// The greatest of what is extracted, the greatest first; without null.
    Top {
        /// How many at most.
        results: usize,
        /// What is extracted.
        extractor: Extractor,
        /// The order of what is extracted.
        comparator: Comparator,
    },
    /// The entries with the vectors closest to one, the closest first, as an array of `ai.results.QueryResult` with distance,
    /// key and value. Of the same distance, those first whose keys' texts are less.
    Similar(Box<SimilaritySearch>),
    /// The answer of an aggregator for each value that is extracted, null included.
    Group {
        /// What is extracted.
        extractor: Extractor,
        /// What answers for each group.
        aggregator: Box<Aggregator>,
        /// Which answers are kept: the filter is held against the answer of a group.
        filter: Option<Box<Filter>>,
    },
    /// For each key what is extracted.
    Reducer(Extractor),
    /// The answers of all of these, in order.
    Composite(Vec<Aggregator>),
    /// How a query is answered: see [`QueryRecord`], which who runs the query fills in.
    Record(RecordKind),
    /// The indexes of the cache with their sizes, whatever the filter: see [`IndexReport`](crate::store::IndexReport), which
    /// who runs the query fills in. The reference does not know it.
    Indexes {
        /// Whether each is compared with the entries, which takes as long as making it anew.
        check: bool,
    },
    /// The keys of the first entries of an order: see [`SortedRun`]. The reference does not know it.
    Sorted(Box<SortedPart>),
    /// One of one's own, known by its name where it runs.
    Own(OwnAggregator),
}

impl Aggregator {
    /// The name of an aggregator of one's own in it; the first of several.
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        match self {
            Aggregator::Own(own) => Some(own.name()),
            Aggregator::Group { aggregator, .. } => aggregator.own_name(),
            Aggregator::Composite(inner) => inner.iter().find_map(Aggregator::own_name),
            _ => None,
        }
    }

    /// The same aggregator with the code of those in it that are one's own.
    ///
    /// # Errors
    /// With the name that `find` does not know.
    pub fn with_code(&self, find: &dyn Fn(&str) -> Option<AggregatorCode>) -> Result<Aggregator, String> {
        Ok(match self {
            Aggregator::Own(own) => Aggregator::Own(OwnAggregator {
                code: Some(find(&own.name).ok_or_else(|| own.name.clone())?),
                ..own.clone()
            }),
            Aggregator::Group {
                extractor,
                aggregator,
                filter,
            } => Aggregator::Group {
                extractor: extractor.clone(),
                aggregator: Box::new(aggregator.with_code(find)?),
                filter: filter.clone(),
            },
            Aggregator::Composite(inner) => {
                let inner: Result<_, _> = inner.iter().map(|one| one.with_code(find)).collect();
                Aggregator::Composite(inner?)
            }
            other => other.clone(),
        })
    }

    /// A fresh accumulator.
    #[must_use]
    pub fn accumulator(&self) -> Accumulator<'_> {
        self.accumulator_within(&Keeping::unbounded())
    }

    /// A fresh accumulator, which keeps no more than it may together with others.
    #[must_use]
    pub fn accumulator_within(&self, keeping: &Keeping) -> Accumulator<'_> {
        Accumulator::new(self, keeping)
    }

    /// The answer for entries that are all here.
    ///
    /// # Errors
    /// As [`Accumulator::accumulate`] and [`Accumulator::finish`].
    pub fn aggregate<'e>(
        &self,
        entries: impl IntoIterator<Item = QueryEntry<'e>>,
    ) -> Result<Binary, QueryError> {
        let mut accumulator = self.accumulator();
        for entry in entries {
            accumulator.accumulate(&entry)?;
        }
        accumulator.finish()
    }

    /// The answer of what the accumulators of several partitions made.
    ///
    /// # Errors
    /// As [`Accumulator::combine`] and [`Accumulator::finish`].
    pub fn combine<'p>(&self, partials: impl IntoIterator<Item = &'p [u8]>) -> Result<Binary, QueryError> {
        self.combine_within(partials, &Keeping::unbounded())
    }

    /// As [`combine`](Self::combine), keeping no more than may be kept.
    ///
    /// # Errors
    /// As [`combine`](Self::combine), and [`QueryError::TooMuch`].
    pub fn combine_within<'p>(
        &self,
        partials: impl IntoIterator<Item = &'p [u8]>,
        keeping: &Keeping,
    ) -> Result<Binary, QueryError> {
        let mut accumulator = self.accumulator_within(keeping);
        for partial in partials {
            accumulator.combine(partial)?;
        }
        accumulator.finish()
    }

    /// What the accumulators of several partitions made as if one of them had seen all of their entries.
    ///
    /// # Errors
    /// As [`combine_within`](Self::combine_within).
    pub fn merge<'p>(
        &self,
        partials: impl IntoIterator<Item = &'p [u8]>,
        keeping: &Keeping,
    ) -> Result<Vec<u8>, QueryError> {
        let mut accumulator = self.accumulator_within(keeping);
        for partial in partials {
            accumulator.combine(partial)?;
        }
        accumulator.partial()
    }
}
