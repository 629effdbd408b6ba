//! Connections that this member makes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use grid_proto::member::{Decoder, Lane};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[cfg(feature = "tls")]
use super::EndCause;
use super::handshake::greet;
use super::reader::Dialled;
use super::shared::Shared;
use super::stream::{Stream, tune};
use super::{DialError, Link, PeerInfo};

/// What is logged once about an address, beyond refusals, which have their own numbers.
const SAID_NO_MEMBER: u8 = 255;

/// Connects to a member. To be called on the runtime of the lane.
pub(super) async fn dial(shared: &Arc<Shared>, address: SocketAddr, lane: Lane) -> Result<Link, DialError> {
    let dialled = reach(shared, address, lane).await;
    match &dialled {
        Ok(_) => shared.said.forget(address.ip(), address.port()),
        Err(error) => say_why(shared, address, error),
    }
    let (peer, decoder, stream) = dialled?;
    let started = shared.start(peer, decoder, stream, Dialled);
    started.map(Link::new).map_err(|error| DialError::Local {
        problem: error.to_string(),
    })
}

async fn reach(
    shared: &Shared,
    address: SocketAddr,
    lane: Lane,
) -> Result<(PeerInfo, Decoder, Stream), DialError> {
    let within = shared.settings.connect_timeout;
    let stream = match timeout(within, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(DialError::of_connect(&error, within)),
        Err(_elapsed) => return Err(DialError::TimedOut { within }),
    };
    if met_itself(&stream) {
        return Err(DialError::Refused);
    }
    tune(&stream, &shared.settings).map_err(|error| DialError::Local {
        problem: error.to_string(),
    })?;
    let within = shared.settings.handshake_timeout;
    let shaken = timeout(within, Box::pin(shake_hands(shared, stream, address, lane))).await;
    shaken.unwrap_or(Err(DialError::TimedOut { within }))
}

/// Where nobody listens on a port that the system gives to those who connect, a socket can meet itself.
fn met_itself(stream: &TcpStream) -> bool {
    let ends: io::Result<_> = stream
        .local_addr()
        .and_then(|local| Ok((local, stream.peer_addr()?)));
    ends.is_ok_and(|(local, peer)| local == peer)
}

async fn shake_hands(
    shared: &Shared,
    mut stream: TcpStream,
    address: SocketAddr,
    lane: Lane,
) -> Result<(PeerInfo, Decoder, Stream), DialError> {
    let identity = shared.identity.load_full();
    let mut ourselves = shared.ourselves(&identity, address);
    if ourselves.listen.ip().is_unspecified()
        && let Ok(local) = stream.local_addr()
    {
        ourselves.listen.set_ip(local.ip());
    }
    #[cfg(feature = "tls")]
    if let Some(tls) = &shared.tls {
        let stream = tls.connect(stream, address).await;
        let mut stream = stream.map(Box::new).map_err(|error| DialError::Tls {
            problem: error.to_string(),
        })?;
        let greeted = greet(&mut stream, &ourselves, lane).await;
        let (peer, decoder) = greeted.map_err(|error| match error {
            // What TLS at the other end thinks of this member's certificate comes with the first read.
            DialError::Ended(EndCause::Io(problem)) => DialError::Tls { problem },
            error => error,
        })?;
        return Ok((peer, decoder, Stream::Tls(stream)));
    }
    let (peer, decoder) = greet(&mut stream, &ourselves, lane).await?;
    Ok((peer, decoder, Stream::Plain(stream)))
}

fn say_why(shared: &Shared, address: SocketAddr, error: &DialError) {
    let what = match error {
        DialError::Rejected(refusal) | DialError::Declined(refusal) => refusal.code(),
        DialError::NotAMember { .. } | DialError::Tls { .. } => SAID_NO_MEMBER,
        // For the caller to judge; it sees each.
        _ => return,
    };
    if shared.said.first(address.ip(), address.port(), what) {
        tracing::warn!(%address, %error, "a member can't be talked to");
    }
}
