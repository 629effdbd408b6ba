//! How long things take, in simulated time: what the protocol waits for, without what the machine adds.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::cluster::{Cluster, QUICK};
use super::network::Faults;
use super::random::Random;
use super::{for_each_seed, in_simulated_time};

/// Each message takes 5 ms.
const FIVE_MS: Faults = Faults {
    loss: 0,
    twice: 0,
    delay_min_us: 5_000,
    delay_spread_us: 0,
};

#[expect(
    clippy::disallowed_methods,
    reason = "simulated time is what this test measures"
)]
fn now() -> Instant {
    Instant::now()
}

/// One proposal at a time takes one round trip. Those that follow at once take two: the library has one request under way
/// to each voter, and tells what was agreed in one of its own.
#[test]
fn a_proposal_takes_one_round_trip() {
    in_simulated_time(async {
        for members in [1, 2, 3, 5] {
            let cluster = Cluster::of(members, Random::new(members), FIVE_MS).await;
            let leader = cluster.wait_for_leader().await;
            let round_trip = Duration::from_millis(if members == 1 { 0 } else { 10 });
            let slack = Duration::from_millis(2);
            for (what, gap_ms) in [("apart", 25), ("back to back", 0)] {
                let mut took = Vec::new();
                for number in 0..50 {
                    tokio::time::sleep(Duration::from_millis(gap_ms)).await;
                    let start = now();
                    leader
                        .propose(Bytes::from(format!("{what} {number}")))
                        .await
                        .unwrap();
                    took.push(start.elapsed());
                }
                let median = report(&format!("{members} members, {what}"), &mut took);
                let expected = if gap_ms > 0 { round_trip } else { round_trip * 2 };
                assert!(median <= expected + slack, "{took:?}");
                assert!(took[49] <= round_trip * 2 + slack, "{took:?}");
            }
            cluster.stop().await;
        }
    });
}

#[test]
fn confirmations_share_a_round() {
    in_simulated_time(async {
        let cluster = Cluster::of(3, Random::new(1), FIVE_MS).await;
        let leader = cluster.wait_for_leader().await;
        let (start, before) = (now(), cluster.hub.requests());
        let all = futures::future::join_all((0..1000).map(|_| leader.confirm())).await;
        assert!(all.iter().all(Result::is_ok));
        let (took, requests) = (start.elapsed(), cluster.hub.requests() - before);
        eprintln!("1,000 confirmations: {took:?}, {requests} requests");
        assert!(took <= Duration::from_millis(22), "{took:?}");
        assert!(requests <= 10, "{requests}");
        cluster.stop().await;
    });
}

/// How long a group of so many is without a leader, each time that one goes, sorted.
async fn pauses(members: u64, random: Random, proven: bool, refuses: bool) -> Vec<Duration> {
    let mut random = random;
    let mut cluster = Cluster::of(members, random.fork(), QUICK).await;
    cluster.hub.set_refuses(refuses);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let wait = random.below(200);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        cluster.wait_for_leader().await;
        let (dead, _) = cluster.leader().unwrap();
        let start = now();
        cluster.kill(dead).await;
        if proven {
            // All learn of it, at about the same time.
            let members = cluster.hub.members();
            let elections = members.values().map(|group| group.elect_now(dead));
            let winners = futures::future::join_all(elections).await;
            assert!(winners.iter().all(Result::is_ok), "{winners:?}");
        }
        while cluster.leader().is_none_or(|(leader, _)| leader == dead) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        pauses.push(start.elapsed());
        cluster.add().await;
        let living = cluster.hub.members().into_keys().collect();
        cluster.wait_for_leader().await.set_voters(&living).await.unwrap();
    }
    cluster.stop().await;
    pauses
}

fn report(what: &str, pauses: &mut [Duration]) -> Duration {
    pauses.sort();
    let (median, worst) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
    eprintln!("{what}: median {median:?}, worst {worst:?}");
    median
}

#[test]
fn a_leader_that_vanishes_is_replaced_soon() {
    for_each_seed(4, |mut random| async move {
        for (members, refuses) in [(3, true), (3, false), (5, true), (5, false)] {
            let mut pauses = pauses(members, random.fork(), false, refuses).await;
            let median = report(&format!("{members} members, silence"), &mut pauses);
            // The library lets voters refuse until their own time-out is over: it may take two rounds.
            assert!(median <= Duration::from_secs(1), "{pauses:?}");
            assert!(pauses[9] <= Duration::from_millis(1_500), "{pauses:?}");
        }
    });
}

#[test]
fn a_leader_that_is_proven_dead_is_replaced_at_once() {
    for_each_seed(4, |mut random| async move {
        for members in [3, 5] {
            let mut pauses = pauses(members, random.fork(), true, true).await;
            let median = report(&format!("{members} members, proof"), &mut pauses);
            assert!(median <= Duration::from_millis(20), "{pauses:?}");
            assert!(pauses[9] <= Duration::from_millis(150), "{pauses:?}");
        }
    });
}

/// Voters whose logs differ: one of them cannot win, and must not keep the other from it, however long messages take.
#[test]
fn a_voter_that_is_behind_does_not_hold_an_election_up() {
    for_each_seed(8, |mut random| async move {
        for delay_ms in [0, 10, 20, 35] {
            let delay = Faults {
                delay_min_us: delay_ms * 1_000,
                delay_spread_us: 10_000,
                ..QUICK
            };
            let cluster = Cluster::of(3, random.fork(), delay).await;
            let (dead, leader) = cluster.leader().unwrap();
            let members = cluster.hub.members();
            let mut others = members.keys().copied().filter(|member| *member != dead);
            let (first, second) = (others.next().unwrap(), others.next().unwrap());
            let behind = if random.per_mille(500) { first } else { second };
            cluster.hub.cut(dead, behind);
            leader
                .propose(Bytes::from_static(b"the other has it"))
                .await
                .unwrap();
            let start = now();
            cluster.kill(dead).await;
            let elections = [first, second].map(|member| {
                let group = cluster.group(member);
                let later = Duration::from_millis(random.below(100));
                async move {
                    tokio::time::sleep(later).await;
                    group.elect_now(dead).await
                }
            });
            let winners = futures::future::join_all(elections).await;
            let ahead = if behind == first { second } else { first };
            assert_eq!(winners, [Ok(ahead), Ok(ahead)], "{delay_ms} ms");
            let took = start.elapsed();
            assert!(
                took <= Duration::from_millis(200 + 10 * delay_ms),
                "{delay_ms} ms: {took:?}"
            );
            cluster.stop().await;
        }
    });
}
