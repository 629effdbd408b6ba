//! Elections that need not wait for silence, since the leader is known to be dead.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use grid_core::membership::MemberId;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::leadership::leader_of;
use super::log::MemoryLog;
use super::peer::Peers;
use super::types::{AppendRequest, LogId, Raft, Vote};
use super::voters::voters_of;
use super::wire::{Answer, RequestBody};
use super::{ControlSettings, ElectError, Leadership};

/// The number that no member has.
const NO_ONE: u64 = 0;

/// Lets go of a leader that is dead: this member votes for the next at once.
///
/// A voter that heard its leader lately votes for no one else, which keeps a member that hears badly from unseating a
/// leader that works. The library has no call that ends this. But a voter that learns of a higher term forgets the
/// leader of the lower one.
pub(super) async fn release(raft: &Raft, me: MemberId, leader: MemberId, term: u64) {
    let vote = raft.server_metrics().borrow().vote;
    let is_followed = leader_of(&vote) == Some(leader) && vote.leader_id.term == term && leader != me;
    if is_followed {
        learn_term(raft, term.saturating_add(1)).await;
    }
}

/// Takes over a term that others know of.
///
/// The library learns it from any request, so it gets one: from no one, with a place in the log that it cannot have, so
/// that nothing but the term is taken over.
async fn learn_term(raft: &Raft, term: u64) {
    let nowhere = LogId {
        leader_id: Vote::new(term, NO_ONE).leader_id,
        index: u64::MAX / 2,
    };
    let request = AppendRequest {
        vote: Vote::new(term, NO_ONE),
        prev_log_id: Some(nowhere),
        entries: Vec::new(),
        leader_commit: None,
    };
    // Whether it was taken or came too late shows in the next vote.
    let _ = raft.append_entries(request).await;
}

/// What a voter says of itself when its leader is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The end of its log.
    pub(super) last: Option<LogId>,
    /// Its term.
    pub(super) term: u64,
    /// Who leads instead of the dead one, as far as it knows.
    pub(super) leader: Option<MemberId>,
}

/// What voters are to do who know this of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// Nothing: there is a leader.
    Leads,
    /// This one asks for votes, and knows this term.
    Stands { candidate: MemberId, term: u64 },
}

/// Who is to stand: the one with the longest log, for which all can vote, and of several the first.
///
/// A voter with a shorter log that stood all the same would not win, but unseat the one that does: its term grows with
/// each of its elections, and those who vote for it learn the term only after they refused.
fn choose(standings: &BTreeMap<MemberId, Standing>) -> Option<Choice> {
    if standings.values().any(|standing| standing.leader.is_some()) {
        return Some(Choice::Leads);
    }
    let (candidate, _longest) = standings
        .iter()
        .max_by_key(|(member, standing)| (standing.last, Reverse(**member)))?;
    let term = standings.values().map(|standing| standing.term).max()?;
    Some(Choice::Stands {
        candidate: *candidate,
        term,
    })
}

/// An election without a wait.
///
/// Whoever learns of the death asks the voters how they stand, and sees that the one with the longest log asks for votes.
/// All of them may do so at the same time, and choose the same one.
pub(super) struct Election {
    pub(super) raft: Raft,
    pub(super) log: MemoryLog,
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

    /// Votes for another than the dead leader of this term from now on, and says how it stands.
    pub(super) async fn stand_by(&self, dead: MemberId, term: u64) -> Standing {
        release(&self.raft, self.settings.member, dead, term).await;
        let seen = *self.leadership.borrow();
        Standing {
            last: self.log.last(),
            term: self.raft.server_metrics().borrow().vote.leader_id.term,
            leader: seen.leader.filter(|leader| *leader != dead),
        }
    }

    /// Asks for votes, unless there is a leader.
    pub(super) async fn stand(&self, dead: MemberId, term: u64) -> Result<(), ElectError> {
        let seen = *self.leadership.borrow();
        if seen.leader.is_some_and(|leader| leader != dead) {
            return Ok(());
        }
        if self.raft.server_metrics().borrow().vote.leader_id.term < term {
            learn_term(&self.raft, term).await;
        }
        let asked = self.raft.trigger().elect().await;
        asked.map_err(|_fatal| ElectError::Stopped)
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
        let others: Vec<_> = voters
            .iter()
            .copied()
            .filter(|voter| *voter != me && *voter != dead)
            .collect();
        let round = self
            .settings
            .heartbeat
            .saturating_mul(u32::try_from(voters.len()).unwrap_or(u32::MAX));
        // Each round has more time than the one before: on a busy machine answers take long.
        for rounds in 1.. {
            let patience = round.saturating_mul(rounds);
            let standings = self.ask(&others, dead, seen.term, patience).await;
            match choose(&standings) {
                Some(Choice::Stands { candidate, term }) if candidate == me => self.stand(dead, term).await?,
                Some(Choice::Stands { candidate, term }) => {
                    // It may not know of the death. If it does, it stands already, and asks for votes once more at most.
                    let body = RequestBody::Stand { leader: dead, term };
                    let asked = self.peers.call(candidate, body);
                    let _ = tokio::time::timeout(self.settings.heartbeat, asked).await;
                }
                Some(Choice::Leads) | None => {}
            }
            if let Some(winner) = self.winner(dead, patience).await? {
                return Ok(winner);
            }
        }
        Err(ElectError::TimedOut)
    }

    /// How the voters stand: all that answer soon, since who does not may be dead too, and later a majority, without
    /// which no one wins.
    async fn ask(
        &self,
        others: &[MemberId],
        dead: MemberId,
        term: u64,
        patience: Duration,
    ) -> BTreeMap<MemberId, Standing> {
        let (leader, me) = (dead, self.settings.member);
        let mut answers: FuturesUnordered<_> = others
            .iter()
            .map(|voter| async move {
                let answer = self.peers.call(*voter, RequestBody::Release { leader, term });
                (*voter, answer.await)
            })
            .collect();
        let majority = voters_of(&self.raft).len() / 2 + 1;
        let soon = tokio::time::sleep(self.settings.heartbeat);
        let late = tokio::time::sleep(patience);
        let (mut soon, mut late) = (std::pin::pin!(soon), std::pin::pin!(late));
        let mut is_soon = true;
        let mut standings = BTreeMap::from([(me, self.stand_by(dead, term).await)]);
        while is_soon || standings.len() < majority {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    Some((voter, Ok(Answer::Standing(standing)))) => {
                        standings.insert(voter, standing);
                    }
                    Some((_voter, _unusable)) => {}
                    None => break,
                },
                () = &mut soon, if is_soon => is_soon = false,
                () = &mut late => break,
            }
        }
        standings
    }

    /// The leader that is there within this time.
    async fn winner(&mut self, dead: MemberId, wait: Duration) -> Result<Option<MemberId>, ElectError> {
        let is_new = |seen: &Leadership| seen.leader.is_some_and(|leader| leader != dead);
        match tokio::time::timeout(wait, self.leadership.wait_for(is_new)).await {
            Ok(Ok(seen)) => Ok(seen.leader),
            Ok(Err(_closed)) => Err(ElectError::Stopped),
            Err(_elapsed) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member, the term and the index of its last entry, and its term.
    type Told = (u64, Option<(u64, u64)>, u64);

    fn standings<const N: usize>(all: [Told; N]) -> BTreeMap<MemberId, Standing> {
        let standing = |(member, last, term): Told| {
            let last = last.map(|(term, index)| LogId {
                leader_id: Vote::new(term, 1).leader_id,
                index,
            });
            let leader = None;
            (MemberId::new(member), Standing { last, term, leader })
        };
        all.into_iter().map(standing).collect()
    }

    fn stands(candidate: u64, term: u64) -> Option<Choice> {
        let candidate = MemberId::new(candidate);
        Some(Choice::Stands { candidate, term })
    }

    #[test]
    fn the_first_of_those_with_the_longest_log_stands() {
        assert_eq!(choose(&BTreeMap::new()), None);
        let alike = [(3, Some((2, 9)), 4), (2, Some((2, 9)), 4), (4, Some((2, 9)), 4)];
        assert_eq!(choose(&standings(alike)), stands(2, 4));
        let shorter = [(2, Some((2, 8)), 9), (3, Some((2, 9)), 4), (4, None, 4)];
        assert_eq!(choose(&standings(shorter)), stands(3, 9));
        let of_a_later_term = [(2, Some((2, 8)), 4), (3, Some((3, 7)), 4)];
        assert_eq!(choose(&standings(of_a_later_term)), stands(3, 4));
    }

    #[test]
    fn where_someone_leads_no_one_stands() {
        let mut all = standings([(2, Some((2, 9)), 4), (3, Some((3, 10)), 5)]);
        all.get_mut(&MemberId::new(2)).unwrap().leader = Some(MemberId::new(3));
        assert_eq!(choose(&all), Some(Choice::Leads));
    }
}
