//! The events that come from one other member.

use parking_lot::Mutex;
use tokio::sync::watch;

/// After so many events it is said at once how far they were passed on.
const SAY_AFTER: u64 = 64;

#[derive(Debug, Default)]
struct Said {
    /// The last number of which it was said that it was passed on.
    said: u64,
    /// It has to be said again: events came twice, or what was said may not have arrived.
    again: bool,
}

/// What an event is to the member that it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was passed on before.
    Known,
    /// It follows what was passed on, or says itself that something before it is missing.
    Next,
    /// Something before it is missing, and nobody said so: that has to be said before it is passed on.
    AfterLoss,
}

/// How far the events of one other member were passed on here.
///
/// They are numbered one by one, so that what is missing is seen here, whatever lost it. Only word that events are missing
/// may come instead of some: it is about all that were not passed on.
#[derive(Debug)]
pub struct Incoming {
    passed_on: watch::Sender<u64>,
    said: Mutex<Said>,
}

impl Incoming {
    /// Nothing came yet.
    #[must_use]
    pub fn new() -> Self {
        Incoming {
            passed_on: watch::Sender::new(0),
            said: Mutex::default(),
        }
    }

    /// What an event with this number is. `says_missed`: it is word that events are missing.
    pub fn arrival(&self, number: u64, says_missed: bool) -> Arrival {
        let passed_on = *self.passed_on.borrow();
        if number <= passed_on {
            self.said.lock().again = true;
            Arrival::Known
        } else if number == passed_on + 1 || says_missed {
            Arrival::Next
        } else {
            Arrival::AfterLoss
        }
    }

    /// Everything up to this number was passed on. Whether that is to be said at once.
    pub fn passed_on(&self, number: u64) -> bool {
        self.passed_on.send_replace(number);
        number.saturating_sub(self.said.lock().said) >= SAY_AFTER
    }

    /// What was said may not have arrived.
    pub fn say_again(&self) {
        self.said.lock().again = true;
    }

    /// The number up to which everything was passed on, if that was not said yet. `say` says it, if it can.
    pub fn say(&self, say: impl FnOnce(u64) -> bool) {
        let mut said = self.said.lock();
        let passed_on = *self.passed_on.borrow();
        if (passed_on > said.said || said.again) && passed_on > 0 && say(passed_on) {
            *said = Said {
                said: passed_on,
                again: false,
            };
        }
    }

    /// Resolves when everything up to this number was passed on, or nothing more will come.
    pub async fn wait_for(&self, number: u64) {
        let mut news = self.passed_on.subscribe();
        // It can't end while this is borrowed.
        let _passed_on = news.wait_for(|passed_on| *passed_on >= number).await;
    }
}

impl Default for Incoming {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(incoming: &Incoming) -> Option<u64> {
        let mut what = None;
        incoming.say(|number| {
            what = Some(number);
            true
        });
        what
    }

    #[test]
    fn it_is_said_once_and_again_when_it_may_be_lost() {
        let incoming = Incoming::new();
        assert_eq!(said(&incoming), None, "nothing came");
        assert_eq!(incoming.arrival(1, false), Arrival::Next);
        assert!(!incoming.passed_on(1));
        incoming.say(|_| false);
        assert_eq!(said(&incoming), Some(1), "it could not be said before");
        assert_eq!(said(&incoming), None);
        assert_eq!(incoming.arrival(1, false), Arrival::Known);
        assert_eq!(said(&incoming), Some(1), "the other side does not know");
        incoming.say_again();
        assert_eq!(said(&incoming), Some(1));
        assert!(!incoming.passed_on(SAY_AFTER));
        assert!(incoming.passed_on(SAY_AFTER + 1), "many are said at once");
    }

    #[test]
    fn what_did_not_come_is_missing_unless_that_is_what_comes() {
        let incoming = Incoming::new();
        assert_eq!(incoming.arrival(2, false), Arrival::AfterLoss);
        let _at_once = incoming.passed_on(3);
        assert_eq!(incoming.arrival(5, false), Arrival::AfterLoss);
        assert_eq!(incoming.arrival(5, true), Arrival::Next);
        assert_eq!(incoming.arrival(3, true), Arrival::Known);
        assert_eq!(incoming.arrival(4, false), Arrival::Next);
    }
}
