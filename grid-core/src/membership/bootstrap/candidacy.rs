//! One member's attempts to start the cluster.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::{BootstrapMessage, Rank};
use crate::membership::{Moment, ProcessId};

/// The present attempt, and how many there were.
#[derive(Clone, Debug)]
pub(super) struct Candidacy {
    process: ProcessId,
    /// The present attempt, or the last one when there is none.
    round: u64,
    trying_since: Option<Moment>,
    not_before: Moment,
    /// Who promised, and whether tainted.
    promises: BTreeMap<Rank, bool>,
    /// Who promised when it was asked for the first time, while it is asked once more.
    first: Option<BTreeSet<ProcessId>>,
}

impl Candidacy {
    pub(super) fn new(process: ProcessId, now: Moment) -> Self {
        Candidacy {
            process,
            round: 0,
            trying_since: None,
            not_before: now,
            promises: BTreeMap::new(),
            first: None,
        }
    }

    pub(super) fn is_trying(&self) -> bool {
        self.trying_since.is_some()
    }

    pub(super) fn tries(&self, round: u64) -> bool {
        self.is_trying() && self.round == round
    }

    pub(super) fn tried_for(&self, now: Moment) -> Duration {
        self.trying_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Begins an attempt, unless there is one or it is too early after the last.
    pub(super) fn begin(&mut self, now: Moment) -> bool {
        if self.is_trying() || now < self.not_before {
            return false;
        }
        self.round += 1;
        self.trying_since = Some(now);
        true
    }

    pub(super) fn ask(&self) -> BootstrapMessage {
        BootstrapMessage::Ask { round: self.round }
    }

    /// Counts a promise; `false` when it is for an attempt that is over.
    pub(super) fn promise(&mut self, from: Rank, round: u64, tainted: bool) -> bool {
        let counts = self.tries(round);
        let ran_before = self
            .first
            .as_ref()
            .is_none_or(|first| first.contains(&from.process));
        if counts && ran_before {
            // Only the last process at an address counts.
            self.promises.retain(|rank, _| rank.address != from.address);
            self.promises.insert(from, tainted);
        }
        counts
    }

    pub(super) fn drop_promise(&mut self, process: ProcessId) {
        self.promises.retain(|rank, _| rank.process != process);
    }

    pub(super) fn promises(&self) -> impl Iterator<Item = Rank> {
        self.promises.keys().copied()
    }

    /// Whether a promise of this attempt is tainted.
    pub(super) fn is_tainted(&self) -> bool {
        self.first.is_some() || self.promises.values().any(|tainted| *tainted)
    }

    /// Asks all that promised once more, unless that was done: `true` when it begins. Promises that were made before
    /// count no more.
    pub(super) fn ask_again(&mut self, now: Moment) -> bool {
        if self.first.is_some() {
            return false;
        }
        let promised = core::mem::take(&mut self.promises);
        self.first = Some(promised.into_keys().map(|rank| rank.process).collect());
        self.round += 1;
        self.trying_since = Some(now);
        true
    }

    /// At how many addresses are promises held, with the candidate's own.
    pub(super) fn addresses(&self, own: Rank) -> usize {
        let addresses: BTreeSet<SocketAddr> = self.promises().chain([own]).map(|rank| rank.address).collect();
        addresses.len()
    }

    /// Ends the attempt, if there is one, and says what those who promised are told. The next one waits: for a part of the patience
    /// that no two members and no two attempts have in common, so that those who are in each other's way part.
    pub(super) fn give_up(&mut self, now: Moment, patience: Duration) -> Option<BootstrapMessage> {
        self.trying_since.take()?;
        self.promises.clear();
        self.first = None;
        self.not_before = now.after(patience / 16 * (4 + self.lot()));
        self.release(self.round)
    }

    /// What someone is told who holds a promise for an attempt that is over; nothing when it is not over.
    pub(super) fn release(&self, promised: u64) -> Option<BootstrapMessage> {
        let over = if self.is_trying() {
            self.round.checked_sub(1)?
        } else {
            self.round
        };
        (promised <= over).then_some(BootstrapMessage::Release { round: over })
    }

    /// A number below 32, from this process and attempt.
    fn lot(&self) -> u32 {
        let seed = self.process.get().to_le_bytes();
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(&seed, self.round);
        u32::from(hash.to_le_bytes()[0] % 32)
    }
}
