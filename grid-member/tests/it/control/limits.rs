//! What is refused, and bad bytes.

use bytes::Bytes;
use grid_core::membership::{Generation, MemberId};
use grid_member::control::{ConfirmError, ControlSettings, ProposeError};

use super::cluster::{Cluster, QUICK, tick};
use super::random::Random;
use super::{for_each_seed, in_simulated_time};

#[test]
fn what_is_too_much_is_refused() {
    in_simulated_time(async {
        let cluster = Cluster::tuned(3, Random::new(1), QUICK, |settings| {
            settings.command_len_max = 100;
            settings.proposals_max = 20;
            settings.confirmations_max = 10;
            settings.snapshot_every = 10;
            settings.entries_kept = 5;
            settings.log_len_max = 60;
        })
        .await;
        let leader = cluster.wait_for_leader().await;
        let long = leader.propose(Bytes::from(vec![0; 101])).await;
        assert_eq!(long, Err(ProposeError::TooLong { len: 101, max: 100 }));

        let many = (0..25).map(|number| leader.propose(Bytes::from(vec![number; 100])));
        let many = futures::future::join_all(many).await;
        let refused = many
            .iter()
            .filter(|result| **result == Err(ProposeError::Overloaded))
            .count();
        assert_eq!(refused, 5, "{many:?}");
        assert_eq!(many.iter().filter(|result| result.is_ok()).count(), 20);

        let many = futures::future::join_all((0..15).map(|_| leader.confirm())).await;
        assert!(many.contains(&Err(ConfirmError::Overloaded)));
        assert!(many.iter().any(Result::is_ok));

        // Without a majority the log does not grow for ever.
        let (me, _) = cluster.leader().unwrap();
        cluster.hub.isolate(me);
        let mut unknown = 0;
        while unknown < 1_000 {
            let some = (0..20).map(|number| leader.propose(Bytes::from(vec![number; 90])));
            let some = futures::future::join_all(some).await;
            if some.contains(&Err(ProposeError::Overloaded)) {
                break;
            }
            unknown += some.len();
        }
        assert!(unknown <= 60, "{unknown}");
        assert_eq!(leader.confirm().await, Err(ConfirmError::NoMajority));
        cluster.stop().await;
    });
}

#[test]
fn a_group_takes_commands_as_fast_as_its_limits_allow() {
    in_simulated_time(async {
        let cluster = Cluster::tuned(3, Random::new(1), QUICK, |settings| {
            settings.append_len_max = 1_000;
            settings.snapshot_every = 100;
            settings.entries_kept = 10;
        })
        .await;
        let leader = cluster.wait_for_leader().await;
        for round in 0..10 {
            let many = (0..100).map(|number| {
                let mut command = format!("{round} {number} ").into_bytes();
                command.resize(700, b'x');
                leader.propose(Bytes::from(command))
            });
            let many = futures::future::join_all(many).await;
            assert!(many.iter().all(Result::is_ok));
        }
        let all = leader.voters();
        cluster.wait_until_equal(&all).await;
        cluster.stop().await;
    });
}

#[test]
fn settings_that_do_not_fit_start_nothing() {
    in_simulated_time(async {
        let cluster = Cluster::of(1, Random::new(1), QUICK).await;
        let mut settings = ControlSettings::new(MemberId::new(7), Generation::FIRST);
        settings.heartbeat = settings.election_timeout_max;
        let network = cluster.hub.network(MemberId::new(7));
        let refused = super::cluster::Group::start(
            settings,
            super::truth::Journal::default(),
            network,
            cluster.truth.observer(),
        );
        let error = refused.await.unwrap_err().to_string();
        assert!(error.contains("election_timeout_min"), "{error}");
        cluster.stop().await;
    });
}

/// Requests that were cut, changed or made up get an answer, and the group goes on.
#[test]
fn bad_requests_do_no_harm() {
    for_each_seed(3, |mut random| async move {
        let cluster = Cluster::of(3, random.fork(), QUICK).await;
        cluster.hub.record();
        for number in 0..20 {
            cluster.agree(&format!("command {number}")).await;
        }
        let (dead, _) = cluster.leader().unwrap();
        let living: Vec<_> = cluster
            .hub
            .members()
            .into_keys()
            .filter(|member| *member != dead)
            .collect();
        let requests = cluster.hub.recorded();
        assert!(requests.len() > 20);
        let victim = cluster.group(living[0]);
        assert!(!victim.handle(Bytes::new()).await.is_empty());
        for _ in 0..3_000 {
            let place = usize::try_from(random.below(requests.len() as u64)).unwrap();
            let mut bytes = requests[place].to_vec();
            if random.per_mille(300) {
                bytes.truncate(usize::try_from(random.below(bytes.len() as u64)).unwrap());
            } else {
                // The generation and the goal come right behind the version, and are of one byte.
                bytes.push(u8::try_from(random.below(256)).unwrap());
            }
            assert!(!victim.handle(Bytes::from(bytes)).await.is_empty());
        }
        for len in [1, 10, 1_000] {
            for _ in 0..300 {
                let noise: Vec<u8> = (0..len)
                    .map(|_| u8::try_from(random.below(256)).unwrap())
                    .collect();
                assert!(!victim.handle(Bytes::from(noise)).await.is_empty());
            }
        }
        tick().await;
        let all = cluster.hub.members().into_keys().collect();
        cluster.wait_until_equal(&all).await;
        cluster.stop().await;
    });
}
