//! What every client does: ask, note the time and the answer, rest.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use grid_core::cache::{Applied, CacheError};

use crate::history::{Action, Operation, Outcome, Workload};
use crate::random::Random;

use super::{Access, Shared};

/// One client: it asks one thing at a time.
#[derive(Debug)]
pub(super) struct Client {
    id: u32,
    pub(super) access: Arc<Access>,
    pub(super) shared: Arc<Shared>,
    pub(super) random: Random,
    operations: Vec<Operation>,
}

impl Client {
    pub(super) fn new(id: u32, access: Arc<Access>, shared: Arc<Shared>, random: Random) -> Self {
        Client {
            id,
            access,
            shared,
            random,
            operations: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// A value that nothing else writes.
    pub(super) fn value(&self) -> u64 {
        self.shared.value.fetch_add(1, Ordering::Relaxed)
    }

    /// Rests; whether to go on afterwards.
    pub(super) async fn goes_on(&self) -> bool {
        let full = self.shared.operations.load(Ordering::Relaxed) >= self.shared.settings.operations_max;
        if full {
            self.shared.stop.cancelled().await;
        }
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => false,
            () = tokio::time::sleep(self.shared.settings.rest) => true,
        }
    }

    /// Does something and remembers it; what came of it.
    pub(super) async fn record(
        &mut self,
        workload: Workload,
        key: &str,
        action: Action,
        call: impl Future<Output = Result<Outcome, CacheError>>,
    ) -> Outcome {
        let start_ns = self.shared.watch.ns();
        let answer = call.await;
        let end_ns = self.shared.watch.ns();
        let outcome = answer.unwrap_or_else(|error| {
            let words = error.to_string();
            self.shared.error(&words);
            failed(&error, words)
        });
        if outcome.is_answer() {
            self.shared.answered.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        self.operations.push(Operation {
            client: self.id,
            member: self.access.member(),
            workload,
            key: key.to_owned(),
            action,
            start_ns,
            end_ns,
            outcome: outcome.clone(),
        });
        outcome
    }

    pub(super) fn into_operations(self) -> Vec<Operation> {
        self.operations
    }
}

/// What an error says about the change. That it was made, without the answer that it should have had, is no more than
/// that it may have been.
pub(super) fn failed(error: &CacheError, words: String) -> Outcome {
    match error.applied() {
        Applied::No => Outcome::Refused(words),
        Applied::Yes | Applied::Unknown => Outcome::Unknown(words),
    }
}
