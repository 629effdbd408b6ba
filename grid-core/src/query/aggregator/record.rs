//! How a query was answered, or would be.

use crate::query::Filter;
use crate::query::agent::ObjectWriter;
use crate::value::json;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// What would be done.
    Explain,
    /// What was done.
    Trace,
}

impl RecordKind {
    /// The name in the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RecordKind::Explain => "EXPLAIN",
            RecordKind::Trace => "TRACE",
        }
    }
}

/// How a query was answered, or would be, by each member: what `QueryRecorder` answers.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryRecord {
    /// What was recorded.
    pub kind: RecordKind,
    /// What each member did.
    pub results: Vec<PartitionRecord>,
}

/// What a member did for its partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionRecord {
    /// How many partitions there are.
    pub partition_count: u16,
    /// The partitions that the member answered for.
    pub partitions: Vec<u16>,
    /// What was done, in order.
    pub steps: Vec<RecordStep>,
}

/// A filter and what it left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordStep {
    /// The filter as text.
    pub filter: String,
    /// How much is to be looked at: the entries that an index leaves, or a thousand times those before.
    pub efficiency: i64,
    /// The entries before.
    pub keys_before: i64,
    /// The entries after; 0 when nothing was done.
    pub keys_after: i64,
    /// The time in milliseconds.
    pub millis: i64,
    /// The indexes that were asked for.
    pub indexes: Vec<IndexRecord>,
    /// The filters in the filter.
    pub steps: Vec<RecordStep>,
}

/// An index that was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexRecord {
    /// What it is of, as text.
    pub extractor: String,
    /// The index as text; `None` when there is none.
    pub index: Option<String>,
    /// Whether it is ordered.
    pub ordered: bool,
    /// Its size in bytes, -1 when there is none.
    pub bytes: i64,
    /// How many values it has, -1 when there is none.
    pub distinct_values: i64,
}

impl QueryRecord {
    /// The record as the clients read it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let results: Vec<_> = self.results.iter().map(PartitionRecord::to_json).collect();
        let mut kind = Vec::new();
        ObjectWriter::new("aggregator.QueryRecorder.RecordType", &mut kind)
            .string("enum", self.kind.name())
            .end();
        ObjectWriter::new("util.SimpleQueryRecord", &mut out)
            .json("results", &array(&results))
            .json("type", &kind)
            .end();
        out
    }
}

impl PartitionRecord {
    fn to_json(&self) -> Vec<u8> {
        let mut set = Vec::new();
        ObjectWriter::new("net.partition.PartitionSet", &mut set)
            .json("bits", &self.bits())
            .integer(
                "markedCount",
                i64::try_from(self.partitions.len()).unwrap_or(i64::MAX),
            )
            .integer("partitionCount", i64::from(self.partition_count))
            .integer("tailMask", tail_mask(self.partition_count))
            .end();
        let steps: Vec<_> = self.steps.iter().map(RecordStep::to_json).collect();
        let mut out = Vec::new();
        ObjectWriter::new("util.SimpleQueryRecord.PartialResult", &mut out)
            .json("partitionSet", &set)
            .json("steps", &array(&steps))
            .end();
        out
    }

    /// The partitions as bits, in words of 64.
    fn bits(&self) -> Vec<u8> {
        let mut words = vec![0_u64; usize::from(self.partition_count).div_ceil(64)];
        for partition in &self.partitions {
            if let Some(word) = words.get_mut(usize::from(partition / 64)) {
                *word |= 1 << (partition % 64);
            }
        }
        let texts: Vec<_> = words
            .iter()
            .map(|word| {
                let mut text = Vec::new();
                json::write_integer(i64::from_be_bytes(word.to_be_bytes()), &mut text);
                text
            })
            .collect();
        array(&texts)
    }
}

/// The bits that are used in the last word.
fn tail_mask(partition_count: u16) -> i64 {
    let used = partition_count % 64;
    if used == 0 { -1 } else { (1 << used) - 1 }
}

impl RecordStep {
    /// The step of a filter that no index serves, before it is done.
    #[must_use]
    pub fn without_index(filter: &Filter, keys_before: i64) -> Self {
        const SCANNED: i64 = 1_000;
        let steps: Vec<_> = filter
            .parts()
            .iter()
            .map(|part| RecordStep::without_index(part, keys_before))
            .collect();
        let indexes = filter.extractor().into_iter().map(|extractor| IndexRecord {
            extractor: extractor.to_string(),
            bytes: -1,
            distinct_values: -1,
            ..IndexRecord::default()
        });
        RecordStep {
            filter: filter.to_string(),
            efficiency: keys_before.saturating_mul(if steps.is_empty() { SCANNED } else { 0 }),
            keys_before: if steps.is_empty() { keys_before } else { 0 },
            indexes: indexes.collect(),
            steps,
            ..RecordStep::default()
        }
    }

    fn to_json(&self) -> Vec<u8> {
        let indexes: Vec<_> = self.indexes.iter().map(IndexRecord::to_json).collect();
        let steps: Vec<_> = self.steps.iter().map(RecordStep::to_json).collect();
        let mut out = Vec::new();
        ObjectWriter::new("util.SimpleQueryRecord.PartialResult.Step", &mut out)
            .integer("efficiency", self.efficiency)
            .string("filter", &self.filter)
            .json("indexLookupRecords", &array(&indexes))
            .integer("keySetSizePost", self.keys_after)
            .integer("keySetSizePre", self.keys_before)
            .integer("millis", self.millis)
            .json("subSteps", &array(&steps))
            .end();
        out
    }
}

impl IndexRecord {
    fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let writer = ObjectWriter::new("util.SimpleQueryRecord.PartialResult.IndexLookupRecord", &mut out);
        let writer = writer
            .integer("bytes", self.bytes)
            .integer("distinctValues", self.distinct_values)
            .string("extractor", &self.extractor);
        let writer = match &self.index {
            Some(index) => writer.string("index", index).string("indexDesc", "Partitioned: "),
            None => writer,
        };
        writer.flag("ordered", self.ordered).end();
        out
    }
}

fn array(texts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![b'['];
    out.extend_from_slice(&texts.join(&b","[..]));
    out.push(b']');
    out
}
