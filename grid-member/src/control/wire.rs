//! What members of the group send each other.

use bytes::Bytes;
use grid_core::membership::{Generation, MemberId};
use openraft::EntryPayload;
use openraft::error::InstallSnapshotError;
use serde::{Deserialize, Serialize};

use super::ControlSettings;
use super::types::{
    AppendRequest, AppendResponse, Membership, SnapshotRequest, SnapshotResponse, VoteRequest, VoteResponse,
};

/// The version of the messages, their first byte.
const VERSION: u8 = 1;

/// No index of the log and no term comes near this, so that adding to one never overflows.
const NUMBER_MAX: u64 = 1 << 62;

/// A request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The sender's generation.
    pub(super) generation: Generation,
    /// Who it is meant for.
    pub(super) to: MemberId,
    /// What it asks.
    pub(super) body: RequestBody,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum RequestBody {
    /// Entries of the log, or a sign of life.
    Append(AppendRequest),
    /// A vote.
    Vote(VoteRequest),
    /// A part of a snapshot.
    Snapshot(SnapshotRequest),
    /// The leader of a term is dead: to vote for another at once.
    Release {
        /// The dead leader.
        leader: MemberId,
        /// The term that it led.
        term: u64,
    },
}

/// What came of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Append(AppendResponse),
    Vote(VoteResponse),
    Snapshot(Result<SnapshotResponse, InstallSnapshotError>),
    /// Whether that leader was still followed.
    Released(bool),
    Refused(Refusal),
}

/// Why a request was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is in {0}, another generation of the control group")]
    OtherGeneration(Generation),
    #[error("it is {0}, not the one that was meant")]
    OtherMember(MemberId),
    #[error("the request cannot be read, or contradicts itself")]
    Malformed,
    #[error("the request is too long")]
    TooLong,
    #[error("it no longer takes part")]
    Stopped,
}

impl Request {
    /// The bytes of the request.
    pub(super) fn encode(&self) -> Result<Bytes, postcard::Error> {
        encode(self)
    }

    /// Reads a request and checks what the library takes for granted.
    pub(super) fn decode(bytes: &[u8], settings: &ControlSettings) -> Result<Self, Refusal> {
        if bytes.len() > settings.request_len_max() {
            return Err(Refusal::TooLong);
        }
        let request: Request = decode(bytes).ok_or(Refusal::Malformed)?;
        if request.body.holds_together(settings) {
            Ok(request)
        } else {
            Err(Refusal::Malformed)
        }
    }
}

impl Answer {
    /// The bytes of the answer; empty if there is no way to write it, which no reader takes for an answer.
    pub(super) fn encode(&self) -> Bytes {
        encode(self).unwrap_or_default()
    }

    /// Reads an answer.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes)
    }
}

fn encode(message: &impl Serialize) -> Result<Bytes, postcard::Error> {
    postcard::to_extend(message, vec![VERSION]).map(Bytes::from)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (version, message) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    match postcard::take_from_bytes(message) {
        Ok((message, [])) => Some(message),
        _ => None,
    }
}

impl RequestBody {
    fn holds_together(&self, settings: &ControlSettings) -> bool {
        match self {
            RequestBody::Append(append) => append_holds_together(append),
            RequestBody::Vote(vote) => {
                let index = vote.last_log_id.map_or(0, |id| id.index);
                !vote.vote.is_committed() && is_small([vote.vote.leader_id.term, index])
            }
            RequestBody::Snapshot(part) => snapshot_holds_together(part, settings),
            RequestBody::Release { term, .. } => is_small([*term]),
        }
    }
}

fn append_holds_together(append: &AppendRequest) -> bool {
    let commit = append.leader_commit.map_or(0, |id| id.index);
    if !append.vote.is_committed() || !is_small([append.vote.leader_id.term, commit]) {
        return false;
    }
    let mut before = append.prev_log_id;
    for entry in &append.entries {
        let id = entry.log_id;
        let follows = match before {
            Some(before) => id.index == before.index.wrapping_add(1) && id.leader_id >= before.leader_id,
            None => id.index == 0,
        };
        let membership_holds = match &entry.payload {
            EntryPayload::Membership(membership) => membership_holds_together(membership),
            EntryPayload::Blank | EntryPayload::Normal(_) => true,
        };
        if !follows || !membership_holds || id.leader_id.term > append.vote.leader_id.term {
            return false;
        }
        before = Some(id);
    }
    is_small([before.map_or(0, |id| id.index)])
}

fn snapshot_holds_together(part: &SnapshotRequest, settings: &ControlSettings) -> bool {
    let end = part.offset.saturating_add(part.data.len() as u64);
    let Some(last) = part.meta.last_log_id else {
        return false;
    };
    part.vote.is_committed()
        && end <= settings.snapshot_len_max as u64
        && is_small([part.vote.leader_id.term, last.index])
        && last.leader_id.term <= part.vote.leader_id.term
        && *part.meta.last_membership.log_id() <= Some(last)
        && membership_holds_together(part.meta.last_membership.membership())
}

/// One group of voters or, in a change, two; each of someone, and known.
fn membership_holds_together(membership: &Membership) -> bool {
    let groups = membership.get_joint_config();
    let is_known = |voter: &u64| membership.get_node(voter).is_some();
    (1..=2).contains(&groups.len())
        && groups
            .iter()
            .all(|voters| !voters.is_empty() && voters.iter().all(is_known))
}

fn is_small<const N: usize>(numbers: [u64; N]) -> bool {
    numbers.into_iter().all(|number| number < NUMBER_MAX)
}

#[cfg(test)]
mod wire_test;
