//! What to change now.

use std::collections::BTreeMap;

use crate::membership::{Member, MemberId};
use crate::partition::PartitionId;
use crate::partition::table::{Assignment, ServiceTable, Step, StepChange};

use super::counts::copies_wished;
use super::limits::MoveLimits;
use super::plan::{Placement, Target};
use super::takers::Takers;

/// The changes to be made now on the way from the table to the target.
///
/// Each says the epoch that it was computed from, and a partition gets at most one that makes a new one, as the last.
/// The leader proposes them all but [`StepChange::HandOver`], which the partition's primary proposes once it has
/// sealed it. [`StepChange::Admit`] is never among them: the primary proposes it when a copy is complete.
///
/// - A copy is dismissed only when everyone who should have one has it, and as many copies as the service wishes stay.
///   So a partition never has fewer than before, nor worse spread ones, and the copies of a draining member go last;
///   those that nobody can take over stay with it until it leaves.
/// - A partition is handed over only to a member that is ready and has a complete copy, while no copy is under way from
///   the old primary: that would have to start again.
/// - Copies that are missing are started before those that only move, in the order of how few are left; both wait
///   for a place within the limits.
/// - A copy under way ends when its receiver is not to have it any more.
///
/// When nothing is left to do, there are no steps.
#[must_use]
pub fn next_steps(
    table: &ServiceTable,
    target: &Target,
    members: &BTreeMap<MemberId, Member>,
    limits: MoveLimits,
) -> Vec<Step> {
    let takers = Takers::of(members);
    let goal = copies_wished(table, &takers);
    let mut steps = Steps {
        made: Vec::new(),
        sends: BTreeMap::new(),
        receives: BTreeMap::new(),
        hand_overs: BTreeMap::new(),
        limits,
    };
    let mut work = Vec::new();
    for (partition, assignment) in table.partitions() {
        let Some(placement) = target.of(partition) else {
            steps.cancel(partition, assignment, |member| takers.is_taker(member));
            continue;
        };
        let at = At {
            partition,
            assignment,
            placement,
        };
        match assignment.primary {
            None if assignment.is_free() => steps.place(&at, &takers),
            None => {}
            Some(primary) => {
                let wanted = |member| takers.is_taker(member) && placement.has_replica(member);
                steps.cancel(partition, assignment, wanted);
                work.push((at.urgency(goal, members, &takers), primary, at));
            }
        }
    }
    // Stable: by the number of the partition within the same urgency.
    work.sort_by_key(|(urgency, ..)| *urgency);
    for (urgency, primary, at) in &work {
        let hands_over = at.can_hand_over(*primary, &takers);
        if hands_over && steps.hand_over(at, *primary) {
            continue;
        }
        // A partition that only moves waits for its turn to be handed over rather than for a copy.
        if !hands_over || urgency.is_missing() {
            steps.start_copies(at, *primary, &takers);
        }
        steps.dismiss(at, 1 + usize::from(table.backups.get()));
    }
    steps.made
}

/// How much a partition needs copies; the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// It has fewer than it should: this many.
    Missing(usize),
    /// It will have, when the draining members go: this many.
    Draining(usize),
    /// Its copies only move.
    Moving,
}

impl Urgency {
    fn is_missing(self) -> bool {
        matches!(self, Urgency::Missing(_))
    }
}

/// A partition, who holds it, and who should.
struct At<'a> {
    partition: PartitionId,
    assignment: &'a Assignment,
    placement: &'a Placement,
}

impl At<'_> {
    fn step(&self, change: StepChange) -> Step {
        Step {
            partition: self.partition,
            epoch: self.assignment.epoch,
            change,
        }
    }

    fn urgency(&self, goal: usize, members: &BTreeMap<MemberId, Member>, takers: &Takers<'_>) -> Urgency {
        let copies = self
            .assignment
            .replicas()
            .filter(|replica| members.contains_key(replica))
            .count();
        let staying = self
            .assignment
            .replicas()
            .filter(|replica| takers.is_taker(*replica))
            .count();
        if copies < goal {
            Urgency::Missing(copies)
        } else if staying < goal {
            Urgency::Draining(staying)
        } else {
            Urgency::Moving
        }
    }

    /// Whether nothing but a turn is missing for the partition to go to the primary that it should have.
    fn can_hand_over(&self, primary: MemberId, takers: &Takers<'_>) -> bool {
        let next = self.placement.primary;
        primary != next
            && self.assignment.backups.contains(&next)
            && takers.is_ready(next)
            && !self
                .assignment
                .joining
                .iter()
                .any(|member| self.placement.has_replica(*member))
    }
}

/// The steps so far, and what they use of the limits.
struct Steps {
    made: Vec<Step>,
    sends: BTreeMap<MemberId, u16>,
    receives: BTreeMap<MemberId, u16>,
    hand_overs: BTreeMap<MemberId, u16>,
    limits: MoveLimits,
}

impl Steps {
    /// Ends copies that are not wanted; the others count towards the limits.
    fn cancel(&mut self, partition: PartitionId, assignment: &Assignment, wanted: impl Fn(MemberId) -> bool) {
        for member in &assignment.joining {
            if wanted(*member) {
                self.count_copy(assignment.primary, *member);
            } else {
                self.made.push(Step {
                    partition,
                    epoch: assignment.epoch,
                    change: StepChange::CancelCopy(*member),
                });
            }
        }
    }

    fn count_copy(&mut self, sender: Option<MemberId>, receiver: MemberId) {
        if let Some(sender) = sender {
            *self.sends.entry(sender).or_default() += 1;
        }
        *self.receives.entry(receiver).or_default() += 1;
    }

    /// Gives a partition out empty. A primary must be ready: when the one that it should have is not yet, another one
    /// stands in, so that the partition is served at once.
    fn place(&mut self, at: &At<'_>, takers: &Takers<'_>) {
        let wanted = at.placement.replicas().find(|member| takers.is_ready(*member));
        let Some(primary) = wanted.or_else(|| takers.ready().next()) else {
            return;
        };
        let backups_max = at.placement.backups.len();
        let others = at
            .placement
            .replicas()
            .filter(|member| *member != primary && takers.is_taker(*member));
        let backups = others.take(backups_max).collect();
        self.made.push(at.step(StepChange::Place { primary, backups }));
    }

    fn hand_over(&mut self, at: &At<'_>, primary: MemberId) -> bool {
        let under_way = self.hand_overs.entry(primary).or_default();
        if *under_way >= self.limits.hand_overs.get() {
            return false;
        }
        *under_way += 1;
        self.made
            .push(at.step(StepChange::HandOver(at.placement.primary)));
        true
    }

    fn start_copies(&mut self, at: &At<'_>, primary: MemberId, takers: &Takers<'_>) {
        for member in at.placement.replicas() {
            let sends = self.sends.get(&primary).copied().unwrap_or(0);
            let receives = self.receives.get(&member).copied().unwrap_or(0);
            if !at.assignment.has_replica(member)
                && !at.assignment.joining.contains(&member)
                && takers.is_taker(member)
                && sends < self.limits.sends.get()
                && receives < self.limits.receives.get()
            {
                self.count_copy(Some(primary), member);
                self.made.push(at.step(StepChange::StartCopy(member)));
            }
        }
    }

    /// Ends one copy that nobody needs, when everyone who should have one has it and enough others stay.
    fn dismiss(&mut self, at: &At<'_>, wished: usize) {
        let complete = at
            .placement
            .replicas()
            .all(|member| at.assignment.has_replica(member))
            && at.assignment.replicas().count() > wished;
        let unneeded = at
            .assignment
            .backups
            .iter()
            .find(|backup| !at.placement.has_replica(**backup));
        if let Some(unneeded) = unneeded.filter(|_| complete) {
            self.made.push(at.step(StepChange::Dismiss(*unneeded)));
        }
    }
}
