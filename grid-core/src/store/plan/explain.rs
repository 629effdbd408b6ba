//! What the planner would do, or did, in words.

use crate::query::{Filter, IndexRecord, QueryError, RecordKind, RecordStep, StepRoom};
use crate::store::index::Effort;
use crate::store::partition::is_over;
use crate::store::plan::planner::At;
use crate::store::plan::{Planner, PreparedFilter};
use crate::store::{CacheId, Partition, Timestamp};

/// How often the effort of a plan all parts of a filter are worth that is explained.
const PARTS_WORTH: usize = 8;

impl Partition {
    /// How a filter would be answered, or is when it is traced: then the filter is asked. Steps of several partitions
    /// are put together by [`RecordStep::merge_all`]; times are zero, as there is no clock here.
    ///
    /// What is told is bounded: see [`StepRoom`]. Of a part that is not worth the effort nothing is found out.
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
        let Some(map) = self.map(cache) else {
            let steps = if kind == RecordKind::Explain { 1 } else { 2 };
            return Ok(vec![RecordStep::without_index(filter, 0); steps]);
        };
        let entries = map.len();
        let mut explaining = Explaining {
            partition: self,
            cache,
            known: &prepared.known,
            entries,
            room: StepRoom::new(),
        };
        // The whole filter is worth as much as when it is planned.
        let mut step = explaining.step((filter, &prepared), &Effort::worth(entries, 1));
        explaining.steps_of(filter, &mut step, (&Effort::worth(entries, PARTS_WORTH), 0));
        if kind == RecordKind::Explain {
            return Ok(vec![step]);
        }
        let (mut left, mut selected) = (0, 0);
        let plan = self.plan(cache, &prepared);
        self.look(cache, &plan, |view| {
            left += 1;
            let selects = !is_over(&view, now) && prepared.ordered.evaluate(&view.query_entry())?;
            selected += usize::from(selects);
            Ok(())
        })?;
        Ok(step.traced(filter, (entries, left, selected)))
    }
}

/// What is told of a filter in a partition.
struct Explaining<'p, 'f> {
    partition: &'p Partition,
    cache: CacheId,
    /// What must hold of what the whole filter selects.
    known: &'p [&'f Filter],
    entries: usize,
    room: StepRoom,
}

impl<'f> Explaining<'_, 'f> {
    /// What is told of a filter, without its parts.
    fn step(&mut self, (filter, prepared): (&'f Filter, &PreparedFilter<'f>), effort: &Effort) -> RecordStep {
        let mut step = RecordStep::alone(filter, size(self.entries), &mut self.room);
        let planner = Planner::of(self.partition, self.cache, prepared, effort);
        let Some((planner, found)) = planner.and_then(|planner| {
            let found = planner.narrow(filter, At::TOP, usize::MAX)?;
            Some((planner, found))
        }) else {
            return step;
        };
        step.efficiency = size(found.count());
        if let Some(index) = filter
            .extractor()
            .and_then(|extractor| planner.index_of(extractor, At::TOP))
        {
            let info = index.info();
            let extractor = self.room.text(&info.definition.extractor);
            let (bytes, values) = (size(info.bytes), size(info.distinct_values));
            step.indexes = vec![IndexRecord::of(extractor, info.definition.sorted, bytes, values)];
        }
        step
    }

    /// Tells of the parts of a filter, each as if it were asked alone.
    fn steps_of(&mut self, filter: &'f Filter, step: &mut RecordStep, (effort, depth): (&Effort, usize)) {
        // Deeper parts are not told.
        if depth + 1 >= RecordStep::DEPTH_MAX || matches!(filter, Filter::Predicate(..)) {
            return;
        }
        for part in filter.parts() {
            if !self.room.is_left() {
                break;
            }
            let prepared = PreparedFilter::with(part, self.known.to_vec());
            let mut told = self.step((part, &prepared), effort);
            self.steps_of(part, &mut told, (effort, depth + 1));
            step.steps.push(told);
        }
    }
}

fn size(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
