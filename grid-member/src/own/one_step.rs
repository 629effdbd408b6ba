//! Work on some entries, done in one step.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use grid_core::partition::PartitionId;
use grid_core::processor::own::{OwnFailure, OwnFailureKind, OwnKind, told_words};
use grid_core::processor::{Work, Worked};
use grid_core::replication::{Asked, Failure, Outcome, RequestTag, Step, StepFailure, Written};
use grid_core::store::{WorkAnswer, Workspace};
use grid_core::value::Key;
use tokio::sync::{oneshot, watch};

use crate::cache::{OpenCache, PartFailure};
use crate::replication::Waiter;

use super::pool::BUILT_IN;
use super::reads::Reads;
use super::runner::{Named, OwnRunner};
use super::step_time::step_time;

/// Work that others overtake is done again so many times.
const ATTEMPTS_MAX: usize = 100;

/// What is to be done in one step.
pub(super) struct Task {
    cache: Arc<OpenCache>,
    id: PartitionId,
    keys: Vec<Key>,
    work: Arc<dyn Work>,
    tags: Vec<RequestTag>,
    runner: Arc<OwnRunner>,
    /// Told of each entry that is worked on, whose time begins then.
    begins: watch::Sender<()>,
}

/// Why a step was not done.
pub(super) enum NotDone {
    /// It is larger than a step may be, or some of it was done before in another step. Fewer entries may be done.
    TooMuch(PartFailure),
    /// It would be so for fewer entries too.
    Failed(PartFailure),
}

impl From<PartFailure> for NotDone {
    fn from(failure: PartFailure) -> Self {
        NotDone::Failed(failure)
    }
}

/// What came of running the work.
enum Ran {
    /// What it wants done, and the caches that it looked at.
    Ready(Step, Vec<Arc<OpenCache>>),
    /// What it read has changed meanwhile.
    Overtaken,
    /// It reaches more entries than a step may have, and was asked to work on several.
    TooMuch(String),
    /// Another member serves the partition.
    Elsewhere,
}

/// A step that was done.
struct Stepped {
    outcomes: Vec<Outcome>,
    /// When all backups have it; they have it already without.
    waits: Option<oneshot::Receiver<Result<Outcome, Failure>>>,
    /// Whether it changed nothing, and nothing of it is kept.
    only_read: bool,
}

impl Task {
    /// Work on some of the keys of a partition; the first request is numbered by the tag, and those on the other keys have the
    /// numbers that follow.
    pub(super) fn new(
        (cache, id): (&Arc<OpenCache>, PartitionId),
        (keys, work): (&[Key], &Arc<dyn Work>),
        range: Range<usize>,
        tag: Option<RequestTag>,
    ) -> Self {
        let tags = tag.into_iter().flat_map(|tag| {
            let numbers = range.clone();
            numbers.map(move |number| tag.after(number as u64))
        });
        Task {
            tags: tags.collect(),
            cache: cache.clone(),
            id,
            keys: keys.get(range.clone()).unwrap_or_default().to_vec(),
            work: work.clone(),
            runner: cache.own().clone(),
            begins: watch::Sender::new(()),
        }
    }

    fn named(&self) -> Named<'_> {
        Named {
            kind: OwnKind::Processor,
            name: self.work.own_name().unwrap_or(BUILT_IN),
        }
    }

    /// Does the step.
    ///
    /// # Errors
    /// When it was not done; nothing was changed then, unless the failure says that it may have been.
    pub(super) async fn go(self: Arc<Self>) -> Result<Vec<Outcome>, NotDone> {
        // What is known already needs no code, no turn and no thread.
        if let Some(done) = self.done_before()? {
            return Ok(self.acknowledged(done).await?);
        }
        if let Some(name) = self.work.unknown_name(self.runner.agents()) {
            let named = Named { name, ..self.named() };
            return Err(told(&self.runner.not_registered(named)).into());
        }
        let limit = self.runner.time_limit();
        let places = self.keys.iter().map(|key| (self.cache.id(), key.hash()));
        // One before it that does not end is waited for, with time to spare.
        let taking = self.runner.turns.take(places.collect());
        let turn = self.runner.timeout(limit.saturating_mul(2), taking);
        let Ok(Some(turn)) = turn.await else {
            let why =
                "others that work on the same entry have not ended in time, or too many wait; ask later";
            let busy = self
                .runner
                .failure(self.named(), OwnFailureKind::Busy, why.to_owned());
            return Err(told(&busy).into());
        };
        let began = self.cache.replicas().uptime();
        let whole = step_time(limit, self.keys.len());
        let (mut left, mut attempts) = (whole, 0);
        loop {
            let stepped = match self.done_before()? {
                None => self.attempt(left).await?,
                done => done,
            };
            if let Some(stepped) = stepped {
                // The next one sees what was done.
                drop(turn);
                return Ok(self.acknowledged(stepped).await?);
            }
            attempts += 1;
            let spent = self.cache.replicas().uptime().saturating_sub(began);
            left = whole.saturating_sub(spent);
            if left.is_zero() || attempts == ATTEMPTS_MAX {
                let why = format!(
                    "others changed what it had read {attempts} times in a row, within {spent:?}; ask later"
                );
                let overtaken = self.runner.failure(self.named(), OwnFailureKind::Overtaken, why);
                return Err(told(&overtaken).into());
            }
        }
    }

    /// Runs the work once, and does the step that it wants. `None` when it was overtaken.
    async fn attempt(self: &Arc<Self>, within: Duration) -> Result<Option<Stepped>, NotDone> {
        let task = self.clone();
        let begins = self.begins.subscribe();
        let ran = self
            .runner
            .run_each(self.named(), (within, begins), move || task.run());
        match ran.await.map_err(|failure| told(&failure))? {
            Ran::Ready(step, caches) => self.step(step, &caches),
            Ran::Overtaken => Ok(None),
            Ran::TooMuch(reason) => Err(NotDone::TooMuch(PartFailure::Invalid(reason))),
            Ran::Elsewhere => Err(self.cache.elsewhere(self.id).into()),
        }
    }

    /// Waits until what was done may be told.
    async fn acknowledged(&self, stepped: Stepped) -> Result<Vec<Outcome>, PartFailure> {
        if let Some(waits) = stepped.waits {
            match waits.await {
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => return Err(PartFailure::Failed(failure)),
                Err(_gone) => return Err(PartFailure::Failed(Failure::Deposed)),
            }
        }
        // As for every read: the lease may have ended meanwhile, and others have changed what was read.
        if stepped.only_read && !self.cache.replicas().may_serve() {
            return Err(self.cache.elsewhere(self.id));
        }
        Ok(stepped.outcomes)
    }

    /// Runs the work on each entry, as they are now. On a thread for such code.
    fn run(&self) -> Ran {
        let reads = Reads::new(self.cache.clone(), self.id);
        let workspace = Workspace::new(&reads);
        let mut answers = Vec::with_capacity(self.keys.len());
        let mut failed = None;
        for (number, key) in self.keys.iter().enumerate() {
            self.begins.send_replace(());
            let work = (self.work.as_ref(), self.runner.agents());
            match workspace.work(self.cache.name().as_str(), key, work) {
                Ok((place, answer)) => answers.push((place, answer)),
                Err(reason) => {
                    failed = Some((number, reason));
                    break;
                }
            }
        }
        if reads.is_elsewhere() {
            return Ran::Elsewhere;
        }
        if workspace.is_overtaken() {
            return Ran::Overtaken;
        }
        if workspace.is_too_many() && self.keys.len() > 1 {
            return Ran::TooMuch(failed.map(|(_, reason)| reason).unwrap_or_default());
        }
        let entries = workspace.into_entries(failed.is_none());
        let step = match failed {
            None => Step {
                entries,
                asked: self.asked_with(answers),
            },
            Some((at, reason)) => self.asked(entries, |number| self.failed(number, at, &reason)),
        };
        Ran::Ready(step, reads.into_caches())
    }

    /// What came of it when it was done before, with the same number.
    fn done_before(&self) -> Result<Option<Stepped>, NotDone> {
        {
            let replica = self.cache.replicas().read(self.id);
            if !replica.serves() || !self.cache.replicas().may_serve() {
                return Err(PartFailure::Elsewhere(replica.epoch()).into());
            }
            if replica.answered_before(&self.tags).is_none() {
                return Ok(None);
            }
        }
        // The partition knows the answers.
        self.step(self.asked(Vec::new(), |_| WorkAnswer::Passed), &[])
    }

    /// What is said of a key when the work failed on one of them.
    fn failed(&self, number: usize, at: usize, reason: &str) -> WorkAnswer {
        if number == at {
            return WorkAnswer::Failed(reason.to_owned());
        }
        let key = self.keys.get(at).map(|key| key.spelling().bytes().clone());
        let key = told_words(String::from_utf8_lossy(&key.unwrap_or_default()).into_owned());
        WorkAnswer::Failed(format!(
            "not applied: those of one partition are one step, and it failed on the key {key}: {reason}"
        ))
    }

    fn asked_with(&self, answers: Vec<(usize, WorkAnswer)>) -> Vec<Asked> {
        let asked = answers.into_iter().enumerate();
        asked
            .map(|(number, (entry, answer))| Asked {
                entry,
                tag: self.tags.get(number).copied(),
                answer,
            })
            .collect()
    }

    /// A step that changes nothing.
    fn asked(&self, entries: Vec<grid_core::store::StepEntry>, answer: impl Fn(usize) -> WorkAnswer) -> Step {
        let answers = (0..self.keys.len()).map(|number| (number, answer(number)));
        Step {
            entries,
            asked: self.asked_with(answers.collect()),
        }
    }

    /// Does the step under the lock. `None` when what it depends on has changed.
    fn step(&self, mut step: Step, caches: &[Arc<OpenCache>]) -> Result<Option<Stepped>, NotDone> {
        let replicas = self.cache.replicas();
        // The work may have taken longer than the lease.
        if !replicas.may_serve() {
            return Err(self.cache.elsewhere(self.id).into());
        }
        let mut entries = step.entries.iter();
        let only_read = self.tags.is_empty() && entries.all(|entry| matches!(entry.worked, Worked::Stays));
        let at = replicas.uptime();
        let (tell, told) = oneshot::channel();
        replicas.change(self.id, |replica, out| {
            if self.cache.is_destroyed() {
                return Err(PartFailure::Destroyed.into());
            }
            // One beside it is not there any more: the work is told so when it asks for it again.
            if caches.iter().any(|cache| cache.is_destroyed()) {
                return Ok(None);
            }
            for entry in &mut step.entries {
                let cache = caches.iter().find(|cache| cache.id() == entry.cache);
                entry.want = cache.map_or(entry.want, |cache| cache.listeners().want(false));
            }
            let token = Waiter::new(move |result| {
                // Whoever asked may have gone.
                let _gone = tell.send(result);
            });
            let stepped = replica.step(replicas.now(), step, token, out);
            replica.send(at, out);
            match stepped {
                Ok((outcomes, written)) => Ok(Some(Stepped {
                    outcomes,
                    waits: matches!(written, Written::Waits { .. }).then_some(told),
                    only_read,
                })),
                Err((StepFailure::Overtaken, _)) => Ok(None),
                Err((StepFailure::DoneInPart, _)) => {
                    Err(NotDone::TooMuch(PartFailure::Failed(Failure::Deposed)))
                }
                Err((StepFailure::Failed(Failure::NotPrimary), _)) => {
                    Err(PartFailure::Elsewhere(replica.epoch()).into())
                }
                Err((StepFailure::Failed(failure @ Failure::TooLarge { .. }), _)) => {
                    Err(NotDone::TooMuch(PartFailure::Failed(failure)))
                }
                Err((StepFailure::Failed(failure), _)) => Err(PartFailure::Failed(failure).into()),
            }
        })
    }
}

/// The failure in the words that whoever asked knows.
fn told(failure: &OwnFailure) -> PartFailure {
    PartFailure::Invalid(failure.to_string())
}
