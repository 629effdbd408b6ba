//! How a query was answered, or would be.

use std::fmt;

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

/// How much a record may still tell: a thousand steps, and texts of 64 KiB together. Each partition sends what it tells.
#[derive(Debug)]
pub struct StepRoom {
    steps: usize,
    text_bytes: usize,
}

impl StepRoom {
    /// The room of a record.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is no empty one")]
    pub fn new() -> Self {
        StepRoom {
            steps: 1_000,
            text_bytes: 64 << 10,
        }
    }

    /// Whether there is room for another step.
    #[must_use]
    pub fn is_left(&self) -> bool {
        self.steps > 0
    }

    /// The text of something, as far as there is room: at most 4 KiB of it, with an ellipsis where it is cut.
    pub fn text(&mut self, of: impl fmt::Display) -> String {
        const TEXT_MAX: usize = 4 << 10;
        let mut cut = Cut {
            text: String::new(),
            bytes_max: self.text_bytes.min(TEXT_MAX),
        };
        // It fails where it is cut.
        if fmt::write(&mut cut, format_args!("{of}")).is_err() {
            cut.text.push('…');
        }
        self.text_bytes = self.text_bytes.saturating_sub(cut.text.len());
        cut.text
    }
}

/// A text that is cut at some length, and not written further.
struct Cut {
    text: String,
    bytes_max: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.bytes_max - self.text.len();
        let end = more.floor_char_boundary(room);
        self.text.push_str(&more[..end]);
        if end < more.len() { Err(fmt::Error) } else { Ok(()) }
    }
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
    /// Adds what was done for other partitions of the same member.
    pub fn merge(&mut self, other: PartitionRecord) {
        self.partition_count = self.partition_count.max(other.partition_count);
        self.partitions.extend(other.partitions);
        self.partitions.sort_unstable();
        self.partitions.dedup();
        RecordStep::merge_all(&mut self.steps, other.steps);
    }

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
    /// How deep filters in each other are told; those deeper are left out, as a record is read as JSON, which has a depth.
    pub const DEPTH_MAX: usize = 32;

    /// Adds the steps of another partition to those of some. Where they differ, as one partition used an index and
    /// another did not, those that are the same come together, from the last on: all end by looking at entries.
    pub fn merge_all(steps: &mut Vec<RecordStep>, others: Vec<RecordStep>) {
        if steps.len() < others.len() {
            let first = others.len() - steps.len();
            let mut others = others.into_iter();
            let mut merged: Vec<_> = others.by_ref().take(first).collect();
            for (mut step, other) in steps.drain(..).zip(others) {
                step.merge(other);
                merged.push(step);
            }
            *steps = merged;
        } else {
            let first = steps.len() - others.len();
            for (step, other) in steps.iter_mut().skip(first).zip(others) {
                step.merge(other);
            }
        }
    }

    /// Adds the same step of another partition: sums, and the longer of the times, as partitions are asked side by side.
    pub fn merge(&mut self, other: RecordStep) {
        self.efficiency = self.efficiency.saturating_add(other.efficiency);
        self.keys_before = self.keys_before.saturating_add(other.keys_before);
        self.keys_after = self.keys_after.saturating_add(other.keys_after);
        self.millis = self.millis.max(other.millis);
        for (index, record) in other.indexes.into_iter().enumerate() {
            match self.indexes.get_mut(index) {
                Some(here) => here.merge(record),
                None => self.indexes.push(record),
            }
        }
        for (index, step) in other.steps.into_iter().enumerate() {
            match self.steps.get_mut(index) {
                Some(here) => here.merge(step),
                None => self.steps.push(step),
            }
        }
    }

    /// The steps of a filter that was done, of which this explains the first: how many entries there are, how many of them
    /// indexes and keys left, and how many of those the filter selects.
    #[must_use]
    pub fn traced(mut self, filter: &Filter, (entries, left, selected): (usize, usize, usize)) -> Vec<Self> {
        let size = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let mut looking = RecordStep::without_index(filter, size(left));
        (self.keys_before, self.keys_after) = (size(entries), size(left));
        (looking.keys_before, looking.keys_after) = (size(left), size(selected));
        vec![self, looking]
    }

    /// The step of a filter that no index serves, before it is done, with those of its parts as far as there is room, down to
    /// [`DEPTH_MAX`](Self::DEPTH_MAX).
    #[must_use]
    pub fn without_index(filter: &Filter, keys_before: i64) -> Self {
        Self::with_parts(filter, keys_before, 0, &mut StepRoom::new())
    }

    fn with_parts(filter: &Filter, keys_before: i64, depth: usize, room: &mut StepRoom) -> Self {
        let mut step = Self::alone(filter, keys_before, room);
        if depth + 1 >= RecordStep::DEPTH_MAX {
            return step;
        }
        for part in filter.parts() {
            if !room.is_left() {
                break;
            }
            step.steps
                .push(Self::with_parts(part, keys_before, depth + 1, room));
        }
        step
    }

    /// The same without those of its parts.
    #[must_use]
    pub fn alone(filter: &Filter, keys_before: i64, room: &mut StepRoom) -> Self {
        const SCANNED: i64 = 1_000;
        room.steps = room.steps.saturating_sub(1);
        let text = room.text(filter);
        let indexes = filter.extractor().into_iter().map(|extractor| IndexRecord {
            extractor: room.text(extractor),
            bytes: -1,
            distinct_values: -1,
            ..IndexRecord::default()
        });
        let indexes = indexes.collect();
        let has_parts = !filter.parts().is_empty();
        RecordStep {
            filter: text,
            efficiency: keys_before.saturating_mul(if has_parts { 0 } else { SCANNED }),
            keys_before: if has_parts { 0 } else { keys_before },
            indexes,
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
    /// An index that serves a filter, in words.
    #[must_use]
    pub fn of(extractor: String, ordered: bool, bytes: i64, distinct_values: i64) -> Self {
        let mut record = IndexRecord {
            extractor,
            index: None,
            ordered,
            bytes,
            distinct_values,
        };
        record.describe();
        record
    }

    fn describe(&mut self) {
        let (footprint, size) = (footprint(self.bytes), self.distinct_values);
        self.index = Some(format!("Partitioned: Footprint={footprint}, Size={size}"));
    }

    /// Adds the same index of another partition. A value that is in several counts in each.
    fn merge(&mut self, other: IndexRecord) {
        if other.index.is_none() {
            return;
        }
        if self.index.is_none() {
            *self = other;
            return;
        }
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.distinct_values = self.distinct_values.saturating_add(other.distinct_values);
        self.describe();
    }

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

/// A number of bytes in three digits and a unit, as the reference writes it.
fn footprint(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let (mut hundredths, mut unit) = ((i128::from(bytes) * 100 + 512) / 1024, 0);
    while hundredths >= 102_400 && unit + 1 < UNITS.len() {
        hundredths /= 1024;
        unit += 1;
    }
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    match whole {
        0..10 => format!("{whole}.{rest:02}{unit}"),
        10..100 => format!("{whole}.{}{unit}", rest / 10),
        _ => format!("{whole}{unit}"),
    }
}

fn array(texts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![b'['];
    out.extend_from_slice(&texts.join(&b","[..]));
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::field;
    use crate::value::{from_binary, to_binary};

    #[test]
    fn a_footprint_has_three_digits() {
        let texts = [
            (512, "512B"),
            (6840, "6.68KB"),
            (68_400, "66.8KB"),
            (5 << 20, "5.00MB"),
            (i64::MAX, "8192PB"),
        ];
        for (bytes, text) in texts {
            assert_eq!(footprint(bytes), text);
        }
    }

    #[test]
    fn filters_are_told_within_limits() {
        fn depth(step: &RecordStep) -> usize {
            1 + step.steps.iter().map(depth).max().unwrap_or_default()
        }
        let deep = (0..150).fold(field("a").gt(1), |inner, _| !inner);
        let step = RecordStep::without_index(&deep, 7);
        assert_eq!(depth(&step), RecordStep::DEPTH_MAX);
        let text = serde_json::to_vec(&step).unwrap();
        assert_eq!(serde_json::from_slice::<RecordStep>(&text).unwrap(), step);
        let traced = step.traced(&deep, (7, 7, 7));
        let told = to_binary(&traced).unwrap();
        assert_eq!(from_binary::<Vec<RecordStep>>(&told).unwrap(), traced);
    }

    #[test]
    fn records_of_partitions_are_put_together() {
        let filter = field("age").gt(25);
        let with_index = |efficiency, bytes| RecordStep {
            efficiency,
            indexes: vec![IndexRecord::of("age".to_owned(), true, bytes, 2)],
            keys_after: efficiency,
            millis: efficiency,
            ..RecordStep::without_index(&filter, 10)
        };
        let looking = |before| RecordStep {
            keys_after: 1,
            ..RecordStep::without_index(&filter, before)
        };
        let of = |partition, steps| PartitionRecord {
            partition_count: 257,
            partitions: vec![partition],
            steps,
        };
        let mut record = of(3, vec![looking(10)]);
        record.merge(of(1, vec![with_index(4, 1_000), looking(4)]));
        record.merge(of(2, vec![with_index(3, 1_048), looking(3)]));
        record.merge(of(2, vec![looking(5)]));
        assert_eq!(record.partitions, [1, 2, 3]);
        let [index, looked] = record.steps.as_slice() else {
            panic!("two steps");
        };
        let merged = IndexRecord::of("age".to_owned(), true, 2_048, 4);
        assert_eq!(
            (
                index.efficiency,
                index.keys_before,
                index.keys_after,
                index.millis
            ),
            (7, 20, 7, 4)
        );
        assert_eq!(index.indexes, [merged]);
        assert_eq!((looked.keys_before, looked.keys_after), (22, 4));
        assert_eq!(looked.indexes, RecordStep::without_index(&filter, 0).indexes);
    }
}
