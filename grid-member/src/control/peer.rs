//! The library's way to another member.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::membership::MemberId;
use openraft::error::{
    InstallSnapshotError, NetworkError as RaftNetworkError, RPCError, RaftError, RemoteError, Unreachable,
};
use openraft::network::{Backoff, RPCOption};
use openraft::{EmptyNode, RaftNetwork, RaftNetworkFactory};

use super::types::{
    AppendRequest, AppendResponse, SnapshotRequest, SnapshotResponse, Types, VoteRequest, VoteResponse,
};
use super::wire::{Answer, Refusal, Request, RequestBody};
use super::{ControlNetwork, ControlSettings, NetworkError};

/// Makes peers. Clones share the network.
#[derive(Clone)]
pub(super) struct Peers {
    settings: Arc<ControlSettings>,
    network: Arc<dyn ControlNetwork>,
}

/// Why a peer gave no answer that could be used.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("the member refused the request: {0}")]
    Refused(Refusal),
    #[error("the request cannot be written")]
    Unwritable,
    #[error("the answer cannot be read; run the same version of the program on every member")]
    Unreadable,
}

impl Peers {
    /// Peers that are reached through this network.
    pub(super) fn new(settings: Arc<ControlSettings>, network: Arc<dyn ControlNetwork>) -> Self {
        Peers { settings, network }
    }

    /// Asks a member, and waits for as long as the settings say.
    pub(super) async fn call(&self, to: MemberId, body: RequestBody) -> Result<Answer, CallError> {
        let generation = self.settings.generation;
        let request = Request { generation, to, body };
        let request = request.encode().map_err(|_unwritable| CallError::Unwritable)?;
        // A network that never answers must not hold the library up.
        let answer = tokio::time::timeout(self.settings.call_timeout, self.network.call(to, request)).await;
        let answer: Bytes = answer.map_err(|_elapsed| NetworkError::TimedOut)??;
        match Answer::decode(&answer) {
            Some(Answer::Refused(refusal)) => Err(CallError::Refused(refusal)),
            Some(answer) => Ok(answer),
            None => Err(CallError::Unreadable),
        }
    }
}

impl RaftNetworkFactory<Types> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Peer {
        let peers = self.clone();
        Peer { target, peers }
    }
}

/// One other member.
pub(super) struct Peer {
    target: u64,
    peers: Peers,
}

type PeerError<E> = RPCError<u64, EmptyNode, E>;

impl Peer {
    async fn call<E: std::error::Error>(&self, body: RequestBody) -> Result<Answer, PeerError<E>> {
        let answer = self.peers.call(MemberId::new(self.target), body).await;
        answer.map_err(|error| match error {
            // It may answer the next request at once.
            CallError::Network(NetworkError::TimedOut) => RPCError::Network(RaftNetworkError::new(&error)),
            _ => RPCError::Unreachable(Unreachable::new(&error)),
        })
    }
}

fn unreadable<E: std::error::Error>() -> PeerError<E> {
    RPCError::Unreachable(Unreachable::new(&CallError::Unreadable))
}

impl RaftNetwork<Types> for Peer {
    async fn append_entries(
        &mut self,
        rpc: AppendRequest,
        _option: RPCOption,
    ) -> Result<AppendResponse, PeerError<RaftError<u64>>> {
        match self.call(RequestBody::Append(rpc)).await? {
            Answer::Append(response) => Ok(response),
            _ => Err(unreadable()),
        }
    }

    async fn install_snapshot(
        &mut self,
        rpc: SnapshotRequest,
        _option: RPCOption,
    ) -> Result<SnapshotResponse, PeerError<RaftError<u64, InstallSnapshotError>>> {
        match self.call(RequestBody::Snapshot(rpc)).await? {
            Answer::Snapshot(Ok(response)) => Ok(response),
            Answer::Snapshot(Err(mismatch)) => {
                let error = RemoteError::new(self.target, RaftError::APIError(mismatch));
                Err(RPCError::RemoteError(error))
            }
            _ => Err(unreadable()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest,
        _option: RPCOption,
    ) -> Result<VoteResponse, PeerError<RaftError<u64>>> {
        match self.call(RequestBody::Vote(rpc)).await? {
            Answer::Vote(response) => Ok(response),
            _ => Err(unreadable()),
        }
    }

    /// The library's default waits for half a second, in which a member that came back would be missing.
    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(self.peers.settings.heartbeat))
    }
}
