//! The survivor of two goes on alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::membership::{Generation, MemberId};
use grid_member::control::{ControlError, ProposeError};

use super::cluster::{Cluster, Group, QUICK, tick};
use super::for_each_seed;
use super::random::Random;

#[test]
fn the_survivor_of_two_has_everything_and_goes_on() {
    for_each_seed(4, |mut random| async move {
        let cluster = Cluster::of(2, random.fork(), QUICK).await;
        let count = 20 + random.below(20);
        for number in 0..count {
            cluster.agree(&format!("command {number}")).await;
        }
        let (leader, leading) = cluster.leader().unwrap();
        let all: BTreeSet<MemberId> = cluster.hub.members().into_keys().collect();
        let other = *all.iter().find(|member| **member != leader).unwrap();
        // The leader dies or the other does, with proposals under way.
        let (dead, survivor) = if random.per_mille(500) {
            (leader, other)
        } else {
            (other, leader)
        };
        let last = cluster.truth.last_acknowledged();
        let open = (0..5).map(|number| {
            let leading = leading.clone();
            let truth = cluster.truth.clone();
            async move {
                let command = Bytes::from(format!("under way {number}"));
                match leading.propose(command.clone()).await {
                    Ok(agreed) => truth.acknowledged(&command, &agreed),
                    Err(error) => assert!(
                        error.may_be_applied() || error == ProposeError::Stopped,
                        "{error}"
                    ),
                }
            }
        });
        let death = async {
            tokio::time::sleep(Duration::from_micros(random.below(2_000))).await;
            cluster.kill(dead).await;
            let left = cluster.group(survivor);
            left.seize().await.unwrap()
        };
        let (seized, _) = tokio::join!(death, futures::future::join_all(open));
        assert!(seized.index >= last);
        assert_eq!(seized.machine.commands.len() as u64, seized.index);

        let old = cluster.hub.remove(survivor).unwrap();
        assert_eq!(old.seize().await.unwrap_err(), ControlError::Stopped);
        let old_term = cluster_term(&old);
        let second = Generation::FIRST.next();
        let settings = cluster.settings(survivor, second);
        let numbers_go_on = seized.index + 1;
        let alone = Group::start_generation(settings, seized, cluster.hub.network(survivor))
            .await
            .unwrap();
        cluster.hub.add(survivor, Arc::new(alone));
        let alone = cluster.wait_for_leader().await;
        assert_eq!(alone.voters(), BTreeSet::from([survivor]));
        assert!(cluster_term(&alone) > old_term);
        assert_eq!(cluster.agree("alone").await.index, numbers_go_on);

        // A new member joins the new generation, and gets it all; one of the old generation does not.
        let new = MemberId::new(10);
        cluster.start(new, second).await;
        cluster.start(dead_again(dead), Generation::FIRST).await;
        let both = BTreeSet::from([survivor, new]);
        alone.set_voters(&both).await.unwrap();
        assert!(
            alone
                .set_voters(&BTreeSet::from([survivor, new, dead_again(dead)]))
                .await
                .is_err()
        );
        assert!(cluster.group(dead_again(dead)).voters().is_empty());
        cluster.kill(dead_again(dead)).await;
        alone.set_voters(&both).await.unwrap();
        cluster.wait_until_equal(&both).await;
        cluster.stop().await;
    });
}

/// A member that comes back has a new number, but may not know of the new generation.
fn dead_again(dead: MemberId) -> MemberId {
    MemberId::new(dead.get() + 20)
}

fn cluster_term(group: &Group) -> u64 {
    group.leadership().borrow().term
}

#[test]
fn only_a_later_generation_follows() {
    super::in_simulated_time(async {
        let mut cluster = Cluster::of(1, Random::new(1), QUICK).await;
        let first = MemberId::FIRST;
        cluster.agree("one").await;
        let seized = cluster.group(first).seize().await.unwrap();
        let again = cluster.settings(first, Generation::FIRST);
        let network = cluster.hub.network(first);
        let refused = Group::start_generation(again, seized, network).await;
        assert_eq!(refused.map(|_| ()), Err(ControlError::SameGeneration));
        // Who never was in a group has nothing to go on with.
        let new = cluster.add().await;
        assert_eq!(
            cluster.group(new).seize().await.unwrap_err(),
            ControlError::Nothing
        );
        tick().await;
        cluster.stop().await;
    });
}
