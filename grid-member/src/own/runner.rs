//! Runs code of one's own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use grid_core::processor::own::{Inside, OwnAgents, OwnFailure, OwnFailureKind, OwnKind, told_words};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::Timeout;

use crate::cache::CacheLimits;
use crate::task::{Supervisor, TaskKind};

use super::pool::{Job, Pool, Tell};
use super::turns::Turns;

/// Where nothing is begun for so long, the threads that there are wait or do not end: there is one more for those who wait.
const NOTHING_BEGUN: Duration = Duration::from_millis(20);

/// Runs the processors and aggregators that are registered at a member, each within its time.
#[derive(Debug)]
pub struct OwnRunner {
    member: String,
    agents: OwnAgents,
    time_limit: Duration,
    pool: Pool,
    pub(super) turns: Turns,
    supervisor: Supervisor,
    runtime: Handle,
}

/// What is run, and what it is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'n> {
    pub(super) kind: OwnKind,
    pub(super) name: &'n str,
}

impl OwnRunner {
    /// Runs this code at the member of this name, within these limits. What waits for it does so on this runtime, on
    /// whatever thread it is asked for.
    #[must_use]
    pub fn new(
        member: &str,
        agents: OwnAgents,
        limits: CacheLimits,
        (supervisor, runtime): (Supervisor, Handle),
    ) -> Self {
        OwnRunner {
            member: member.to_owned(),
            agents,
            time_limit: limits.processor_time_limit,
            pool: Pool::new(limits.processor_threads_max),
            turns: Turns::default(),
            supervisor,
            runtime,
        }
    }

    /// The code that there is.
    #[must_use]
    pub fn agents(&self) -> &OwnAgents {
        &self.agents
    }

    /// What its tasks are spawned by.
    pub(super) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Runs a task in the background, whatever thread it is called on.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.supervisor
            .spawn_on(&self.runtime, TaskKind::Connection, name, task);
    }

    /// Waits for something so long, whatever thread it is polled on.
    pub(super) fn timeout<F: Future>(&self, within: Duration, future: F) -> Timeout<F> {
        let _timers = self.runtime.enter();
        tokio::time::timeout(within, future)
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Why it was not run to its end.
    pub(super) fn failure(&self, of: Named<'_>, kind: OwnFailureKind, advice: String) -> OwnFailure {
        OwnFailure {
            agent: of.kind,
            name: of.name.to_owned(),
            kind,
            member: self.member.clone(),
            in_doubt: false,
            advice,
        }
    }

    pub(super) fn not_registered(&self, of: Named<'_>) -> OwnFailure {
        let advice = "register the same code by this name at every member, before it is asked for".to_owned();
        self.failure(of, OwnFailureKind::NotRegistered, advice)
    }

    /// Runs code, and waits for it so long.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        of: Named<'_>,
        within: Duration,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OwnFailure> {
        let never = watch::Sender::new(());
        self.run_each(of, (within, never.subscribe()), code).await
    }

    /// Runs code, and waits for it so long in all, and no longer than it may take at a time from each word on that it goes on.
    pub(super) async fn run_each<T: Send + 'static>(
        &self,
        of: Named<'_>,
        (within, mut goes_on): (Duration, watch::Receiver<()>),
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OwnFailure> {
        let (tell, mut told) = oneshot::channel();
        let left = self.start(of, code, move |ended| {
            // Nobody may wait any more.
            let _gone = tell.send(ended);
        })?;
        // The whole time is measured at once, or the moments would add up to more.
        let waits = async {
            loop {
                let begun = self.pool.begun();
                match self.timeout(NOTHING_BEGUN, &mut told).await {
                    // It ends with a word in any case.
                    Ok(ended) => return ended.unwrap_or_else(|_gone| Err("without a word".to_owned())),
                    Err(_elapsed) if self.pool.begun() == begun => self.pool.grow(&left.job),
                    Err(_elapsed) => {}
                }
            }
        };
        let each = async {
            let mut waits = std::pin::pin!(waits);
            loop {
                let goes_on = async {
                    if goes_on.changed().await.is_err() {
                        // Nothing more is going to be said.
                        std::future::pending().await
                    }
                };
                let next = async {
                    tokio::select! {
                        biased;
                        ended = &mut waits => Some(ended),
                        () = goes_on => None,
                    }
                };
                match self.timeout(self.time_limit, next).await {
                    Ok(Some(ended)) => break Some(ended),
                    Ok(None) => {}
                    Err(_elapsed) => break None,
                }
            }
        };
        match self.timeout(within, each).await {
            Ok(Some(ended)) => self.outcome(of, ended),
            Ok(None) => Err(self.out_of_time(of, left.leave(), self.time_limit)),
            Err(_elapsed) => Err(self.out_of_time(of, left.leave(), within)),
        }
    }

    /// Starts code; what it comes to is told when its thread is done with it.
    fn start<T: Send + 'static>(
        &self,
        of: Named<'_>,
        code: impl FnOnce() -> T + Send + 'static,
        tell: impl FnOnce(Result<T, String>) + Send + 'static,
    ) -> Result<Left<'_>, OwnFailure> {
        let run = move || {
            let ended = guarded(code);
            Box::new(move || tell(ended)) as Tell
        };
        let started = self.pool.start(of.name, Box::new(run));
        let job = started.map_err(|why| self.failure(of, OwnFailureKind::Busy, why))?;
        Ok(Left {
            pool: &self.pool,
            job,
        })
    }

    fn outcome<T>(&self, of: Named<'_>, ended: Result<T, String>) -> Result<T, OwnFailure> {
        ended.map_err(|message| {
            tracing::warn!(agent = ?of.kind, name = of.name, message, "code of one's own panicked");
            self.failure(of, OwnFailureKind::Panicked, message)
        })
    }

    fn out_of_time(&self, of: Named<'_>, ran: bool, limit: Duration) -> OwnFailure {
        let advice = if ran {
            tracing::warn!(agent = ?of.kind, name = of.name, ?limit, "code of one's own did not end in its time");
            format!("it did not end within {limit:?} (limits.processor-time-limit); have it do less")
        } else {
            format!(
                "no thread was free within {limit:?} (limits.processor-threads-max); ask later, or mend what does not end"
            )
        };
        let kind = if ran {
            OwnFailureKind::OutOfTime
        } else {
            OwnFailureKind::Busy
        };
        self.failure(of, kind, advice)
    }
}

/// Leaves what runs alone when nobody waits for it any more.
struct Left<'p> {
    pool: &'p Pool,
    job: Arc<Job>,
}

impl Left<'_> {
    /// Whether it runs.
    fn leave(&self) -> bool {
        self.pool.leave(&self.job)
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Runs code as code of one's own is to be run. What it panicked with, if it did.
fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    let _inside = Inside::enter();
    // Whatever it had in hand is dropped with it: it changes nothing that others see.
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let words = words_of(panic.as_ref());
        // It is code of one's own too, and may panic as it is dropped.
        let _again = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        words
    })
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "with something that is no text".to_owned());
    told_words(text)
}
