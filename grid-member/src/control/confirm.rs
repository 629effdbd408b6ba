//! Confirming that this member leads.

use std::time::Duration;

use grid_core::membership::MemberId;
use openraft::error::{CheckIsLeaderError, RaftError};
use tokio::sync::{mpsc, oneshot};

use super::applied::Applied;
use super::types::Raft;
use super::{ConfirmError, ControlMachine, ControlObserver};

/// This member led the group at some time after it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The term that it led.
    pub term: u64,
    /// The number of the last command that its state holds. Every command that was acknowledged anywhere before the
    /// question is among them.
    pub index: u64,
}

pub(super) type Waiting = oneshot::Sender<Result<Confirmation, ConfirmError>>;

/// Answers questions, all those that wait with one round to the other voters.
pub(super) async fn answer<M: ControlMachine, O: ControlObserver>(
    raft: Raft,
    applied: Applied<M, O>,
    limit: Duration,
    mut questions: mpsc::Receiver<Waiting>,
) {
    while let Some(first) = questions.recv().await {
        let mut waiting = vec![first];
        while let Ok(next) = questions.try_recv() {
            waiting.push(next);
        }
        // Those who gave up need no round.
        waiting.retain(|question| !question.is_closed());
        if waiting.is_empty() {
            continue;
        }
        let round = tokio::time::timeout(limit, raft.ensure_linearizable()).await;
        let answer = match round {
            Ok(Ok(Some(read))) => Ok(Confirmation {
                // What a leader reads up to is never older than the first entry of its own term.
                term: read.leader_id.term,
                index: applied.index(),
            }),
            Ok(Ok(None)) => Err(ConfirmError::NoMajority),
            Ok(Err(error)) => Err(refusal(error)),
            Err(_elapsed) => Err(ConfirmError::NoMajority),
        };
        for question in waiting {
            // Who no longer waits needs no answer.
            let _ = question.send(answer);
        }
    }
}

fn refusal(error: RaftError<u64, CheckIsLeaderError<u64, openraft::EmptyNode>>) -> ConfirmError {
    match error {
        RaftError::APIError(CheckIsLeaderError::ForwardToLeader(forward)) => match forward.leader_id {
            Some(leader) => ConfirmError::NotLeader {
                leader: MemberId::new(leader),
            },
            None => ConfirmError::NoLeader,
        },
        RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_)) => ConfirmError::NoMajority,
        RaftError::Fatal(_) => ConfirmError::Stopped,
    }
}
