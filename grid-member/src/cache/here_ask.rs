//! What is asked about the entries of one partition, answered at this member.

use std::time::Duration;

use grid_core::partition::PartitionId;
use grid_core::query::{Aggregator, Keeping, QueryEntry, QueryError, RecordStep};
use grid_core::replication::Replica;
use grid_core::store::{Partition, PlannedQuery, PreparedFilter, Timestamp};
use grid_core::value::{Key, to_binary};

use crate::replication::Tried;

use super::allowance::Allowance;
use super::here::PartAnswer;
use super::off_thread::unfit;
use super::shared::Shared;
use super::{OpenCache, PartFailure, PartRequest, PartResult, Question};

/// A question whose filter was made ready for all partitions that are asked it.
pub(super) type Ready<'q> = Option<(&'q Question, &'q PreparedFilter<'q>)>;

impl OpenCache {
    /// Answers a query or an aggregation of a partition, one of so many that are alike. Gives `done` back when all together
    /// are more than is allowed, and when something else is asked.
    pub(super) fn here_ask<D>(
        &self,
        id: PartitionId,
        request: &PartRequest,
        ready: Ready<'_>,
        (alike, shared): ((&mut Allowance, usize), &Shared),
        done: D,
    ) -> Option<D>
    where
        D: FnOnce(PartAnswer) + Send + Sync + 'static,
    {
        let read = match request {
            PartRequest::Query {
                question,
                after,
                limits,
                content,
            } => self.try_question(id, (question, None), ready, alike, |planned, (_, now)| {
                let page = planned.page_within(now, (*after, *limits, *content), shared.room())?;
                Ok(page.map_or(PartResult::Later, PartResult::Page))
            }),
            PartRequest::Aggregate { question, keys } if !question.has_own_code() => {
                let asked = (question.as_ref(), keys.as_deref());
                self.try_question(id, asked, ready, alike, |planned, place| {
                    let partial = self.aggregate_here(place, &planned, asked, shared.keeping())?;
                    Ok(PartResult::Partial(partial.into()))
                })
            }
            _ => return Some(done),
        };
        let Some(read) = read else {
            return Some(done);
        };
        // What a destroy has emptied meanwhile is no answer.
        if self.is_destroyed() {
            done(Err(PartFailure::Destroyed));
            return None;
        }
        self.answer_read_with(id, read, move |result| result.map_err(unfit), done);
        None
    }

    /// Asks a partition here, one of so many that are alike, unless all together are more than is allowed: then `None`.
    fn try_question<T>(
        &self,
        id: PartitionId,
        (question, keys): (&Question, Option<&[Key]>),
        ready: Ready<'_>,
        (allowance, alike): (&mut Allowance, usize),
        answer: impl FnOnce(PlannedQuery<'_, '_>, (&Partition, Timestamp)) -> Result<T, QueryError>,
    ) -> Option<Tried<Result<T, QueryError>>> {
        if !allowance.allows_planning(question) {
            return None;
        }
        let fresh;
        let prepared = match ready {
            Some((of, prepared)) if std::ptr::eq(of, question) => prepared,
            _ => {
                fresh = PreparedFilter::new(question.filter());
                &fresh
            }
        };
        let read = self.replicas.try_read(id, Replica::gate_all, |store, now| {
            let planned = store.plan_query(self.id(), prepared);
            let looks_at = keys.map_or_else(|| planned.looks_at(), |keys| planned.looks_at_keys(keys.len()));
            allowance
                .take(looks_at, question.passes(), alike)
                .then(|| answer(planned, (store, now)))
        });
        match read {
            Tried::Done(result) => result.map(Tried::Done),
            Tried::Waits(position, result) => result.map(|result| Tried::Waits(position, result)),
            Tried::Elsewhere => Some(Tried::Elsewhere),
        }
    }

    /// Says how long a query took that began at some time.
    pub(super) fn time_steps(&self, steps: &mut [RecordStep], began: Duration) {
        let took = self.replicas.uptime().saturating_sub(began).as_millis();
        if let Some(step) = steps.first_mut() {
            step.millis = i64::try_from(took).unwrap_or(i64::MAX);
        }
    }

    /// What the aggregator of a question makes of the entries of a partition.
    pub(super) fn aggregate_here(
        &self,
        (store, now): (&Partition, Timestamp),
        planned: &PlannedQuery<'_, '_>,
        (question, keys): (&Question, Option<&[Key]>),
        keeping: &Keeping,
    ) -> Result<Vec<u8>, QueryError> {
        let Some(aggregator) = question.aggregator() else {
            return Ok(Vec::new());
        };
        if let Aggregator::Record(kind) = aggregator {
            let began = self.replicas.uptime();
            let mut steps = store.explain(now, self.id(), question.filter(), *kind)?;
            self.time_steps(&mut steps, began);
            return Ok(to_binary(&steps)?.into_bytes().into());
        }
        if let Aggregator::Indexes { check } = aggregator {
            return Ok(to_binary(&store.index_reports(self.id(), *check))?
                .into_bytes()
                .into());
        }
        let mut accumulator = aggregator.accumulator_within(keeping);
        match keys {
            None => {
                let take = |entry: &QueryEntry<'_>| accumulator.accumulate(entry);
                match aggregator {
                    Aggregator::Similar(search) => planned.visit_similar(now, search, take)?,
                    _ => planned.visit(now, take)?,
                }
            }
            Some(keys) => {
                for view in keys.iter().filter_map(|key| store.get(now, self.id(), key)) {
                    let entry = view.query_entry();
                    if question.filter().evaluate(&entry)? {
                        accumulator.accumulate(&entry)?;
                    }
                }
            }
        }
        accumulator.partial()
    }
}
