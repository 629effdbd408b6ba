//! What the leader of the control group does: it removes who is gone, replaces voters, and moves partitions.

use std::collections::BTreeSet;
use std::sync::Arc;

use grid_core::control::Command;
use grid_core::membership::{MemberId, MemberPhase};
use grid_core::partition::table::StepChange;

use super::event::Life;
use super::group::SERVICE;
use super::world::{MILLISECOND, World};

/// So often the leader proposes what is planned.
const PLAN: u64 = 60 * MILLISECOND;

impl World {
    /// What a leader does now and then.
    pub(super) fn lead(&mut self, leader: usize) {
        self.listen(leader);
        self.remove_dead(leader);
        self.remove_silent();
        self.replace_voters(leader);
        self.propose_plan();
    }

    fn listen(&mut self, leader: usize) {
        let now = self.local(leader);
        let members: Vec<MemberId> = self.group.state.members().keys().copied().collect();
        let heard: Vec<MemberId> = members
            .into_iter()
            .filter(|member| self.is_heard(*member))
            .collect();
        if let Some(leader) = &mut self.group.leader {
            for member in heard {
                leader.heard.insert(member, now);
            }
        }
    }

    /// A process is known to be dead when connects to its port are refused, or another answers there.
    fn remove_dead(&mut self, leader: usize) {
        let dead: BTreeSet<MemberId> = self
            .group
            .state
            .members()
            .keys()
            .copied()
            .chain(self.waited_for())
            .filter(|member| {
                self.homes.get(member).is_some_and(|home| {
                    !self.is_running(*home)
                        && (home.slot == leader || self.network.is_open(leader, home.slot))
                })
            })
            .collect();
        if !dead.is_empty() {
            self.agree(&Arc::new(Command::Remove {
                members: dead,
                proven: true,
            }));
        }
    }

    /// Those that were taken out, and have a last copy that they may bring back.
    fn waited_for(&self) -> Vec<MemberId> {
        let tables = self.group.state.services().values();
        tables
            .flat_map(|table| &table.assignments)
            .flat_map(|assignment| &assignment.last)
            .map(|copy| copy.member)
            .collect()
    }

    /// A member that a majority does not hear for the time of a lease is silent.
    fn remove_silent(&mut self) {
        let Some(leader) = &self.group.leader else { return };
        let now = self.local(leader.life.slot);
        let silent: BTreeSet<MemberId> = self
            .group
            .state
            .members()
            .keys()
            .filter(|member| {
                let heard = leader.heard.get(member).copied().unwrap_or(0).max(leader.since);
                now.saturating_sub(heard) >= super::world::LEASE && self.leases_are_over(leader, **member)
            })
            .copied()
            .collect();
        if !silent.is_empty() {
            self.agree(&Arc::new(Command::Remove {
                members: silent,
                proven: false,
            }));
        }
    }

    /// Voters that are no members any more are replaced by others.
    fn replace_voters(&mut self, leader: usize) {
        let members: Vec<Life> = self
            .group
            .state
            .members()
            .keys()
            .filter_map(|member| self.homes.get(member).copied())
            .filter(|home| self.is_running(*home))
            .collect();
        let wanted = if members.len() < 5 { 3 } else { 5 };
        let stays = |life: &Life| {
            let state = self.group.state.members();
            let is_draining = |member: &MemberId| {
                state
                    .get(member)
                    .is_some_and(|member| member.phase == MemberPhase::Draining)
            };
            self.processes[life.slot]
                .member
                .as_ref()
                .is_none_or(|member| !is_draining(member))
        };
        let members: Vec<Life> = members.into_iter().filter(stays).collect();
        let before = self.group.voters.clone();
        self.group.voters.retain(|voter| members.contains(voter));
        for member in members {
            if self.group.voters.len() < wanted
                && !self.group.voters.contains(&member)
                && self.is_awake(member.slot)
                && (member.slot == leader || self.network.is_open(leader, member.slot))
            {
                self.group.voters.push(member);
            }
        }
        if self.group.voters.len() < 2 || self.leader().is_none() {
            // It is not agreed without a majority of the new voters.
            self.group.voters = before;
        }
    }

    fn propose_plan(&mut self) {
        let now = self.now;
        let Some(leader) = self.group.leader.as_mut() else {
            return;
        };
        if now < leader.planned_at + PLAN {
            return;
        }
        leader.planned_at = now;
        let state = self.group.state.clone();
        let mut steps = self.group.steps(&state).to_vec();
        steps.retain(|step| !matches!(step.change, StepChange::HandOver(_)));
        if !steps.is_empty() {
            self.agree(&Arc::new(Command::Change {
                service: SERVICE,
                steps,
            }));
        }
    }

    /// An operator accepts the loss of what is lost.
    pub(super) fn accept_loss(&mut self) {
        let Some(table) = self.group.state.services().get(&SERVICE) else {
            return;
        };
        let lost: Vec<_> = table
            .partitions()
            .filter(|(_, assignment)| assignment.lost)
            .map(|(partition, assignment)| (partition, assignment.epoch))
            .collect();
        if !lost.is_empty() && self.leader().is_some() {
            self.agree(&Arc::new(Command::AcceptLoss {
                service: SERVICE,
                partitions: lost,
            }));
        }
    }
}
