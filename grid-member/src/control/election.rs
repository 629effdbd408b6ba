//! Elections that need not wait for silence, since the leader is known to be dead.

use std::sync::Arc;

use futures::future::join_all;
use grid_core::membership::MemberId;
use tokio::sync::watch;

use super::leadership::leader_of;
use super::peer::Peers;
use super::types::{AppendRequest, LogId, Raft, Vote};
use super::voters::voters_of;
use super::wire::RequestBody;
use super::{ControlSettings, ElectError, Leadership};

/// The number that no member has.
const NO_ONE: u64 = 0;

/// Lets go of a leader that is dead: this member votes for the next at once. Gives whether it was still followed.
///
/// A voter that heard its leader lately votes for no one else, which keeps a member that hears badly from unseating a
/// leader that works. The library has no call that ends this. But a voter that learns of a higher term forgets the
/// leader of the lower one, and it learns of it from any request, so it gets one: from no one, with a place in the log
/// that it cannot have, so that nothing but the term is taken over.
pub(super) async fn release(raft: &Raft, me: MemberId, leader: MemberId, term: u64) -> bool {
    let vote = raft.server_metrics().borrow().vote;
    let is_followed = leader_of(&vote) == Some(leader) && vote.leader_id.term == term && leader != me;
    if !is_followed {
        return false;
    }
    let nowhere = LogId {
        leader_id: Vote::new(term, NO_ONE).leader_id,
        index: u64::MAX / 2,
    };
    let request = AppendRequest {
        vote: Vote::new(term.saturating_add(1), NO_ONE),
        prev_log_id: Some(nowhere),
        entries: Vec::new(),
        leader_commit: None,
    };
    // Whether it was taken or came too late shows in the next vote.
    raft.append_entries(request).await.is_ok()
}

/// An election without a wait.
pub(super) struct Election {
    pub(super) raft: Raft,
    pub(super) peers: Peers,
    pub(super) settings: Arc<ControlSettings>,
    pub(super) leadership: watch::Receiver<Leadership>,
}

impl Election {
    /// Brings about an election in place of a leader that is dead, and waits for its winner.
    pub(super) async fn replace(mut self, dead: MemberId) -> Result<MemberId, ElectError> {
        if dead == self.settings.member {
            return Err(ElectError::Leads);
        }
        let limit = self.settings.elect_timeout;
        let elected = tokio::time::timeout(limit, self.campaign(dead)).await;
        elected.unwrap_or(Err(ElectError::TimedOut))
    }

    async fn campaign(&mut self, dead: MemberId) -> Result<MemberId, ElectError> {
        let me = self.settings.member;
        let seen = *self.leadership.borrow_and_update();
        if let Some(leader) = seen.leader.filter(|leader| *leader != dead) {
            return Ok(leader);
        }
        let voters = voters_of(&self.raft);
        if !voters.contains(&me) {
            return Err(ElectError::NoVoter);
        }
        if seen.leader.is_some() {
            let others = voters
                .iter()
                .copied()
                .filter(|voter| *voter != me && *voter != dead);
            let releases = others.map(|voter| {
                let (leader, term) = (dead, seen.term);
                self.peers.call(voter, RequestBody::Release { leader, term })
            });
            // Who does not answer soon is not waited for: it may be dead too.
            let others = tokio::time::timeout(self.settings.heartbeat, join_all(releases));
            let (_, _released) = tokio::join!(release(&self.raft, me, dead, seen.term), others);
        }
        // All voters may have learned of the death now. They stand one after the other, so that votes are not split.
        // And an election that is under way without a leader gets a moment to end.
        let rank = voters
            .iter()
            .filter(|voter| **voter < me && **voter != dead)
            .count();
        let turn = rank + usize::from(seen.leader.is_none());
        let mut wait = self
            .settings
            .heartbeat
            .saturating_mul(u32::try_from(turn).unwrap_or(u32::MAX));
        loop {
            if let Some(winner) = self.winner(dead, wait).await? {
                return Ok(winner);
            }
            self.raft
                .trigger()
                .elect()
                .await
                .map_err(|_fatal| ElectError::Stopped)?;
            // A voter with a longer log must get its turn, and then this one again if it was not enough.
            wait = self
                .settings
                .heartbeat
                .saturating_mul(u32::try_from(voters.len()).unwrap_or(u32::MAX));
        }
    }

    /// The leader that is there within this time.
    async fn winner(
        &mut self,
        dead: MemberId,
        wait: std::time::Duration,
    ) -> Result<Option<MemberId>, ElectError> {
        let is_new = |seen: &Leadership| seen.leader.is_some_and(|leader| leader != dead);
        match tokio::time::timeout(wait, self.leadership.wait_for(is_new)).await {
            Ok(Ok(seen)) => Ok(seen.leader),
            Ok(Err(_closed)) => Err(ElectError::Stopped),
            Err(_elapsed) => Ok(None),
        }
    }
}
