//! Changes of one partition's replica set.

use serde::{Deserialize, Serialize};

use crate::membership::MemberId;
use crate::partition::PartitionId;

use super::{Assignment, Epoch};

/// A change of one assignment, made only when its epoch is still the one that the proposer saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which partition.
    pub partition: PartitionId,
    /// The epoch that the assignment must have.
    pub epoch: Epoch,
    /// What to change.
    pub change: StepChange,
}

/// What a [`Step`] changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepChange {
    /// Gives a partition that nobody has served yet, or whose loss was accepted, to its first members, empty.
    Place {
        /// The primary.
        primary: MemberId,
        /// The backups.
        backups: Vec<MemberId>,
    },
    /// A member begins to get a copy.
    StartCopy(MemberId),
    /// A member that is getting a copy is not to get it.
    CancelCopy(MemberId),
    /// A member has a complete copy, and becomes the last backup. Proposed by the primary, which from before the
    /// proposal on acknowledges no write that this member does not have.
    Admit(MemberId),
    /// A backup is none any more.
    Dismiss(MemberId),
    /// A backup becomes the primary, and the primary the last backup. Proposed by the primary, which has sealed the
    /// partition before: it serves no read and no write between the proposal and the new epoch.
    HandOver(MemberId),
}

/// Why a [`Step`] was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StepRefused {
    /// The replica set has changed meanwhile.
    #[error("the epoch is {now}, not {seen}")]
    Epoch {
        /// The epoch that the proposer saw.
        seen: Epoch,
        /// The epoch now.
        now: Epoch,
    },
    /// The member is not in the place that the change takes it from, or already in the one it takes it to.
    #[error("{0} is not where this change takes it from")]
    Member(MemberId),
    /// The partition is served, or has been and nobody accepted its loss.
    #[error("the partition has been served before; accept its loss before it is given out empty")]
    NotNew,
}

impl Assignment {
    /// Makes a change. The epoch grows by one, unless a copy is only begun.
    ///
    /// # Errors
    /// When the epoch is another one than the proposer saw, or the change makes no sense; nothing is changed then.
    pub fn make(&mut self, seen: Epoch, change: &StepChange) -> Result<(), StepRefused> {
        if seen != self.epoch {
            return Err(StepRefused::Epoch {
                seen,
                now: self.epoch,
            });
        }
        match change {
            StepChange::Place { primary, backups } => {
                if !self.is_free() {
                    return Err(StepRefused::NotNew);
                }
                if let Some(twice) = named_twice(*primary, backups) {
                    return Err(StepRefused::Member(twice));
                }
                self.primary = Some(*primary);
                self.backups.clone_from(backups);
                self.placed = self.epoch.next();
            }
            StepChange::StartCopy(member) => {
                if self.primary.is_none() || self.has_replica(*member) || self.joining.contains(member) {
                    return Err(StepRefused::Member(*member));
                }
                self.joining.push(*member);
                return Ok(());
            }
            // A proposal to admit the member may still be on its way, and must not meet another copy than it was for.
            StepChange::CancelCopy(member) => take(&mut self.joining, *member)?,
            StepChange::Admit(member) => {
                take(&mut self.joining, *member)?;
                self.backups.push(*member);
            }
            StepChange::Dismiss(member) => take(&mut self.backups, *member)?,
            StepChange::HandOver(member) => {
                take(&mut self.backups, *member)?;
                self.backups.extend(self.primary.replace(*member));
            }
        }
        self.epoch = self.epoch.next();
        Ok(())
    }
}

/// A member that a replica set would have more than once.
fn named_twice(primary: MemberId, backups: &[MemberId]) -> Option<MemberId> {
    backups
        .iter()
        .enumerate()
        .find(|(at, backup)| **backup == primary || backups[..*at].contains(backup))
        .map(|(_, backup)| *backup)
}

fn take(members: &mut Vec<MemberId>, member: MemberId) -> Result<(), StepRefused> {
    let at = members.iter().position(|other| *other == member);
    members.remove(at.ok_or(StepRefused::Member(member))?);
    Ok(())
}
