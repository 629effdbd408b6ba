//! Indexes as `GET /caches/indexes` shows them.

use grid_core::store::IndexReport;
use grid_member::cache::{CacheIndexes, CacheKind};
use serde::Serialize;
use serde_json::Value;

/// An index of a cache, as operators see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IndexInfo {
    /// The name of the cache, with its scope before it and a colon between when it has a scope.
    pub cache: String,
    /// How the cache is kept.
    pub kind: CacheKind,
    /// What the index is of.
    pub index: String,
    /// Whether values are kept in order.
    pub sorted: bool,
    /// Which entries are in it; null for all.
    pub condition: Option<String>,
    /// The order that was asked for; null for that of the values.
    pub comparator: Option<Value>,
    /// For an index of vectors, how many times as many entries it finds as are wanted; null for one of values.
    pub oversampling: Option<u32>,
    /// How many partitions have it.
    pub partitions: u64,
    /// How many entries it has.
    pub entries: u64,
    /// How many of them are without a value.
    pub without_value: u64,
    /// How many values the entries have, a value in each partition that has it.
    pub values: u64,
    /// The bytes of memory that it takes at all members.
    pub bytes: u64,
    /// How many differences from the entries there are; null when nobody looked.
    pub differences: Option<u64>,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

impl IndexInfo {
    /// The indexes of a cache.
    #[must_use]
    pub fn of_cache(indexes: CacheIndexes) -> Vec<Self> {
        let CacheIndexes { name, kind, indexes } = indexes;
        let shown = |report| IndexInfo::of(&name, kind, report);
        indexes.into_iter().map(shown).collect()
    }

    fn of(cache: &str, kind: CacheKind, report: IndexReport) -> Self {
        let definition = report.definition;
        let comparator = definition.comparator.as_ref();
        IndexInfo {
            cache: cache.to_owned(),
            kind,
            index: definition.extractor.to_string(),
            sorted: definition.sorted,
            condition: definition.filter.as_ref().map(ToString::to_string),
            // What was agreed on is JSON.
            comparator: comparator.and_then(|order| serde_json::from_slice(&order.to_json().ok()?).ok()),
            oversampling: definition.oversampling.map(u32::from),
            partitions: report.partitions,
            entries: report.entries,
            without_value: report.without_value,
            values: report.distinct_values,
            bytes: report.bytes,
            differences: report.differences,
            examples: report.examples,
        }
    }
}
