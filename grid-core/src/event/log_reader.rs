//! One who follows a log.

use std::collections::BTreeMap;

use crate::value::Key;

use super::{
    BinaryEvent, EventLog, EventNumber, EventPositions, Gap, Listen, ListenTo, Logged, LoggedChange, ReadLog,
    is_selected, told_event,
};

/// So many items are taken out of a log at a time.
const ITEMS_MAX: usize = 256;

/// Where one who follows a log is, and what it was told.
///
/// It is told of each change after its positions once, whatever the log holds beside.
#[derive(Clone, Debug)]
pub struct LogReader {
    place: u64,
    positions: EventPositions,
    /// Truncations before this place are known.
    truncations_known: u64,
    /// Gaps before this place are before the positions.
    gaps_known: u64,
}

impl LogReader {
    pub(super) fn new(
        place: u64,
        positions: EventPositions,
        (truncations_known, gaps_known): (u64, u64),
    ) -> Self {
        LogReader {
            place,
            positions,
            truncations_known,
            gaps_known,
        }
    }

    /// The place in the log from which it reads on.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }

    /// How far it is.
    #[must_use]
    pub fn positions(&self) -> &EventPositions {
        &self.positions
    }

    /// Takes some items out of the log; to be [told](Self::tell) apart from its lock. When what it should read is not there any
    /// more, it goes on at the end of the log, and the answer is [`Gap`].
    ///
    /// # Errors
    /// [`Gap`]: it was too slow.
    pub fn take(&mut self, log: &EventLog) -> Result<Taken, Gap> {
        match log.read(self.place, ITEMS_MAX) {
            ReadLog::Nothing => Ok(Taken::default()),
            ReadLog::Items(items, next) => {
                let first = std::mem::replace(&mut self.place, next);
                Ok(Taken { first, items })
            }
            ReadLog::Overrun => {
                *self = log.read_on();
                Err(Gap)
            }
        }
    }

    /// What the listener is told of what was taken: events, and behind them how far it is without hearing of each
    /// change, if it is.
    pub fn tell(&mut self, taken: Taken, listen: &Listen) -> Vec<BinaryEvent> {
        let mut events = Vec::new();
        let mut passed: BTreeMap<usize, EventNumber> = BTreeMap::new();
        for (place, item) in (taken.first..).zip(taken.items) {
            match item {
                Logged::Change(logged) => {
                    if !self.positions.advance(logged.number) {
                        continue;
                    }
                    let partition = logged.number.partition.index();
                    let wanted = wants(listen, &logged).then(|| told_event(&logged.change, listen));
                    match wanted.flatten() {
                        Some(mut event) => {
                            event.number = Some(logged.number);
                            passed.remove(&partition);
                            events.push(BinaryEvent::Entry(event));
                        }
                        None => {
                            passed.insert(partition, logged.number);
                        }
                    }
                }
                Logged::Truncated(_) if place < self.truncations_known => {}
                Logged::Truncated(_) => {
                    flush(&mut passed, &mut events);
                    events.push(BinaryEvent::Truncated);
                }
                Logged::Gap if place < self.gaps_known => {}
                Logged::Gap => {
                    passed.clear();
                    events.push(BinaryEvent::Resync);
                    events.push(BinaryEvent::Reached(self.positions.clone().into()));
                }
                Logged::Destroyed => {
                    flush(&mut passed, &mut events);
                    events.push(BinaryEvent::Destroyed);
                }
            }
        }
        flush(&mut passed, &mut events);
        events
    }
}

fn flush(passed: &mut BTreeMap<usize, EventNumber>, events: &mut Vec<BinaryEvent>) {
    if !passed.is_empty() {
        let numbers = std::mem::take(passed).into_values().collect();
        events.push(BinaryEvent::Passed(numbers));
    }
}

/// Items of a log, in order.
#[derive(Debug, Default)]
pub struct Taken {
    first: u64,
    items: Vec<Logged>,
}

impl Taken {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

fn wants(listen: &Listen, logged: &LoggedChange) -> bool {
    match &listen.to {
        ListenTo::All => true,
        ListenTo::Where(filter) => is_selected(filter, &logged.change),
        ListenTo::Key(key) => Key::new(logged.change.key.clone()).is_ok_and(|changed| changed == *key),
    }
}
