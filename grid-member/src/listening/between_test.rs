//! What waits at one member and what comes to the other, with a network in between.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use grid_core::store::CacheId;
use proptest::prelude::*;

use super::wire::write_missed;
use super::{Arrival, Incoming, Outgoing};

const CACHE: CacheId = CacheId::new(1);
const AT: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(3);

/// Two members, of which one tells and the other listens.
struct Pair {
    outgoing: Outgoing,
    incoming: Incoming,
    connection: u64,
    /// What is on its way, on the connection there is and on the one before.
    on_way: [VecDeque<(u64, Vec<Bytes>)>; 2],
    /// How many changes were made.
    made: u64,
    /// The last change that the listener was told of, and the last that it knows of, as it read anew when it had to.
    told: u64,
    known: u64,
}

impl Pair {
    fn new() -> Self {
        Pair {
            outgoing: Outgoing::new(4, 1 << 20),
            incoming: Incoming::new(),
            connection: 1,
            on_way: Default::default(),
            made: 0,
            told: 0,
            known: 0,
        }
    }

    fn make(&mut self) {
        self.made += 1;
        let body = vec![Bytes::copy_from_slice(&self.made.to_be_bytes())];
        self.outgoing.push(AT, CACHE, body);
    }

    fn send(&mut self) {
        let on_way = &mut self.on_way[0];
        self.outgoing.send_on(self.connection, |number, body| {
            on_way.push_back((number, body.to_vec()));
            true
        });
    }

    /// A new connection, while what was sent on the one before may still come.
    fn reconnect(&mut self) {
        self.connection += 1;
        self.on_way.swap(0, 1);
        self.on_way[0].clear();
        self.send();
    }

    fn say(&self) -> Option<u64> {
        let mut said = None;
        self.incoming.say(|number| {
            said = Some(number);
            true
        });
        said
    }

    /// Something comes, on either connection. What is wrong with what the listener is told.
    fn arrive(&mut self, connection: usize) -> Result<(), String> {
        let Some((number, body)) = self.on_way[connection].pop_front() else {
            return Ok(());
        };
        let says_missed = body == write_missed(&BTreeSet::from([CACHE]));
        let arrival = self.incoming.arrival(number, says_missed);
        if arrival == Arrival::Known {
            return Ok(());
        }
        if says_missed || arrival == Arrival::AfterLoss {
            self.known = self.made;
        }
        if !says_missed {
            let change = u64::from_be_bytes(body[0][..].try_into().unwrap());
            if change <= self.told || change > self.known + 1 {
                let Pair { told, known, .. } = self;
                return Err(format!("{change} is told after {told}, when {known} is known"));
            }
            self.told = change;
            self.known = self.known.max(change);
        }
        let _at_once = self.incoming.passed_on(number);
        Ok(())
    }
}

proptest! {
    /// Whatever is lost, given up or comes late, the listener is told of each change in order, or of a gap before any later
    /// one; and in the end it knows of all.
    #[test]
    fn each_change_or_a_gap_before_any_later_one(steps in prop::collection::vec(0_u8..12, 1..200)) {
        let mut pair = Pair::new();
        for step in steps {
            match step {
                0..=2 => {
                    pair.make();
                    pair.send();
                }
                3 => pair.make(),
                4 => pair.reconnect(),
                5 | 6 => pair.arrive(0).map_err(TestCaseError::fail)?,
                7 => pair.arrive(1).map_err(TestCaseError::fail)?,
                8 => if let Some(number) = pair.say() {
                    pair.outgoing.heard(number);
                },
                // It is said, and does not arrive.
                9 => drop(pair.say()),
                10 => {
                    pair.outgoing.give_up(AT + AFTER, AFTER, &BTreeSet::from([CACHE]));
                }
                // It comes, and cannot be read.
                _ => drop(pair.on_way[0].pop_front()),
            }
        }
        pair.make();
        pair.reconnect();
        while !pair.on_way[0].is_empty() {
            pair.arrive(0).map_err(TestCaseError::fail)?;
        }
        prop_assert_eq!(pair.known, pair.made);
    }
}
