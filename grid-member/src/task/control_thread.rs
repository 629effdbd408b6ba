//! A thread for what must never wait behind requests.

use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

use super::supervisor::start_thread;

/// A thread with a runtime of its own, for what must never wait behind requests. It ends with this.
#[derive(Debug)]
pub struct ControlThread {
    runtime: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ControlThread {
    /// Starts a thread of this name.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let run = move || {
            runtime.block_on(stopped.cancelled_owned());
        };
        let thread = start_thread(name, run)?;
        Ok(ControlThread {
            runtime: handle,
            stop,
            thread: Some(thread),
        })
    }

    /// Where its tasks are spawned.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for ControlThread {
    fn drop(&mut self) {
        self.stop.cancel();
        // It ends by itself; nothing is to be waited for in a destructor.
        drop(self.thread.take());
    }
}
