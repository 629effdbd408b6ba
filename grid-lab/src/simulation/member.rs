//! The made-up driver of a member: what `grid-member` does around the state machines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use grid_core::control::{Command, ControlState, KeptCopy};
use grid_core::membership::lease::LeaseSettings;
use grid_core::membership::{MemberId, MemberPhase, Moment, ProcessId};
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Epoch, Step, StepChange};
use grid_core::replication::{Answer, Effects, Replica, ReplicaSettings, RoleKind};
use grid_core::store::Timestamp;

use super::event::{Event, Frame, Life};
use super::group::SERVICE;
use super::serving::Pending;
use super::world::{MILLISECOND, World};

const TICK: u64 = 10 * MILLISECOND;
/// So often a member asks for a lease, and for what it missed of the log.
const ASK: u64 = 250 * MILLISECOND;

/// A process that is a member, wants to be one, or ran at its place last.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) life: u64,
    pub(super) is_alive: bool,
    pub(super) paused_until: u64,
    pub(super) clock_offset: u64,
    /// Its thousandths of a second in a millisecond.
    pub(super) clock_rate: u64,
    pub(super) id: ProcessId,
    pub(super) member: Option<MemberId>,
    /// The number that it was given and has not seen agreed.
    joining_as: Option<MemberId>,
    /// The member that it was before it was fenced.
    before: Option<MemberId>,
    pub(super) view: Option<ControlState>,
    pub(super) replicas: Vec<Replica<u64>>,
    /// On its own clock.
    lease_until: u64,
    lease_from: Option<usize>,
    asked_at: u64,
    planned_at: u64,
    sealed_at: u64,
    pub(super) wants_to_leave: bool,
    pub(super) pending: BTreeMap<u64, Pending>,
    /// It dies after so many more effects.
    pub(super) dies_after: Option<u64>,
}

impl Process {
    pub(super) fn none() -> Self {
        Process {
            life: 0,
            is_alive: false,
            paused_until: 0,
            clock_offset: 0,
            clock_rate: 1_000,
            id: ProcessId::new(0),
            member: None,
            joining_as: None,
            before: None,
            view: None,
            replicas: Vec::new(),
            lease_until: 0,
            lease_from: None,
            asked_at: 0,
            planned_at: 0,
            sealed_at: 0,
            wants_to_leave: false,
            pending: BTreeMap::new(),
            dies_after: None,
        }
    }
}

impl World {
    pub(super) fn life(&self, slot: usize) -> Life {
        Life {
            slot,
            number: self.processes[slot].life,
        }
    }

    /// The time of day at a place.
    pub(super) fn time_of_day(&self, slot: usize) -> Timestamp {
        Timestamp::from_unix_ms(
            1_700_000_000_000 + (self.now * self.processes[slot].clock_rate / 1_000) / MILLISECOND,
        )
    }

    fn replica_settings(&self) -> ReplicaSettings {
        ReplicaSettings {
            chunk_entries: std::num::NonZeroUsize::new(4).expect("4 is not zero"),
            waiting_len_max: 64,
            ..ReplicaSettings::default()
        }
        .with_bug(self.settings.bug)
    }

    /// A new process begins at a place where none runs.
    pub(super) fn start_process(&mut self, slot: usize) {
        if self.is_alive(slot) {
            return;
        }
        let (number, offset) = (self.number(), self.draw(1_000_000 * MILLISECOND));
        let clock_rate = 900 + self.draw(201);
        let settings = self.replica_settings();
        let nobody = MemberId::new(0);
        self.processes[slot] = Process {
            life: number,
            is_alive: true,
            clock_offset: offset,
            clock_rate,
            id: ProcessId::new(u128::from(number)),
            replicas: self.count.all().map(|_| Replica::new(nobody, settings)).collect(),
            ..Process::none()
        };
        self.trace
            .note(self.now, format_args!("process {number} starts at {slot}"));
        for other in 0..self.processes.len() {
            let soon = self.now + self.draw(5 * MILLISECOND);
            self.queue.push(
                soon,
                Event::Dial {
                    from: slot,
                    to: other,
                },
            );
            self.queue.push(
                soon,
                Event::Dial {
                    from: other,
                    to: slot,
                },
            );
        }
        let first = self.now + self.draw(TICK);
        self.queue.push(first, Event::Tick(self.life(slot)));
    }

    /// A process is gone, with everything in its memory.
    pub(super) fn crash(&mut self, slot: usize) {
        if !self.is_alive(slot) {
            return;
        }
        let member = self.processes[slot].member;
        self.trace
            .note(self.now, format_args!("crash at {slot} ({member:?})"));
        let process = &mut self.processes[slot];
        process.is_alive = false;
        process.paused_until = 0;
        process.replicas.clear();
        process.pending.clear();
        process.view = None;
        self.break_all(slot);
    }

    /// What a member does every ten milliseconds.
    pub(super) fn tick(&mut self, life: Life) {
        let slot = life.slot;
        self.queue.push(self.now + TICK, Event::Tick(life));
        if self.now >= self.processes[slot].asked_at + ASK {
            self.processes[slot].asked_at = self.now;
            self.ask(life);
        }
        for partition in self.count.all() {
            let replica = &self.processes[slot].replicas[partition.index()];
            if replica.role() == RoleKind::Nothing {
                continue;
            }
            if replica.is_busy() {
                self.change(slot, partition, |replica, _, at, out| replica.tick(at, out));
            }
            if !self.is_running(life) {
                return;
            }
            let to: Vec<_> = self.processes[slot].replicas[partition.index()]
                .copies_out()
                .collect();
            for to in to {
                self.change(slot, partition, |replica, _, at, out| {
                    replica.next_chunk(at, to, out)
                });
                if !self.is_running(life) {
                    return;
                }
            }
        }
        self.seal_what_is_planned(slot);
    }

    /// What a member asks the control group for now and then.
    fn ask(&mut self, life: Life) {
        let process = &self.processes[life.slot];
        let index = process.view.as_ref().map_or(0, ControlState::index);
        let delay = self.delay();
        self.queue
            .push(self.now + delay, Event::Poll { from: life, index });
        let now = self.time_of_day(life.slot);
        let process = &mut self.processes[life.slot];
        process
            .replicas
            .iter_mut()
            .for_each(|replica| replica.forget_outcomes(now));
        match process.member {
            Some(member) => {
                let (at, delay) = (self.local(life.slot), self.delay());
                self.queue.push(
                    self.now + delay,
                    Event::AskLease {
                        from: life,
                        member,
                        at,
                    },
                );
                self.announce(life, member);
            }
            None => self.ask_to_join(life),
        }
    }

    fn announce(&mut self, life: Life, member: MemberId) {
        let process = &self.processes[life.slot];
        let Some(view) = &process.view else { return };
        let phase = view.members().get(&member).map(|member| member.phase);
        match phase {
            Some(MemberPhase::Joining) => self.propose(life, Command::Ready(member)),
            Some(MemberPhase::Ready) if process.wants_to_leave => self.propose(life, Command::Drain(member)),
            Some(MemberPhase::Draining) if view.is_handed_over(member) => {
                self.propose(life, Command::Leave(member))
            }
            _ => {}
        }
    }

    fn ask_to_join(&mut self, life: Life) {
        let process = &self.processes[life.slot];
        if process.joining_as.is_some() {
            return;
        }
        let kept = self
            .count
            .all()
            .zip(&process.replicas)
            .filter(|(_, replica)| replica.role() == RoleKind::Kept)
            .map(|(partition, replica)| KeptCopy {
                service: SERVICE,
                partition,
                epoch: replica.kept_epoch(),
            });
        let before = process.before.map(|before| (before, kept.collect()));
        let info = Box::new(self.info(life.slot));
        self.propose(life, Command::Join { info, before });
    }

    /// Proposes something to the control group; it may get lost, take long, or come twice.
    pub(super) fn propose(&mut self, from: Life, command: Command) {
        let command = Arc::new(command);
        let late = self.random.chance(5);
        let twice = self.random.chance(5);
        let delay = self.delay() + if late { self.draw(2_000 * MILLISECOND) } else { 0 };
        if twice {
            let again = self.now + delay + self.draw(3_000 * MILLISECOND);
            let command = Arc::clone(&command);
            self.queue.push(again, Event::Propose { from, command });
        }
        self.queue
            .push(self.now + delay, Event::Propose { from, command });
    }

    /// A command that was agreed comes, perhaps out of order.
    pub(super) fn take_push(&mut self, to: Life, index: u64) {
        let command = Arc::clone(self.group.command(index));
        let Some(view) = &mut self.processes[to.slot].view else {
            return;
        };
        if index != view.index() + 1 {
            return;
        }
        let (_, delta) = view.apply(index, &command);
        let changed = delta
            .partitions
            .into_iter()
            .map(|(_, partition)| partition)
            .collect();
        self.take_view(to.slot, changed, delta.members);
    }

    /// The whole agreed state comes.
    pub(super) fn take_snapshot(&mut self, to: Life, state: &ControlState) {
        let process = &mut self.processes[to.slot];
        if process
            .view
            .as_ref()
            .is_some_and(|view| view.index() >= state.index())
        {
            return;
        }
        process.view = Some(state.clone());
        self.take_view(to.slot, self.count.all().collect(), true);
    }

    /// The control group gave this process a number.
    pub(super) fn take_number(&mut self, to: Life, member: MemberId) {
        let process = &mut self.processes[to.slot];
        if process.member.is_none() && process.joining_as.is_none() {
            process.joining_as = Some(member);
            self.take_view(to.slot, Vec::new(), true);
        }
    }

    fn take_view(&mut self, slot: usize, mut changed: Vec<PartitionId>, members: bool) {
        let Some(view) = &self.processes[slot].view else {
            return;
        };
        let is_in = |member: MemberId| view.members().contains_key(&member);
        if members {
            let process = &self.processes[slot];
            match (process.member, process.joining_as) {
                (Some(me), _) if !is_in(me) => return self.leave_cluster(slot, me),
                (None, Some(me)) if is_in(me) => {
                    self.enter_cluster(slot, me);
                    changed = self.count.all().collect();
                }
                (None, Some(me)) if view.removed(me).is_some() => {
                    let process = &mut self.processes[slot];
                    process.joining_as = None;
                    process.before = Some(me);
                }
                _ => {}
            }
        }
        for partition in changed {
            let process = &self.processes[slot];
            if process.member.is_none() {
                break;
            }
            let assignment = process
                .view
                .as_ref()
                .and_then(|view| view.assignment(SERVICE, partition))
                .cloned();
            if let Some(assignment) = assignment {
                self.change(slot, partition, |replica, now, at, out| {
                    replica.configure(now, at, &assignment, out);
                });
            }
            if !self.is_alive(slot) {
                return;
            }
        }
        self.check_one_primary();
    }

    fn enter_cluster(&mut self, slot: usize, me: MemberId) {
        self.trace.note(self.now, format_args!("{slot} is {me}"));
        let process = &mut self.processes[slot];
        process.member = Some(me);
        process.joining_as = None;
        process.asked_at = 0;
        process
            .replicas
            .iter_mut()
            .for_each(|replica| replica.reincarnate(me));
        for other in 0..self.processes.len() {
            self.connected(slot, other);
            self.connected(other, slot);
        }
    }

    /// The others have taken this member out.
    fn leave_cluster(&mut self, slot: usize, me: MemberId) {
        let process = &mut self.processes[slot];
        process.lease_until = 0;
        let removed = process.view.as_ref().and_then(|view| view.removed(me));
        if process.wants_to_leave && removed.is_some_and(|removed| removed.proven) {
            self.crash(slot);
            let (later, slot) = (self.now + 500 * MILLISECOND, slot);
            self.queue.push(later, Event::Start { slot });
            return;
        }
        self.trace.note(self.now, format_args!("{slot} is fenced ({me})"));
        for partition in self.count.all() {
            self.change(slot, partition, |replica, now, _, out| replica.fence(now, out));
            if !self.is_alive(slot) {
                return;
            }
        }
        let process = &mut self.processes[slot];
        process.member = None;
        process.before = Some(me);
        process.asked_at = 0;
    }

    /// Whether a member may serve what it is the primary of.
    pub(super) fn has_lease(&self, slot: usize) -> bool {
        self.local(slot) < self.processes[slot].lease_until
    }

    /// A lease was granted.
    pub(super) fn take_lease(&mut self, to: Life, member: MemberId, until: u64, leader: usize) {
        let process = &mut self.processes[to.slot];
        if process.member == Some(member) && until > process.lease_until {
            process.lease_until = until;
            process.lease_from = Some(leader);
            self.check_one_primary();
        }
    }

    /// How long a lease lasts for its holder, who counts from when it asked.
    pub(super) fn lease_end(asked_at: u64) -> u64 {
        let asked_at = Moment::from_micros(asked_at);
        asked_at.after(LeaseSettings::default().served()).as_micros()
    }

    /// A connection was made or made anew.
    pub(super) fn connected(&mut self, slot: usize, other: usize) {
        let Some(member) = self.processes[other].member.filter(|_| self.is_alive(other)) else {
            return;
        };
        for partition in self.count.all() {
            if !self.is_alive(slot) {
                return;
            }
            self.change(slot, partition, |replica, _, at, out| {
                replica.connected(at, member, out)
            });
        }
    }

    /// A connection ended: a lease of this leader is worth nothing any more.
    pub(super) fn lost_connection(&mut self, from: usize, to: usize) {
        for (slot, other) in [(from, to), (to, from)] {
            let process = &mut self.processes[slot];
            if process.lease_from == Some(other) {
                process.lease_until = 0;
                process.lease_from = None;
            }
        }
    }

    /// A frame of another member comes.
    pub(super) fn receive(&mut self, slot: usize, frame: Frame) {
        if self.processes[slot].member != Some(frame.to) || !self.is_alive(slot) {
            return;
        }
        let Frame {
            from,
            partition,
            message,
            ..
        } = frame;
        self.change(slot, partition, |replica, now, at, out| {
            replica.receive(now, at, from, message, out);
        });
    }

    /// Seals the partitions that are to move to another primary.
    fn seal_what_is_planned(&mut self, slot: usize) {
        let process = &mut self.processes[slot];
        let (Some(me), Some(view)) = (process.member, &process.view) else {
            return;
        };
        if process.planned_at == view.index() && self.now < process.sealed_at + ASK {
            return;
        }
        process.planned_at = view.index();
        process.sealed_at = self.now;
        let steps = self.group.steps(view);
        for step in steps.iter() {
            let is_mine = self.processes[slot].replicas[step.partition.index()].role() == RoleKind::Primary;
            if let StepChange::HandOver(to) = step.change
                && is_mine
                && to != me
            {
                self.trace
                    .note(self.now, format_args!("{me} seals {} for {to}", step.partition));
                self.change(slot, step.partition, |replica, _, at, out| {
                    replica.seal(at, to, out)
                });
            }
            if !self.is_alive(slot) {
                return;
            }
        }
    }

    /// Does something with a replica, looks at what it did, and carries out what follows.
    pub(super) fn change<R>(
        &mut self,
        slot: usize,
        partition: PartitionId,
        act: impl FnOnce(&mut Replica<u64>, Timestamp, Duration, &mut Effects<u64>) -> R,
    ) -> R {
        let (now, at) = (self.time_of_day(slot), Duration::from_micros(self.local(slot)));
        let mut out = Effects::new();
        let replica = &mut self.processes[slot].replicas[partition.index()];
        let before = replica.committed();
        let result = act(replica, now, at, &mut out);
        let epoch = replica.epoch();
        // Nobody listens at another member.
        replica.heard_before(None);
        if replica.committed() > before {
            self.check_committed(slot, partition);
        }
        if !out.is_empty() {
            self.carry_out(slot, partition, epoch, out);
        }
        result
    }

    fn carry_out(&mut self, slot: usize, partition: PartitionId, epoch: Epoch, out: Effects<u64>) {
        let life = self.life(slot);
        let Some(from) = self.processes[slot].member else {
            out.answers
                .into_iter()
                .for_each(|answer| self.answer(slot, answer));
            return;
        };
        for event in &out.events {
            self.told(from, partition, event);
        }
        for (to, message) in out.messages {
            if self.dies_now(life) {
                return;
            }
            if let Some(home) = self.homes.get(&to).copied() {
                let frame = Frame {
                    from,
                    to,
                    partition,
                    message,
                };
                self.send(slot, home.slot, Box::new(frame));
            }
        }
        for answer in out.answers {
            if self.dies_now(life) {
                return;
            }
            self.answer(slot, answer);
        }
        for change in out.proposals {
            if self.dies_now(life) {
                return;
            }
            self.trace.note(
                self.now,
                format_args!("{from} proposes {change:?} of {partition} at {epoch}"),
            );
            let step = Step {
                partition,
                epoch,
                change,
            };
            let command = Command::Change {
                service: SERVICE,
                steps: vec![step],
            };
            self.propose(life, command);
        }
    }

    /// Whether a process that is to die between two effects dies here.
    fn dies_now(&mut self, life: Life) -> bool {
        if !self.is_running(life) {
            return true;
        }
        match &mut self.processes[life.slot].dies_after {
            Some(0) => {
                self.processes[life.slot].dies_after = None;
                self.crash_by_fault(life.slot)
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn answer(&mut self, slot: usize, answer: Answer<u64>) {
        self.answer_waiter(slot, answer.token, answer.result);
    }
}
