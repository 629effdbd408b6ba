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
        let start_ns = self.begin();
        let answer = call.await;
        let outcome = answer.unwrap_or_else(|error| failed(&error, error.to_string()));
        self.remember(workload, (key, action), start_ns, outcome.clone());
        outcome
    }

    /// When something begins.
    pub(super) fn begin(&self) -> u64 {
        self.shared.watch.ns()
    }

    /// Remembers what came of something that began at this time and is over.
    pub(super) fn remember(
        &mut self,
        workload: Workload,
        (key, action): (&str, Action),
        start_ns: u64,
        outcome: Outcome,
    ) {
        match &outcome {
            Outcome::Refused(words) | Outcome::Unknown(words) => self.shared.error(words),
            _ => {
                self.shared.answered.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        self.operations.push(Operation {
            client: self.id,
            member: self.access.member(),
            workload,
            key: key.to_owned(),
            action,
            start_ns,
            end_ns: self.shared.watch.ns(),
            outcome,
        });
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
