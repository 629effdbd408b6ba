//! Indexes as those see them who keep them.

use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::index::{IndexDefinition, IndexFault, PartitionIndex};
use crate::store::{CacheId, Partition};

/// The most differences of an index that are told in words.
const EXAMPLES_MAX: usize = 10;

/// An index of a cache: what it is of, its sizes in all partitions that have it, and what differs from the entries when
/// that was asked for.
///
/// Members and clients tell it in JSON: the definition as a text ([`IndexDefinition::to_json`]), the rest by name.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexReport {
    /// What it is of.
    pub definition: IndexDefinition,
    /// How many partitions have it. One that was just moved, or where it is being made, looks at every entry until it has.
    pub partitions: u64,
    /// How many entries it has, those without a value included.
    pub entries: u64,
    /// How many of them are without a value: something could not be extracted or read. Every filter looks at them.
    pub without_value: u64,
    /// How many values the entries have, a value in each partition that has it.
    pub distinct_values: u64,
    /// The bytes of memory that it takes.
    pub bytes: u64,
    /// How many differences from the entries were found, at most 201 of a partition; `None` when nobody looked.
    pub differences: Option<u64>,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

impl IndexReport {
    fn of(index: &PartitionIndex, faults: Option<&[IndexFault]>) -> Self {
        let info = index.info();
        let examples = faults.unwrap_or_default().iter().take(EXAMPLES_MAX);
        IndexReport {
            definition: (*info.definition).clone(),
            partitions: 1,
            entries: info.entries as u64,
            without_value: info.without_value as u64,
            distinct_values: info.distinct_values as u64,
            bytes: info.bytes as u64,
            differences: faults.map(|faults| faults.len() as u64),
            examples: examples.map(ToString::to_string).collect(),
        }
    }

    /// Adds what another partition tells of its indexes to those of some, and has them in the order of their extractors'
    /// texts.
    pub fn merge_all(reports: &mut Vec<IndexReport>, others: Vec<IndexReport>) {
        for other in others {
            let same = |known: &&mut IndexReport| known.definition.is_of(&other.definition.extractor);
            match reports.iter_mut().find(same) {
                Some(known) => known.merge(other),
                None => reports.push(other),
            }
        }
        reports.sort_by_cached_key(|report| report.definition.extractor.to_string());
    }

    fn merge(&mut self, other: IndexReport) {
        let sums = [
            (&mut self.partitions, other.partitions),
            (&mut self.entries, other.entries),
            (&mut self.without_value, other.without_value),
            (&mut self.distinct_values, other.distinct_values),
            (&mut self.bytes, other.bytes),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        let both = self.differences.zip(other.differences);
        self.differences = both.map(|(one, other)| one.saturating_add(other));
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

impl Partition {
    /// The indexes of a cache with their sizes, and with `check` what of them differs from the entries, as
    /// [`check_indexes`](Self::check_indexes) finds it.
    #[must_use]
    pub fn index_reports(&self, cache: CacheId, check: bool) -> Vec<IndexReport> {
        let indexes = self.indexes.get(cache).into_iter();
        let report = |index| {
            let faults = check.then(|| self.check_index(cache, index));
            IndexReport::of(index, faults.as_deref())
        };
        indexes
            .flat_map(|indexes| indexes.as_slice())
            .map(report)
            .collect()
    }

    /// The bytes of memory that the indexes of a cache take.
    #[must_use]
    pub fn index_bytes(&self, cache: CacheId) -> usize {
        let indexes = self.indexes.get(cache).into_iter();
        indexes
            .flat_map(|indexes| indexes.as_slice())
            .map(PartitionIndex::bytes)
            .sum()
    }
}

impl fmt::Display for IndexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IndexFault::Missing { extractor, key } => {
                let key = String::from_utf8_lossy(key.bytes());
                write!(
                    f,
                    "the index of {extractor} lacks the entry {key} where its value is"
                )
            }
            IndexFault::Extra {
                extractor,
                key: Some(key),
            } => {
                let key = String::from_utf8_lossy(key.bytes());
                write!(
                    f,
                    "the index of {extractor} has the entry {key} under another value"
                )
            }
            IndexFault::Extra { extractor, key: None } => {
                write!(f, "the index of {extractor} has an entry that is gone")
            }
            IndexFault::Miscounted { said, counted } => write!(
                f,
                "the index of {} counts {} entries, {} of them without a value, and {} values in {} bytes; there are \
                 {}, {} and {}",
                said.definition.extractor,
                said.entries,
                said.without_value,
                said.distinct_values,
                said.bytes,
                counted.entries,
                counted.without_value,
                counted.distinct_values
            ),
        }
    }
}

/// A report as it is told.
#[derive(Serialize, Deserialize)]
struct Told {
    definition: String,
    partitions: u64,
    entries: u64,
    without_value: u64,
    distinct_values: u64,
    bytes: u64,
    differences: Option<u64>,
    examples: Vec<String>,
}

impl Serialize for IndexReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let definition = self.definition.to_json().map_err(S::Error::custom)?;
        let told = Told {
            definition: String::from_utf8(definition).map_err(S::Error::custom)?,
            partitions: self.partitions,
            entries: self.entries,
            without_value: self.without_value,
            distinct_values: self.distinct_values,
            bytes: self.bytes,
            differences: self.differences,
            examples: self.examples.clone(),
        };
        told.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for IndexReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = Told::deserialize(deserializer)?;
        Ok(IndexReport {
            definition: IndexDefinition::from_json(told.definition.as_bytes()).map_err(D::Error::custom)?,
            partitions: told.partitions,
            entries: told.entries,
            without_value: told.without_value,
            distinct_values: told.distinct_values,
            bytes: told.bytes,
            differences: told.differences,
            examples: told.examples,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::query::{Extractor, field};
    use crate::store::index::IndexInfo;
    use crate::value::{from_binary, to_binary};

    fn report(path: &str, entries: u64, differences: Option<u64>) -> IndexReport {
        IndexReport {
            definition: IndexDefinition::new(Extractor::path(path)).only(field("a").gt(1)),
            partitions: 1,
            entries,
            without_value: 1,
            distinct_values: 2,
            bytes: 100,
            differences,
            examples: vec![path.to_owned(); usize::try_from(differences.unwrap_or(0)).unwrap()],
        }
    }

    #[test]
    fn reports_come_back_as_they_were_told() {
        let reports = vec![report("a.b", 3, Some(2)), report("c", 0, None)];
        let told = to_binary(&reports).unwrap();
        assert_eq!(from_binary::<Vec<IndexReport>>(&told).unwrap(), reports);
    }

    #[test]
    fn partitions_are_put_together() {
        let mut all = vec![report("b", 3, Some(8))];
        IndexReport::merge_all(&mut all, vec![report("b", 4, Some(7)), report("a", 1, None)]);
        let [a, b] = all.as_slice() else {
            panic!("two indexes");
        };
        assert_eq!(a, &report("a", 1, None));
        assert_eq!((b.partitions, b.entries, b.bytes), (2, 7, 200));
        assert_eq!((b.differences, b.examples.len()), (Some(15), EXAMPLES_MAX));
        // Where one was not looked at, nobody knows.
        IndexReport::merge_all(&mut all, vec![report("b", 1, None)]);
        assert_eq!(all.last().and_then(|b| b.differences), None);
    }

    #[test]
    fn differences_are_told_in_words() {
        let definition = Arc::new(IndexDefinition::new(Extractor::path("age")));
        let info = |entries| IndexInfo {
            definition: definition.clone(),
            entries,
            without_value: 0,
            distinct_values: 1,
            bytes: 40,
        };
        let fault = IndexFault::Miscounted {
            said: info(2),
            counted: info(3),
        };
        assert!(
            fault.to_string().starts_with("the index of age counts 2 entries"),
            "{fault}"
        );
        let gone = IndexFault::Extra {
            extractor: Extractor::path("age"),
            key: None,
        };
        assert_eq!(gone.to_string(), "the index of age has an entry that is gone");
    }
}
