//! Leases alone, at the edge of what their clocks allow: members are voted out at any moment, without the wait that
//! their silence would have cost, and leaders follow each other.

use core::time::Duration;
use std::collections::BTreeSet;

use grid_core::membership::lease::{Lease, LeaseBook, LeaseInput, LeaseOutput, LeaseSettings, LeaseSource};
use grid_core::membership::{LinkId, MemberId, Moment};

use crate::random::{Random, with_seeds};

const MEMBER: MemberId = MemberId::new(7);
const RATES: [u64; 4] = [900, 950, 1_050, 1_100];

fn local(real_ms: u64, rate: u64) -> Moment {
    Moment::BOOT.after(Duration::from_micros(real_ms * rate))
}

fn source(leader: u64) -> LeaseSource {
    LeaseSource {
        leader: MemberId::new(leader),
        link: LinkId::new(leader),
    }
}

/// One member, a leader that is followed by another when it is half over, and the moment of the removal by the second.
/// Gives back for how long the member served after it was voted out, in milliseconds.
fn simulate(seed: u64) -> u64 {
    let mut random = Random::new(seed);
    let settings = LeaseSettings::default();
    let mut rate = || random.pick(&RATES).unwrap();
    let (member_rate, leader_rate) = (rate(), rate());
    let elected = random.range(1, 4_000);
    let removed = elected + random.range(0, 4_000);
    let late_max = random.range(2, 600);
    let mut lease = Lease::new(settings);
    let mut book = LeaseBook::new(settings, local(elected, leader_rate));
    // Requests at the leader, and grants at the member, with the time at which each arrives.
    let (mut asked, mut granted) = (
        BTreeSet::<(u64, u64, u64)>::new(),
        BTreeSet::<(u64, u64, u64)>::new(),
    );
    let mut served_until = removed;
    for ms in 0..removed + 4_000 {
        let (at_member, at_leader) = (local(ms, member_rate), local(ms, leader_rate));
        // The member hears late of the new leader; the connection to the first lives on.
        let known = if ms < elected + late_max { 1 } else { 2 };
        let mut outputs = vec![lease.step(at_member, LeaseInput::Source(source(known)))];
        while let Some((_, leader, nonce)) = granted.first().copied().filter(|(due, ..)| *due <= ms) {
            granted.pop_first();
            outputs.push(lease.step(
                at_member,
                LeaseInput::Granted {
                    source: source(leader),
                    nonce,
                },
            ));
        }
        for LeaseOutput::Ask { source, nonce } in outputs.into_iter().flatten() {
            asked.insert((ms + random.range(0, late_max), source.leader.get(), nonce));
        }
        while let Some((_, leader, nonce)) = asked.first().copied().filter(|(due, ..)| *due <= ms) {
            asked.pop_first();
            // A leader grants when it was still confirmed after the request; the answer may be late.
            let confirmed = if leader == 1 { ms < elected } else { ms < removed };
            if confirmed {
                if leader == 2 {
                    book.granted(MEMBER, at_leader);
                }
                granted.insert((ms + random.range(0, late_max), leader, nonce));
            }
        }
        if lease.serves(at_member) && ms >= removed {
            served_until = ms;
            assert!(
                !book.safe_to_take(MEMBER, at_leader),
                "it serves at {ms} ms what can be taken"
            );
        }
    }
    assert!(
        book.safe_to_take(MEMBER, local(removed + 4_000, leader_rate)),
        "it can be taken at last"
    );
    served_until - removed
}

#[test]
fn nothing_is_taken_that_is_served_whatever_the_clocks_do() {
    let longest = core::cell::Cell::new(0);
    with_seeds(500, |seed| longest.set(longest.get().max(simulate(seed))));
    let one = std::env::var_os("SEED").is_some();
    let longest = longest.get();
    assert!(
        one || longest > 1_500,
        "members served on after they were voted out: {longest} ms"
    );
}
