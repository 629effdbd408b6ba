//! What was agreed, and what this member does about it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::control::{Command, ControlState, Delta};
use grid_core::membership::detector::{Detector, DetectorInput, DetectorSettings, PeerIdentity};
use grid_core::membership::lease::Lease;
use grid_core::membership::{MemberId, MemberPhase, Moment};
use grid_core::partition::PartitionId;
use grid_core::partition::table::ServiceId;

use crate::replication::Replicas;
use crate::task::TaskKind;
use crate::transport::Lane;

use super::control_loop::{ControlLoop, Event, Membership, Phase};
use super::core::Core;
use super::message::{Leads, Push, kind, read, write};

/// How long after a whole state was asked for it is asked for again.
const STATE_AGAIN: Duration = Duration::from_millis(500);

impl ControlLoop {
    /// The member belongs to a cluster from now on.
    pub(super) fn become_member(&mut self, me: MemberId, state: ControlState) {
        let now = self.now();
        let generation = state.generation();
        let cluster = state.identity().id;
        tracing::info!(%me, %cluster, members = state.members().len(), "this member is in");
        for replicas in self.core.services.read().values() {
            for partition in replicas.count().all() {
                replicas.change(partition, |replica, _| replica.reincarnate(me));
                replicas.forget_told(partition);
            }
        }
        // Who has a number and no others is alone, and waits for nobody to hear of what is listened to here: the others are
        // known first. And it takes what they tell before any of them can reach it under its number.
        self.core.set_members(&others_of(&state, me));
        self.core.set_me(Some(me));
        self.core.change_identity(|identity| {
            identity.cluster = Some(cluster);
            identity.generation = generation;
            identity.member = Some(me);
        });
        // Others learn who it is now by new connections.
        if let Phase::Looking(looking) = &self.phase {
            for link in looking.links.values() {
                link.close();
            }
        }
        if let Some(transport) = self.core.transport.get() {
            transport.close_accepted(|peer| peer.member.is_none());
        }
        let identity = PeerIdentity {
            member: me,
            process: self.core.settings.process,
            host: self.core.identity.load().host,
        };
        self.phase = Phase::In(Box::new(Membership {
            me,
            detector: Detector::new(DetectorSettings::default(), identity, now),
            lease: Lease::new(self.lease_settings()),
            dialing: BTreeSet::new(),
            next_dial: BTreeMap::new(),
            own_link: u64::MAX,
            leading: None,
            ready_asked: Moment::BOOT,
            next_say: now,
            next_look: now,
            state_asked: None,
            going_on: false,
            electing: None,
        }));
        self.install_state(state);
        self.joined.send_replace(Some(me));
        self.leadership_changed();
    }

    /// The control group at this member applied a command.
    pub(super) fn agreed_here(&mut self, index: u64, command: &Bytes) {
        let generation = self.core.identity.load().generation.get();
        self.apply(index, command);
        self.push(&Push {
            generation,
            index,
            command: command.to_vec(),
        });
    }

    /// The leader says that a command was agreed.
    pub(super) fn pushed(&mut self, push: &Push) {
        if push.generation >= self.core.identity.load().generation.get() {
            let command = Bytes::copy_from_slice(&push.command);
            self.apply(push.index, &command);
        }
    }

    fn apply(&mut self, index: u64, command: &Bytes) {
        if !matches!(self.phase, Phase::In(_)) {
            return;
        }
        let known = self.core.view.index_now();
        if index <= known {
            return;
        }
        if index > known + 1 {
            self.ask_for_state();
            return;
        }
        let command: Option<Command> = read(command);
        let core = self.core.clone();
        let delta = core
            .view
            .apply(index, command.as_ref(), |state, delta| core.act(state, delta));
        if let Some(delta) = delta {
            core.report(&delta);
            self.after_change(&delta);
        }
    }

    /// Something is missing between what is known and what was agreed.
    pub(super) fn ask_for_state(&mut self) {
        let (now, core) = (self.now(), self.core.clone());
        let leader = *self.core.leader.borrow();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let asked = membership
            .state_asked
            .is_some_and(|at| now.since(at) < STATE_AGAIN);
        let Some(leader) = leader.filter(|_leader| !asked) else {
            return;
        };
        let Some(link) = core.links.get(leader.member, Lane::Control) else {
            return;
        };
        membership.state_asked = Some(now);
        let supervisor = core.supervisor.clone();
        supervisor.spawn(TaskKind::Connection, "asking for the state", async move {
            let state = link.request(kind::SNAPSHOT, Bytes::new()).await.ok();
            core.tell_surely(Event::State(state.map(|state| state.to_vec())))
                .await;
        });
    }

    pub(super) fn state_came(&mut self, state: Option<Vec<u8>>) {
        if let Phase::In(membership) = &mut self.phase {
            membership.state_asked = None;
        }
        if let Some(state) = state {
            self.install(&state);
        }
    }

    /// A whole state, as the group or the leader sends it.
    pub(super) fn install(&mut self, state: &[u8]) {
        match read::<ControlState>(state) {
            Some(state) if matches!(self.phase, Phase::In(_)) => self.install_state(state),
            Some(_) => {}
            None => {
                tracing::error!("the state of the cluster cannot be read; run the same version everywhere")
            }
        }
    }

    fn install_state(&mut self, state: ControlState) {
        let core = self.core.clone();
        let mut gone = Vec::new();
        let mut delta = Delta::default();
        let installed = core.view.install(state, |state| {
            if let Some(registry) = core.registry() {
                gone = registry.all();
                gone.retain(|cache| state.cache(cache.id()).is_none());
            }
            let all = state
                .services()
                .iter()
                .flat_map(|(id, service)| service.partitions().map(|(partition, _)| (*id, partition)));
            delta = Delta {
                partitions: all.collect(),
                members: true,
                ..Delta::default()
            };
            core.act(state, &delta);
        });
        if installed {
            for cache in gone {
                if let Some(registry) = core.registry() {
                    registry.destroyed_by_cluster(cache.id());
                }
            }
            core.report(&delta);
            self.after_change(&delta);
        }
    }

    /// What follows from a change beside the partitions.
    fn after_change(&mut self, delta: &Delta) {
        if delta.members {
            self.members_changed();
        }
        if let Phase::In(membership) = &mut self.phase
            && let Some(leading) = &mut membership.leading
        {
            leading.next_plan = Moment::BOOT;
        }
        self.core.plan_wait.notify_one();
    }

    fn members_changed(&mut self) {
        let now = self.now();
        let members = self.read_state(|state| {
            let members = state.members().values();
            let members = members.map(|member| {
                let identity = PeerIdentity {
                    member: member.id,
                    process: member.info.process,
                    host: member.info.host,
                };
                (identity, member.info.address)
            });
            members.collect::<Vec<_>>()
        });
        let members = members.unwrap_or_default();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let me = membership.me;
        if !members.iter().any(|(identity, _)| identity.member == me) {
            return self.fenced("the cluster agreed on it");
        }
        let identities: Vec<_> = members.iter().map(|(identity, _)| *identity).collect();
        let outputs = membership.detector.step(now, DetectorInput::Members(&identities));
        let others: Vec<_> = members
            .iter()
            .filter(|(identity, _)| identity.member != me)
            .map(|(identity, address)| (identity.member, *address))
            .collect();
        self.core.set_members(&others);
        let known: BTreeSet<MemberId> = others.iter().map(|(member, _)| *member).collect();
        if let Some(transport) = self.core.transport.get() {
            transport.close_accepted(|peer| peer.member.is_some_and(|member| !known.contains(&member)));
        }
        self.detected(outputs);
        self.tell_judge_members();
        self.connect_all();
    }

    /// The leader tells how far the log is, so that one that missed something notices.
    pub(super) fn leads(&mut self, from: MemberId, leads: Leads) {
        if leads.generation < self.core.identity.load().generation.get() {
            return;
        }
        self.set_leader(from, leads.term);
        if leads.index > self.core.view.index_now() {
            // What was pushed comes on the same connection before this.
            self.ask_for_state();
        }
    }

    /// Whether the member says that it is ready: connected with all others, and each knows what is listened to at the
    /// other.
    pub(super) fn say_ready(&mut self) {
        let (now, core) = (self.now(), self.core.clone());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let me = membership.me;
        if now.since(membership.ready_asked) < Duration::from_millis(300) {
            return;
        }
        let is_joining = core.view.read(|state| {
            state
                .members()
                .get(&me)
                .is_some_and(|member| member.phase == MemberPhase::Joining)
        });
        if is_joining != Some(true) || core.leader.borrow().is_none() {
            return;
        }
        let connected = core.links.members().into_iter().all(|member| {
            core.links.get(member, Lane::Data).is_some() && core.links.get(member, Lane::Control).is_some()
        });
        // Who is the primary of something must know who listens.
        if connected && core.listening.all_know() {
            membership.ready_asked = now;
            let supervisor = core.supervisor.clone();
            supervisor.spawn(TaskKind::Connection, "ready", async move {
                // Said again until it is agreed.
                let _said_again = core.agree(&Command::Ready(me)).await;
            });
        }
    }
}

impl Core {
    /// Has the replicas of this member do what was agreed.
    pub(super) fn act(&self, state: &ControlState, delta: &Delta) {
        let Some(me) = self.me() else { return };
        for (id, service) in state.services() {
            let known = self.services.read().contains_key(id);
            if !known {
                let count = state.partition_count();
                let replicas =
                    Replicas::of_member(*id, count, self.clock.clone(), me, self.settings.replicas);
                if let Some(outlet) = self.outlet() {
                    replicas.connect(outlet);
                }
                self.services.write().insert(service.id, Arc::new(replicas));
            }
        }
        self.tell_gaps_before(state, delta);
        // No change of what began anew may be told before it.
        self.entries_given_up(&self.newsroom.begun_anew(state, delta));
        for (service, partition) in &delta.partitions {
            self.configure(state, *service, *partition);
        }
        for cache in &delta.destroyed {
            self.listening.forget(*cache);
            if let Some(registry) = self.registry() {
                registry.destroyed_by_cluster(*cache);
            }
        }
    }

    /// Tells what a change came to, now that it is shown.
    fn report(&self, delta: &Delta) {
        let given_up = self.view.read(|state| self.newsroom.observe(state, delta));
        self.entries_given_up(&given_up.unwrap_or_default());
    }

    /// Entries of these services are gone without an event for each.
    pub(super) fn entries_given_up(&self, services: &BTreeSet<ServiceId>) {
        if services.is_empty() {
            return;
        }
        for cache in self.caches() {
            if services.contains(&cache.service()) {
                cache.listeners().publish_missed();
            }
        }
    }

    fn configure(&self, state: &ControlState, service: ServiceId, partition: PartitionId) {
        let replicas = self.services.read().get(&service).cloned();
        let (Some(replicas), Some(assignment)) = (replicas, state.assignment(service, partition)) else {
            return;
        };
        replicas.configure(partition, assignment);
        // A cache may have been destroyed while the partition was on its way here.
        let gone: Vec<_> = {
            let replica = replicas.read(partition);
            if !replica.serves() {
                return;
            }
            let caches = replica.store().caches();
            caches
                .into_iter()
                .filter(|cache| state.is_destroyed(*cache))
                .collect()
        };
        let (now, at) = (replicas.now(), replicas.uptime());
        for cache in gone {
            replicas.change(partition, |replica, out| {
                let _not_here = replica.truncate(now, cache, None, None, out);
                replica.send(at, out);
            });
        }
    }
}

/// The members beside this one.
fn others_of(state: &ControlState, me: MemberId) -> Vec<(MemberId, SocketAddr)> {
    let members = state.members().values();
    let others = members.filter(|member| member.id != me);
    others.map(|member| (member.id, member.info.address)).collect()
}

/// Writes a whole state.
pub(super) fn state_bytes(state: &ControlState) -> Vec<u8> {
    write(state).to_vec()
}
