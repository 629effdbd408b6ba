//! What is asked of one partition, done at this member.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::processor::Work;
use grid_core::replication::{Failure, Outcome, Replica, RequestTag, TruncationId, Write, Written};
use grid_core::store::{Command, IndexDefinition, PageContent, PageCursor, PageLimits, PreparedFilter};
use grid_core::value::{Binary, Key};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::replication::{Tried, Waiter};

use super::allowance::Allowance;
use super::answer_budget::{AnswerBudget, CHANGED_BYTES_AT_ONCE};
use super::gather::Gather;
use super::shared::Shared;
use super::{OpenCache, PartFailure, PartRequest, PartResult};

/// How many entries are removed under one lock by a clear, so that others are not held up for long.
const CLEAR_BATCH_LEN: usize = 1_000;

/// About so many bytes are read under a lock by work on one entry. More is read beside it.
const LOCKED_BYTES_MAX: usize = 64 << 20;

/// What is to be done, each with its number.
pub(crate) type Numbered = (usize, PartitionId, PartRequest);

/// What came of what was asked of a partition.
pub(crate) type PartAnswer = Result<PartResult, PartFailure>;

/// What came of an update at this member.
#[derive(Debug)]
pub(crate) enum Updating {
    /// It is done and acknowledged.
    Done(Outcome),
    /// It is done here; the waiter will be called.
    Waits,
    /// It was not done.
    Failed(PartFailure),
    /// It was not done: this work takes too long for it to be done under the lock.
    Beside(Arc<dyn Work>),
}

impl OpenCache {
    /// The value of a key, if this member serves it.
    pub(crate) fn here_get(&self, id: PartitionId, key: &Key) -> Tried<Option<Binary>> {
        self.replicas.try_read(
            id,
            |replica| replica.gate(self.id(), key.hash()),
            |store, now| store.get(now, self.id(), key).map(|entry| entry.value_binary()),
        )
    }

    /// Whether a key is present, if this member serves it.
    pub(crate) fn here_contains(&self, id: PartitionId, key: &Key) -> Tried<bool> {
        self.replicas.try_read(
            id,
            |replica| replica.gate(self.id(), key.hash()),
            |store, now| store.contains(now, self.id(), key),
        )
    }

    /// How many entries the partition has, if this member serves it.
    pub(crate) fn here_len(&self, id: PartitionId) -> Tried<usize> {
        self.replicas
            .try_read(id, Replica::gate_all, |store, now| store.len(now, self.id()))
    }

    /// Does a command, if this member serves the partition. The waiter is made only when it is needed.
    pub(crate) fn here_update(
        &self,
        id: PartitionId,
        key: &Key,
        (command, previous, tag): (Command, bool, Option<RequestTag>),
        waiter: impl FnOnce() -> Waiter,
    ) -> Updating {
        if !self.replicas.may_serve() {
            return Updating::Failed(self.elsewhere(id));
        }
        let at = self.replicas.uptime();
        let written = self.replicas.change(id, |replica, out| {
            if self.is_destroyed() {
                return Err(PartFailure::Destroyed);
            }
            if let Command::Work(work) = &command
                && self.much_of(replica, key, work.as_ref()).is_some()
            {
                return Ok(Err(work.clone()));
            }
            let token = if replica.is_alone() {
                Waiter::none()
            } else {
                waiter()
            };
            let write = Write {
                cache: self.id(),
                settings: self.settings(),
                key,
                command,
                want: self.listeners().want(previous),
                tag,
            };
            let written = replica.write(self.replicas.now(), write, token, out);
            replica.send(at, out);
            written
                .map(Ok)
                .map_err(|(failure, _token)| self.failed(replica, failure))
        });
        match written {
            Ok(Ok(Written::Done(outcome, _token))) => Updating::Done(outcome),
            Ok(Ok(Written::Waits { .. })) => Updating::Waits,
            Ok(Err(work)) => Updating::Beside(work),
            Err(failure) => Updating::Failed(failure),
        }
    }

    /// The bytes of the value, if work on the entry is more than is done under a lock.
    pub(super) fn much_of(&self, replica: &Replica<Waiter>, key: &Key, work: &dyn Work) -> Option<usize> {
        let entry = replica.store().get(self.replicas.now(), self.id(), key);
        let bytes = entry.map_or(0, |entry| entry.value().len());
        let read = bytes.saturating_add(work.growth()).saturating_mul(work.passes());
        (work.own_name().is_some() || read > LOCKED_BYTES_MAX).then_some(bytes)
    }

    /// Does what is asked of several partitions, of which this member serves those it can. What takes long is done on
    /// threads for such work, as many as there are processors.
    ///
    /// Dropping the future ends what does not change anything at the next partition.
    pub(crate) async fn here_all(
        self: &Arc<Self>,
        parts: Vec<(PartitionId, PartRequest)>,
    ) -> Vec<PartAnswer> {
        let (count, stop) = (parts.len(), Stop::default());
        let (tell, told) = oneshot::channel();
        let all = Gather::new(count, move |answers| {
            // Whoever asked may have gone.
            let _gone = tell.send(answers);
        });
        let parts = parts.into_iter().enumerate();
        let parts = parts.map(|(at, (id, request))| (at, id, request));
        self.here_each(parts.collect(), &all, &stop.0);
        drop(all);
        let deposed = |_forgotten| vec![Err(PartFailure::Failed(Failure::Deposed)); count];
        told.await.unwrap_or_else(deposed)
    }

    /// As [`here_all`](Self::here_all); the answers go where all are gathered.
    pub(crate) fn here_each(
        self: &Arc<Self>,
        parts: Vec<Numbered>,
        all: &Gather<PartAnswer>,
        stop: &Arc<AtomicBool>,
    ) {
        let mut allowance = Allowance::at_once();
        let shared = Arc::new(Shared::of(self, &parts));
        let (mut long, mut own) = (Vec::new(), Vec::new());
        let budget = AnswerBudget::new();
        let mut left = parts.len();
        let question = parts
            .iter()
            .find_map(|(_, _, request)| request.question().cloned())
            .filter(|question| allowance.allows_planning(question));
        let prepared = question
            .as_deref()
            .map(|question| (question, PreparedFilter::new(question.filter())));
        let ready = prepared
            .as_ref()
            .map(|(question, prepared)| (*question, prepared));
        for (at, id, request) in parts {
            let (answers, together) = (all.clone(), shared.clone());
            let done = move |answer| together.put(at, answer, &answers);
            let alike = (&mut allowance, left);
            if let Some(done) = self.here_ask(id, &request, ready, (alike, &shared), done) {
                if request.is_own_aggregate() {
                    own.push((at, id, request));
                } else if request.is_long() {
                    long.push((at, id, request));
                } else {
                    self.here_within(id, request, &budget, done);
                }
            }
            left -= 1;
        }
        self.here_long(long, (all, &shared), (stop, &budget));
        self.here_own(own, all, stop);
    }

    /// Does what takes long. Without a runtime there are no such threads, and it is done on this one.
    fn here_long(
        self: &Arc<Self>,
        parts: Vec<Numbered>,
        (all, shared): (&Gather<PartAnswer>, &Arc<Shared>),
        (stop, budget): (&Arc<AtomicBool>, &AnswerBudget),
    ) {
        if parts.is_empty() {
            return;
        }
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = threads.min(parts.len());
        let question = parts
            .iter()
            .find_map(|(_, _, request)| request.question().cloned());
        // In their order: where there is not room for all, the first ones have it.
        let parts = Arc::new(Mutex::new(VecDeque::from(parts)));
        let runtime = Handle::try_current().ok();
        for _ in 0..threads {
            let (cache, parts, all, stop) = (self.clone(), parts.clone(), all.clone(), stop.clone());
            let (question, shared, budget) = (question.clone(), shared.clone(), budget.clone());
            let work = move || {
                let prepared = question.as_deref();
                let prepared = prepared.map(|question| (question, PreparedFilter::new(question.filter())));
                let ready = prepared
                    .as_ref()
                    .map(|(question, prepared)| (*question, prepared));
                let go_on = || !stop.load(Ordering::Relaxed);
                loop {
                    let next = parts.lock().pop_front();
                    let Some((at, id, request)) = next else { break };
                    if !go_on() && !request.changes() {
                        break;
                    }
                    let (all, together) = (all.clone(), shared.clone());
                    let done = move |answer| together.put(at, answer, &all);
                    let long = (&*shared, &go_on as &dyn Fn() -> bool);
                    if let Some(done) = cache.here_in_slices(id, &request, ready, long, done) {
                        cache.here_within(id, request, &budget, done);
                    }
                }
            };
            match &runtime {
                // It tells what came of it itself, and nobody waits for its end.
                Some(runtime) => drop(runtime.spawn_blocking(work)),
                None => work(),
            }
        }
    }

    /// Does what is asked of a partition, if this member serves it, and then calls `done`: at once, or when it is
    /// acknowledged.
    pub(crate) fn here(
        self: &Arc<Self>,
        id: PartitionId,
        request: PartRequest,
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        self.here_within(id, request, &AnswerBudget::new(), done);
    }

    /// As [`here`](Self::here), when others share what may be answered of work on entries.
    fn here_within(
        self: &Arc<Self>,
        id: PartitionId,
        request: PartRequest,
        budget: &AnswerBudget,
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        if self.is_destroyed() {
            return done(Err(PartFailure::Destroyed));
        }
        match request {
            PartRequest::Get(key) => {
                let read = self.here_get(id, &key);
                self.answer_read(id, read, PartResult::Value, done);
            }
            PartRequest::Contains(key) => {
                let read = self.here_contains(id, &key);
                self.answer_read(id, read, PartResult::Flag, done);
            }
            PartRequest::Len => {
                let read = self.here_len(id);
                self.answer_read(id, read, |len| PartResult::Len(len as u64), done);
            }
            PartRequest::Figures => self.here_figures(id, done),
            PartRequest::Mark => self.here_mark(id, done),
            PartRequest::GetAll(keys) => self.here_get_all(id, &keys, done),
            PartRequest::Page {
                after,
                limits,
                content,
            } => self.here_page(id, (after, limits, content), done),
            PartRequest::Update {
                key,
                command,
                previous,
                tag,
            } => self.here_update_with(id, &key, (command, previous, tag), done),
            PartRequest::PutAll { entries, ttl, tag } => {
                let writes = entries.into_iter();
                let writes = writes.map(|(key, value)| (key, Command::Put { value, ttl }));
                self.here_write_all(id, writes.collect(), tag, move |outcomes| {
                    done(outcomes.map(|outcomes| PartResult::Done(outcomes.len() as u64)));
                });
            }
            PartRequest::Work { keys, work, tag } => self.here_work(id, (keys, work), (tag, budget), done),
            PartRequest::Aggregate { question, keys } if question.has_own_code() => {
                let aggregating = self.clone().here_own_aggregate(id, question, keys, done);
                self.own().spawn("an aggregator beside a partition", aggregating);
            }
            PartRequest::Query { .. } | PartRequest::Aggregate { .. } | PartRequest::ContainsValue(_) => {
                let alone = Shared::alone(self);
                let _answered = self.here_in_slices(id, &request, None, (&alone, &|| true), done);
            }
            PartRequest::AddIndex(definition) => done(self.here_add_index(id, definition)),
            PartRequest::RemoveIndex(extractor) => {
                self.replicas
                    .change(id, |replica, _| replica.remove_index(self.id(), &extractor));
                done(Ok(PartResult::Done(1)));
            }
            PartRequest::Clear => self.here_clear(id, done),
            PartRequest::Truncate(by) => self.here_truncate(id, by, done),
        }
    }

    fn here_get_all(
        &self,
        id: PartitionId,
        keys: &[Key],
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        let gate = |replica: &Replica<Waiter>| {
            let mut last = None;
            for key in keys {
                last = last.max(replica.gate(self.id(), key.hash())?);
            }
            Ok(last)
        };
        let read = self.replicas.try_read(id, gate, |store, now| {
            let found = keys.iter().filter_map(|key| store.get(now, self.id(), key));
            found
                .map(|entry| (entry.key_binary(), entry.value_binary()))
                .collect()
        });
        self.answer_read(id, read, PartResult::Entries, done);
    }

    fn here_page(
        &self,
        id: PartitionId,
        (after, limits, content): (Option<PageCursor>, PageLimits, PageContent),
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        let read = self.replicas.try_read(id, Replica::gate_all, |store, now| {
            store.page(now, self.id(), after, limits, content)
        });
        self.answer_read(id, read, PartResult::Page, done);
    }

    fn here_add_index(&self, id: PartitionId, definition: Arc<IndexDefinition>) -> PartAnswer {
        let added = self
            .replicas
            .change(id, |replica, _| replica.add_index(self.id(), definition));
        match added {
            Ok(true) => Ok(PartResult::Done(1)),
            Ok(false) => Err(self.elsewhere(id)),
            Err(error) => Err(PartFailure::Invalid(error.to_string())),
        }
    }

    fn here_figures(&self, id: PartitionId, done: impl FnOnce(PartAnswer) + Send + Sync + 'static) {
        let read = self.replicas.try_read(id, Replica::gate_all, |store, now| {
            let stats = store.stats(self.id());
            (
                store.len(now, self.id()) as u64,
                stats.key_bytes + stats.value_bytes,
            )
        });
        let figures = |(entries, bytes)| PartResult::Figures { entries, bytes };
        self.answer_read(id, read, figures, done);
    }

    fn here_mark(&self, id: PartitionId, done: impl FnOnce(PartAnswer) + Send + Sync + 'static) {
        let mut placed = Epoch::ZERO;
        let gate = |replica: &Replica<Waiter>| {
            placed = replica.placed();
            // A change that is not acknowledged may be lost, and another have its number.
            replica.gate_all()
        };
        let read = self.replicas.try_read(id, gate, |store, _| store.sequence());
        let mark = move |sequence| PartResult::Mark(placed, sequence);
        self.answer_read(id, read, mark, done);
    }

    pub(super) fn answer_read<T: Send + Sync + 'static>(
        &self,
        id: PartitionId,
        read: Tried<T>,
        make: impl FnOnce(T) -> PartResult + Send + Sync + 'static,
        done: impl FnOnce(PartAnswer) + Send + Sync + 'static,
    ) {
        self.answer_read_with(id, read, |value| Ok(make(value)), done);
    }

    pub(super) fn answer_read_with<T: Send + Sync + 'static>(
        &self,
        id: PartitionId,
        read: Tried<T>,
        make: impl FnOnce(T) -> PartAnswer + Send + Sync + 'static,
        done: impl FnOnce(PartAnswer) + Send + Sync + 'static,
    ) {
        match read {
            Tried::Done(value) => done(make(value)),
            Tried::Elsewhere => done(Err(self.elsewhere(id))),
            Tried::Waits(position, value) => {
                let replicas = self.replicas.clone();
                let waiter = Waiter::new(move |result| match result {
                    // The lease may have ended while the answer waited.
                    Ok(_) if replicas.may_serve() => done(make(value)),
                    _ => done(Err(PartFailure::Elsewhere(replicas.read(id).epoch()))),
                });
                if let Some(waiter) = self.replicas.wait(id, position, waiter) {
                    waiter.call(Ok(Outcome::default()));
                }
            }
        }
    }

    fn here_update_with(
        self: &Arc<Self>,
        id: PartitionId,
        key: &Key,
        what: (Command, bool, Option<RequestTag>),
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        // Whoever comes to the end of it first has it: the waiter, or this when the write comes to its end at once,
        // whether a waiter was made for it or not.
        let tag = what.2;
        let done = Arc::new(Mutex::new(Some(done)));
        let shared = done.clone();
        let updating = self.here_update(id, key, what, || {
            Waiter::new(move |result| {
                let done = shared.lock().take();
                finish(done, result.map(PartResult::Outcome).map_err(PartFailure::Failed));
            })
        });
        let result = match updating {
            Updating::Waits => return,
            Updating::Beside(work) => {
                let done = done.lock().take();
                return self.here_beside_one(id, (key.clone(), work), tag, move |outcome| {
                    finish(done, outcome.map(PartResult::Outcome));
                });
            }
            Updating::Done(outcome) => Ok(PartResult::Outcome(outcome)),
            Updating::Failed(failure) => Err(failure),
        };
        let done = done.lock().take();
        finish(done, result);
    }

    /// Does commands on several entries; gives their outcomes in the same order when all are acknowledged.
    fn here_write_all(
        &self,
        id: PartitionId,
        writes: Vec<(Key, Command)>,
        tag: Option<RequestTag>,
        done: impl FnOnce(Result<Vec<Outcome>, PartFailure>) + Send + Sync + 'static,
    ) {
        let all = Gather::new(writes.len(), move |outcomes| done(together(outcomes)));
        let numbered = writes.into_iter().enumerate();
        let numbered = numbered.map(|(number, (key, command))| (number, key, command));
        self.here_write_each(id, numbered.collect(), (tag, None), &all);
    }

    /// Does commands on several entries, each with its number; the outcomes go where all are gathered. With a budget it
    /// begins no further one when that is spent, or when the backups have enough to do; the outcomes say so.
    pub(super) fn here_write_each(
        &self,
        id: PartitionId,
        writes: Vec<(usize, Key, Command)>,
        (tag, budget): (Option<RequestTag>, Option<&AnswerBudget>),
        all: &Gather<Result<Outcome, PartFailure>>,
    ) {
        if writes.is_empty() {
            return;
        }
        if !self.replicas.may_serve() {
            for (number, ..) in writes {
                all.put(number, Err(self.elsewhere(id)));
            }
            return;
        }
        let at = self.replicas.uptime();
        // All of them go to the backups together.
        let at_once = self.replicas.change(id, |replica, out| {
            let mut at_once = Vec::new();
            let waiting = replica.log_bytes();
            let (mut is_enough, mut any_done) = (false, false);
            for (number, key, command) in writes {
                if let Some(budget) = budget {
                    let changed = replica.log_bytes().saturating_sub(waiting);
                    is_enough |= budget.is_spent() || changed >= CHANGED_BYTES_AT_ONCE;
                }
                if is_enough {
                    at_once.push((number, Err(PartFailure::NotBegun)));
                    continue;
                }
                let write = Write {
                    cache: self.id(),
                    settings: self.settings(),
                    key: &key,
                    command,
                    want: self.listeners().want(false),
                    tag: tag.map(|tag| tag.after(number as u64)),
                };
                if self.is_destroyed() {
                    at_once.push((number, Err(PartFailure::Destroyed)));
                    continue;
                }
                let token = if replica.is_alone() {
                    Waiter::none()
                } else {
                    let all = all.clone();
                    Waiter::new(move |result| all.put(number, result.map_err(PartFailure::Failed)))
                };
                let spend = |bytes| budget.iter().for_each(|budget| budget.spend(bytes));
                match replica.write(self.replicas.now(), write, token, out) {
                    Ok(Written::Done(outcome, _token)) => {
                        spend(outcome.bytes());
                        any_done = true;
                        at_once.push((number, Ok(outcome)));
                    }
                    Ok(Written::Waits { bytes }) => {
                        spend(bytes);
                        any_done = true;
                    }
                    // What was done makes room, when it is acknowledged and its answer was had.
                    Err((Failure::Overloaded | Failure::TooManyAnswers, _token))
                        if any_done && budget.is_some() =>
                    {
                        is_enough = true;
                        at_once.push((number, Err(PartFailure::NotBegun)));
                    }
                    Err((failure, _token)) => {
                        at_once.push((number, Err(self.failed(replica, failure))));
                    }
                }
            }
            replica.send(at, out);
            at_once
        });
        for (number, outcome) in at_once {
            all.put(number, outcome);
        }
    }

    fn here_clear(
        &self,
        id: PartitionId,
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        let mut removed = 0;
        let done = Mutex::new(Some(done));
        let take = || done.lock().take();
        loop {
            if !self.replicas.may_serve() {
                break finish(take(), Err(self.elsewhere(id)));
            }
            let at = self.replicas.uptime();
            let cleared = self.replicas.change(id, |replica, out| {
                if self.is_destroyed() {
                    return Err(PartFailure::Destroyed);
                }
                let now = self.replicas.now();
                let want = self.listeners().want(false);
                let more = replica.store().stats(self.id()).entries > CLEAR_BATCH_LEN as u64;
                // Whoever asked waits for the last batch alone: those before are acknowledged before it.
                let token = match () {
                    () if more || replica.is_alone() => Waiter::none(),
                    () => match take() {
                        Some(done) => Waiter::new(move |result| {
                            let failed = |failure| PartFailure::Failed(failure);
                            done(result.map(|_| PartResult::Done(0)).map_err(failed));
                        }),
                        None => Waiter::none(),
                    },
                };
                let cleared = replica.clear(now, self.id(), CLEAR_BATCH_LEN, want, token, out);
                replica.send(at, out);
                cleared.map_err(|(failure, token)| {
                    token.call(Err(failure));
                    self.failed(replica, failure)
                })
            });
            match cleared {
                Ok((swept, written)) => {
                    removed += swept.removed as u64;
                    if swept.done {
                        if let Written::Done(_, token) = written {
                            token.call(Ok(Outcome::default()));
                            finish(take(), Ok(PartResult::Done(removed)));
                        }
                        break;
                    }
                }
                Err(failure) => break finish(take(), Err(failure)),
            }
        }
    }

    fn here_truncate(
        &self,
        id: PartitionId,
        by: TruncationId,
        done: impl FnOnce(Result<PartResult, PartFailure>) + Send + Sync + 'static,
    ) {
        if !self.replicas.may_serve() {
            return done(Err(self.elsewhere(id)));
        }
        let (now, at) = (self.replicas.now(), self.replicas.uptime());
        let waiter = Waiter::new(move |result| {
            done(result.map(|_| PartResult::Done(0)).map_err(PartFailure::Failed));
        });
        self.replicas.change(id, |replica, out| {
            let truncated = replica.truncate(now, self.id(), Some(by), Some(waiter), out);
            replica.send(at, out);
            if let Err((failure, Some(waiter))) = truncated {
                waiter.call(Err(failure));
            }
        });
    }

    pub(crate) fn elsewhere(&self, id: PartitionId) -> PartFailure {
        PartFailure::Elsewhere(self.replicas.read(id).epoch())
    }

    fn failed(&self, replica: &Replica<Waiter>, failure: Failure) -> PartFailure {
        match failure {
            Failure::NotPrimary => PartFailure::Elsewhere(replica.epoch()),
            failure => PartFailure::Failed(failure),
        }
    }
}

/// What came of several entries: of each, or the first failure, which does not say that nothing was done if others were.
fn together(outcomes: Vec<Result<Outcome, PartFailure>>) -> Result<Vec<Outcome>, PartFailure> {
    let outcomes = of_each(outcomes)?;
    let any_done = outcomes.iter().any(Result::is_ok);
    let outcomes: Result<Vec<_>, _> = outcomes.into_iter().collect();
    outcomes.map_err(|failure| match failure {
        failure if any_done => PartFailure::InPart(Box::new(failure)),
        failure => failure,
    })
}

/// What came of each of several entries. That this member serves their partition no longer is said of all of them: they
/// are asked for again together, and those that were done are known then by their numbers.
pub(super) fn of_each(
    outcomes: Vec<Result<Outcome, PartFailure>>,
) -> Result<Vec<Result<Outcome, PartFailure>>, PartFailure> {
    let deposed = PartFailure::Failed(Failure::Deposed);
    let failures = || outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let is_elsewhere = |failure: &&PartFailure| matches!(failure, PartFailure::Elsewhere(_));
    if failures().any(|failure| *failure == deposed) {
        return Err(deposed);
    }
    match failures().find(is_elsewhere) {
        Some(_) if outcomes.iter().any(Result::is_ok) => Err(deposed),
        Some(elsewhere) => Err(elsewhere.clone()),
        None => Ok(outcomes),
    }
}

/// Says when it is dropped that nobody waits any more.
#[derive(Debug, Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn finish(
    done: Option<impl FnOnce(Result<PartResult, PartFailure>)>,
    result: Result<PartResult, PartFailure>,
) {
    if let Some(done) = done {
        done(result);
    }
}

#[cfg(test)]
#[path = "here_test.rs"]
mod tests;
