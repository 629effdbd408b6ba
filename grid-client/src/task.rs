//! The one place that spawns tasks.

use futures::FutureExt;
use std::panic::AssertUnwindSafe;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a session. Each ends soon after the token is cancelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Tasks {
    /// What says when to end.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Runs a task. A session cannot go on without any of its tasks, so a panic in one ends the others, which
    /// makes every operation fail with the reason instead of hanging.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place of the crate that spawns"
    )]
    pub(crate) fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let token = self.token.clone();
        tokio::spawn(self.tracker.track_future(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task of the session panicked; the session ends");
                token.cancel();
            }
        }));
    }

    /// Tells every task to end and waits until all have.
    pub(crate) async fn end(&self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// How many tasks run.
    pub(crate) fn running(&self) -> usize {
        self.tracker.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_other_tasks() {
        let tasks = Tasks::default();
        tasks.spawn("waits", tasks.token().clone().cancelled_owned());
        tasks.spawn("fails", async { panic!("a planted failure") });
        tasks.token().cancelled().await;
        tasks.end().await;
        assert_eq!(tasks.running(), 0);
    }
}
