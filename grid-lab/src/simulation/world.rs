//! Everything that there is in a run.

use std::collections::BTreeMap;

use grid_core::membership::MemberId;
use grid_core::partition::PartitionCount;
use grid_core::store::CacheId;

use crate::random::Random;

use super::client::Client;
use super::event::{Event, Life, Queue};
use super::group::Group;
use super::invariant::Oracle;
use super::member::Process;
use super::network::Network;
use super::settings::SimulationSettings;
use super::trace::Trace;

/// Times are microseconds.
pub(super) const MILLISECOND: u64 = 1_000;

/// How long a lease is, on the clock of who grants it.
pub(super) const LEASE: u64 = 2_000 * MILLISECOND;

/// Few keys that many write.
pub(super) const REGISTERS: CacheId = CacheId::new(1);
/// A cache that is cleared and truncated.
pub(super) const CLEARED: CacheId = CacheId::new(2);
/// Each key is written once.
pub(super) const INSERTS: CacheId = CacheId::new(3);

/// Everything that there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: SimulationSettings,
    pub(super) now: u64,
    pub(super) random: Random,
    pub(super) queue: Queue,
    pub(super) trace: Trace,
    pub(super) network: Network,
    pub(super) processes: Vec<Process>,
    /// Where each member runs or ran.
    pub(super) homes: BTreeMap<MemberId, Life>,
    pub(super) group: Group,
    pub(super) clients: Vec<Client>,
    pub(super) oracle: Oracle,
    pub(super) count: PartitionCount,
    pub(super) faults_left: usize,
    /// There are no more faults, and the cluster is to come to rest.
    pub(super) is_healing: bool,
    pub(super) next_number: u64,
}

impl World {
    /// A number below `limit`.
    pub(super) fn draw(&mut self, limit: u64) -> u64 {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.random.below(limit) as u64
    }

    /// A number that was not given out before.
    pub(super) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// What the clock of a place shows: clocks begin anywhere and go up to ten percent wrong.
    pub(super) fn local(&self, place: usize) -> u64 {
        let process = &self.processes[place];
        process.clock_offset + self.now * process.clock_rate / 1_000
    }

    /// Whether a process runs at a place.
    pub(super) fn is_alive(&self, place: usize) -> bool {
        self.processes[place].is_alive
    }

    /// Whether a process runs at a place, and is not stopped.
    pub(super) fn is_awake(&self, place: usize) -> bool {
        let process = &self.processes[place];
        process.is_alive && process.paused_until <= self.now
    }

    /// Whether this process is still the one that runs at its place.
    pub(super) fn is_running(&self, life: Life) -> bool {
        let process = &self.processes[life.slot];
        process.is_alive && process.life == life.number
    }

    /// Lets the next thing happen.
    pub(super) fn step(&mut self) {
        let Some((at, event)) = self.queue.pop() else {
            return;
        };
        self.now = self.now.max(at);
        if let Some(life) = event.life() {
            if !self.is_running(life) {
                return;
            }
            let paused_until = self.processes[life.slot].paused_until;
            if paused_until > self.now {
                self.queue.push(paused_until, event);
                return;
            }
        }
        self.happen(event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive {
                from,
                to,
                connection,
                frame,
            } => {
                if !self.is_current(from, to, connection) {
                    return;
                }
                let paused_until = self.processes[to].paused_until;
                if paused_until > self.now {
                    let again = Event::Arrive {
                        from,
                        to,
                        connection,
                        frame,
                    };
                    self.queue.push(paused_until, again);
                    return;
                }
                self.receive(to, *frame);
            }
            Event::GiveUp { from, to, connection } => self.give_up(from, to, connection),
            Event::Dial { from, to } => self.dial(from, to),
            Event::Tick(life) => self.tick(life),
            Event::Push { to, index } => self.take_push(to, index),
            Event::Snapshot { to, state } => self.take_snapshot(to, &state),
            Event::Poll { from, index } => self.answer_poll(from, index),
            Event::Propose { from, command } => self.take_proposal(from, &command),
            Event::Joined { to, member } => self.take_number(to, member),
            Event::AskLease { from, member, at } => self.grant_lease(from, member, at),
            Event::Lease {
                to,
                member,
                until,
                leader,
            } => self.take_lease(to, member, until, leader),
            Event::GroupTick => self.group_tick(),
            Event::Request { to, request } => self.serve(to, *request),
            Event::FinishRead { at, partition, token } => self.finish_read(at, partition, token),
            Event::Answer {
                client,
                attempt,
                reply,
            } => self.take_answer(client, attempt, reply),
            Event::ClientStep { client, attempt } => self.client_step(client, attempt),
            Event::Fault => self.fault(),
            Event::HealLink { from, to } => self.heal_link(from, to),
            Event::Start { slot } => self.start_process(slot),
            Event::AcceptLoss => self.accept_loss(),
        }
    }
}
