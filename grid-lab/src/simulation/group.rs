//! The made-up control group: a log that survives what a majority survives, with leaders that get lost.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::Arc;

use grid_core::control::{Command, ControlState, Identity, Outcome};
use grid_core::membership::lease::{LeaseBook, LeaseSettings};
use grid_core::membership::{ClusterId, HostId, Location, MemberId, MemberInfo, MemberPhase, Moment};
use grid_core::partition::PartitionCount;
use grid_core::partition::assignment::{MoveLimits, next_steps, plan};
use grid_core::partition::table::{BackupCount, ServiceId, Step};

use super::event::{Event, Life};
use super::world::{MILLISECOND, World};

/// The one service that there is.
pub(super) const SERVICE: ServiceId = ServiceId::new(0);

const GROUP_TICK: u64 = 20 * MILLISECOND;

/// Who leads, and what only a leader knows.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) life: Life,
    /// On its own clock.
    pub(super) since: u64,
    /// What it granted.
    leases: LeaseBook,
    /// When a majority of the members heard each member last, on its own clock.
    pub(super) heard: BTreeMap<MemberId, u64>,
    /// When it proposed changes last.
    pub(super) planned_at: u64,
}

/// The group.
#[derive(Debug)]
pub(super) struct Group {
    /// What was agreed.
    pub(super) state: ControlState,
    log: Vec<Arc<Command>>,
    pub(super) voters: Vec<Life>,
    pub(super) leader: Option<Leader>,
    elect_at: u64,
    /// The steps that are planned at a place of the log: the same for all.
    plans: BTreeMap<u64, Rc<Vec<Step>>>,
}

impl Group {
    pub(super) fn new(count: PartitionCount) -> Self {
        let identity = Identity {
            name: "simulated".to_owned(),
            id: ClusterId::new(1),
            partition_count: NonZeroU16::new(count.get()).map_or(1, NonZeroU16::get),
        };
        Group {
            state: ControlState::new(identity),
            log: Vec::new(),
            voters: Vec::new(),
            leader: None,
            elect_at: 0,
            plans: BTreeMap::new(),
        }
    }

    /// What is to be changed next in this state. Computed once for all who have it, since it is no more than a function.
    pub(super) fn steps(&mut self, state: &ControlState) -> Rc<Vec<Step>> {
        if let Some(steps) = self.plans.get(&state.index()) {
            return Rc::clone(steps);
        }
        let steps = state.services().get(&SERVICE).map_or_else(Vec::new, |table| {
            let target = plan(table, state.members());
            next_steps(table, &target, state.members(), MoveLimits::default())
        });
        let steps = Rc::new(steps);
        self.plans.insert(state.index(), Rc::clone(&steps));
        while self.plans.len() > 40 {
            self.plans.pop_first();
        }
        steps
    }

    /// The command at this place of the log.
    pub(super) fn command(&self, index: u64) -> &Arc<Command> {
        &self.log[usize::try_from(index - 1).unwrap_or(usize::MAX)]
    }
}

impl World {
    /// What a process says about itself.
    pub(super) fn info(&self, slot: usize) -> MemberInfo {
        let port = 1_000 + u16::try_from(slot).unwrap_or(0);
        MemberInfo {
            process: self.processes[slot].id,
            host: HostId::new(slot as u128),
            name: format!("m{slot}"),
            address: std::net::SocketAddr::from(([10, 0, 0, 1], port)),
            grpc: None,
            http: None,
            location: Location {
                machine: slot.to_string(),
                ..Location::default()
            },
            role: String::new(),
            storage: true,
            weight: 100,
            version: String::new(),
        }
    }

    /// The cluster begins: everyone is in, and knows it.
    pub(super) fn bootstrap(&mut self, members: usize, backups: u8) {
        for slot in 0..members {
            self.start_process(slot);
            let info = Box::new(self.info(slot));
            let Outcome::Joined(member) = self.agree(&Arc::new(Command::Join { info, before: None })) else {
                continue;
            };
            self.homes.insert(member, self.life(slot));
            self.agree(&Arc::new(Command::Ready(member)));
            let (to, at) = (self.life(slot), self.now);
            self.queue.push(at, Event::Joined { to, member });
        }
        self.agree(&Arc::new(Command::EnsureService {
            name: "simulated".to_owned(),
            backups: BackupCount::new(backups).unwrap_or_default(),
        }));
        let voters = if members < 5 { 3 } else { 5 };
        self.group.voters = (0..voters).map(|slot| self.life(slot)).collect();
        for slot in 0..members {
            let (to, state) = (self.life(slot), Arc::new(self.group.state.clone()));
            self.queue.push(self.now, Event::Snapshot { to, state });
        }
        self.queue.push(GROUP_TICK, Event::GroupTick);
    }

    /// Whether two processes hear each other.
    fn hear(&self, one: usize, other: usize) -> bool {
        self.is_awake(one) && self.is_awake(other) && (one == other || self.network.is_open(one, other))
    }

    /// Whether a majority of the voters answers this one.
    fn has_majority(&self, of: usize) -> bool {
        let voters = &self.group.voters;
        let answer = voters
            .iter()
            .filter(|voter| self.is_running(**voter) && self.hear(of, voter.slot));
        answer.count() * 2 > voters.len()
    }

    /// The leader, if it can have something agreed now.
    pub(super) fn leader(&self) -> Option<usize> {
        let leader = self.group.leader.as_ref()?;
        (self.is_running(leader.life) && self.has_majority(leader.life.slot)).then_some(leader.life.slot)
    }

    /// Something is agreed. Every member is told, but what it is told may be lost, and overtake.
    pub(super) fn agree(&mut self, command: &Arc<Command>) -> Outcome {
        self.group.log.push(Arc::clone(command));
        let index = self.group.log.len() as u64;
        let before = self.group.state.clone();
        let (outcome, delta) = self.group.state.apply(index, command);
        self.trace.note(
            self.now,
            format_args!("agreed {index}: {} -> {outcome:?}", brief(command)),
        );
        self.check_agreed(&before, command, &delta);
        let Some(leader) = self.leader() else {
            return outcome;
        };
        for slot in 0..self.processes.len() {
            if self.is_alive(slot)
                && (slot == leader || self.network.is_open(leader, slot))
                && !self.random.chance(4)
            {
                let (to, delay) = (self.life(slot), self.delay());
                self.queue.push(self.now + delay, Event::Push { to, index });
            }
        }
        outcome
    }

    /// A member asks what was agreed after what it knows.
    pub(super) fn answer_poll(&mut self, from: Life, index: u64) {
        let Some(leader) = self.leader() else { return };
        if !self.is_running(from) || !(leader == from.slot || self.network.is_open(leader, from.slot)) {
            return;
        }
        if index < self.group.state.index() {
            let (state, delay) = (Arc::new(self.group.state.clone()), self.delay());
            self.queue
                .push(self.now + delay, Event::Snapshot { to: from, state });
        }
    }

    /// A proposal of a member comes to the leader.
    pub(super) fn take_proposal(&mut self, from: Life, command: &Arc<Command>) {
        let reaches = |leader: &usize| *leader == from.slot || self.network.passes(from.slot, *leader);
        if self.leader().filter(reaches).is_none() {
            return;
        }
        if matches!(command.as_ref(), Command::Leave(_)) && self.group.voters.contains(&from) {
            // Its vote goes to another member first.
            return;
        }
        if let Outcome::Joined(member) = self.agree(command) {
            self.homes.entry(member).or_insert(from);
            // A member is not silent before it can be heard.
            let now = self.leader().map(|leader| self.local(leader));
            if let (Some(leader), Some(now)) = (&mut self.group.leader, now) {
                leader.heard.insert(member, now);
            }
            if self.is_running(from) && !self.random.chance(10) {
                let delay = self.delay();
                self.queue
                    .push(self.now + delay, Event::Joined { to: from, member });
            }
        }
    }

    /// A member asks for a lease: it gets one when the leader, after it was asked, still has a majority.
    pub(super) fn grant_lease(&mut self, from: Life, member: MemberId, at: u64) {
        let Some(leader) = self.leader() else { return };
        let is_member = self.group.state.members().contains_key(&member);
        let open = leader == from.slot || self.network.is_open(leader, from.slot);
        if !is_member || !open || !self.is_running(from) || !self.is_heard(member) {
            return;
        }
        let local = self.local(leader);
        if let Some(leader) = &mut self.group.leader {
            leader.leases.granted(member, Moment::from_micros(local));
        }
        let delay = self.delay();
        let event = Event::Lease {
            to: from,
            member,
            until: World::lease_end(at),
            leader,
        };
        self.queue.push(self.now + delay, event);
    }

    /// Whether a majority of the members hears this one.
    pub(super) fn is_heard(&self, member: MemberId) -> bool {
        let Some(home) = self.homes.get(&member) else {
            return false;
        };
        let members = self.group.state.members();
        let hear = members
            .keys()
            .filter_map(|other| self.homes.get(other))
            .filter(|other| {
                self.is_running(**other) && self.is_running(*home) && self.hear(other.slot, home.slot)
            });
        hear.count() * 2 > members.len()
    }

    /// Leaders get lost and are elected, and do their duties.
    pub(super) fn group_tick(&mut self) {
        self.queue.push(self.now + GROUP_TICK, Event::GroupTick);
        if self.group.leader.is_some() && self.leader().is_none() {
            self.lose_leader();
        }
        if self.group.leader.is_none() && self.now >= self.group.elect_at {
            self.elect();
        }
        if let Some(leader) = self.leader() {
            self.lead(leader);
        }
    }

    /// Nobody leads, for a while.
    pub(super) fn lose_leader(&mut self) {
        self.trace.note(self.now, format_args!("the leader is lost"));
        self.group.leader = None;
        self.group.elect_at = self.now + 100 * MILLISECOND + self.draw(400 * MILLISECOND);
    }

    fn elect(&mut self) {
        let can: Vec<Life> = self
            .group
            .voters
            .iter()
            .filter(|voter| self.is_running(**voter) && self.has_majority(voter.slot))
            .copied()
            .collect();
        let Some(life) = self.random.pick(&can).copied() else {
            return;
        };
        self.trace.note(self.now, format_args!("{} leads", life.slot));
        self.group.leader = Some(Leader {
            life,
            since: self.local(life.slot),
            leases: LeaseBook::new(
                LeaseSettings::default(),
                Moment::from_micros(self.local(life.slot)),
            ),
            heard: BTreeMap::new(),
            planned_at: 0,
        });
    }

    /// Whether all leases that this leader, or one before, gave a member are over.
    pub(super) fn leases_are_over(&self, leader: &Leader, member: MemberId) -> bool {
        let now = Moment::from_micros(self.local(leader.life.slot));
        leader.leases.safe_to_take(member, now)
    }

    /// The members that take part.
    pub(super) fn ready_members(&self) -> usize {
        let members = self.group.state.members().values();
        members
            .filter(|member| member.phase == MemberPhase::Ready)
            .count()
    }
}

/// A command in few words.
fn brief(command: &Command) -> String {
    match command {
        Command::Join { info, before } => {
            format!("Join {} before {:?}", info.name, before.as_ref().map(|b| b.0))
        }
        Command::Change { steps, .. } => steps
            .iter()
            .map(|step| format!("{} {} {:?}", step.partition, step.epoch, step.change))
            .collect::<Vec<_>>()
            .join("; "),
        other => format!("{other:?}"),
    }
}
