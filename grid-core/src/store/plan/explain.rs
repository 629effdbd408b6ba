//! What the planner would do, or did, in words.

use crate::query::{Filter, IndexRecord, QueryError, RecordKind, RecordStep};
use crate::store::partition::is_over;
use crate::store::plan::planner::At;
use crate::store::plan::{Planner, PreparedFilter};
use crate::store::{CacheId, Partition, Timestamp};

impl Partition {
    /// How a filter would be answered, or is when it is traced: then the filter is asked. Steps of several partitions
    /// are put together by [`RecordStep::merge_all`]; times are zero, as there is no clock here.
    ///
    /// An explanation is one step. A trace has two: of what indexes and keys left, which is every entry where there are
    /// none, and of what the filter selected of that.
    ///
    /// # Errors
    /// When a trace finds an entry that the filter cannot be evaluated on.
    pub fn explain(
        &self,
        now: Timestamp,
        cache: CacheId,
        filter: &Filter,
        kind: RecordKind,
    ) -> Result<Vec<RecordStep>, QueryError> {
        let prepared = PreparedFilter::new(filter);
        let Some(planner) = Planner::of(self, cache, &prepared) else {
            let steps = if kind == RecordKind::Explain { 1 } else { 2 };
            return Ok(vec![RecordStep::without_index(filter, 0); steps]);
        };
        let mut step = planner.step(filter, At::TOP, 0);
        if kind == RecordKind::Explain {
            return Ok(vec![step]);
        }
        let (entries, mut left, mut selected) = (size(planner.entries()), 0, 0);
        let plan = self.plan(cache, &prepared);
        self.look(cache, &plan, |view| {
            left += 1;
            let selects = !is_over(&view, now) && prepared.ordered.evaluate(&view.query_entry())?;
            selected += i64::from(selects);
            Ok(())
        })?;
        step.keys_before = entries;
        step.keys_after = left;
        let mut looking = RecordStep::without_index(filter, left);
        looking.keys_before = left;
        looking.keys_after = selected;
        Ok(vec![step, looking])
    }
}

impl<'f> Planner<'_, 'f> {
    fn step(&self, filter: &'f Filter, at: At<'f>, depth: usize) -> RecordStep {
        /// Deeper parts are not told.
        const DEPTH_MAX: usize = 32;
        let entries = size(self.entries());
        let mut step = RecordStep::without_index(filter, entries);
        if depth >= DEPTH_MAX {
            step.steps = Vec::new();
            return step;
        }
        if !matches!(filter, Filter::Predicate(..)) {
            let parts = filter.parts();
            step.steps = parts.iter().map(|part| self.step(part, at, depth + 1)).collect();
        }
        let Some(found) = self.narrow(filter, at, usize::MAX) else {
            return step;
        };
        step.efficiency = size(found.count());
        if let Some(index) = filter
            .extractor()
            .and_then(|extractor| self.index_of(extractor, at))
        {
            let info = index.info();
            let (ordered, extractor) = (info.definition.sorted, info.definition.extractor.to_string());
            let (bytes, values) = (size(info.bytes), size(info.distinct_values));
            step.indexes = vec![IndexRecord::of(extractor, ordered, bytes, values)];
        }
        step
    }
}

fn size(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
