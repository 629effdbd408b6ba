//! How two members get to talk: the same on both sides, but for who begins.

use std::net::SocketAddr;

use bytes::{Buf, BytesMut};
use grid_core::membership::{ClusterId, Generation, HostId, MemberId, ProcessId};
use grid_core::store::Timestamp;
use grid_proto::member::{
    Decoder, FirstBytes, Frame, FrameKind, HELLO_PAYLOAD_MAX, Header, Hello, Lane, MAGIC, PAYLOAD_MAX,
    Refusal, VERSIONS,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{DialError, EndCause, Gate, Identity, PeerInfo};

/// How many bytes of an answer that is no member's are shown.
const SHOWN_LEN: usize = 64;

/// What this side brings to a handshake.
pub(super) struct Ourselves<'a> {
    pub(super) identity: &'a Identity,
    pub(super) gate: &'a dyn Gate,
    pub(super) now: Timestamp,
    pub(super) clock_skew_max_ms: u64,
    /// Where this member listens, for those who are not told another address.
    pub(super) listen: SocketAddr,
    /// The other end.
    pub(super) remote: SocketAddr,
    pub(super) connection: u64,
}

/// How a handshake failed on the side that accepted.
#[derive(Debug)]
pub(super) enum AcceptError {
    /// This member refused.
    Declined(Refusal),
    /// The dialer refused.
    Rejected(Refusal),
    Ended(EndCause),
}

impl Ourselves<'_> {
    /// Looks at what the other says about itself.
    fn judge(&self, payload: &[u8], lane: Option<Lane>) -> Result<PeerInfo, Refusal> {
        let malformed = |problem: &dyn std::fmt::Display| Refusal::Malformed {
            problem: problem.to_string(),
        };
        let refused = Hello::decode_versions(payload).map_err(|error| malformed(&error))?;
        let refuser = VERSIONS;
        let Some(protocol) = refuser.shared(refused) else {
            return Err(Refusal::NoSharedVersion { refuser, refused });
        };
        let hello = Hello::decode(payload).map_err(|error| malformed(&error))?;
        if lane.is_some_and(|lane| lane != hello.lane) {
            return Err(malformed(&"the listener repeats another lane"));
        }
        let ours = self.identity;
        if ours.cluster_name != hello.cluster_name {
            return Err(Refusal::OtherClusterName {
                refuser: ours.cluster_name.clone(),
                refused: hello.cluster_name,
            });
        }
        let cluster = hello.cluster.map(ClusterId::new);
        if let (Some(refuser), Some(refused)) = (ours.cluster, cluster)
            && refuser != refused
        {
            return Err(Refusal::OtherCluster {
                refuser: refuser.get(),
                refused: refused.get(),
            });
        }
        if ours.partitions.get() != hello.partition_count {
            return Err(Refusal::OtherPartitionCount {
                refuser: ours.partitions.get(),
                refused: hello.partition_count,
            });
        }
        self.judge_clock(hello.wall_ms)?;
        let peer = PeerInfo {
            cluster,
            generation: Generation::new(hello.generation),
            process: ProcessId::new(hello.process),
            host: HostId::new(hello.host),
            member: hello.member.map(MemberId::new),
            program_version: hello.program_version,
            listen: hello.listen,
            remote: self.remote,
            lane: hello.lane,
            protocol,
            connection: self.connection,
        };
        self.gate.admit(&peer)?;
        Ok(peer)
    }

    fn judge_clock(&self, theirs_ms: u64) -> Result<(), Refusal> {
        let ours_ms = self.now.as_unix_ms();
        if ours_ms.abs_diff(theirs_ms) <= self.clock_skew_max_ms {
            return Ok(());
        }
        let ahead_ms = i128::from(theirs_ms) - i128::from(ours_ms);
        let bound = if ahead_ms < 0 { i64::MIN } else { i64::MAX };
        Err(Refusal::ClockOff {
            ahead_ms: i64::try_from(ahead_ms).unwrap_or(bound),
            ahead_max_ms: self.clock_skew_max_ms,
        })
    }

    fn opening(&self, lane: Lane) -> Vec<u8> {
        let hello = self
            .identity
            .hello(lane, self.now.as_unix_ms(), self.listen)
            .encode();
        [&MAGIC[..], &frame(FrameKind::Hello, &hello)].concat()
    }
}

/// The dialer's side. Gives the peer, and the decoder with what was read behind its hello.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    ourselves: &Ourselves<'_>,
    lane: Lane,
) -> Result<(PeerInfo, Decoder), DialError> {
    let ended = |error: std::io::Error| DialError::Ended(EndCause::of(&error));
    // A listener that has no room refuses before it reads: what it said counts, not that this could not be written.
    let written = stream.write_all(&ourselves.opening(lane)).await;
    let mut received = BytesMut::with_capacity(HELLO_PAYLOAD_MAX);
    loop {
        match FirstBytes::of(&received) {
            FirstBytes::Member => break,
            FirstBytes::TooFew => {}
            FirstBytes::Tls | FirstBytes::Http | FirstBytes::Other => return Err(not_a_member(&received)),
        }
        if read_more(stream, &mut received).await? == 0 {
            written.map_err(ended)?;
            return Err(if received.is_empty() {
                DialError::Ended(EndCause::Eof)
            } else {
                not_a_member(&received)
            });
        }
    }
    received.advance(MAGIC.len());
    let mut decoder = Decoder::after(received, HELLO_PAYLOAD_MAX);
    let Frame { header, payload } = read_frame(stream, &mut decoder).await.map_err(DialError::Ended)?;
    match header.kind {
        FrameKind::Hello => {}
        FrameKind::Refusal => {
            return Err(rejected(&payload).map_or_else(DialError::Ended, DialError::Rejected));
        }
        kind => {
            return Err(DialError::Ended(EndCause::Protocol(format!(
                "{kind:?} instead of a hello"
            ))));
        }
    }
    match ourselves.judge(&payload, Some(lane)) {
        Ok(peer) => {
            let accept = frame(FrameKind::Accept, &[]);
            stream.write_all(&accept).await.map_err(ended)?;
            decoder.set_payload_max(PAYLOAD_MAX);
            Ok((peer, decoder))
        }
        Err(refusal) => {
            let bytes = frame(FrameKind::Refusal, &refusal.encode());
            // A peer that is gone need not be told.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            Err(DialError::Declined(refusal))
        }
    }
}

/// The listener's side, once it was seen that a member is there. `received` is what was read so far.
pub(super) async fn welcome<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut received: BytesMut,
    ourselves: &Ourselves<'_>,
    refusal: Option<Refusal>,
) -> Result<(PeerInfo, Decoder), AcceptError> {
    received.advance(MAGIC.len());
    let mut decoder = Decoder::after(received, HELLO_PAYLOAD_MAX);
    let Frame { header, payload } = read_frame(stream, &mut decoder)
        .await
        .map_err(AcceptError::Ended)?;
    let judged = match (header.kind, refusal) {
        (_, Some(refusal)) => Err(refusal),
        (FrameKind::Hello, None) => ourselves.judge(&payload, None),
        (kind, None) => Err(Refusal::Malformed {
            problem: format!("{kind:?} instead of a hello"),
        }),
    };
    let peer = match judged {
        Ok(peer) => peer,
        Err(refusal) => {
            let bytes = [&MAGIC[..], &frame(FrameKind::Refusal, &refusal.encode())].concat();
            // A peer that is gone need not be told.
            let _ = stream.write_all(&bytes).await;
            return Err(AcceptError::Declined(refusal));
        }
    };
    let written = stream.write_all(&ourselves.opening(peer.lane)).await;
    written.map_err(|error| AcceptError::Ended(EndCause::of(&error)))?;
    let Frame { header, payload } = read_frame(stream, &mut decoder)
        .await
        .map_err(AcceptError::Ended)?;
    match header.kind {
        FrameKind::Accept => {
            decoder.set_payload_max(PAYLOAD_MAX);
            Ok((peer, decoder))
        }
        FrameKind::Refusal => Err(rejected(&payload).map_or_else(AcceptError::Ended, AcceptError::Rejected)),
        kind => Err(AcceptError::Ended(EndCause::Protocol(format!(
            "{kind:?} before the hello was accepted"
        )))),
    }
}

fn rejected(payload: &[u8]) -> Result<Refusal, EndCause> {
    Refusal::decode(payload).map_err(|error| EndCause::Protocol(error.to_string()))
}

fn not_a_member(received: &[u8]) -> DialError {
    let shown = &received[..received.len().min(SHOWN_LEN)];
    DialError::NotAMember {
        said: shown.escape_ascii().to_string(),
    }
}

async fn read_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
) -> Result<usize, DialError> {
    let read = stream.read_buf(received).await;
    read.map_err(|error| DialError::Ended(EndCause::of(&error)))
}

async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S, decoder: &mut Decoder) -> Result<Frame, EndCause> {
    loop {
        let next = decoder.next_frame();
        if let Some(frame) = next.map_err(|error| EndCause::Protocol(error.to_string()))? {
            return Ok(frame);
        }
        match stream.read_buf(&mut decoder.space()).await {
            Ok(0) => return Err(EndCause::Eof),
            Ok(_) => {}
            Err(error) => return Err(EndCause::of(&error)),
        }
    }
}

/// A frame of a handshake; all of those are short.
fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let payload_len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&Header::new(kind, 0, 0, payload_len).encode()[..], payload].concat()
}
