//! Who votes.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_member::control::{ConfirmError, ControlError, ElectError, ProposeError, VotersError};

use super::cluster::{Cluster, QUICK};
use super::in_simulated_time;
use super::random::Random;

fn members<const N: usize>(numbers: [u64; N]) -> BTreeSet<MemberId> {
    numbers.into_iter().map(MemberId::new).collect()
}

#[test]
fn a_group_starts_with_one_and_grows() {
    in_simulated_time(async {
        let mut cluster = Cluster::of(1, Random::new(1), QUICK).await;
        let first = cluster.wait_for_leader().await;
        assert_eq!(first.voters(), members([1]));
        assert_eq!(first.bootstrap().await, Err(ControlError::AlreadyStarted));
        assert_eq!(cluster.agree("one").await.index, 1);
        cluster.add().await;
        cluster.add().await;
        for voters in [members([1, 2]), members([1, 2, 3]), members([1, 2, 3])] {
            first.set_voters(&voters).await.unwrap();
            assert_eq!(first.voters(), voters);
        }
        assert_eq!(cluster.agree("two").await.index, 2);
        cluster.wait_until_equal(&members([1, 2, 3])).await;
        cluster.stop().await;
    });
}

#[test]
fn who_does_not_lead_says_who_does() {
    in_simulated_time(async {
        let mut cluster = Cluster::of(3, Random::new(1), QUICK).await;
        let (leader, _) = cluster.leader().unwrap();
        let other = cluster.group(MemberId::new(if leader.get() == 2 { 3 } else { 2 }));
        let command = Bytes::from_static(b"x");
        assert_eq!(
            other.propose(command.clone()).await,
            Err(ProposeError::NotLeader { leader })
        );
        assert_eq!(other.confirm().await, Err(ConfirmError::NotLeader { leader }));
        let all = other.voters();
        assert_eq!(
            other.set_voters(&all).await,
            Err(VotersError::NotLeader { leader })
        );
        // One that is in no group knows of no leader.
        let new = cluster.add().await;
        let new = cluster.group(new);
        assert_eq!(new.propose(command.clone()).await, Err(ProposeError::NoLeader));
        assert_eq!(new.confirm().await, Err(ConfirmError::NoLeader));
        assert_eq!(new.elect_now(leader).await, Err(ElectError::NoVoter));
        assert!(new.voters().is_empty());
        // One that stopped takes nothing.
        other.stop().await;
        assert_eq!(other.propose(command).await, Err(ProposeError::Stopped));
        assert_eq!(other.confirm().await, Err(ConfirmError::Stopped));
        assert_eq!(other.leadership().borrow().leader, None);
        cluster.stop().await;
    });
}

#[test]
fn a_leader_can_leave_itself_out() {
    in_simulated_time(async {
        let mut cluster = Cluster::of(3, Random::new(1), QUICK).await;
        let (old, group) = cluster.leader().unwrap();
        let new = cluster.add().await;
        let mut voters = group.voters();
        voters.remove(&old);
        voters.insert(new);
        group.set_voters(&voters).await.unwrap();
        // Those who stay need not wait for its silence.
        let stays = cluster.group(new);
        let winner = stays.elect_now(old).await.unwrap();
        assert_ne!(winner, old);
        cluster.agree("without it").await;
        cluster.kill(old).await;
        cluster.wait_until_equal(&voters).await;
        cluster.stop().await;
    });
}

#[test]
fn a_member_that_cannot_be_reached_gets_no_vote() {
    in_simulated_time(async {
        let cluster = Cluster::of(3, Random::new(1), QUICK).await;
        let leader = cluster.wait_for_leader().await;
        let ghost = MemberId::new(99);
        let before = leader.voters();
        let mut voters = before.clone();
        voters.insert(ghost);
        assert_eq!(
            leader.set_voters(&voters).await,
            Err(VotersError::Behind { member: ghost })
        );
        assert_eq!(leader.voters(), before);
        // It is forgotten when it is no longer asked for.
        leader.set_voters(&before).await.unwrap();
        let sent = cluster.hub.requests_to(ghost);
        cluster.agree("after").await;
        cluster.agree("that").await;
        assert_eq!(cluster.hub.requests_to(ghost), sent);
        for (asked, voters) in [(0, members([])), (6, members([1, 2, 3, 4, 5, 6]))] {
            assert_eq!(
                leader.set_voters(&voters).await,
                Err(VotersError::Count { asked, max: 5 })
            );
        }
        cluster.stop().await;
    });
}

#[test]
fn a_newcomer_gets_the_state_as_a_snapshot() {
    in_simulated_time(async {
        let mut cluster = Cluster::tuned(3, Random::new(1), QUICK, |settings| {
            settings.snapshot_every = 50;
            settings.entries_kept = 5;
            // In several parts.
            settings.snapshot_chunk_len = 300;
        })
        .await;
        for number in 0..230 {
            cluster.agree(&format!("command {number}")).await;
        }
        let before = cluster.truth.snapshots_installed();
        let new = cluster.add().await;
        let leader = cluster.wait_for_leader().await;
        let mut voters = leader.voters();
        voters.insert(new);
        leader.set_voters(&voters).await.unwrap();
        assert!(cluster.truth.snapshots_installed() > before);
        cluster.wait_until_equal(&voters).await;
        cluster.stop().await;
    });
}

#[test]
fn a_leader_that_steps_down_is_replaced_and_follows() {
    in_simulated_time(async {
        let cluster = Cluster::of(3, Random::new(1), QUICK).await;
        let (before, _) = cluster.leader().unwrap();
        let leader = cluster.group(before);
        let after = leader.step_down().await.unwrap();
        assert_ne!(after, before);
        assert_eq!(cluster.agree("one").await.index, 1);
        cluster.wait_until_equal(&members([1, 2, 3])).await;
        // It stands again when it has to.
        cluster.kill(after).await;
        cluster.wait_for_leader().await;
        cluster.agree("two").await;
        cluster.stop().await;
    });
}

#[test]
fn a_leader_without_others_goes_on() {
    in_simulated_time(async {
        let cluster = Cluster::of(1, Random::new(1), QUICK).await;
        let leader = cluster.wait_for_leader().await;
        assert_eq!(leader.step_down().await, Err(ElectError::Leads));
        assert_eq!(cluster.agree("one").await.index, 1);
        cluster.stop().await;
    });
}
