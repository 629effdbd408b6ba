//! What members of the group send each other.

use bytes::Bytes;
use grid_core::membership::{Generation, MemberId};
use openraft::EntryPayload;
use openraft::error::InstallSnapshotError;
use serde::{Deserialize, Serialize};

use super::ControlSettings;
use super::election::Standing;
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
    /// Its leader is dead, and this member has the longest log: to ask for votes at once.
    Stand {
        /// The dead leader.
        leader: MemberId,
        /// The highest term that a voter knows.
        term: u64,
    },
}

/// What came of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Append(AppendResponse),
    Vote(VoteResponse),
    Snapshot(Result<SnapshotResponse, InstallSnapshotError>),
    /// How it stands.
    Standing(Standing),
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
            RequestBody::Release { term, .. } | RequestBody::Stand { term, .. } => is_small([*term]),
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
mod tests {
    use std::collections::BTreeSet;

    use openraft::EmptyNode;
    use proptest::prelude::*;

    use super::super::types::{Command, Entry, LogId, Logged, SnapshotMeta, StoredMembership, Vote};
    use super::*;

    fn settings() -> ControlSettings {
        ControlSettings::new(MemberId::new(2), Generation::new(3))
    }

    fn at(term: u64, index: u64) -> LogId {
        let leader_id = Vote::new(term, 1).leader_id;
        LogId { leader_id, index }
    }

    fn entry(term: u64, index: u64, payload: EntryPayload<super::super::types::Types>) -> Entry {
        let log_id = at(term, index);
        Entry { log_id, payload }
    }

    fn command(text: &'static str) -> EntryPayload<super::super::types::Types> {
        let mut logged = Logged::watched();
        logged.set();
        EntryPayload::Normal(Command {
            bytes: Bytes::from_static(text.as_bytes()),
            logged,
        })
    }

    fn append() -> AppendRequest {
        let voters = Membership::new(vec![BTreeSet::from([1, 2])], ());
        AppendRequest {
            vote: Vote::new_committed(5, 1),
            prev_log_id: Some(at(4, 9)),
            entries: vec![
                entry(4, 10, command("a command")),
                entry(5, 11, EntryPayload::Blank),
                entry(5, 12, EntryPayload::Membership(voters)),
            ],
            leader_commit: Some(at(4, 9)),
        }
    }

    fn snapshot() -> SnapshotRequest {
        let voters = Membership::new(vec![BTreeSet::from([1, 2])], ());
        SnapshotRequest {
            vote: Vote::new_committed(5, 1),
            meta: SnapshotMeta {
                last_log_id: Some(at(4, 9)),
                last_membership: StoredMembership::new(Some(at(1, 0)), voters),
                snapshot_id: "4-9".to_owned(),
            },
            offset: 10,
            data: vec![1, 2, 3],
            done: true,
        }
    }

    fn sent(body: RequestBody) -> Bytes {
        let request = Request {
            generation: Generation::new(3),
            to: MemberId::new(2),
            body,
        };
        request.encode().unwrap()
    }

    fn read(body: RequestBody) -> Result<Request, Refusal> {
        Request::decode(&sent(body), &settings())
    }

    fn bodies() -> [RequestBody; 5] {
        let vote = VoteRequest::new(Vote::new(6, 2), Some(at(5, 12)));
        let (leader, term) = (MemberId::new(1), 5);
        [
            RequestBody::Append(append()),
            RequestBody::Snapshot(snapshot()),
            RequestBody::Vote(vote),
            RequestBody::Release { leader, term },
            RequestBody::Stand { leader, term },
        ]
    }

    #[test]
    fn requests_come_back_as_they_were() {
        for body in bodies() {
            // The mark of a proposal stays with its proposer.
            let told = format!("{body:?}").replace("Logged(None)", "Logged");
            let request = read(body).unwrap();
            assert_eq!(
                (request.generation, request.to),
                (Generation::new(3), MemberId::new(2))
            );
            assert_eq!(
                format!("{:?}", request.body).replace("Logged(None)", "Logged"),
                told
            );
        }
    }

    #[test]
    fn the_bytes_of_a_request_do_not_change() {
        let (leader, term) = (MemberId::new(1), 300);
        assert_eq!(
            sent(RequestBody::Release { leader, term })[..],
            [1, 3, 2, 3, 1, 0xAC, 2]
        );
        let vote = VoteRequest::new(Vote::new(6, 2), Some(at(5, 12)));
        assert_eq!(
            sent(RequestBody::Vote(vote))[..],
            [1, 3, 2, 1, 6, 2, 0, 1, 5, 1, 12]
        );
    }

    #[test]
    fn requests_that_contradict_themselves_are_refused() {
        type Spoil = fn(&mut AppendRequest);
        let appends: [Spoil; 9] = [
            |a| a.vote = Vote::new(5, 1),
            |a| a.vote = Vote::new_committed(4, 1),
            |a| a.prev_log_id = None,
            |a| a.prev_log_id = Some(at(4, 8)),
            |a| a.prev_log_id = Some(at(5, 9)),
            |a| a.entries.swap(0, 1),
            |a| a.leader_commit = Some(at(4, u64::MAX)),
            |a| a.entries[2].payload = EntryPayload::Membership(Membership::new(vec![], ())),
            |a| a.entries[2].payload = EntryPayload::Membership(Membership::new(vec![BTreeSet::new()], ())),
        ];
        for (number, spoil) in appends.into_iter().enumerate() {
            let mut request = append();
            spoil(&mut request);
            let refused = read(RequestBody::Append(request)).map(|_| ());
            assert_eq!(refused, Err(Refusal::Malformed), "{number}");
        }
        type SpoilSnapshot = fn(&mut SnapshotRequest);
        let snapshots: [SpoilSnapshot; 6] = [
            |s| s.vote = Vote::new(5, 1),
            |s| s.offset = 256 * 1024 * 1024,
            |s| s.offset = u64::MAX,
            |s| s.meta.last_log_id = None,
            |s| s.meta.last_log_id = Some(at(6, 9)),
            |s| s.meta.last_membership = StoredMembership::default(),
        ];
        for (number, spoil) in snapshots.into_iter().enumerate() {
            let mut request = snapshot();
            spoil(&mut request);
            let refused = read(RequestBody::Snapshot(request)).map(|_| ());
            assert_eq!(refused, Err(Refusal::Malformed), "{number}");
        }
        let vote = VoteRequest::new(Vote::new_committed(6, 2), None);
        assert_eq!(read(RequestBody::Vote(vote)).map(|_| ()), Err(Refusal::Malformed));
    }

    #[test]
    fn voters_that_no_one_knows_are_refused() {
        // The library itself makes no such thing, so it is made of bytes: the second voter has no node.
        let voters = (vec![BTreeSet::from([1_u64, 2])], vec![(1_u64, EmptyNode::new())]);
        let bytes = postcard::to_allocvec(&voters).unwrap();
        let membership: Membership = postcard::from_bytes(&bytes).unwrap();
        assert!(!membership_holds_together(&membership));
        let three = Membership::new(vec![BTreeSet::from([1]); 3], ());
        assert!(!membership_holds_together(&three));
    }

    #[test]
    fn requests_that_are_too_long_are_not_read() {
        let long = vec![VERSION; settings().request_len_max() + 1];
        assert_eq!(
            Request::decode(&long, &settings()).map(|_| ()),
            Err(Refusal::TooLong)
        );
    }

    #[test]
    fn another_version_is_refused() {
        for body in bodies() {
            let mut bytes = sent(body).to_vec();
            bytes[0] = VERSION + 1;
            assert_eq!(
                Request::decode(&bytes, &settings()).map(|_| ()),
                Err(Refusal::Malformed)
            );
        }
    }

    #[test]
    fn answers_come_back_as_they_were() {
        let answers = [
            Answer::Append(AppendResponse::Conflict),
            Answer::Vote(VoteResponse::new(Vote::new(6, 2), Some(at(5, 12)), true)),
            Answer::Snapshot(Ok(SnapshotResponse {
                vote: Vote::new(6, 2),
            })),
            Answer::Standing(Standing {
                last: Some(at(5, 12)),
                term: 6,
                leader: None,
            }),
            Answer::Refused(Refusal::OtherGeneration(Generation::new(4))),
        ];
        for answer in answers {
            let told = format!("{answer:?}");
            assert_eq!(format!("{:?}", Answer::decode(&answer.encode()).unwrap()), told);
        }
        assert!(Answer::decode(&[]).is_none());
    }

    proptest! {
        #[test]
        fn noise_and_spoilt_requests_are_read_without_harm(
            which in 0..5_usize,
            at in 0..200_usize,
            byte: u8,
            noise in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = Request::decode(&noise, &settings());
            let _ = Answer::decode(&noise);
            let body = bodies().into_iter().nth(which).unwrap();
            let mut bytes = sent(body).to_vec();
            let place = at % bytes.len();
            bytes[place] = byte;
            if let Ok(request) = Request::decode(&bytes, &settings()) {
                prop_assert!(request.body.holds_together(&settings()));
            }
            bytes.truncate(place);
            prop_assert!(Request::decode(&bytes, &settings()).is_err());
        }
    }
}
