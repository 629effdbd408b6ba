//! What a cache does beside its partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grid_core::cache::CacheName;
use grid_core::partition::PartitionId;
use grid_core::processor::Work;
use grid_core::replication::{Outcome, RequestTag};
use grid_core::store::Command;
use grid_core::value::Key;
use parking_lot::Mutex;

use crate::own::{OwnRunner, partial_beside, work_beside};
use crate::replication::Tried;

use super::answer_budget::AnswerBudget;
use super::here::of_each;
use super::{Gather, Numbered, OpenCache, PartAnswer, PartFailure, PartRequest, PartResult, Question};

impl OpenCache {
    /// What runs code of one's own.
    pub(crate) fn own(&self) -> &Arc<OwnRunner> {
        &self.own
    }

    /// The cache of this name whose entries lie in the same partitions, if it is open.
    pub(crate) fn beside(&self, name: &str) -> Option<Arc<OpenCache>> {
        let name = CacheName::new(name).ok()?;
        let cache = self.registry.upgrade()?.known(self.scope(), &name)?;
        (cache.service() == self.service() && !cache.is_destroyed()).then_some(cache)
    }

    /// Does the same work on some entries, as far as the budget goes; the outcomes say what was not begun. Of built-in work
    /// that which is more than is done under a lock is done beside it.
    pub(super) fn here_work(
        self: &Arc<Self>,
        id: PartitionId,
        (keys, work): (Vec<Key>, Arc<dyn Work>),
        (tag, budget): (Option<RequestTag>, &AnswerBudget),
        done: impl FnOnce(PartAnswer) + Send + Sync + 'static,
    ) {
        let all_done = move |outcomes: Result<_, _>| done(outcomes.map(PartResult::Worked));
        if work.own_name().is_some() {
            let budget = budget.clone();
            return self.here_beside(id, (keys, work), tag, move |outcomes| {
                if let Ok(outcomes) = &outcomes {
                    budget.spend(outcomes.iter().flatten().map(Outcome::bytes).sum());
                }
                all_done(outcomes);
            });
        }
        let much: Vec<Option<usize>> = {
            let replica = self.replicas.read(id);
            let much = |key| self.much_of(&replica, key, work.as_ref());
            keys.iter().map(much).collect()
        };
        let all = Gather::new(keys.len(), move |outcomes| all_done(of_each(outcomes)));
        let mut at_once = Vec::with_capacity(keys.len());
        for (number, (key, much)) in keys.into_iter().zip(much).enumerate() {
            let Some(bytes) = much else {
                at_once.push((number, key, Command::Work(work.clone())));
                continue;
            };
            if budget.is_spent() {
                all.put(number, Err(PartFailure::NotBegun));
                continue;
            }
            // What it will answer is not known; what it reads is held until then.
            budget.spend(bytes);
            let (all, tag) = (all.clone(), tag.map(|tag| tag.after(number as u64)));
            self.here_beside_one(id, (key, work.clone()), tag, move |outcome| {
                all.put(number, outcome);
            });
        }
        self.here_write_each(id, at_once, (tag, Some(budget)), &all);
    }

    /// Does work on one entry beside the partition.
    pub(super) fn here_beside_one(
        self: &Arc<Self>,
        id: PartitionId,
        (key, work): (Key, Arc<dyn Work>),
        tag: Option<RequestTag>,
        done: impl FnOnce(Result<Outcome, PartFailure>) + Send + Sync + 'static,
    ) {
        self.here_beside(id, (vec![key], work), tag, move |outcomes| {
            done(outcomes.and_then(|mut outcomes| outcomes.pop().unwrap_or_else(|| Ok(Outcome::default()))));
        });
    }

    /// Does work on some entries beside the partition.
    fn here_beside(
        self: &Arc<Self>,
        id: PartitionId,
        what: (Vec<Key>, Arc<dyn Work>),
        tag: Option<RequestTag>,
        done: impl FnOnce(Result<Vec<Result<Outcome, PartFailure>>, PartFailure>) + Send + Sync + 'static,
    ) {
        let cache = self.clone();
        let work = async move { done(work_beside(cache, id, what, tag).await) };
        self.own().spawn("work beside a partition", work);
    }

    /// Has an aggregator of one's own run beside partitions, at as many at a time as there are processors.
    pub(super) fn here_own(
        self: &Arc<Self>,
        parts: Vec<Numbered>,
        all: &Gather<PartAnswer>,
        stop: &Arc<AtomicBool>,
    ) {
        if parts.is_empty() {
            return;
        }
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_a_time = processors.min(parts.len());
        let parts = Arc::new(Mutex::new(parts));
        for _ in 0..at_a_time {
            let (cache, parts, all, stop) = (self.clone(), parts.clone(), all.clone(), stop.clone());
            let aggregating = async move {
                while !stop.load(Ordering::Relaxed) {
                    let next = parts.lock().pop();
                    let Some((at, id, PartRequest::Aggregate { question, keys })) = next else {
                        break;
                    };
                    let all = all.clone();
                    let done = move |answer| all.put(at, answer);
                    cache.clone().here_own_aggregate(id, question, keys, done).await;
                }
            };
            self.own().spawn("an aggregator beside partitions", aggregating);
        }
    }

    /// Has an aggregator of one's own run beside a partition.
    pub(super) async fn here_own_aggregate(
        self: Arc<Self>,
        id: PartitionId,
        question: Arc<Question>,
        keys: Option<Vec<Key>>,
        done: impl FnOnce(PartAnswer) + Send + Sync + 'static,
    ) {
        let make = |partial: Vec<u8>| PartResult::Partial(partial.into());
        match partial_beside(&self, id, question, keys).await {
            Ok((None, partial)) => done(Ok(make(partial))),
            Ok((Some(position), partial)) => {
                self.answer_read(id, Tried::Waits(position, partial), make, done);
            }
            Err(failure) => done(Err(failure)),
        }
    }
}
