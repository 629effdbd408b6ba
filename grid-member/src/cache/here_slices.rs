//! What takes long to ask of a partition, answered slice by slice.
//!
//! # Invariant
//!
//! Whoever changes a partition waits for no more than one slice of what is asked about it: the partition is let go between
//! slices, and the rest is not looked at when nobody waits for the answer any more. What was read belongs together as long
//! as the partition stays in its epoch; otherwise it is asked for again, and the answer is shown when the last record that a
//! slice depends on is acknowledged.

use std::ops::ControlFlow;

use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::query::{Aggregator, Filter, QueryError, RecordKind};
use grid_core::replication::{Position, Replica};
use grid_core::store::{
    Page, PageContent, PageCursor, PageLimits, Partition, PreparedFilter, SliceLimits, SlicedPage, Slices,
    Timestamp,
};
use grid_core::value::{Binary, Key, to_binary};

use crate::replication::{Tried, Waiter};

use super::here::PartAnswer;
use super::here_ask::Ready;
use super::off_thread::unfit;
use super::shared::Shared;
use super::{OpenCache, PartFailure, PartRequest, PartResult, Question};

/// What is read at a time with a filter and an aggregator that read an entry once: some milliseconds.
const SLICE: SliceLimits = SliceLimits {
    entries_max: 16_384,
    bytes_max: 4 << 20,
};

/// What is read at a time when each entry is read so often.
fn slice(passes: usize) -> SliceLimits {
    SliceLimits {
        entries_max: (SLICE.entries_max / passes.max(1)).max(1),
        bytes_max: (SLICE.bytes_max / passes.max(1)).max(1),
    }
}

/// Why nothing more is read.
enum Ended {
    /// This member does not serve the partition, or not as it did.
    Elsewhere,
    /// Nobody waits for the answer.
    Unwanted,
    /// What was asked cannot be answered.
    Failed(QueryError),
}

impl From<QueryError> for Ended {
    fn from(error: QueryError) -> Self {
        Ended::Failed(error)
    }
}

/// What is read first.
enum First<T> {
    /// All, which is little.
    All(T),
    /// Nothing: it is to be read in slices.
    Much(Slices),
}

impl OpenCache {
    /// Answers what is asked about the entries of a partition slice by slice, while `go_on` says so; once it says no there is
    /// no answer. Gives `done` back when something else is asked.
    pub(super) fn here_in_slices<D>(
        &self,
        id: PartitionId,
        request: &PartRequest,
        ready: Ready<'_>,
        (shared, go_on): (&Shared, &dyn Fn() -> bool),
        done: D,
    ) -> Option<D>
    where
        D: FnOnce(PartAnswer) + Send + Sync + 'static,
    {
        let fresh;
        let prepared = match (request.question(), ready) {
            (Some(question), Some((of, prepared))) if std::ptr::eq(of, question.as_ref()) => prepared,
            (question, _) => {
                fresh = PreparedFilter::new(question.map_or(&Filter::Always, |question| question.filter()));
                &fresh
            }
        };
        let passes = request.question().map_or(1, |question| question.passes());
        let mut reading = Reading {
            cache: self,
            id,
            shared,
            go_on,
            prepared,
            slice: slice(passes),
            epoch: None,
            position: None,
        };
        let read = match request {
            PartRequest::Query {
                after,
                limits,
                content,
                ..
            } => reading.page(*after, (*limits, *content)),
            PartRequest::Aggregate { question, keys } if !question.has_own_code() => match keys {
                None => reading.aggregate(question),
                Some(keys) => reading.aggregate_keys(question, keys),
            },
            PartRequest::ContainsValue(value) => reading.contains_value(value),
            _ => return Some(done),
        };
        // What a destroy has emptied meanwhile is no answer.
        if self.is_destroyed() {
            done(Err(PartFailure::Destroyed));
            return None;
        }
        let result = match read {
            Ok(result) => Ok(result),
            Err(Ended::Failed(error)) => Err(unfit(error)),
            Err(Ended::Elsewhere) => {
                done(Err(self.elsewhere(id)));
                return None;
            }
            Err(Ended::Unwanted) => return None,
        };
        let read = match reading.position {
            Some(position) => Tried::Waits(position, result),
            None => Tried::Done(result),
        };
        self.answer_read_with(id, read, |result| result, done);
        None
    }
}

/// What is answered where a page was asked for: later, when there was no room for its first entry.
fn page_of(page: Option<Page>) -> PartResult {
    page.map_or(PartResult::Later, PartResult::Page)
}

/// A partition that is read slice by slice.
struct Reading<'r, 'f> {
    cache: &'r OpenCache,
    id: PartitionId,
    shared: &'r Shared,
    go_on: &'r dyn Fn() -> bool,
    prepared: &'r PreparedFilter<'f>,
    slice: SliceLimits,
    /// The epoch in which it was read so far.
    epoch: Option<Epoch>,
    /// The last record on which what was read depends.
    position: Option<Position>,
}

impl Reading<'_, '_> {
    /// Reads once.
    fn read<T>(&mut self, read: impl FnOnce(&Partition, Timestamp) -> T) -> Result<T, Ended> {
        let mut epoch = None;
        let gate = |replica: &Replica<Waiter>| {
            epoch = Some(replica.epoch());
            replica.gate_all()
        };
        let (value, position) = match self.cache.replicas().try_read(self.id, gate, read) {
            Tried::Done(value) => (value, None),
            Tried::Waits(position, value) => (value, Some(position)),
            Tried::Elsewhere => return Err(Ended::Elsewhere),
        };
        if self.epoch.is_some() && self.epoch != epoch {
            // What was read before may not be there any more.
            return Err(Ended::Elsewhere);
        }
        self.epoch = epoch;
        self.position = self.position.max(position);
        Ok(value)
    }

    /// Reads slices until there are no more, or one ends it.
    fn read_slices(
        &mut self,
        mut slices: Slices,
        mut next: impl FnMut(&mut Slices, (&Partition, Timestamp)) -> Result<ControlFlow<()>, QueryError>,
    ) -> Result<Slices, Ended> {
        while slices.has_more() {
            if !(self.go_on)() {
                return Err(Ended::Unwanted);
            }
            slices.order();
            if self
                .read(|store, now| next(&mut slices, (store, now)))??
                .is_break()
            {
                break;
            }
        }
        Ok(slices)
    }

    fn page(
        &mut self,
        after: Option<PageCursor>,
        (limits, content): (PageLimits, PageContent),
    ) -> Result<PartResult, Ended> {
        let room = self.shared.room();
        if room.is_full() {
            return Ok(PartResult::Later);
        }
        let (cache, prepared, slice) = (self.cache.id(), self.prepared, self.slice);
        let first = self.read(|store, now| {
            let planned = store.plan_query(cache, prepared);
            if slice.are_enough_for(planned.looks_at()) {
                First::All(planned.page_within(now, (after, limits, content), room))
            } else {
                First::Much(planned.slices(after))
            }
        })?;
        let slices = match first {
            First::All(page) => return Ok(page_of(page?)),
            First::Much(slices) => slices,
        };
        let mut page = SlicedPage::new(limits, content);
        self.read_slices(slices, |slices, place| {
            let more = slices.fill(place, prepared, slice, (&mut page, room))?;
            Ok(if more {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        Ok(page_of(page.into_page()))
    }

    fn aggregate(&mut self, question: &Question) -> Result<PartResult, Ended> {
        let (cache, prepared, slice) = (self.cache, self.prepared, self.slice);
        let keeping = self.shared.keeping();
        let is_checked = matches!(question.aggregator(), Some(Aggregator::Indexes { .. }));
        let first = self.read(|store, now| {
            let planned = store.plan_query(cache.id(), prepared);
            let looks_at = match question.aggregator() {
                Some(Aggregator::Similar(search)) => planned.looks_at_similar(search),
                _ => planned.looks_at(),
            };
            if is_checked || slice.are_enough_for(looks_at) {
                First::All(cache.aggregate_here((store, now), &planned, (question, None), keeping))
            } else {
                First::Much(planned.slices(None))
            }
        })?;
        let slices = match first {
            First::All(partial) => return Ok(PartResult::Partial(partial?.into())),
            First::Much(slices) => slices,
        };
        match question.aggregator() {
            None => Ok(PartResult::Partial(Vec::new().into())),
            Some(Aggregator::Record(kind)) => self.record(question, *kind, slices),
            Some(aggregator) => {
                let mut accumulator = aggregator.accumulator_within(self.shared.keeping());
                self.read_slices(slices, |slices, place| {
                    slices.visit(place, prepared, slice, |entry| accumulator.accumulate(entry))?;
                    Ok(ControlFlow::Continue(()))
                })?;
                Ok(PartResult::Partial(accumulator.partial()?.into()))
            }
        }
    }

    /// What is told of a query, which is asked when it is traced.
    fn record(&mut self, question: &Question, kind: RecordKind, slices: Slices) -> Result<PartResult, Ended> {
        let (cache, filter) = (self.cache, question.filter());
        let (prepared, slice) = (self.prepared, self.slice);
        let began = cache.replicas().uptime();
        let (steps, entries) = self.read(|store, now| {
            let steps = store.explain(now, cache.id(), filter, RecordKind::Explain);
            (steps, store.stats(cache.id()).entries)
        })?;
        let mut steps = steps?;
        if kind == RecordKind::Trace {
            let mut selected = 0;
            let slices = self.read_slices(slices, |slices, place| {
                slices.visit(place, prepared, slice, |_entry| {
                    selected += 1;
                    Ok(())
                })?;
                Ok(ControlFlow::Continue(()))
            })?;
            let entries = usize::try_from(entries).unwrap_or(usize::MAX);
            if let Some(step) = steps.pop() {
                steps = step.traced(filter, (entries, slices.looked_at(), selected));
            }
        }
        cache.time_steps(&mut steps, began);
        let steps = to_binary(&steps).map_err(QueryError::from)?;
        Ok(PartResult::Partial(steps.into_bytes()))
    }

    fn aggregate_keys(&mut self, question: &Question, keys: &[Key]) -> Result<PartResult, Ended> {
        let Some(aggregator) = question.aggregator() else {
            return Ok(PartResult::Partial(Vec::new().into()));
        };
        if matches!(aggregator, Aggregator::Record(_) | Aggregator::Indexes { .. }) {
            // They say nothing of the keys.
            return self.aggregate(question);
        }
        let (cache, slice) = (self.cache.id(), self.slice);
        let mut accumulator = aggregator.accumulator_within(self.shared.keeping());
        let mut keys = keys;
        while !keys.is_empty() {
            if !(self.go_on)() {
                return Err(Ended::Unwanted);
            }
            let looked_at = self.read(|store, now| {
                let (mut entries, mut bytes) = (0, 0_usize);
                for key in keys {
                    if entries >= slice.entries_max || bytes >= slice.bytes_max {
                        break;
                    }
                    entries += 1;
                    if let Some(view) = store.get(now, cache, key) {
                        bytes = bytes.saturating_add(view.value().len());
                        let entry = view.query_entry();
                        if question.filter().evaluate(&entry)? {
                            accumulator.accumulate(&entry)?;
                        }
                    }
                }
                Ok::<_, QueryError>(entries)
            })??;
            keys = keys.get(looked_at..).unwrap_or_default();
        }
        Ok(PartResult::Partial(accumulator.partial()?.into()))
    }

    fn contains_value(&mut self, value: &Binary) -> Result<PartResult, Ended> {
        let (cache, prepared, slice) = (self.cache.id(), self.prepared, self.slice);
        let first = self.read(|store, now| {
            let planned = store.plan_query(cache, prepared);
            if slice.are_enough_for(planned.looks_at()) {
                First::All(store.contains_value(now, cache, value))
            } else {
                First::Much(planned.slices(None))
            }
        })?;
        let mut found = false;
        match first {
            First::All(is_there) => found = is_there,
            First::Much(slices) => {
                self.read_slices(slices, |slices, place| {
                    found = slices.contains_value(place, value, slice);
                    Ok(if found {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    })
                })?;
            }
        }
        Ok(PartResult::Flag(found))
    }
}

#[cfg(test)]
#[path = "here_slices_test.rs"]
mod tests;
