//! A cluster that is left alone serves everything with all the copies that it is to have, and everyone knows it.

use grid_core::membership::MemberPhase;
use grid_core::replication::RoleKind;

use crate::simulation::group::SERVICE;
use crate::simulation::world::World;

impl World {
    /// What is not as it should be, if anything is not.
    pub(in crate::simulation) fn unhealed(&self) -> Option<String> {
        let state = &self.group.state;
        let table = state.services().get(&SERVICE)?;
        for (slot, process) in self.processes.iter().enumerate() {
            let knows = process
                .view
                .as_ref()
                .is_some_and(|view| view.index() == state.index());
            let is_ready = process.member.is_some_and(|member| {
                let member = state.members().get(&member);
                member.is_some_and(|member| member.phase == MemberPhase::Ready)
            });
            if !knows || !is_ready {
                let (voters, leader) = (&self.group.voters, self.leader());
                let phases = state.members().values().map(|member| (member.id, member.phase));
                let phases: Vec<_> = phases.collect();
                let known = process.view.as_ref().map(|view| view.index());
                return Some(format!(
                    "{slot} is no ready member that knows all ({:?}, {known:?} of {}); {phases:?}; {voters:?} vote, {leader:?} \
                     leads; {:?}",
                    process.member,
                    state.index(),
                    table.assignments
                ));
            }
        }
        let copies = (1 + usize::from(table.backups.get())).min(state.members().len());
        for (partition, assignment) in table.partitions() {
            let home = |member| self.homes.get(&member).filter(|home| self.is_running(**home));
            let primary = assignment.primary.and_then(home);
            let serves = primary.is_some_and(|home| {
                let replica = &self.processes[home.slot].replicas[partition.index()];
                replica.serves() && !replica.is_busy() && self.has_lease(home.slot)
            });
            let backups = assignment.backups.iter().all(|backup| {
                home(*backup).is_some_and(|home| {
                    let replica = &self.processes[home.slot].replicas[partition.index()];
                    replica.role() == RoleKind::Backup && replica.epoch() == assignment.epoch
                })
            });
            if !serves
                || !backups
                || assignment.replicas().count() != copies
                || !assignment.joining.is_empty()
            {
                return Some(format!(
                    "{partition} is not served with {copies} copies: {assignment:?}"
                ));
            }
        }
        None
    }
}
