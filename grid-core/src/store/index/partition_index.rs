//! One index of a cache in a partition.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::query::Filter;
use crate::store::arena::Handle;
use crate::store::index::ask::{Ask, Pattern};
use crate::store::index::buckets::{Bucket, Buckets, Effect};
use crate::store::index::effort::Effort;
use crate::store::index::held::Held;
use crate::store::index::implied::implied;
use crate::store::index::postings::Postings;
use crate::store::index::signatures::Signatures;
use crate::store::index::{IndexDefinition, IndexInfo};

/// An index: the values of entries, and of each value the entries that have it; or their vectors.
#[derive(Debug)]
pub(in crate::store) struct PartitionIndex {
    definition: Arc<IndexDefinition>,
    buckets: Buckets,
    signatures: Signatures,
    without_value: Postings,
    /// How many entries have a value.
    with_value: usize,
    /// How many buckets are of whole values.
    values: usize,
    /// The memory of keys and sets of entries.
    heap_bytes: usize,
}

impl PartitionIndex {
    pub(in crate::store) fn new(definition: Arc<IndexDefinition>) -> Self {
        let buckets = Buckets::new(definition.sorted);
        PartitionIndex {
            definition,
            buckets,
            signatures: Signatures::default(),
            without_value: Postings::default(),
            with_value: 0,
            values: 0,
            heap_bytes: 0,
        }
    }

    pub(in crate::store) fn definition(&self) -> &Arc<IndexDefinition> {
        &self.definition
    }

    pub(in crate::store) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(in crate::store) fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    pub(in crate::store) fn without_value(&self) -> &Postings {
        &self.without_value
    }

    /// Adds an entry.
    pub(in crate::store) fn insert(&mut self, held: &Held, handle: Handle) {
        match held {
            Held::Nothing => {}
            Held::NoValue => {
                let before = self.without_value.heap_bytes();
                self.without_value.insert(handle);
                self.heap_bytes = self.heap_bytes - before + self.without_value.heap_bytes();
            }
            Held::One(_) | Held::Array(..) => {
                for (index, key) in held.keys().enumerate() {
                    let effect = self.buckets.insert(key, handle);
                    self.count(effect, index == 0, 1);
                }
            }
            Held::Vector(signature) => {
                let grown = self.signatures.insert(signature, handle);
                self.heap_bytes = self.heap_bytes.saturating_add_signed(grown);
            }
        }
    }

    /// Takes an entry out that is in the index as it was put there.
    pub(in crate::store) fn remove(&mut self, held: &Held, handle: Handle) {
        match held {
            Held::Nothing => {}
            Held::NoValue => {
                let before = self.without_value.heap_bytes();
                self.without_value.remove(handle);
                self.heap_bytes = self.heap_bytes - before + self.without_value.heap_bytes();
            }
            Held::One(_) | Held::Array(..) => {
                for (index, key) in held.keys().enumerate() {
                    let effect = self.buckets.remove(key, handle);
                    self.count(effect, index == 0, -1);
                }
            }
            Held::Vector(signature) => {
                let grown = self.signatures.remove(signature, handle);
                self.heap_bytes = self.heap_bytes.saturating_add_signed(grown);
            }
        }
    }

    fn count(&mut self, effect: Effect, whole: bool, step: isize) {
        self.heap_bytes = self.heap_bytes.saturating_add_signed(effect.grown);
        if whole && effect.changed {
            self.with_value = self.with_value.saturating_add_signed(step);
        }
        if whole && effect.value {
            self.values = self.values.saturating_add_signed(step);
        }
    }

    /// Forgets all entries.
    pub(in crate::store) fn clear(&mut self) {
        *self = PartitionIndex::new(Arc::clone(&self.definition));
    }

    /// Whether the index has every entry that a filter needs: one that stands for "all of these". Also `false` when finding
    /// out takes more steps than are left.
    pub(in crate::store) fn has_all(&self, known: &[&Filter], effort: &Effort) -> bool {
        let condition = self.definition.filter.as_ref();
        condition.is_none_or(|condition| implied(condition, known, effort))
    }

    /// The entries that what is asked, with texts that match a pattern, may select or fail on, as sets that may share entries, with the sum of their
    /// sizes. `None` when there are more than `count_max`, or finding them would take longer than looking at so many, or
    /// more steps than are left.
    pub(in crate::store) fn find(
        &self,
        (ask, pattern): (&Ask, Option<Pattern<'_>>),
        count_max: usize,
        effort: &Effort,
    ) -> Option<(Vec<&Postings>, usize)> {
        let mut found = Vec::new();
        let mut count = 0;
        let mut take = |postings| {
            let postings: &Postings = postings;
            if postings.len() > 0 {
                count += postings.len();
                found.push(postings);
            }
            if count > count_max {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        effort.take(ask.ranges.len())?;
        if !self.buckets.is_sorted() {
            // Each range that is no point goes through all values.
            let each = self.buckets.len() / 2;
            let walks = ask.ranges.iter().filter(|range| range.as_point().is_none());
            let walks = walks.count();
            if walks > 0 && each > count_max {
                return None;
            }
            effort.take(walks.saturating_mul(each / 2))?;
        }
        let mut full = take(&self.without_value).is_break();
        let (mut looked_at, look_max) = (0, count_max.min(effort.left()));
        for range in &ask.ranges {
            if full {
                break;
            }
            full = match range.as_point() {
                Some(key) => self
                    .buckets
                    .get(key)
                    .map_or(ControlFlow::Continue(()), |bucket| take(&bucket.postings)),
                None => self.buckets.visit(range, |bucket: &Bucket| {
                    looked_at += 1;
                    if looked_at > look_max {
                        return ControlFlow::Break(());
                    }
                    if pattern.is_none_or(|pattern| pattern.may_be(&bucket.key)) {
                        take(&bucket.postings)
                    } else {
                        ControlFlow::Continue(())
                    }
                }),
            }
            .is_break();
        }
        effort.take(looked_at)?;
        (!full).then_some((found, count))
    }

    /// The memory of the index.
    pub(in crate::store) fn bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.table_bytes() + self.heap_bytes
    }

    pub(in crate::store) fn info(&self) -> IndexInfo {
        IndexInfo {
            definition: Arc::clone(&self.definition),
            entries: self.with_value + self.signatures.len() + self.without_value.len(),
            without_value: self.without_value.len(),
            distinct_values: self.values + self.signatures.len(),
            bytes: self.bytes(),
        }
    }

    /// The memory of keys and sets of entries, counted anew.
    pub(in crate::store) fn heap_bytes_counted(&self) -> usize {
        let buckets = self.buckets.iter();
        let bytes = buckets.map(|bucket| bucket.key.heap_bytes() + bucket.postings.heap_bytes());
        bytes.sum::<usize>() + self.signatures.bytes() + self.without_value.heap_bytes()
    }

    /// The memory of keys and sets of entries, as it was counted step by step.
    pub(in crate::store) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }
}
