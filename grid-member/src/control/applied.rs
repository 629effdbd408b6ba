//! What the agreed log came to: the machine, and how far it is.

use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::RaftStateMachine;
use openraft::{AnyError, EntryPayload, RaftSnapshotBuilder, Snapshot, StorageIOError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::types::{Entry, LogId, Outcome, SnapshotMeta, StorageError, StoredMembership, Types};
use super::{ControlMachine, ControlObserver};

/// The machine and the observer of one member, behind the lock. Clones share them.
pub(super) struct Applied<M, O> {
    shared: Arc<Mutex<Shared<M, O>>>,
}

struct Shared<M, O> {
    /// Gone once it was seized: nothing is applied any more.
    live: Option<(M, O)>,
    progress: Progress,
    membership: StoredMembership,
    snapshot: Option<(SnapshotMeta, Bytes)>,
}

/// How far a machine is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The number of the last command.
    pub(super) index: u64,
    /// The last entry of the log, with a command or without.
    pub(super) last: Option<LogId>,
}

/// A snapshot as it is sent.
#[derive(Serialize, Deserialize)]
struct Image {
    index: u64,
    machine: Bytes,
}

impl<M: ControlMachine, O: ControlObserver> Applied<M, O> {
    /// A machine that has gone so far.
    pub(super) fn new(machine: M, observer: O, progress: Progress, membership: StoredMembership) -> Self {
        let shared = Shared {
            live: Some((machine, observer)),
            progress,
            membership,
            snapshot: None,
        };
        Applied {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// The number of the last command.
    pub(super) fn index(&self) -> u64 {
        self.shared.lock().progress.index
    }

    /// How far the machine is.
    pub(super) fn progress(&self) -> Progress {
        self.shared.lock().progress
    }

    /// Reads the machine.
    pub(super) fn read<T>(&self, read: impl FnOnce(&M) -> T) -> Option<T> {
        self.shared.lock().live.as_ref().map(|(machine, _)| read(machine))
    }

    /// Applies the rest of the log, and takes the machine away.
    pub(super) fn seize(&self, rest: Vec<Entry>) -> Option<(M, O, Progress)> {
        let mut shared = self.shared.lock();
        for entry in rest {
            // Entries that were applied meanwhile came before.
            if Some(entry.log_id) > shared.progress.last {
                shared.apply(entry)?;
            }
        }
        let progress = shared.progress;
        shared
            .live
            .take()
            .map(|(machine, observer)| (machine, observer, progress))
    }
}

impl<M: ControlMachine, O: ControlObserver> Shared<M, O> {
    /// Applies an entry; nothing once the machine is gone.
    fn apply(&mut self, entry: Entry) -> Option<Outcome> {
        let (machine, observer) = self.live.as_mut()?;
        let outcome = match entry.payload {
            EntryPayload::Blank => None,
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                None
            }
            EntryPayload::Normal(command) => {
                self.progress.index += 1;
                let outcome = machine.apply(self.progress.index, &command.bytes);
                observer.applied(self.progress.index, &command.bytes, &outcome);
                Some(outcome)
            }
        };
        self.progress.last = Some(entry.log_id);
        let index = self.progress.index;
        Some(Outcome { index, outcome })
    }

    /// A snapshot of the state now; nothing once the machine is gone.
    fn take_snapshot(&self) -> Option<Result<(SnapshotMeta, Bytes), postcard::Error>> {
        let (machine, _) = self.live.as_ref()?;
        let image = Image {
            index: self.progress.index,
            machine: machine.snapshot(),
        };
        let last = self.progress.last;
        let meta = SnapshotMeta {
            last_log_id: last,
            last_membership: self.membership.clone(),
            // The state is the same on every member, and so is its snapshot.
            snapshot_id: last.map_or_else(String::new, |id| format!("{}-{}", id.leader_id.term, id.index)),
        };
        Some(postcard::to_allocvec(&image).map(|bytes| (meta, Bytes::from(bytes))))
    }

    fn install(&mut self, meta: &SnapshotMeta, bytes: Bytes) -> Result<(), AnyError> {
        let (machine, observer) = self.live.as_mut().ok_or_else(gone)?;
        if meta.last_log_id <= self.progress.last {
            return Ok(());
        }
        let image: Image = postcard::from_bytes(&bytes).map_err(|error| AnyError::new(&error))?;
        machine
            .restore(&image.machine)
            .map_err(|error| AnyError::new(&error))?;
        self.progress = Progress {
            index: image.index,
            last: meta.last_log_id,
        };
        self.membership = meta.last_membership.clone();
        self.snapshot = Some((meta.clone(), bytes));
        observer.installed(image.index, &image.machine);
        Ok(())
    }
}

fn gone() -> AnyError {
    AnyError::error("the state was taken for a new generation of the control group")
}

impl<M, O> Clone for Applied<M, O> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        Applied { shared }
    }
}

impl<M, O> fmt::Debug for Applied<M, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = self.shared.lock().progress;
        f.debug_tuple("Applied").field(&progress).finish()
    }
}

/// A snapshot of the moment at which it was asked for.
pub(super) struct SnapshotBuilder<M, O> {
    applied: Applied<M, O>,
    taken: Result<(SnapshotMeta, Bytes), AnyError>,
}

impl<M: ControlMachine, O: ControlObserver> RaftSnapshotBuilder<Types> for SnapshotBuilder<M, O> {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let (meta, bytes) = match &self.taken {
            Ok(taken) => taken.clone(),
            Err(error) => return Err(StorageIOError::read_state_machine(error.clone()).into()),
        };
        let mut shared = self.applied.shared.lock();
        let is_newer = shared
            .snapshot
            .as_ref()
            .is_none_or(|(old, _)| old.last_log_id < meta.last_log_id);
        if is_newer {
            shared.snapshot = Some((meta.clone(), bytes.clone()));
        }
        Ok(as_sent(meta, &bytes))
    }
}

fn as_sent(meta: SnapshotMeta, bytes: &Bytes) -> Snapshot<Types> {
    let snapshot = Box::new(Cursor::new(bytes.to_vec()));
    Snapshot { meta, snapshot }
}

impl<M: ControlMachine, O: ControlObserver> RaftStateMachine<Types> for Applied<M, O> {
    type SnapshotBuilder = SnapshotBuilder<M, O>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        let shared = self.shared.lock();
        Ok((shared.progress.last, shared.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcome>, StorageError>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut shared = self.shared.lock();
        let mut outcomes = Vec::new();
        for entry in entries {
            let id = entry.log_id;
            match shared.apply(entry) {
                Some(outcome) => outcomes.push(outcome),
                None => return Err(StorageIOError::apply(id, gone()).into()),
            }
        }
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        let taken = match self.shared.lock().take_snapshot() {
            Some(taken) => taken.map_err(|error| AnyError::new(&error)),
            None => Err(gone()),
        };
        SnapshotBuilder {
            applied: self.clone(),
            taken,
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let bytes = Bytes::from(snapshot.into_inner());
        let installed = self.shared.lock().install(meta, bytes);
        installed.map_err(|error| StorageIOError::write_snapshot(Some(meta.signature()), error).into())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshot = self.shared.lock().snapshot.clone();
        Ok(snapshot.map(|(meta, bytes)| as_sent(meta, &bytes)))
    }
}
