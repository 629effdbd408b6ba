//! The library's types, as the group uses them.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::runtime::ControlRuntime;

openraft::declare_raft_types!(
    /// What the log holds and what it runs on.
    pub(super) Types:
        D = Command,
        R = Outcome,
        NodeId = u64,
        Node = openraft::EmptyNode,
        SnapshotData = Cursor<Vec<u8>>,
        AsyncRuntime = ControlRuntime,
);

pub(super) type LogId = openraft::LogId<u64>;
pub(super) type Vote = openraft::Vote<u64>;
pub(super) type Entry = openraft::Entry<Types>;
pub(super) type Membership = openraft::Membership<u64, openraft::EmptyNode>;
pub(super) type StoredMembership = openraft::StoredMembership<u64, openraft::EmptyNode>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<u64, openraft::EmptyNode>;
pub(super) type StorageError = openraft::StorageError<u64>;
pub(super) type Raft = openraft::Raft<Types>;
pub(super) type AppendRequest = openraft::raft::AppendEntriesRequest<Types>;
pub(super) type AppendResponse = openraft::raft::AppendEntriesResponse<u64>;
pub(super) type VoteRequest = openraft::raft::VoteRequest<u64>;
pub(super) type VoteResponse = openraft::raft::VoteResponse<u64>;
pub(super) type SnapshotRequest = openraft::raft::InstallSnapshotRequest<Types>;
pub(super) type SnapshotResponse = openraft::raft::InstallSnapshotResponse<u64>;
pub(super) type ForwardToLeader = openraft::error::ForwardToLeader<u64, openraft::EmptyNode>;

/// A command in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Command {
    /// What the machine gets.
    pub(super) bytes: Bytes,
    /// Whether it got into the log of the member that it was proposed to.
    #[serde(skip)]
    pub(super) logged: Logged,
}

/// A mark that the log of the proposer's member sets once a command is in it.
///
/// The library answers a proposal in the same words when it never got into a log, so that it surely is not carried out,
/// and when it was cut off the log by another leader, while it may live on in the log of a third member.
#[derive(Clone, Debug, Default)]
pub(super) struct Logged(Option<Arc<AtomicBool>>);

impl Logged {
    /// A mark that is watched.
    pub(super) fn watched() -> Self {
        Logged(Some(Arc::default()))
    }

    /// Sets the mark, and watches no longer.
    pub(super) fn set(&mut self) {
        if let Some(mark) = self.0.take() {
            mark.store(true, Ordering::SeqCst);
        }
    }

    /// Whether the mark was set.
    pub(super) fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|mark| mark.load(Ordering::SeqCst))
    }
}

/// What applying an entry of the log came to. Stays on the member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The number of the last command so far.
    pub(super) index: u64,
    /// What the machine answered; nothing for an entry that has no command.
    pub(super) outcome: Option<Bytes>,
}
