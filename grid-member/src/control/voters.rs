//! Changing who votes.

use std::collections::{BTreeMap, BTreeSet};

use grid_core::membership::MemberId;
use openraft::error::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{ChangeMembers, EmptyNode};
use tokio::time::error::Elapsed;

use super::types::{Membership, Raft};
use super::{ControlSettings, VotersError};

/// Who votes now; in a change, both those before and those after.
pub(super) fn voters_of(raft: &Raft) -> BTreeSet<MemberId> {
    let metrics = raft.server_metrics();
    let metrics = metrics.borrow();
    metrics.membership_config.voter_ids().map(MemberId::new).collect()
}

/// Changes the voters to these, and forgets everyone else.
///
/// Done in steps that each are agreed: new members get the log and are waited for, then voters are replaced (through a time
/// in which both majorities must agree), then members that are neither are dropped. So it can stop anywhere, and be begun
/// again by any leader.
pub(super) async fn set_voters(
    raft: &Raft,
    settings: &ControlSettings,
    voters: &BTreeSet<MemberId>,
) -> Result<(), VotersError> {
    if voters.is_empty() || voters.len() > settings.voters_max {
        return Err(VotersError::Count {
            asked: voters.len(),
            max: settings.voters_max,
        });
    }
    let goal: BTreeSet<u64> = voters.iter().map(|voter| voter.get()).collect();
    let change = Change { raft, settings };
    let now = change.membership();
    change.check_leads()?;
    if now.get_joint_config().as_slice() == [goal.clone()] && now.learner_ids().next().is_none() {
        return Ok(());
    }
    // A member that was to be a voter once and is gone must not be sent the log for ever.
    let gone: BTreeSet<u64> = now.learner_ids().filter(|id| !goal.contains(id)).collect();
    if !gone.is_empty() {
        change.agree(ChangeMembers::RemoveNodes(gone)).await?;
    }
    let new: BTreeMap<u64, EmptyNode> = goal
        .iter()
        .filter(|id| now.get_node(id).is_none())
        .map(|id| (*id, EmptyNode::new()))
        .collect();
    if !new.is_empty() {
        change.agree(ChangeMembers::AddNodes(new)).await?;
    }
    let had_vote: BTreeSet<u64> = now.voter_ids().collect();
    let learners: Vec<u64> = goal.difference(&had_vote).copied().collect();
    change.wait_for(&learners).await?;
    // A change that was left half-way is finished first, so it may take two.
    for _ in 0..2 {
        let agreed = change
            .agree(ChangeMembers::ReplaceAllVoters(goal.clone()))
            .await?;
        if agreed.is_some_and(|agreed| agreed.get_joint_config().as_slice() == [goal.clone()]) {
            return Ok(());
        }
    }
    Err(VotersError::TimedOut)
}

struct Change<'a> {
    raft: &'a Raft,
    settings: &'a ControlSettings,
}

impl Change<'_> {
    fn membership(&self) -> Membership {
        let metrics = self.raft.server_metrics();
        metrics.borrow().membership_config.membership().clone()
    }

    fn check_leads(&self) -> Result<(), VotersError> {
        let metrics = self.raft.server_metrics();
        let leader = metrics.borrow().current_leader;
        match leader {
            Some(leader) if leader == self.settings.member.get() => Ok(()),
            Some(leader) => Err(VotersError::NotLeader {
                leader: MemberId::new(leader),
            }),
            None => Err(VotersError::NoLeader),
        }
    }

    /// Makes one step, waits until it is agreed, and gives what it came to.
    async fn agree(&self, step: ChangeMembers<u64, EmptyNode>) -> Result<Option<Membership>, VotersError> {
        let agreed = self.raft.change_membership(step, false);
        match tokio::time::timeout(self.settings.voters_timeout, agreed).await {
            Ok(Ok(agreed)) => Ok(agreed.membership),
            Ok(Err(error)) => Err(refusal(error)),
            Err(_elapsed) => Err(VotersError::TimedOut),
        }
    }

    /// Waits until each of them has the log as it is now.
    async fn wait_for(&self, learners: &[u64]) -> Result<(), VotersError> {
        let mut metrics = self.raft.metrics();
        let target = metrics.borrow().last_log_index.unwrap_or_default();
        for id in learners {
            let caught_up = metrics.wait_for(|metrics| {
                let Some(progress) = &metrics.replication else {
                    // It no longer leads; the next step says so.
                    return true;
                };
                let matching = progress.get(id).copied().flatten();
                matching.is_some_and(|matching| matching.index >= target)
            });
            let caught_up = tokio::time::timeout(self.settings.voters_timeout, caught_up).await;
            match caught_up {
                Ok(Ok(_caught_up)) => {}
                Ok(Err(_closed)) => return Err(VotersError::Stopped),
                Err(Elapsed { .. }) => {
                    return Err(VotersError::Behind {
                        member: MemberId::new(*id),
                    });
                }
            }
        }
        self.check_leads()
    }
}

fn refusal(error: RaftError<u64, ClientWriteError<u64, EmptyNode>>) -> VotersError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => match forward.leader_id {
            Some(leader) => VotersError::NotLeader {
                leader: MemberId::new(leader),
            },
            None => VotersError::NoLeader,
        },
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => match error {
            ChangeMembershipError::InProgress(_)
            | ChangeMembershipError::EmptyMembership(_)
            | ChangeMembershipError::LearnerNotFound(_) => VotersError::Refused(error.to_string()),
        },
        RaftError::Fatal(_) => VotersError::Stopped,
    }
}
