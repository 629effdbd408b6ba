//! What members tell and ask each other beside what concerns partitions.

use std::net::SocketAddr;

use bytes::Bytes;
use grid_core::control::{KeptCopy, Outcome};
use grid_core::membership::{Evidence, MemberId, MemberInfo};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Kinds of frames.
pub(super) mod kind {
    // Requests on the control lane.
    pub(crate) const JOIN: u8 = 1;
    pub(crate) const RAFT: u8 = 2;
    pub(crate) const PROPOSE: u8 = 3;
    pub(crate) const LEASE: u8 = 4;
    pub(crate) const SNAPSHOT: u8 = 5;
    pub(crate) const KNOWS: u8 = 6;
    // Messages on the control lane.
    pub(crate) const PING: u8 = 20;
    pub(crate) const REPORT: u8 = 21;
    pub(crate) const PUSH: u8 = 22;
    pub(crate) const BOOTSTRAP: u8 = 23;
    pub(crate) const LEADS: u8 = 24;
    // Requests on the data lane.
    pub(crate) const PARTS: u8 = 40;
    pub(crate) const GAP: u8 = 41;
    pub(crate) const INTEREST: u8 = 42;
    pub(crate) const FLUSH: u8 = 43;
    pub(crate) const TOLD: u8 = 44;
    pub(crate) const CACHES: u8 = 45;
    pub(crate) const QUESTION: u8 = 46;
    // Messages on the data lane.
    pub(crate) const REPLICA: u8 = 60;
    pub(crate) const EVENT: u8 = 61;
    pub(crate) const HEARD: u8 = 62;
    pub(crate) const WITHDRAW: u8 = 63;
}

/// A member asks to be let in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JoinRequest {
    pub(super) info: MemberInfo,
    pub(super) before: Option<(MemberId, Vec<KeptCopy>)>,
}

/// The answer to it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum JoinAnswer {
    /// It is in: its number, and the agreed state.
    Welcome(MemberId, Vec<u8>),
    /// Another member leads; it is to be asked.
    Ask(SocketAddr),
    /// Nobody leads at the moment.
    Later,
    /// It is not let in.
    Refused(String),
    /// Its address is that of this member, which is not known to be dead. It may be soon.
    Occupied(MemberId),
}

/// The answer to a proposal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ProposeAnswer {
    /// It was agreed at this place.
    Agreed(u64, Outcome),
    /// Another member leads.
    NotLeader,
    /// It may have been agreed.
    Unknown(String),
    /// It can't be agreed.
    Refused(String),
}

/// A command that was agreed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Push {
    pub(super) generation: u64,
    pub(super) index: u64,
    pub(super) command: Vec<u8>,
}

/// Who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leads {
    pub(super) generation: u64,
    pub(super) term: u64,
    /// The last command that was agreed.
    pub(super) index: u64,
}

/// A report about another member.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) about: MemberId,
    pub(super) evidence: Evidence,
}

/// Writes a message. What is written here always can be: plain data without maps of unknown length.
pub(super) fn write<T: Serialize>(message: &T) -> Bytes {
    postcard::to_allocvec(message).map_or_else(|_never| Bytes::new(), Bytes::from)
}

/// Reads a message; `None` when it makes no sense.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}
