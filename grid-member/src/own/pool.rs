//! Threads that run code which may not end.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::task::start_thread;

/// So much waits for a thread.
const QUEUE_LEN_MAX: usize = 4_096;

/// So many threads of one name may be left alone at a time; more of it is not run.
const LEFT_PER_NAME_MAX: usize = 8;

/// What work without code of one's own is called.
pub(super) const BUILT_IN: &str = "built-in";

/// So many threads are kept for it, if there are many.
const THREADS_KEPT: usize = 4;

/// A thread that has nothing to do ends after so long.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// What a thread does, and what it does when that is known to have ended: it tells whoever waits.
type Run = Box<dyn FnOnce() -> Tell + Send>;

pub(super) type Tell = Box<dyn FnOnce() + Send>;

/// A few threads, started when they are needed.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    news: Condvar,
    /// So many threads are started as soon as there is something for them. More would take the processors from the rest of
    /// the member, unless those that there are wait or do not end.
    threads_base: usize,
    threads_max: usize,
    /// So many of them are not left alone with code of one's own, so that built-in work goes on.
    threads_kept: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Job>>,
    threads: usize,
    idle: usize,
    /// How often something was begun.
    begun: u64,
    /// How many threads still run what was left alone, by name.
    left: HashMap<String, usize>,
    closed: bool,
}

/// Something that runs, or will.
pub(super) struct Job {
    name: String,
    phase: Mutex<Phase>,
}

enum Phase {
    Waits(Run),
    Runs,
    Ended,
    /// Nobody waits for it any more.
    Left,
}

impl Pool {
    pub(super) fn new(threads_max: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads_max = threads_max.max(1);
        Pool {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                news: Condvar::new(),
                threads_base: threads_max.min(4.max(2 * processors)),
                threads_max,
                threads_kept: (threads_max / 8).min(THREADS_KEPT),
            }),
        }
    }

    /// How often something was begun.
    pub(super) fn begun(&self) -> u64 {
        self.shared.state.lock().begun
    }

    /// Starts one more thread, if there may be one and the job still waits: to be called when nothing was begun for a while.
    pub(super) fn grow(&self, job: &Job) {
        let mut state = self.shared.state.lock();
        let waits = matches!(&*job.phase.lock(), Phase::Waits(_));
        if waits && state.threads < self.shared.threads_max {
            // Without one more, those that there are do it.
            let _none_left = self.shared.add_thread(&mut state);
        }
    }

    /// Runs this when there is a thread for it.
    ///
    /// # Errors
    /// In words, when it is not going to be run.
    pub(super) fn start(&self, name: &str, run: Run) -> Result<Arc<Job>, String> {
        let mut state = self.shared.state.lock();
        if let Some(left) = state.left.get(name).filter(|left| **left >= LEFT_PER_NAME_MAX) {
            return Err(format!(
                "{left} runs of it have not ended in their time and still go on; mend it, and start the member anew"
            ));
        }
        let left: usize = state.left.values().sum();
        if name != BUILT_IN && left > 0 && left >= self.shared.threads_max - self.shared.threads_kept {
            return Err(format!(
                "{left} runs of code of one's own have not ended in their time and still go on; mend it, and start the \
                 member anew"
            ));
        }
        if state.queue.len() >= QUEUE_LEN_MAX {
            return Err(format!("{QUEUE_LEN_MAX} runs wait for a thread; ask later"));
        }
        if state.idle <= state.queue.len()
            && state.threads < self.shared.threads_base
            && let Err(error) = self.shared.add_thread(&mut state)
            && state.threads == 0
        {
            return Err(format!("no thread can be started: {error}"));
        }
        let job = Arc::new(Job {
            name: name.to_owned(),
            phase: Mutex::new(Phase::Waits(run)),
        });
        state.queue.push_back(job.clone());
        drop(state);
        self.shared.news.notify_one();
        Ok(job)
    }

    /// Nobody waits for it any more. Whether it runs.
    pub(super) fn leave(&self, job: &Job) -> bool {
        let mut state = self.shared.state.lock();
        let mut phase = job.phase.lock();
        let runs = match &*phase {
            Phase::Waits(_) => false,
            Phase::Runs => {
                *state.left.entry(job.name.clone()).or_default() += 1;
                true
            }
            Phase::Ended | Phase::Left => return false,
        };
        *phase = Phase::Left;
        runs
    }
}

impl Shared {
    fn add_thread(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        let shared = self.clone();
        // It runs until it is idle.
        start_thread("girih-own", move || shared.serve())?;
        state.threads += 1;
        Ok(())
    }

    /// What a thread does.
    fn serve(&self) {
        while let Some(job) = self.next() {
            let run = {
                let mut phase = job.phase.lock();
                match std::mem::replace(&mut *phase, Phase::Runs) {
                    Phase::Waits(run) => run,
                    other => {
                        *phase = other;
                        continue;
                    }
                }
            };
            let tell = run();
            self.ended(&job);
            tell();
        }
    }

    fn next(&self) -> Option<Arc<Job>> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.begun += 1;
                return Some(job);
            }
            state.idle += 1;
            let waited = match state.closed {
                true => None,
                false => Some(self.news.wait_for(&mut state, IDLE_MAX)),
            };
            state.idle -= 1;
            let over = waited.is_none_or(|waited| waited.timed_out()) || state.closed;
            if over && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }

    fn ended(&self, job: &Job) {
        let mut state = self.state.lock();
        let mut phase = job.phase.lock();
        if let Phase::Left = *phase
            && let Some(left) = state.left.get_mut(&job.name)
        {
            *left -= 1;
            if *left == 0 {
                state.left.remove(&job.name);
            }
        }
        *phase = Phase::Ended;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.news.notify_all();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

#[cfg(test)]
#[path = "pool_test.rs"]
mod tests;
