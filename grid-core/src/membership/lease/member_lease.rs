//! The member's side: asking, and knowing whether it may serve.

use std::collections::BTreeMap;

use super::LeaseSettings;
use crate::membership::{LinkId, MemberId, Moment};

/// So many requests can be unanswered; older ones are given up. A grant for one of those would hardly be of use.
const OPEN_MAX: usize = 32;

/// Who grants, and over which connection.
///
/// A leader is its own source, too. It has no connection to itself; whoever carries decisions out gives it a number for
/// its leadership, and ends that when it does not lead any more or has no connection to a majority of the voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseSource {
    /// The leader.
    pub leader: MemberId,
    /// The connection on which requests are sent.
    pub link: LinkId,
}

/// What happens to a [`Lease`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseInput {
    /// This is the leader now, and this the connection to it. A lease from another source runs on: the new leader
    /// waits for it.
    Source(LeaseSource),
    /// A connection ended: what was granted on it ends at once.
    Ended(LinkId),
    /// The leader granted what this number asked for, on this connection.
    Granted {
        /// Where the answer came from.
        source: LeaseSource,
        /// The number of the request.
        nonce: u64,
    },
    /// The control group says whether this member is its only voter.
    Sole(bool),
    /// The member was removed, or stops: the lease ends, and none is asked for until there is a source again.
    Stop,
    /// Time has passed.
    Tick,
}

/// What a [`Lease`] wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOutput {
    /// Ask the leader for a lease.
    Ask {
        /// Whom, and over which connection.
        source: LeaseSource,
        /// The number that the answer brings back.
        nonce: u64,
    },
}

/// A member's right to serve. See the [module](super) for what must hold.
#[derive(Clone, Debug)]
pub struct Lease {
    settings: LeaseSettings,
    source: Option<LeaseSource>,
    /// When what was asked: numbers in the order of asking, all to the present source.
    open: BTreeMap<u64, Moment>,
    next_nonce: u64,
    next_ask: Moment,
    held: Option<(LeaseSource, Moment)>,
    sole: bool,
}

impl Lease {
    /// A member that has no lease and knows no leader.
    #[must_use]
    pub fn new(settings: LeaseSettings) -> Self {
        Lease {
            settings,
            source: None,
            open: BTreeMap::new(),
            next_nonce: 0,
            next_ask: Moment::BOOT,
            held: None,
            sole: false,
        }
    }

    /// Whether the member may serve now. Asked before a read and again before its answer is sent.
    #[must_use]
    pub fn serves(&self, now: Moment) -> bool {
        self.sole || self.held.is_some_and(|(_, until)| now < until)
    }

    /// Until when the member may serve, if nothing ends its lease before: the end of time for a sole voter.
    #[must_use]
    pub fn until(&self) -> Option<Moment> {
        if self.sole {
            return Some(Moment::from_micros(u64::MAX));
        }
        self.held.map(|(_, until)| until)
    }

    /// Who is asked at present.
    #[must_use]
    pub fn source(&self) -> Option<LeaseSource> {
        self.source
    }

    /// Takes what happened, and says what is to be done.
    pub fn step(&mut self, now: Moment, input: LeaseInput) -> Option<LeaseOutput> {
        match input {
            LeaseInput::Source(source) if self.source != Some(source) => {
                // Another connection to the leader that granted: the one that the lease was bound to is not the one
                // in use any more, but may live. Its end is told on its own.
                self.source = Some(source);
                self.open.clear();
                self.next_ask = now;
            }
            LeaseInput::Source(_) | LeaseInput::Tick => {}
            LeaseInput::Ended(link) => {
                self.held = self.held.filter(|(source, _)| source.link != link);
                if self.source.is_some_and(|source| source.link == link) {
                    self.source = None;
                    self.open.clear();
                }
            }
            LeaseInput::Granted { source, nonce } => self.take(source, nonce),
            LeaseInput::Sole(sole) => self.sole = sole,
            LeaseInput::Stop => {
                self.held = None;
                self.source = None;
                self.sole = false;
                self.open.clear();
            }
        }
        self.ask(now)
    }

    fn take(&mut self, source: LeaseSource, nonce: u64) {
        if self.source != Some(source) {
            return;
        }
        let Some(asked_at) = self.open.remove(&nonce) else {
            return;
        };
        let until = asked_at.after(self.settings.served());
        // Answers can overtake each other; a lease from another source is replaced even by a shorter one, because only
        // this source's connection is watched from now on.
        self.held = match self.held {
            Some((held, longer)) if held == source && longer > until => Some((held, longer)),
            _ => Some((source, until)),
        };
    }

    fn ask(&mut self, now: Moment) -> Option<LeaseOutput> {
        let source = self.source?;
        if now < self.next_ask {
            return None;
        }
        self.next_ask = now.after(self.settings.ask_every);
        let nonce = self.next_nonce;
        self.next_nonce += 1;
        self.open.insert(nonce, now);
        while self.open.len() > OPEN_MAX {
            self.open.pop_first();
        }
        Some(LeaseOutput::Ask { source, nonce })
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const FIRST: LeaseSource = LeaseSource {
        leader: MemberId::new(1),
        link: LinkId::new(10),
    };
    const SECOND: LeaseSource = LeaseSource {
        leader: MemberId::new(2),
        link: LinkId::new(20),
    };

    fn at(ms: u64) -> Moment {
        Moment::BOOT.after(Duration::from_millis(ms))
    }

    fn nonce(output: Option<LeaseOutput>) -> u64 {
        let Some(LeaseOutput::Ask { nonce, .. }) = output else {
            panic!("nothing was asked")
        };
        nonce
    }

    /// A member that asked at 100 ms and was answered at 150 ms.
    fn leased() -> Lease {
        let mut lease = Lease::new(LeaseSettings::default());
        let nonce = nonce(lease.step(at(100), LeaseInput::Source(FIRST)));
        lease.step(at(150), LeaseInput::Granted { source: FIRST, nonce });
        lease
    }

    #[test]
    fn a_lease_runs_from_the_asking() {
        let lease = leased();
        assert!(lease.serves(at(150)) && lease.serves(at(1_899)));
        assert!(!lease.serves(at(1_900)));
        assert_eq!(lease.until(), Some(at(1_900)));
    }

    #[test]
    fn it_is_asked_for_again_and_again() {
        let mut lease = leased();
        assert_eq!(lease.step(at(299), LeaseInput::Tick), None);
        let second = nonce(lease.step(at(300), LeaseInput::Tick));
        lease.step(
            at(310),
            LeaseInput::Granted {
                source: FIRST,
                nonce: second,
            },
        );
        assert_eq!(lease.until(), Some(at(2_100)));
    }

    #[test]
    fn it_ends_with_its_connection() {
        let mut lease = leased();
        lease.step(at(160), LeaseInput::Ended(LinkId::new(99)));
        assert!(lease.serves(at(170)));
        lease.step(at(180), LeaseInput::Ended(FIRST.link));
        assert!(!lease.serves(at(180)));
        assert_eq!(lease.step(at(500), LeaseInput::Tick), None);
    }

    #[test]
    fn the_lease_of_an_earlier_leader_runs_on_while_its_connection_lives() {
        let mut lease = leased();
        let asked = nonce(lease.step(at(400), LeaseInput::Source(SECOND)));
        assert!(lease.serves(at(1_000)));
        lease.step(
            at(1_000),
            LeaseInput::Granted {
                source: SECOND,
                nonce: asked,
            },
        );
        lease.step(at(1_100), LeaseInput::Ended(FIRST.link));
        assert_eq!(lease.until(), Some(at(2_200)));
    }

    #[test]
    fn grants_that_were_not_asked_for_are_worth_nothing() {
        let mut lease = Lease::new(LeaseSettings::default());
        let old = nonce(lease.step(at(0), LeaseInput::Source(FIRST)));
        lease.step(at(10), LeaseInput::Source(SECOND));
        lease.step(
            at(20),
            LeaseInput::Granted {
                source: FIRST,
                nonce: old,
            },
        );
        lease.step(
            at(20),
            LeaseInput::Granted {
                source: SECOND,
                nonce: old,
            },
        );
        lease.step(
            at(20),
            LeaseInput::Granted {
                source: SECOND,
                nonce: 77,
            },
        );
        assert!(!lease.serves(at(20)));
    }

    #[test]
    fn answers_that_overtake_do_not_shorten() {
        let mut lease = Lease::new(LeaseSettings::default());
        let first = nonce(lease.step(at(0), LeaseInput::Source(FIRST)));
        let second = nonce(lease.step(at(200), LeaseInput::Tick));
        lease.step(
            at(300),
            LeaseInput::Granted {
                source: FIRST,
                nonce: second,
            },
        );
        lease.step(
            at(310),
            LeaseInput::Granted {
                source: FIRST,
                nonce: first,
            },
        );
        assert_eq!(lease.until(), Some(at(2_000)));
    }

    #[test]
    fn requests_without_an_answer_are_bounded() {
        let mut lease = Lease::new(LeaseSettings::default());
        let first = nonce(lease.step(at(0), LeaseInput::Source(FIRST)));
        for turn in 1..=40 {
            lease.step(at(turn * 200), LeaseInput::Tick);
        }
        assert_eq!(lease.open.len(), OPEN_MAX);
        lease.step(
            at(8_010),
            LeaseInput::Granted {
                source: FIRST,
                nonce: first,
            },
        );
        assert_eq!(lease.until(), None);
    }

    #[test]
    fn the_sole_voter_always_serves() {
        let mut lease = Lease::new(LeaseSettings::default());
        lease.step(at(0), LeaseInput::Sole(true));
        assert!(lease.serves(at(1_000_000)));
        lease.step(at(0), LeaseInput::Sole(false));
        assert!(!lease.serves(at(0)));
    }

    #[test]
    fn a_removed_member_stops_at_once() {
        let mut lease = leased();
        lease.step(at(200), LeaseInput::Stop);
        assert!(!lease.serves(at(200)));
        assert_eq!(lease.step(at(900), LeaseInput::Tick), None);
    }
}
