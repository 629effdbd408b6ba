//! What those who use the transport bring along.

use std::net::SocketAddr;

use bytes::Bytes;
use futures::future::BoxFuture;
use grid_proto::member::{Lane, Refusal};
use tokio::net::TcpStream;

use super::{Answer, EndCause, PeerInfo};

/// Receives what peers send on the connections that they dialled.
///
/// Every method is called on the task that reads the connection, and must not block or take long: nothing else is read
/// from that peer meanwhile. For one connection the calls come in order: `accepted`, then each frame as it was sent, then
/// `closed`. A panic ends the connection.
pub trait Handler: Send + Sync + 'static {
    /// A peer asks for something. `kind` is the sender's; the answer may be given here or later, from any thread.
    fn request(&self, from: &PeerInfo, lane: Lane, kind: u8, payload: Bytes, answer: Answer);

    /// A peer says something that wants no answer.
    fn message(&self, from: &PeerInfo, lane: Lane, kind: u8, payload: Bytes);

    /// A peer dialled this member, and both agreed to talk.
    fn accepted(&self, _from: &PeerInfo, _lane: Lane) {}

    /// A connection that was accepted is over.
    fn closed(&self, _from: &PeerInfo, _lane: Lane, _cause: &EndCause) {}
}

/// Decides which members this one talks to, beyond what the transport looks at itself (protocol, cluster, clock, number of
/// partitions). Called on both sides of every new connection.
pub trait Gate: Send + Sync + 'static {
    /// Whether to talk to this peer.
    ///
    /// # Errors
    /// The refusal that both sides log and that the peer's dial gives.
    fn admit(&self, peer: &PeerInfo) -> Result<(), Refusal>;
}

impl<F> Gate for F
where
    F: Fn(&PeerInfo) -> Result<(), Refusal> + Send + Sync + 'static,
{
    fn admit(&self, peer: &PeerInfo) -> Result<(), Refusal> {
        self(peer)
    }
}

/// Whether bytes begin a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// They may; more are needed to tell.
    TooFew,
}

/// Another protocol on the members' port.
pub trait OtherProtocol: Send + Sync + 'static {
    /// Whether a connection that began with these bytes speaks it.
    fn recognise(&self, first: &[u8]) -> Recognition;

    /// Serves a connection that does; `received` was read from it already. It must end soon after the member stops, and
    /// counts among the connections that this member takes until it does.
    fn serve(&self, stream: TcpStream, received: Bytes, from: SocketAddr) -> BoxFuture<'static, ()>;
}
