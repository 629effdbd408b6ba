//! What goes on beside the calls of an application.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;

use super::CacheError;

/// Runs what a cache does on its own, as long as its grid or its session lives.
///
/// The core decides and spawns nothing; whoever has a runtime offers this.
pub trait Background: Send + Sync + fmt::Debug {
    /// Runs a task. It is dropped when the grid or the session ends.
    ///
    /// # Errors
    /// When that has ended already.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), CacheError>;

    /// Resolves after so long.
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()>;
}
