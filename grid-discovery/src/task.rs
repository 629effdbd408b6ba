//! The one place that spawns tasks.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one discovery. Each ends soon after the token is cancelled.
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

    /// Runs a task.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place of the crate that spawns"
    )]
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.tracker.track_future(task));
    }

    /// Tells every task to end, and waits until all have.
    pub(crate) async fn end(&self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
