//! Spawning, naming and stopping tasks.

use std::io;
use std::panic::AssertUnwindSafe;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, select};
use grid_core::cache::{Background, CacheError};
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// What a task is for, and so what its failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Serves one connection or one call. Its failure ends that alone.
    Connection,
    /// Something that the member cannot go on without. Its failure stops the member.
    Essential,
}

/// Spawns the tasks of a member, and stops them together.
///
/// Every task gets the supervisor's token and ends soon after it is cancelled. Clones share the tasks.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Supervisor {
    /// A supervisor without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The token that says when to stop.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Resolves when the tasks are told to stop.
    pub fn stopped(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// Runs a task in the background, on the runtime that this is called on. A panic is logged and, in an essential task,
    /// stops all the others.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn<F>(&self, kind: TaskKind, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.watched(kind, name, task));
    }

    /// Runs a task in the background, on this runtime. Otherwise as [`Supervisor::spawn`].
    pub fn spawn_on<F>(&self, runtime: &Handle, kind: TaskKind, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        runtime.spawn(self.watched(kind, name, task));
    }

    fn watched<F>(
        &self,
        kind: TaskKind,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = ()> + Send + use<F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let token = self.token.clone();
        let watched = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, ?kind, "a task panicked");
                if kind == TaskKind::Essential {
                    token.cancel();
                }
            }
        };
        self.tracker.track_future(watched)
    }

    /// Tells every task to stop and waits until all have.
    pub async fn shut_down(&self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Background for Supervisor {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), CacheError> {
        if self.token.is_cancelled() || Handle::try_current().is_err() {
            return Err(CacheError::ShuttingDown);
        }
        let stopped = self.stopped();
        self.spawn(TaskKind::Connection, "beside a cache", async move {
            // Whatever it holds goes with it.
            let _stopped_or_done = select(stopped.boxed(), task).await;
        });
        Ok(())
    }

    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(time).boxed()
    }
}

/// Starts a thread of this name.
pub(crate) fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_an_essential_task_stops_the_others() {
        let supervisor = Supervisor::new();
        let stopped = supervisor.stopped();
        supervisor.spawn(TaskKind::Connection, "waits", supervisor.stopped());
        supervisor.spawn(TaskKind::Essential, "fails", async {
            panic!("a planted failure")
        });
        stopped.await;
        supervisor.shut_down().await;
    }

    #[tokio::test]
    async fn a_panic_in_a_connection_stops_nothing_else() {
        let supervisor = Supervisor::new();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        supervisor.spawn(TaskKind::Connection, "fails", async {
            let _ends_with_the_panic = sender;
            panic!("a planted failure");
        });
        let ended: Result<(), _> = receiver.await;
        assert!(ended.is_err());
        assert!(!supervisor.token().is_cancelled());
        supervisor.shut_down().await;
    }
}
