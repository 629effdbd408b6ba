//! The last changes of a cache, for those who follow it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::BytesMut;

use crate::partition::PartitionCount;
use crate::partition::table::Epoch;
use crate::store::{Change, Sequence};
use crate::value::Binary;

use super::{EventNumber, EventOrigin, EventPositions, LogReader};

/// What a change costs beside its key and values, in bytes.
const OVERHEAD_LEN: usize = size_of::<LoggedChange>() + size_of::<Logged>() + 64;

/// A change with its number.
#[derive(Clone, Debug)]
pub struct LoggedChange {
    /// Its number.
    pub number: EventNumber,
    /// What changed, with values.
    pub change: Change,
}

impl LoggedChange {
    /// A change with bytes of its own, in one piece: those that are given may be part of much more.
    #[must_use]
    pub fn new(number: EventNumber, change: &Change) -> Self {
        let change = owned(change);
        LoggedChange { number, change }
    }

    fn bytes(&self) -> usize {
        let of = |value: &Option<Binary>| value.as_ref().map_or(0, |value| value.bytes().len());
        OVERHEAD_LEN + self.change.key.bytes().len() + of(&self.change.old) + of(&self.change.new)
    }
}

/// What a log holds.
#[derive(Clone, Debug)]
pub enum Logged {
    /// An entry changed.
    Change(Arc<LoggedChange>),
    /// Every entry went; of each partition, what was told last before.
    Truncated(Arc<EventPositions>),
    /// Changes are missing here.
    Gap,
    /// The cache is gone.
    Destroyed,
}

impl Logged {
    fn bytes(&self) -> usize {
        match self {
            Logged::Change(change) => change.bytes(),
            Logged::Truncated(positions) => OVERHEAD_LEN + positions.len() * size_of::<(Epoch, Sequence)>(),
            Logged::Gap | Logged::Destroyed => OVERHEAD_LEN,
        }
    }
}

/// Some of a log.
#[derive(Clone, Debug)]
pub enum ReadLog {
    /// These follow; whoever read them goes on at the place that is given.
    Items(Vec<Logged>, u64),
    /// There is nothing more yet.
    Nothing,
    /// What is asked for is not kept any more.
    Overrun,
}

/// Changes after the positions of one who comes back are not here: they were too many, or have another origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap;

/// The last changes of a cache as one member hears of them, up to a number of bytes, in the order of each partition.
///
/// It begins *open*: changes are noted, but which came before the first is not known. With the numbers that the
/// partitions had reached after the member began to listen ([`begin`](Self::begin)) it is *whole*: every change after
/// those is here, was here, or will be. When changes are lost on their way to the member, a gap takes their place, so that
/// those who follow it learn of it before they are told of any later change; and it is open again, until it is told the
/// numbers anew.
#[derive(Debug)]
pub struct EventLog {
    items: VecDeque<Logged>,
    /// The place of the first item.
    first: u64,
    bytes: usize,
    bytes_max: usize,
    unread_bytes_max: usize,
    /// How many read at each place now.
    reading: BTreeMap<u64, usize>,
    /// Of each partition, the last change that was told of, or came before the log.
    told: EventPositions,
    /// Of each partition, the change after which every one is here.
    floor: EventPositions,
    /// What was told before a truncation that is not here any more.
    forgotten_truncation: Option<Arc<EventPositions>>,
    whole: bool,
    ended: bool,
}

impl EventLog {
    /// An open log that keeps about so many bytes.
    #[must_use]
    pub fn new(origin: EventOrigin, partitions: PartitionCount, bytes_max: usize) -> Self {
        let start = EventPositions::start(origin, partitions);
        EventLog {
            items: VecDeque::new(),
            first: 0,
            bytes: 0,
            bytes_max,
            unread_bytes_max: bytes_max,
            reading: BTreeMap::new(),
            told: start.clone(),
            floor: start,
            forgotten_truncation: None,
            whole: false,
            ended: false,
        }
    }

    /// Whether every change from now on will be here, and those before are as far as it says.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// About how many bytes it keeps.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many bytes it may keep from now on: `bytes_max` for those who come back, and `unread_bytes_max`, if that is more,
    /// of what somebody who [reads now](Self::begin_reading) has not read yet.
    pub fn set_bytes_max(&mut self, bytes_max: usize, unread_bytes_max: usize) {
        (self.bytes_max, self.unread_bytes_max) = (bytes_max, unread_bytes_max);
        self.shrink();
    }

    /// Somebody reads from this place on now, and not only when it comes back.
    pub fn begin_reading(&mut self, place: u64) {
        *self.reading.entry(place).or_default() += 1;
    }

    /// Somebody reads at this place no more: it has gone on, or away.
    pub fn end_reading(&mut self, place: u64) {
        if let Some(count) = self.reading.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.reading.remove(&place);
            }
        }
    }

    /// Notes a change.
    pub fn push(&mut self, logged: Arc<LoggedChange>) {
        self.told.advance(logged.number);
        self.append(Logged::Change(logged));
    }

    /// Notes that the cache was truncated.
    pub fn truncated(&mut self) {
        self.append(Logged::Truncated(Arc::new(self.told.clone())));
    }

    /// The cache is gone: nothing follows.
    pub fn end(&mut self) {
        if !self.ended {
            self.append(Logged::Destroyed);
            self.ended = true;
        }
    }

    /// Changes were lost on the way here, all of them before those that are told from now on.
    pub fn lose(&mut self) {
        self.whole = false;
        // It is said here and not when the log begins anew: whoever was told of a later change before would go on after
        // that one at another member, and never learn of it.
        self.append(Logged::Gap);
    }

    /// Every change after these numbers, one for each partition, is here or will be.
    pub fn begin(&mut self, marks: &[(Epoch, Sequence)]) {
        self.told.raise(marks);
        self.floor.raise(marks);
        self.whole = true;
    }

    fn append(&mut self, item: Logged) {
        if self.ended {
            return;
        }
        self.bytes += item.bytes();
        self.items.push_back(item);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bytes > self.bytes_max
            && !self.waits_for_readers()
            && let Some(item) = self.items.pop_front()
        {
            self.first += 1;
            self.bytes -= item.bytes();
            match item {
                Logged::Change(change) => {
                    self.floor.advance(change.number);
                }
                Logged::Truncated(before) => self.forgotten_truncation = Some(before),
                Logged::Gap | Logged::Destroyed => {}
            }
        }
    }

    /// Whether the first item is kept for those who read now: of what they have not read, so many bytes, and one item however
    /// large it is.
    fn waits_for_readers(&self) -> bool {
        // Those before the first item are too late for it.
        let is_unread = self
            .reading
            .range(self.first..)
            .next()
            .is_some_and(|(place, _)| *place == self.first);
        is_unread && (self.bytes <= self.unread_bytes_max || self.items.len() == 1)
    }

    /// Where the log ends.
    fn end_place(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// A reader of what comes from now on.
    #[must_use]
    pub fn read_on(&self) -> LogReader {
        LogReader::new(self.end_place(), self.told.clone(), (0, 0))
    }

    /// A reader of what comes after these positions.
    ///
    /// # Errors
    /// [`Gap`] when not everything after them is here.
    pub fn read_after(&self, positions: &EventPositions) -> Result<LogReader, Gap> {
        if !self.whole || !positions.covers(&self.floor) {
            return Err(Gap);
        }
        let truncation = self.forgotten_truncation.as_deref();
        if truncation.is_some_and(|before| !is_past(positions, before)) {
            return Err(Gap);
        }
        // A truncation has no number. Who knows of a change after it was told of it before.
        let known = self.items.iter().rposition(|item| match item {
            Logged::Truncated(before) => is_past(positions, before),
            _ => false,
        });
        let known = known.map_or(0, |at| self.first + at as u64 + 1);
        Ok(LogReader::new(
            self.first,
            positions.clone(),
            (known, self.end_place()),
        ))
    }

    /// At most so many items from this place on.
    #[must_use]
    pub fn read(&self, place: u64, count_max: usize) -> ReadLog {
        let Some(skip) = place.checked_sub(self.first) else {
            return ReadLog::Overrun;
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let items: Vec<Logged> = self.items.iter().skip(skip).take(count_max).cloned().collect();
        if items.is_empty() {
            return ReadLog::Nothing;
        }
        let next = place + items.len() as u64;
        ReadLog::Items(items, next)
    }
}

/// The change with bytes of its own, in one piece.
fn owned(change: &Change) -> Change {
    let values = [Some(&change.key), change.old.as_ref(), change.new.as_ref()];
    let len = values.iter().flatten().map(|value| value.bytes().len()).sum();
    let mut all = BytesMut::with_capacity(len);
    let mut copy = |value: &Binary| {
        all.extend_from_slice(value.bytes());
        Binary::new(value.format(), all.split().freeze())
    };
    Change {
        key: copy(&change.key),
        old: change.old.as_ref().map(&mut copy),
        new: change.new.as_ref().map(&mut copy),
        ..*change
    }
}

/// Whether positions are after those at which a cache was truncated, as far as can be said.
fn is_past(positions: &EventPositions, truncated: &EventPositions) -> bool {
    positions.covers(truncated) && positions != truncated
}

#[cfg(test)]
#[path = "event_log_test.rs"]
mod tests;
