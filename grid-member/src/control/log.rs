//! The log and the vote, in memory.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{EntryPayload, LogState, RaftLogReader};
use parking_lot::Mutex;

use super::types::{Entry, LogId, StorageError, Types, Vote};

/// The log of one member. Clones share it.
#[derive(Clone)]
pub(super) struct MemoryLog {
    shared: Arc<Mutex<Entries>>,
    /// How many bytes of commands are read at once, if it is more than one command.
    read_len_max: usize,
}

#[derive(Default)]
struct Entries {
    /// Without gaps.
    entries: VecDeque<Entry>,
    command_bytes: usize,
    /// The last entry that was dropped from the front.
    purged: Option<LogId>,
    vote: Option<Vote>,
}

impl MemoryLog {
    /// An empty log.
    pub(super) fn new(read_len_max: usize) -> Self {
        let shared = Arc::default();
        MemoryLog { shared, read_len_max }
    }

    /// A log that goes on behind an entry, with the vote that was cast last.
    pub(super) fn behind(read_len_max: usize, last: LogId, vote: Vote) -> Self {
        let entries = Entries {
            purged: Some(last),
            vote: Some(vote),
            ..Entries::default()
        };
        let shared = Arc::new(Mutex::new(entries));
        MemoryLog { shared, read_len_max }
    }

    /// How many entries there are, and how many bytes their commands have.
    pub(super) fn len(&self) -> (usize, usize) {
        let shared = self.shared.lock();
        (shared.entries.len(), shared.command_bytes)
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<LogId> {
        self.shared.lock().last()
    }

    /// Every entry behind this one, and the vote.
    pub(super) fn tail(&self, applied: Option<LogId>) -> (Vec<Entry>, Option<Vote>) {
        let shared = self.shared.lock();
        let next = applied.map_or(0, |id| id.index.saturating_add(1));
        let tail = shared.entries.iter().filter(|entry| entry.log_id.index >= next);
        (tail.cloned().collect(), shared.vote)
    }
}

impl Entries {
    fn last(&self) -> Option<LogId> {
        self.entries.back().map(|entry| entry.log_id).or(self.purged)
    }

    /// Where the entry with this index is, or would be.
    fn place(&self, index: u64) -> usize {
        let first = self.entries.front().map_or(0, |entry| entry.log_id.index);
        let place = usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
        place.min(self.entries.len())
    }

    fn between(&self, start: u64, end: u64) -> impl Iterator<Item = &Entry> {
        self.entries
            .range(self.place(start)..self.place(end).max(self.place(start)))
    }

    fn push(&mut self, mut entry: Entry) {
        if let EntryPayload::Normal(command) = &mut entry.payload {
            command.logged.set();
        }
        self.command_bytes += command_len(&entry);
        self.entries.push_back(entry);
    }

    fn drop_front(&mut self, count: usize) {
        let dropped: usize = self.entries.drain(..count).map(|entry| command_len(&entry)).sum();
        self.command_bytes -= dropped;
    }

    fn drop_back(&mut self, from: usize) {
        let dropped: usize = self.entries.drain(from..).map(|entry| command_len(&entry)).sum();
        self.command_bytes -= dropped;
    }
}

fn command_len(entry: &Entry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(command) => command.bytes.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, command_bytes) = self.len();
        f.debug_struct("MemoryLog")
            .field("len", &len)
            .field("command_bytes", &command_bytes)
            .finish_non_exhaustive()
    }
}

impl RaftLogReader<Types> for MemoryLog {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + fmt::Debug + Send>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, StorageError> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        Ok(self.shared.lock().between(start, end).cloned().collect())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        let shared = self.shared.lock();
        let mut bytes = 0_usize;
        let fits = |entry: &&Entry| {
            let is_first = bytes == 0;
            // An entry without a command counts too, so that the first is told from the others.
            bytes = bytes.saturating_add(command_len(entry) + 1);
            is_first || bytes <= self.read_len_max
        };
        Ok(shared.between(start, end).take_while(fits).cloned().collect())
    }
}

impl RaftLogStorage<Types> for MemoryLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let shared = self.shared.lock();
        Ok(LogState {
            last_purged_log_id: shared.purged,
            last_log_id: shared.last(),
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        self.shared.lock().vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        Ok(self.shared.lock().vote)
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        {
            let mut shared = self.shared.lock();
            for entry in entries {
                shared.push(entry);
            }
        }
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, since: LogId) -> Result<(), StorageError> {
        let mut shared = self.shared.lock();
        let from = shared.place(since.index);
        shared.drop_back(from);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), StorageError> {
        let mut shared = self.shared.lock();
        let count = shared.place(upto.index.saturating_add(1));
        shared.drop_front(count);
        shared.purged = shared.purged.max(Some(upto));
        Ok(())
    }
}
