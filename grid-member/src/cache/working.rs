//! Work on many entries.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use grid_core::cache::CacheError;
use grid_core::partition::PartitionId;
use grid_core::processor::Work;
use grid_core::replication::{Failure, OPEN_REQUESTS_MAX, Outcome, RequestTag};
use grid_core::store::{PageContent, WorkAnswer};
use grid_core::value::{Binary, Key};

use crate::routing::Channel;

use super::open_cache::unexpected;
use super::{OpenCache, PartFailure, PartRequest, PartResult, Question, Scatter, WorkReport};

/// Work is asked for on about so many entries at a time.
const WORK_BATCH_LEN: usize = 2_048;

/// Work on many entries under way: what came of them comes in parts, each when it is asked for.
///
/// Each entry is worked on once, also when its partition's primary dies meanwhile: an entry keeps its number until it is
/// known what came of it. What fails on one entry or in one partition keeps none of the others from being told.
#[derive(Debug)]
pub struct Working {
    cache: Arc<OpenCache>,
    work: Arc<dyn Work>,
    /// What selects further entries.
    scatter: Option<Scatter>,
    /// Those that are left, by partition.
    left: VecDeque<(PartitionId, Vec<Key>)>,
    /// What is asked for and not answered yet.
    asked: Vec<Run>,
    /// Where the numbers of what is asked for come from.
    channel: Option<Channel>,
    report: WorkReport,
    /// Whether nothing further is begun, since something failed that others would meet too.
    stops: bool,
    over: bool,
}

/// Entries of a partition that are asked for together.
#[derive(Debug)]
struct Run {
    id: PartitionId,
    keys: Vec<Key>,
    tag: Option<RequestTag>,
    /// Whether it may have been done, and its answer was lost.
    maybe_done: bool,
}

/// What came of an entry: its key, and the answer.
pub type WorkedEntry = (Binary, Outcome);

impl Working {
    fn new(cache: &Arc<OpenCache>, work: Arc<dyn Work>, scatter: Option<Scatter>) -> Self {
        Working {
            cache: cache.clone(),
            work,
            scatter,
            left: VecDeque::new(),
            asked: Vec::new(),
            channel: None,
            report: WorkReport::default(),
            stops: false,
            over: false,
        }
    }

    /// What came of the next entries: the key, and the answer, which says why when it failed there. Empty after the last.
    ///
    /// # Errors
    /// After all that is known was given, if it was not done on all entries: which were not, of which it is not known, and
    /// how many were not begun. The error of one reason is told as it is when nothing was done.
    pub async fn next(&mut self) -> Result<Vec<WorkedEntry>, CacheError> {
        while !self.over {
            if self.asked.is_empty() {
                self.begin().await;
            }
            if self.asked.is_empty() {
                self.over = true;
                let left: usize = self.left.iter().map(|(_, keys)| keys.len()).sum();
                self.report.not_begun(left as u64);
                let report = std::mem::take(&mut self.report);
                return match report.into_error(self.work.may_change()) {
                    Some(error) => Err(error),
                    None => Ok(Vec::new()),
                };
            }
            let worked = self.go_on().await;
            if !worked.is_empty() {
                return Ok(worked);
            }
        }
        Ok(Vec::new())
    }

    /// It was done on the entry of this key, and its answer cannot be told to who asked: the error in the end says so.
    pub fn untold(&mut self, key: &Binary, reason: &str) {
        self.report.untold(key, reason);
    }

    /// Numbers the next entries.
    async fn begin(&mut self) {
        if let (Some(router), Some(channel)) = (&self.cache.router, self.channel.take()) {
            router.channels().give_back(channel);
        }
        if self.stops {
            return;
        }
        if let Some(scatter) = self.scatter.as_mut().filter(|_| self.left.is_empty()) {
            match scatter.next().await {
                Ok(found) => {
                    let keys = found.into_iter().filter_map(|(key, _)| Key::new(key?).ok());
                    self.left = by_steps(self.cache.by_partition(keys.collect()));
                }
                Err(error) => self.report.not_selected(error),
            }
        }
        let batch = next_batch(&mut self.left);
        self.channel = match &self.cache.router {
            Some(router) if self.work.may_change() && !batch.is_empty() => Some(router.channels().take()),
            _ => None,
        };
        let lowest_open = self.channel.as_ref().map(Channel::lowest_open);
        let now = self.cache.replicas().now();
        let within = |entries| match &self.cache.router {
            Some(router) => router.apply_within(self.work.as_ref(), entries),
            None => Duration::ZERO,
        };
        for (id, keys) in batch {
            let numbers = self.channel.as_mut().zip(lowest_open);
            let tag = numbers.map(|(channel, lowest)| {
                channel.tag_many_within(now, within(keys.len()), lowest, keys.len())
            });
            self.asked.push(Run {
                id,
                keys,
                tag,
                maybe_done: false,
            });
        }
    }

    /// Asks for what has no answer yet.
    async fn go_on(&mut self) -> Vec<WorkedEntry> {
        let request = |run: &Run| PartRequest::Work {
            keys: run.keys.clone(),
            work: self.work.clone(),
            tag: run.tag,
        };
        let parts = self.asked.iter().map(|run| (run.id, request(run))).collect();
        let results = match self.cache.check_alive() {
            Ok(()) => self.cache.ask_each(parts).await,
            Err(error) => vec![Err(error)],
        };
        let runs = std::mem::take(&mut self.asked);
        let mut results = results.into_iter();
        let mut worked = Vec::new();
        for run in runs {
            let destroyed = || {
                Err(CacheError::Destroyed {
                    cache: self.cache.name().to_string(),
                })
            };
            match results.next().unwrap_or_else(destroyed) {
                Ok(PartResult::Worked(outcomes)) if outcomes.len() == run.keys.len() => {
                    self.take(run, outcomes, &mut worked);
                }
                Ok(_) => self.fail(&run.keys, unexpected()),
                Err(error) if run.maybe_done => self.fail(&run.keys, error.in_doubt()),
                Err(error) => self.fail(&run.keys, error),
            }
        }
        worked
    }

    /// These are not known to be done. Their numbers stay open for ever then, and their channel with them.
    fn fail(&mut self, keys: &[Key], error: CacheError) {
        self.report.error(keys, error);
        self.channel = None;
        self.stops = true;
    }

    fn take(&mut self, run: Run, outcomes: Vec<Result<Outcome, PartFailure>>, worked: &mut Vec<WorkedEntry>) {
        // Every number of the run before this one has its answer.
        let mut first_open = None;
        let mut again: Option<(usize, Run)> = None;
        for (at, (key, outcome)) in run.keys.into_iter().zip(outcomes).enumerate() {
            let lost = match outcome {
                Ok(outcome) => {
                    match &outcome.answer {
                        Some(WorkAnswer::Passed) => {
                            // Some change the entry and say nothing.
                            if outcome.done {
                                self.report.done();
                            }
                            continue;
                        }
                        Some(WorkAnswer::Failed(reason)) => self.report.failed(key.spelling(), reason),
                        _ => self.report.done(),
                    }
                    worked.push((key.spelling().clone(), outcome));
                    continue;
                }
                Err(PartFailure::NotBegun) => false,
                Err(PartFailure::Failed(Failure::Deposed)) => self.work.may_change(),
                Err(failure) => {
                    let error = self.cache.error_of(failure);
                    let error = if run.maybe_done { error.in_doubt() } else { error };
                    self.fail(&[key], error);
                    continue;
                }
            };
            let lowest = *first_open.get_or_insert(at);
            match &mut again {
                Some((end, rest)) if *end == at => {
                    *end += 1;
                    rest.maybe_done |= lost;
                    rest.keys.push(key);
                }
                _ => {
                    self.asked.extend(again.take().map(|(_, rest)| rest));
                    let tag = run.tag.map(|tag| RequestTag {
                        lowest_open: tag.id.number + lowest as u64,
                        ..tag.after(at as u64)
                    });
                    let rest = Run {
                        id: run.id,
                        keys: vec![key],
                        tag,
                        maybe_done: run.maybe_done || lost,
                    };
                    again = Some((at + 1, rest));
                }
            }
        }
        self.asked.extend(again.map(|(_, rest)| rest));
    }
}

impl OpenCache {
    /// Does work on the entries of some keys, be they there or not.
    #[must_use]
    pub fn work_on_keys(self: &Arc<Self>, keys: Vec<Key>, work: Arc<dyn Work>) -> Working {
        let mut keys = keys;
        dedup(&mut keys);
        let mut working = Working::new(self, work, None);
        working.left = by_steps(self.by_partition(keys));
        working
    }

    /// Does work on the entries that a filter selects. The work is to pass those over that it does not select any more.
    #[must_use]
    pub fn work_on_selected(self: &Arc<Self>, question: Arc<Question>, work: Arc<dyn Work>) -> Working {
        Working::new(self, work, Some(self.select(question, PageContent::Keys)))
    }
}

/// The keys of each partition, at most as many together as it keeps outcomes of for one who asks.
fn by_steps(groups: Vec<(PartitionId, Vec<Key>)>) -> VecDeque<(PartitionId, Vec<Key>)> {
    let mut steps = VecDeque::with_capacity(groups.len());
    for (id, mut keys) in groups {
        while keys.len() > OPEN_REQUESTS_MAX {
            let rest = keys.split_off(OPEN_REQUESTS_MAX);
            steps.push_back((id, std::mem::replace(&mut keys, rest)));
        }
        steps.push_back((id, keys));
    }
    steps
}

/// The next keys of partitions, of each once, so that those of one partition are asked for together.
fn next_batch(left: &mut VecDeque<(PartitionId, Vec<Key>)>) -> Vec<(PartitionId, Vec<Key>)> {
    let (mut batch, mut len): (Vec<(PartitionId, Vec<Key>)>, usize) = (Vec::new(), 0);
    while let Some((id, keys)) = left.front() {
        let is_next = batch.last().is_none_or(|(last, _)| last != id);
        if len > 0 && (len + keys.len() > WORK_BATCH_LEN || !is_next) {
            break;
        }
        len += keys.len();
        batch.extend(left.pop_front());
    }
    batch
}

/// Leaves each key once.
pub(super) fn dedup(keys: &mut Vec<Key>) {
    keys.sort_by(|a, b| {
        let identity = |key: &Key| (key.hash(), key.format());
        identity(a)
            .cmp(&identity(b))
            .then_with(|| a.canonical().cmp(b.canonical()))
    });
    keys.dedup();
}
