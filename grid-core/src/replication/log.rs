//! The end of a partition's log.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Position, Record};

/// The records after a place, in order, without a gap.
#[derive(Debug, Default)]
pub(super) struct Log {
    base: Position,
    records: VecDeque<Arc<Record>>,
    bytes: usize,
}

impl Log {
    /// An empty log that goes on after this place.
    pub(super) fn after(base: Position) -> Self {
        Log {
            base,
            ..Log::default()
        }
    }

    /// The place before the first record that is here.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// The place of the last record, here or before.
    pub(super) fn last(&self) -> Position {
        Position::new(self.base.get() + self.records.len() as u64)
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// About what the records take in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the record after the last.
    pub(super) fn push(&mut self, record: Arc<Record>) {
        debug_assert_eq!(record.position, self.last().next(), "a log has no gap");
        self.bytes += record.bytes();
        self.records.push_back(record);
    }

    /// Takes the first record away.
    pub(super) fn pop(&mut self) -> Option<Arc<Record>> {
        let record = self.records.pop_front()?;
        self.bytes -= record.bytes();
        self.base = record.position;
        Some(record)
    }

    /// Forgets all records after a place.
    pub(super) fn cut_after(&mut self, position: Position) {
        while self
            .records
            .back()
            .is_some_and(|record| record.position > position)
        {
            if let Some(record) = self.records.pop_back() {
                self.bytes -= record.bytes();
            }
        }
    }

    /// The records after a place, as far as they are here.
    pub(super) fn after_position(&self, position: Position) -> impl Iterator<Item = &Arc<Record>> {
        let skip = position.get().saturating_sub(self.base.get());
        self.records
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }

    /// The record at a place, if it is here.
    pub(super) fn at(&self, position: Position) -> Option<&Arc<Record>> {
        let index = position.get().checked_sub(self.base.get() + 1)?;
        self.records.get(usize::try_from(index).ok()?)
    }
}
