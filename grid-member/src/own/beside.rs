//! Work that is done beside the partition.

use std::sync::Arc;
use std::time::Duration;

use grid_core::partition::PartitionId;
use grid_core::processor::own::{OwnFailure, OwnFailureKind, OwnKind};
use grid_core::processor::{Work, Worked};
use grid_core::replication::{Asked, Failure, Outcome, RequestTag, Step, StepFailure, Written};
use grid_core::store::{WorkAnswer, Workspace};
use grid_core::value::Key;
use tokio::sync::oneshot;

use crate::cache::{OpenCache, PartFailure};
use crate::replication::Waiter;

use super::reads::Reads;
use super::runner::{Named, OwnRunner};

/// Work that others overtake is done again so many times.
const ATTEMPTS_MAX: usize = 100;

/// What work without code of one's own is called.
const BUILT_IN: &str = "built-in";

/// What is to be done in one step.
struct Task {
    cache: Arc<OpenCache>,
    id: PartitionId,
    keys: Vec<Key>,
    work: Arc<dyn Work>,
    tags: Vec<RequestTag>,
    runner: Arc<OwnRunner>,
}

/// What came of running the work.
enum Ran {
    /// What it wants done, and the caches that it looked at.
    Ready(Step, Vec<Arc<OpenCache>>),
    /// What it read has changed meanwhile.
    Overtaken,
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

/// Does work on the entries of some keys of a partition in one step, beside it, if this member serves it. The first request
/// is numbered by the tag, and those on the other keys have the numbers that follow.
///
/// # Errors
/// When it was not done; nothing was changed then, unless the failure says that it may have been.
pub(crate) async fn work_beside(
    cache: Arc<OpenCache>,
    id: PartitionId,
    (keys, work): (Vec<Key>, Arc<dyn Work>),
    tag: Option<RequestTag>,
) -> Result<Vec<Outcome>, PartFailure> {
    let runner = cache.own().clone();
    let tags = tag.into_iter().flat_map(|tag| {
        let count = keys.len() as u64;
        (0..count).map(move |number| tag.after(number))
    });
    let task = Arc::new(Task {
        tags: tags.collect(),
        cache,
        id,
        keys,
        work,
        runner,
    });
    let stopped = task.runner.supervisor().stopped();
    tokio::select! {
        biased;
        outcomes = task.clone().go() => outcomes,
        // It may have been done.
        () = stopped => Err(PartFailure::Failed(Failure::Deposed)),
    }
}

impl Task {
    fn named(&self) -> Named<'_> {
        Named {
            kind: OwnKind::Processor,
            name: self.work.own_name().unwrap_or(BUILT_IN),
        }
    }

    async fn go(self: Arc<Self>) -> Result<Vec<Outcome>, PartFailure> {
        // What is known already needs no code, no turn and no thread.
        if let Some(done) = self.done_before()? {
            return self.acknowledged(done).await;
        }
        if let Some(name) = self.work.unknown_name(self.runner.agents()) {
            let named = Named { name, ..self.named() };
            return Err(told(&self.runner.not_registered(named)));
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
            return Err(told(&busy));
        };
        let began = self.cache.replicas().uptime();
        let (mut left, mut attempts) = (limit, 0);
        loop {
            let stepped = match self.done_before()? {
                None => self.attempt(left).await?,
                done => done,
            };
            if let Some(stepped) = stepped {
                // The next one sees what was done.
                drop(turn);
                return self.acknowledged(stepped).await;
            }
            attempts += 1;
            let spent = self.cache.replicas().uptime().saturating_sub(began);
            left = limit.saturating_sub(spent);
            if left.is_zero() || attempts == ATTEMPTS_MAX {
                let why = format!(
                    "others changed what it had read {attempts} times in a row, within {spent:?}; ask later"
                );
                let overtaken = self.runner.failure(self.named(), OwnFailureKind::Overtaken, why);
                return Err(told(&overtaken));
            }
        }
    }

    /// Runs the work once, and does the step that it wants. `None` when it was overtaken.
    async fn attempt(self: &Arc<Self>, within: Duration) -> Result<Option<Stepped>, PartFailure> {
        let task = self.clone();
        let ran = self.runner.run(self.named(), within, move || task.run());
        match ran.await.map_err(|failure| told(&failure))? {
            Ran::Ready(step, caches) => self.step(step, &caches),
            Ran::Overtaken => Ok(None),
            Ran::Elsewhere => Err(self.cache.elsewhere(self.id)),
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
    fn done_before(&self) -> Result<Option<Stepped>, PartFailure> {
        {
            let replica = self.cache.replicas().read(self.id);
            if !replica.serves() || !self.cache.replicas().may_serve() {
                return Err(PartFailure::Elsewhere(replica.epoch()));
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
        let key = String::from_utf8_lossy(&key.unwrap_or_default()).into_owned();
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
    fn step(&self, mut step: Step, caches: &[Arc<OpenCache>]) -> Result<Option<Stepped>, PartFailure> {
        let replicas = self.cache.replicas();
        // The work may have taken longer than the lease.
        if !replicas.may_serve() {
            return Err(self.cache.elsewhere(self.id));
        }
        let mut entries = step.entries.iter();
        let only_read = self.tags.is_empty() && entries.all(|entry| matches!(entry.worked, Worked::Stays));
        let at = replicas.uptime();
        let (tell, told) = oneshot::channel();
        replicas.change(self.id, |replica, out| {
            if self.cache.is_destroyed() {
                return Err(PartFailure::Destroyed);
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
                    waits: matches!(written, Written::Waits).then_some(told),
                    only_read,
                })),
                Err((StepFailure::Overtaken, _)) => Ok(None),
                Err((StepFailure::Failed(Failure::NotPrimary), _)) => {
                    Err(PartFailure::Elsewhere(replica.epoch()))
                }
                Err((StepFailure::Failed(failure), _)) => Err(PartFailure::Failed(failure)),
            }
        })
    }
}

/// The failure in the words that whoever asked knows.
fn told(failure: &OwnFailure) -> PartFailure {
    PartFailure::Invalid(failure.to_string())
}

#[cfg(test)]
#[path = "beside_test.rs"]
mod tests;
