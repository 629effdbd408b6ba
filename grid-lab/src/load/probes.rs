//! Clients that show when the grid is gone.

use std::sync::Arc;

use grid_core::cache::NamedCache;
use parking_lot::Mutex;

use super::timeline::Probe;
use super::{Access, Shared};

/// What one probe saw, in the order of time.
#[derive(Debug)]
pub struct Lane {
    key: String,
    member: usize,
    probes: Mutex<Vec<Probe>>,
}

impl Lane {
    pub(super) fn new(number: usize, member: usize) -> Self {
        Lane {
            key: format!("p{number}"),
            member,
            probes: Mutex::default(),
        }
    }

    /// The member that it prefers to talk to.
    #[must_use]
    pub fn member(&self) -> usize {
        self.member
    }

    /// What it saw so far.
    pub fn with<T>(&self, look: impl FnOnce(&[Probe]) -> T) -> T {
        look(&self.probes.lock())
    }

    /// Whether something that it began after this moment was answered.
    #[must_use]
    pub fn is_back_since(&self, ns: u64) -> bool {
        self.with(|probes| {
            let since = probes.iter().rev().take_while(|probe| probe.start_ns >= ns);
            since.into_iter().any(|probe| probe.answered)
        })
    }
}

pub(super) async fn run(shared: Arc<Shared>, access: Arc<Access>, lane: Arc<Lane>) {
    let mut count = 0_u64;
    loop {
        let start_ns = shared.watch.ns();
        let answer = access.probes.insert(&lane.key, &count).await;
        let end_ns = shared.watch.ns();
        count += 1;
        if let Err(error) = &answer {
            shared.error(&error.to_string());
        }
        lane.probes.lock().push(Probe {
            start_ns,
            end_ns,
            answered: answer.is_ok(),
        });
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(shared.settings.rest) => {}
        }
    }
}
