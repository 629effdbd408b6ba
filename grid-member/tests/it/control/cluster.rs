//! Members of a control group in one process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::membership::{Generation, MemberId};
use grid_member::control::{Agreed, ControlGroup, ControlSettings, ProposeError};

use super::network::{Faults, Hub};
use super::random::Random;
use super::truth::{Journal, Truth, Witness};

pub(crate) type Group = ControlGroup<Journal, Witness>;

/// Several members and what is between them.
pub(crate) struct Cluster {
    pub(crate) hub: Arc<Hub>,
    pub(crate) truth: Truth,
    pub(crate) tune: fn(&mut ControlSettings),
    next: u64,
}

pub(crate) const QUICK: Faults = Faults {
    loss: 0,
    twice: 0,
    delay_min_us: 200,
    delay_spread_us: 300,
};

impl Cluster {
    /// A cluster whose first member leads itself, and that has so many members, all voters.
    pub(crate) async fn of(count: u64, random: Random, faults: Faults) -> Self {
        Self::tuned(count, random, faults, |_defaults| {}).await
    }

    pub(crate) async fn tuned(
        count: u64,
        random: Random,
        faults: Faults,
        tune: fn(&mut ControlSettings),
    ) -> Self {
        let mut cluster = Cluster {
            hub: Hub::new(random, faults),
            truth: Truth::default(),
            tune,
            next: 1,
        };
        let first = cluster.add().await;
        cluster.group(first).bootstrap().await.unwrap();
        for _ in 1..count {
            cluster.add().await;
        }
        let all: BTreeSet<_> = cluster.hub.members().into_keys().collect();
        cluster.wait_for_leader().await.set_voters(&all).await.unwrap();
        cluster
    }

    /// Starts another member, which no one knows yet.
    pub(crate) async fn add(&mut self) -> MemberId {
        let member = MemberId::new(self.next);
        self.next += 1;
        self.start(member, Generation::FIRST).await;
        member
    }

    pub(crate) fn settings(&self, member: MemberId, generation: Generation) -> ControlSettings {
        let mut settings = ControlSettings::new(member, generation);
        (self.tune)(&mut settings);
        settings
    }

    pub(crate) async fn start(&self, member: MemberId, generation: Generation) {
        let network = self.hub.network(member);
        let settings = self.settings(member, generation);
        let group = Group::start(settings, Journal::default(), network, self.truth.observer()).await;
        self.hub.add(member, Arc::new(group.unwrap()));
    }

    pub(crate) fn group(&self, member: MemberId) -> Arc<Group> {
        self.hub.members().remove(&member).expect("the member lives")
    }

    /// The member is gone at once, with its process.
    pub(crate) async fn kill(&self, member: MemberId) {
        if let Some(group) = self.hub.remove(member) {
            group.stop().await;
        }
    }

    /// Who leads in the highest term that any member knows of.
    pub(crate) fn leader(&self) -> Option<(MemberId, Arc<Group>)> {
        let members = self.hub.members();
        let seen = members.values().map(|group| *group.leadership().borrow());
        let leader = seen
            .max_by_key(|seen| (seen.generation, seen.term, seen.leader))?
            .leader?;
        members.get(&leader).map(|group| (leader, group.clone()))
    }

    /// A member that leads, and can prove it.
    pub(crate) async fn wait_for_leader(&self) -> Arc<Group> {
        let found = async {
            loop {
                if let Some((_, group)) = self.leader()
                    && group.confirm().await.is_ok()
                {
                    return group;
                }
                tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), found)
            .await
            .expect("a leader within a minute")
    }

    /// Has a command agreed, whoever leads.
    pub(crate) async fn agree(&self, text: &str) -> Agreed {
        let command = Bytes::from(text.to_owned());
        let mut number = 0;
        loop {
            // Commands are told apart, so a repetition must be another one.
            let command = if number == 0 {
                command.clone()
            } else {
                Bytes::from(format!("{text} again {number}"))
            };
            match self.wait_for_leader().await.propose(command.clone()).await {
                Ok(agreed) => {
                    self.truth.acknowledged(&command, &agreed);
                    return agreed;
                }
                Err(ProposeError::Stopped) => panic!("the leader stopped"),
                Err(_) => {
                    number += 1;
                    tick().await;
                }
            }
        }
    }

    /// Waits until all these members have applied everything that was acknowledged.
    pub(crate) async fn wait_until_equal(&self, members: &BTreeSet<MemberId>) {
        let goal = self
            .agree(&format!("the last one, after {}", self.truth.last_acknowledged()))
            .await
            .index;
        let equal = async {
            while members.iter().any(|member| self.group(*member).index() < goal) {
                tick().await;
            }
        };
        let equal = tokio::time::timeout(Duration::from_secs(60), equal).await;
        let indexes: Vec<_> = members
            .iter()
            .map(|member| (*member, self.group(*member).index()))
            .collect();
        equal.unwrap_or_else(|_| panic!("all members must come to {goal} within a minute: {indexes:?}"));
        for member in members {
            self.group(*member)
                .read(|journal| self.truth.check(journal))
                .expect("the state is there");
        }
    }

    /// Stops everyone.
    pub(crate) async fn stop(self) {
        for (member, _) in self.hub.members() {
            self.kill(member).await;
        }
    }
}

/// A moment of simulated time.
pub(crate) async fn tick() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
