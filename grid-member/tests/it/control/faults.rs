//! A group under load while everything goes wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use grid_core::membership::MemberId;
use grid_member::control::ControlSettings;
use tokio::sync::Mutex;

use super::cluster::{Cluster, Group, tick};
use super::for_each_seed;
use super::network::{Faults, Hub};
use super::random::Random;
use super::truth::Truth;

const SHAKY: Faults = Faults {
    loss: 5,
    twice: 20,
    delay_min_us: 100,
    delay_spread_us: 4_000,
};

const AWFUL: Faults = Faults {
    loss: 100,
    twice: 100,
    delay_min_us: 1_000,
    delay_spread_us: 40_000,
};

/// Requests get lost for good, which a connection does not do, so they are given up sooner.
fn impatient(settings: &mut ControlSettings) {
    settings.call_timeout = Duration::from_millis(100);
    settings.confirm_timeout = Duration::from_millis(500);
    settings.propose_timeout = Duration::from_secs(2);
    settings.voters_timeout = Duration::from_secs(2);
    // So short that members fall behind the log and get snapshots.
    settings.snapshot_every = 40;
    settings.entries_kept = 10;
}

/// What clients share.
struct Load {
    hub: Arc<Hub>,
    truth: Truth,
    number: AtomicU64,
    ends: AtomicBool,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::SeqCst)
    }

    fn someone(&self, random: &mut Random) -> (MemberId, Arc<Group>) {
        let members: Vec<_> = self.hub.members().into_iter().collect();
        let place = usize::try_from(random.below(members.len() as u64)).unwrap();
        members[place].clone()
    }

    /// Proposes commands, each once, to whom it takes for the leader.
    async fn propose(&self, mut random: Random) {
        while self.goes_on() {
            let (mut member, mut group) = self.someone(&mut random);
            let seen = group.leadership().borrow().leader;
            if let Some(leader) = seen
                && let Some(known) = self.hub.members().remove(&leader)
            {
                (member, group) = (leader, known);
            }
            let number = self.number.fetch_add(1, Ordering::SeqCst);
            let command = Bytes::from(format!("command {number} to {member}"));
            if let Ok(agreed) = group.propose(command.clone()).await {
                self.truth.acknowledged(&command, &agreed);
            }
            tokio::time::sleep(Duration::from_millis(random.below(20))).await;
        }
    }

    /// Asks anyone whether it leads.
    async fn confirm(&self, mut random: Random) {
        while self.goes_on() {
            let (member, group) = self.someone(&mut random);
            let before = self.truth.last_acknowledged();
            if let Ok(confirmation) = group.confirm().await {
                self.truth.confirmed(member, confirmation, before);
            }
            tokio::time::sleep(Duration::from_millis(random.below(10))).await;
        }
    }
}

/// Does one bad thing, or makes it good again.
async fn harm(cluster: &Mutex<Cluster>, random: &mut Random, voters: u64) {
    let mut cluster = cluster.lock().await;
    let members: Vec<MemberId> = cluster.hub.members().into_keys().collect();
    let (one, other) = (random.pick(&members), random.pick(&members));
    match random.below(10) {
        0 => cluster.hub.isolate(one),
        1 => cluster.hub.cut(one, other),
        2 => {
            if let Some((leader, _)) = cluster.leader() {
                cluster.hub.isolate(leader);
            }
        }
        3 => cluster.hub.set_faults(AWFUL),
        // A false proof of death must do no harm but cost time.
        4 => {
            if let Some((leader, _)) = cluster.leader() {
                let _ = cluster.group(one).elect_now(leader).await;
            }
        }
        5 | 6 => {
            // The next loss comes only after the last was made good, or no majority need be left.
            cluster.hub.heal();
            cluster.hub.set_faults(SHAKY);
            let dead = match cluster.leader() {
                Some((leader, _)) if random.per_mille(700) => leader,
                _ => one,
            };
            make_good(&mut cluster, voters).await;
            cluster.kill(dead).await;
            cluster.add().await;
            make_good(&mut cluster, voters).await;
        }
        _ => {
            cluster.hub.heal();
            cluster.hub.set_faults(SHAKY);
        }
    }
}

/// Makes all living members voters, whoever leads, however often it takes.
async fn make_good(cluster: &mut Cluster, voters: u64) {
    let living: BTreeSet<MemberId> = cluster.hub.members().into_keys().collect();
    assert_eq!(living.len() as u64, voters);
    loop {
        let leader = cluster.wait_for_leader().await;
        if leader.set_voters(&living).await.is_ok() {
            assert_eq!(leader.voters(), living);
            return;
        }
        tick().await;
    }
}

async fn storm(voters: u64, mut random: Random) {
    let cluster = Cluster::tuned(voters, random.fork(), SHAKY, impatient).await;
    let load = Load {
        hub: cluster.hub.clone(),
        truth: cluster.truth.clone(),
        number: AtomicU64::new(1),
        ends: AtomicBool::new(false),
    };
    let cluster = Mutex::new(cluster);
    let proposers = join_all((0..3).map(|_| load.propose(random.fork())).collect::<Vec<_>>());
    let confirmers = join_all((0..2).map(|_| load.confirm(random.fork())).collect::<Vec<_>>());
    let nemesis = async {
        for _ in 0..25 {
            harm(&cluster, &mut random, voters).await;
            tokio::time::sleep(Duration::from_millis(100 + random.below(700))).await;
        }
        load.ends.store(true, Ordering::SeqCst);
    };
    // Boxed, since the three together are long.
    Box::pin(async { tokio::join!(proposers, confirmers, nemesis) }).await;

    let mut cluster = cluster.into_inner();
    cluster.hub.heal();
    cluster.hub.set_faults(SHAKY);
    make_good(&mut cluster, voters).await;
    let living = cluster.hub.members().into_keys().collect();
    cluster.wait_until_equal(&living).await;
    let truth = cluster.truth.clone();
    eprintln!(
        "{voters} voters: {} acknowledged, {} terms confirmed, {} snapshots installed",
        truth.acknowledged_count(),
        truth.terms_confirmed(),
        truth.snapshots_installed()
    );
    assert!(truth.acknowledged_count() > 100 && truth.terms_confirmed() > 1);
    cluster.stop().await;
}

#[test]
fn three_voters_keep_their_promises() {
    for_each_seed(3, |random| storm(3, random));
}

#[test]
fn five_voters_keep_their_promises() {
    for_each_seed(3, |random| storm(5, random));
}
