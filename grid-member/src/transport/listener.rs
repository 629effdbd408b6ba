//! Connections that others make.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use grid_proto::member::{
    Decoder, FirstBytes, HELLO_PAYLOAD_MAX, NOT_SPOKEN_HTTP, NOT_SPOKEN_TEXT, NOT_SPOKEN_TLS, Refusal,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use super::handshake::{AcceptError, welcome};
use super::shared::Shared;
use super::stream::{Stream, tune};
use super::writer::FAREWELL_MAX;
use super::{PeerInfo, Recognition};
use crate::task::TaskKind;

/// How long to wait when the system has no file descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// With so many bytes every protocol can be told.
const FIRST_LEN: usize = 256;

/// What is logged once about an address, beyond refusals, which have their own numbers.
const SAID_NO_MEMBER: u8 = 255;
const SAID_HALF_OPEN: u8 = 254;
const SAID_ENDED: u8 = 253;

/// What a new connection turned out to be.
enum Newcomer {
    Member(Box<PeerInfo>, Decoder, Stream, OwnedSemaphorePermit),
    Other(TcpStream, BytesMut, OwnedSemaphorePermit),
    Gone,
}

/// Takes connections until the member stops.
pub(super) async fn drive_listener(shared: Arc<Shared>, listener: TcpListener) {
    let stopped = shared.supervisor.stopped();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => take(&shared, stream, remote),
            Err(error) => {
                // What one connection broke is over; without file descriptors it is better after a while.
                tracing::debug!(%error, "a member's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn take(shared: &Arc<Shared>, stream: TcpStream, remote: SocketAddr) {
    let Ok(permit) = Arc::clone(&shared.half_open).try_acquire_owned() else {
        if shared.said.first(remote.ip(), 0, SAID_HALF_OPEN) {
            tracing::warn!(%remote, half_open_max = shared.settings.half_open_max,
                "too many connections are in their handshake; new ones are closed");
        }
        return;
    };
    let serving = serve(Arc::clone(shared), stream, remote, permit);
    shared.supervisor.spawn_on(
        &shared.lanes.control,
        TaskKind::Connection,
        "member handshake",
        serving,
    );
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, remote: SocketAddr, half_open: OwnedSemaphorePermit) {
    let meeting = tokio::time::timeout(
        shared.settings.handshake_timeout,
        Box::pin(meet(&shared, stream, remote)),
    );
    let newcomer = tokio::select! {
        biased;
        () = shared.supervisor.stopped() => return,
        newcomer = meeting => newcomer,
    };
    drop(half_open);
    match newcomer {
        Ok(Newcomer::Member(peer, decoder, stream, permit)) => {
            shared.start_accepted(*peer, decoder, stream, permit);
        }
        Ok(Newcomer::Other(stream, received, _permit)) => {
            if let Some(other) = &shared.other_protocol {
                other.serve(stream, received.freeze(), remote).await;
            }
        }
        Ok(Newcomer::Gone) => {}
        Err(_elapsed) => {
            if shared.said.first(remote.ip(), 0, SAID_ENDED) {
                tracing::warn!(%remote, within = ?shared.settings.handshake_timeout,
                    "a connection to the members' port did not finish its handshake in time; it is closed");
            }
        }
    }
}

/// Finds out who is there, and shakes hands.
async fn meet(shared: &Shared, mut stream: TcpStream, remote: SocketAddr) -> Newcomer {
    if tune(&stream, &shared.settings).is_err() {
        return Newcomer::Gone;
    }
    let mut received = BytesMut::with_capacity(HELLO_PAYLOAD_MAX);
    let who = loop {
        match shared.recognise(&received) {
            Recognition::Yes => {
                let permit = Arc::clone(&shared.connections).try_acquire_owned();
                return permit.map_or(Newcomer::Gone, |permit| Newcomer::Other(stream, received, permit));
            }
            Recognition::TooFew if received.len() < FIRST_LEN => {}
            Recognition::TooFew | Recognition::No => match FirstBytes::of(&received) {
                FirstBytes::TooFew => {}
                who => break who,
            },
        }
        if !read_some(&mut stream, &mut received).await {
            return Newcomer::Gone;
        }
    };
    match who {
        FirstBytes::Member if shared.tls_only() => {
            let refused = greet_member(shared, &mut stream, received, remote, Some(Refusal::TlsOnly)).await;
            debug_assert!(refused.is_none(), "a refusal was given");
            Newcomer::Gone
        }
        FirstBytes::Member => match greet_member(shared, &mut stream, received, remote, None).await {
            Some((peer, decoder, permit)) => {
                Newcomer::Member(Box::new(peer), decoder, Stream::Plain(stream), permit)
            }
            None => Newcomer::Gone,
        },
        #[cfg(feature = "tls")]
        FirstBytes::Tls if shared.tls.is_some() => meet_through_tls(shared, stream, received, remote).await,
        who => {
            turn_away(shared, stream, remote, who).await;
            Newcomer::Gone
        }
    }
}

async fn greet_member<S: AsyncRead + tokio::io::AsyncWrite + Unpin>(
    shared: &Shared,
    stream: &mut S,
    received: BytesMut,
    remote: SocketAddr,
    refusal: Option<Refusal>,
) -> Option<(PeerInfo, Decoder, OwnedSemaphorePermit)> {
    let permit = Arc::clone(&shared.connections).try_acquire_owned().ok();
    let busy = Refusal::Busy {
        connections_max: shared.settings.connections_max,
    };
    let refusal = refusal.or_else(|| permit.is_none().then_some(busy));
    let identity = shared.identity.load_full();
    let welcomed = welcome(stream, received, &shared.ourselves(&identity, remote), refusal).await;
    match welcomed {
        Ok((peer, decoder)) => permit.map(|permit| (peer, decoder, permit)),
        Err(error) => {
            say_why(shared, remote, &error);
            let _ = stream.shutdown().await;
            None
        }
    }
}

fn say_why(shared: &Shared, remote: SocketAddr, error: &AcceptError) {
    match error {
        AcceptError::Declined(refusal) => {
            if shared.said.first(remote.ip(), 0, refusal.code()) {
                tracing::warn!(%remote, %refusal, "a member that connected was refused");
            }
        }
        AcceptError::Rejected(refusal) => {
            if shared.said.first(remote.ip(), 0, refusal.code()) {
                tracing::warn!(%remote, %refusal, "a member that connected refuses this one");
            }
        }
        AcceptError::Ended(cause) => {
            tracing::debug!(%remote, %cause, "a connection ended in its handshake");
        }
    }
}

#[cfg(feature = "tls")]
async fn meet_through_tls(
    shared: &Shared,
    stream: TcpStream,
    received: BytesMut,
    remote: SocketAddr,
) -> Newcomer {
    let Some(tls) = &shared.tls else {
        return Newcomer::Gone;
    };
    let mut stream = match tls.accept(stream, received).await {
        Ok(stream) => Box::new(stream),
        Err((error, mut stream)) => {
            if shared.said.first(remote.ip(), 0, SAID_NO_MEMBER) {
                tracing::warn!(%remote, %error,
                    "a member that connected was refused by TLS; use certificates of the same authority on all members");
            }
            see_off(&mut stream, &[]).await;
            return Newcomer::Gone;
        }
    };
    let mut received = BytesMut::with_capacity(HELLO_PAYLOAD_MAX);
    while FirstBytes::of(&received) == FirstBytes::TooFew {
        if !read_some(&mut stream, &mut received).await {
            return Newcomer::Gone;
        }
    }
    if FirstBytes::of(&received) != FirstBytes::Member {
        return Newcomer::Gone;
    }
    match greet_member(shared, &mut stream, received, remote, None).await {
        Some((peer, decoder, permit)) => {
            Newcomer::Member(Box::new(peer), decoder, Stream::Tls(stream), permit)
        }
        None => Newcomer::Gone,
    }
}

async fn read_some<S: AsyncRead + Unpin>(stream: &mut S, received: &mut BytesMut) -> bool {
    stream.read_buf(received).await.is_ok_and(|len| len > 0)
}

/// Tells who is no member so, in its own words, and closes.
async fn turn_away(shared: &Shared, mut stream: TcpStream, remote: SocketAddr, who: FirstBytes) {
    let (answer, what) = match who {
        FirstBytes::Http => (NOT_SPOKEN_HTTP, "speaks HTTP"),
        FirstBytes::Tls => (NOT_SPOKEN_TLS, "begins TLS, which is not configured here"),
        _ => (NOT_SPOKEN_TEXT, "is no member of a grid"),
    };
    if shared.said.first(remote.ip(), 0, SAID_NO_MEMBER) {
        tracing::warn!(%remote, "what connected to the members' port {what}; it is turned away");
    }
    see_off(&mut stream, answer).await;
}

/// Says a last word, and waits until the other end has read what it was told.
async fn see_off(stream: &mut TcpStream, answer: &[u8]) {
    let farewell = async {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        // To close with unread bytes would reset the connection, and take the answer away from the client.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Who does not read in time does not get to know.
    let _ = tokio::time::timeout(FAREWELL_MAX, farewell).await;
}
