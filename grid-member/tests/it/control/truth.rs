//! What was agreed, gathered from all members, and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_member::control::{Agreed, Confirmation, ControlMachine, ControlObserver, RestoreError};
use parking_lot::Mutex;

/// A machine that remembers every command.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) commands: Vec<Vec<u8>>,
}

impl ControlMachine for Journal {
    fn apply(&mut self, index: u64, command: &Bytes) -> Bytes {
        self.commands.push(command.to_vec());
        assert_eq!(
            index,
            self.commands.len() as u64,
            "commands are numbered from 1 without gaps"
        );
        outcome(index, command)
    }

    fn snapshot(&self) -> Bytes {
        Bytes::from(postcard::to_allocvec(&self.commands).unwrap())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.commands = postcard::from_bytes(snapshot).map_err(|error| RestoreError(error.to_string()))?;
        Ok(())
    }
}

fn outcome(index: u64, command: &Bytes) -> Bytes {
    Bytes::from(format!("{index}:{}", command.len()))
}

/// The order that all members must agree on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
struct Facts {
    order: Vec<Vec<u8>>,
    acknowledged: BTreeMap<u64, Bytes>,
    /// Who led in each term, as far as it was confirmed.
    leaders: BTreeMap<u64, MemberId>,
    snapshots_installed: u64,
}

impl Truth {
    /// An observer for one member.
    pub(crate) fn observer(&self) -> Witness {
        Witness {
            truth: self.clone(),
            seen: 0,
        }
    }

    fn saw(&self, index: u64, command: &[u8]) {
        let mut facts = self.0.lock();
        let place = usize::try_from(index).unwrap() - 1;
        match facts.order.get(place) {
            Some(agreed) => assert_eq!(
                agreed.as_slice(),
                command,
                "all members apply the same command at {index}"
            ),
            None => {
                assert_eq!(
                    facts.order.len(),
                    place,
                    "the first member to apply {index} applied those before"
                );
                facts.order.push(command.to_vec());
            }
        }
    }

    /// A proposer got its answer.
    pub(crate) fn acknowledged(&self, command: &Bytes, agreed: &Agreed) {
        assert_eq!(agreed.outcome, outcome(agreed.index, command));
        let before = self.0.lock().acknowledged.insert(agreed.index, command.clone());
        assert_eq!(before, None, "a number is given once");
        self.saw(agreed.index, command);
    }

    /// The number of the last command that was acknowledged to anyone.
    pub(crate) fn last_acknowledged(&self) -> u64 {
        let facts = self.0.lock();
        facts.acknowledged.keys().next_back().copied().unwrap_or(0)
    }

    pub(crate) fn acknowledged_count(&self) -> usize {
        self.0.lock().acknowledged.len()
    }

    pub(crate) fn snapshots_installed(&self) -> u64 {
        self.0.lock().snapshots_installed
    }

    pub(crate) fn terms_confirmed(&self) -> usize {
        self.0.lock().leaders.len()
    }

    /// A member confirmed that it leads, after so many commands had been acknowledged.
    pub(crate) fn confirmed(&self, member: MemberId, confirmation: Confirmation, acknowledged_before: u64) {
        assert!(
            confirmation.index >= acknowledged_before,
            "{member} confirmed with {confirmation:?}, and lacks an acknowledged command: {acknowledged_before}"
        );
        let leader = *self.0.lock().leaders.entry(confirmation.term).or_insert(member);
        assert_eq!(
            leader, member,
            "one leader confirms in term {}",
            confirmation.term
        );
    }

    /// At the end: a member that has caught up has every acknowledged command in its place, and none twice.
    pub(crate) fn check(&self, journal: &Journal) {
        let facts = self.0.lock();
        assert_eq!(
            journal.commands, facts.order,
            "the state is the whole agreed order"
        );
        for (index, command) in &facts.acknowledged {
            let place = usize::try_from(*index).unwrap() - 1;
            assert_eq!(
                journal.commands[place],
                command.as_ref(),
                "an acknowledged command is lost"
            );
        }
        let different: BTreeSet<_> = journal.commands.iter().collect();
        assert_eq!(
            different.len(),
            journal.commands.len(),
            "no command is applied twice"
        );
    }
}

/// Tells the truth what one member was told.
#[derive(Debug)]
pub(crate) struct Witness {
    truth: Truth,
    seen: u64,
}

impl ControlObserver for Witness {
    fn applied(&mut self, index: u64, command: &Bytes, given: &Bytes) {
        assert_eq!(index, self.seen + 1, "commands are told of in order");
        assert_eq!(*given, outcome(index, command));
        self.seen = index;
        self.truth.saw(index, command);
    }

    fn installed(&mut self, index: u64, snapshot: &Bytes) {
        assert!(index >= self.seen, "a snapshot does not go back");
        let commands: Vec<Vec<u8>> = postcard::from_bytes(snapshot).unwrap();
        assert_eq!(commands.len() as u64, index);
        for (number, command) in (1..).zip(&commands) {
            self.truth.saw(number, command);
        }
        self.seen = index;
        self.truth.0.lock().snapshots_installed += 1;
    }
}
