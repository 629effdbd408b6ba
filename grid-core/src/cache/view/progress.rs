//! How far a view is, where changes are numbered.

use crate::event::{EventNumber, EventPositions};

/// How far a view is.
#[derive(Debug)]
pub(super) struct Progress {
    /// What was heard of; `None` where changes have no numbers.
    heard: Option<EventPositions>,
    /// While what is shown is not as far as what was heard: how far it was before.
    stands_at: Option<Option<EventPositions>>,
    connected: bool,
}

impl Progress {
    /// Nothing was read yet.
    pub(super) fn new() -> Self {
        Progress {
            heard: None,
            stands_at: Some(None),
            connected: true,
        }
    }

    /// Every change up to these numbers is in what is shown.
    pub(super) fn current_to(&self) -> Option<EventPositions> {
        self.stands_at.as_ref().unwrap_or(&self.heard).clone()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    /// What is shown does not follow what is heard, until all is read.
    pub(super) fn stand_still(&mut self) {
        if self.stands_at.is_none() {
            self.stands_at = Some(self.heard.clone());
        }
    }

    /// All is read.
    pub(super) fn go_on(&mut self) {
        self.stands_at = None;
    }

    /// The events begin here, or go on.
    pub(super) fn reached(&mut self, positions: EventPositions) {
        self.heard = Some(positions);
        self.connected = true;
    }

    /// Everything up to these was heard of, each in its partition.
    pub(super) fn passed(&mut self, numbers: &[EventNumber]) {
        if let Some(heard) = &mut self.heard {
            for number in numbers {
                heard.advance(*number);
            }
        }
    }

    pub(super) fn disconnected(&mut self) {
        self.connected = false;
    }
}

#[cfg(test)]
mod tests {
    use crate::event::EventOrigin;
    use crate::partition::PartitionCount;
    use crate::partition::table::Epoch;
    use crate::store::{CacheId, Sequence};

    use super::*;

    fn number(sequence: u64) -> EventNumber {
        EventNumber {
            partition: PartitionCount::ONE.nth(0).unwrap(),
            placed: Epoch::ZERO,
            sequence: Sequence::new(sequence),
        }
    }

    fn at(sequence: u64) -> EventPositions {
        let origin = EventOrigin {
            life: 1,
            cache: CacheId::new(1),
        };
        let mut positions = EventPositions::start(origin, PartitionCount::ONE);
        positions.advance(number(sequence));
        positions
    }

    #[test]
    fn what_is_shown_is_as_far_as_what_was_heard_when_all_is_read() {
        let mut progress = Progress::new();
        progress.reached(at(5));
        assert_eq!(progress.current_to(), None, "nothing was read yet");
        progress.passed(&[number(6)]);
        progress.go_on();
        assert_eq!(progress.current_to(), Some(at(6)));
        // Events are lost.
        progress.stand_still();
        progress.reached(at(20));
        progress.stand_still();
        progress.passed(&[number(21)]);
        assert_eq!(progress.current_to(), Some(at(6)));
        progress.go_on();
        assert_eq!(progress.current_to(), Some(at(21)));
    }

    #[test]
    fn a_lost_connection_is_known_until_it_is_back() {
        let mut progress = Progress::new();
        progress.reached(at(5));
        progress.go_on();
        progress.disconnected();
        assert!(!progress.is_connected());
        assert_eq!(progress.current_to(), Some(at(5)));
        progress.reached(at(5));
        assert!(progress.is_connected());
    }
}
