//! What a `select` means.

use super::path::Item;
use crate::query::{Aggregator, Comparator, Extractor, Filter};

/// What is asked of a cache.
///
/// Who runs it asks the cache with [`filter`](Query::filter) for entries, some at a time, where the query
/// [`reads_entries`](Query::reads_entries), and makes rows of them with [`collect`](Query::collect); otherwise with
/// [`aggregator`](Query::aggregator), and makes rows of the answer with [`rows_of_answer`](Query::rows_of_answer). The order
/// and what is distinct are brought about there.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub(super) cache: String,
    pub(super) filter: Filter,
    pub(super) selection: Selection,
    pub(super) distinct: bool,
    pub(super) columns: Vec<Column>,
    pub(super) sorts: Vec<Sort>,
    /// What is extracted from each entry, or what the groups are by. Those of the columns, and those of the order alone.
    pub(super) extractors: Vec<Extractor>,
    /// What is computed for each group, after what the group is by.
    pub(super) aggregators: Vec<Aggregator>,
}

/// What is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Selection {
    /// Whole entries: `select *`, or the alias alone. The columns are `key` and `value`.
    Entries,
    /// The keys: `select key()`.
    Keys,
    /// The values: `select value()`.
    Values,
    /// What is extracted from each entry.
    Extractors,
    /// Aggregates: of all entries, or of groups of them.
    Aggregates,
}

/// A column: its name, and where it stands among what is extracted and computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) index: usize,
}

/// A part of the order: where that stands, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) index: usize,
    pub(super) descending: bool,
}

/// What a column or an order is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Source<'q> {
    /// Something that is taken from each entry, or that the groups are by.
    Extractor(&'q Extractor),
    /// Something that is computed for each group.
    Aggregator(&'q Aggregator),
}

/// The direction of a part of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The least first; null before everything.
    Ascending,
    /// The greatest first; null after everything.
    Descending,
}

impl Query {
    /// The name of the cache.
    #[must_use]
    pub fn cache(&self) -> &str {
        &self.cache
    }

    /// Which entries are meant.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What is selected.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// Whether rows that are equal to another one are left out.
    #[must_use]
    pub fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// The names of the columns: what was written in the text.
    pub fn column_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// What the columns are made of.
    pub fn columns(&self) -> impl Iterator<Item = Source<'_>> {
        self.columns.iter().filter_map(|column| self.source(column.index))
    }

    /// The order of the rows, the first part first. Empty when any order will do.
    pub fn order(&self) -> impl Iterator<Item = (Source<'_>, Direction)> {
        self.sorts.iter().filter_map(|sort| {
            let direction = match sort.descending {
                true => Direction::Descending,
                false => Direction::Ascending,
            };
            Some((self.source(sort.index)?, direction))
        })
    }

    /// Whether anything of the keys is needed for the rows.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        self.extractors.iter().any(Extractor::wants_key)
    }

    /// Whether anything of the values is needed for the rows.
    #[must_use]
    pub fn needs_values(&self) -> bool {
        let is_of_key = |extractor: &Extractor| matches!(extractor, Extractor::Key(_));
        !self.extractors.iter().all(is_of_key)
    }

    /// The order as a comparator of values, for caches that sort. `None` without an order, and when it is by the key
    /// or by aggregates, of which comparators of values know nothing.
    #[must_use]
    pub fn comparator(&self) -> Option<Comparator> {
        let comparators: Option<Vec<_>> = self.order().map(comparator_of_values).collect();
        let mut comparators = comparators.filter(|comparators| !comparators.is_empty())?;
        match comparators.len() {
            1 => comparators.pop(),
            _ => Some(Comparator::Chained(comparators)),
        }
    }

    /// What the groups are by. Empty when the query has no groups.
    #[must_use]
    pub fn groups(&self) -> &[Extractor] {
        match self.selection {
            Selection::Aggregates => &self.extractors,
            _ => &[],
        }
    }

    /// Whether each row is of one entry. Then the entries are best read some at a time, as an answer in one piece would have
    /// a row and a key for each.
    #[must_use]
    pub fn reads_entries(&self) -> bool {
        !self.distinct && self.selection != Selection::Aggregates
    }

    /// What the cache can be asked to compute of the entries; `None` when there is nothing but the entries.
    ///
    /// It is made as the reference makes it: what is extracted becomes a reducer, distinct values their aggregator,
    /// groups a group aggregator, and several aggregates a composite one.
    #[must_use]
    pub fn aggregator(&self) -> Option<Aggregator> {
        match self.selection {
            Selection::Entries => None,
            Selection::Aggregates => Some(self.group_aggregator()),
            _ if self.distinct => Some(Aggregator::Distinct(together(&self.extractors))),
            _ => Some(Aggregator::Reducer(together(&self.extractors))),
        }
    }

    fn group_aggregator(&self) -> Aggregator {
        let aggregator = match self.aggregators.as_slice() {
            // Groups alone: the count says nothing, and costs nothing.
            [] => Aggregator::Count,
            [one] => one.clone(),
            several => Aggregator::Composite(several.to_vec()),
        };
        if self.extractors.is_empty() {
            return aggregator;
        }
        Aggregator::Group {
            extractor: together(&self.extractors),
            aggregator: Box::new(aggregator),
            filter: None,
        }
    }

    /// What stands at a place among what is extracted and computed.
    pub(super) fn source(&self, index: usize) -> Option<Source<'_>> {
        match self.extractors.get(index) {
            Some(extractor) => Some(Source::Extractor(extractor)),
            None => {
                let aggregator = self.aggregators.get(index - self.extractors.len());
                aggregator.map(Source::Aggregator)
            }
        }
    }

    /// How much is extracted and computed for each row.
    pub(super) fn width(&self) -> usize {
        self.extractors.len() + self.aggregators.len()
    }
}

/// One extractor, which gives an array when there are several.
fn together(extractors: &[Extractor]) -> Extractor {
    match extractors {
        [one] => one.clone(),
        several => Extractor::Multi(several.to_vec()),
    }
}

fn comparator_of_values((source, direction): (Source<'_>, Direction)) -> Option<Comparator> {
    let Source::Extractor(extractor) = source else {
        return None;
    };
    let comparator = match extractor {
        Extractor::Key(_) => return None,
        Extractor::Identity => Comparator::Natural,
        other => Comparator::Extractor(other.clone()),
    };
    Some(match direction {
        Direction::Ascending => comparator,
        Direction::Descending => comparator.inverse(),
    })
}

impl From<Item> for Selection {
    /// What a single column selects.
    fn from(item: Item) -> Self {
        match item {
            Item::Aggregator(_) => Selection::Aggregates,
            Item::Extractor(Extractor::Identity) => Selection::Values,
            Item::Extractor(Extractor::Key(inner)) if *inner == Extractor::Identity => Selection::Keys,
            Item::Extractor(_) => Selection::Extractors,
        }
    }
}
