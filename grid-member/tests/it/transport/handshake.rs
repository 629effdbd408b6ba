//! Who talks to whom.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use grid_core::membership::{ClusterId, MemberId, ProcessId};
use grid_core::partition::PartitionCount;
use grid_member::transport::{
    DialError, EndCause, Lane, Lanes, OtherProtocol, PeerInfo, Recognition, Refusal, TransportSettings,
    VersionRange,
};
use grid_proto::member::{FrameKind, NOT_SPOKEN_HTTP, NOT_SPOKEN_TEXT, NOT_SPOKEN_TLS};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::fixture::{ECHO, Event, Node, THREAD, pair, settings, within};
use super::raw::{Raw, frame, hello, hello_of_versions, opening};

#[tokio::test]
async fn both_sides_know_each_other() {
    let (a, mut b) = (Node::start(1), Node::start(2));
    b.becomes(|identity| identity.member = None);
    let link = within(a.transport.dial(b.address(), Lane::Control))
        .await
        .unwrap();
    let info = link.info();
    assert_eq!(
        (info.process, info.member, info.cluster),
        (ProcessId::new(2), None, Some(ClusterId::new(9)))
    );
    assert_eq!(
        (info.listen, info.remote, info.lane, info.protocol),
        (b.address(), b.address(), Lane::Control, 1)
    );
    assert_eq!(b.event().await, Event::Accepted(ProcessId::new(1), Lane::Control));
    let accepted = b.transport.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(
        (accepted[0].listen, accepted[0].member),
        (a.address(), Some(MemberId::FIRST))
    );
}

#[tokio::test]
async fn a_member_of_another_cluster_is_refused_with_the_reason() {
    let (a, mut b) = (Node::start(1), Node::start(2));
    a.becomes(|identity| identity.cluster_name = "prod".to_owned());
    let refusal = Refusal::OtherClusterName {
        refuser: "test".to_owned(),
        refused: "prod".to_owned(),
    };
    assert_eq!(a.dial(&b).await.unwrap_err(), DialError::Rejected(refusal));
    a.becomes(|identity| {
        identity.cluster_name = "test".to_owned();
        identity.cluster = Some(ClusterId::new(10));
    });
    let refusal = Refusal::OtherCluster {
        refuser: 9,
        refused: 10,
    };
    assert_eq!(a.dial(&b).await.unwrap_err(), DialError::Rejected(refusal));
    a.becomes(|identity| {
        identity.cluster = None;
        identity.partitions = PartitionCount::ONE;
    });
    let refusal = Refusal::OtherPartitionCount {
        refuser: 257,
        refused: 1,
    };
    assert_eq!(a.dial(&b).await.unwrap_err(), DialError::Rejected(refusal));
    assert!(b.has_no_event(), "nothing that was refused reaches the handler");
    a.becomes(|identity| identity.partitions = PartitionCount::DEFAULT);
    a.dial(&b).await.unwrap();
}

#[tokio::test]
async fn a_clock_years_off_is_refused() {
    let (a, b) = (Node::start(1), Node::start(2));
    a.clock.advance_ms(60_000);
    a.dial(&b).await.unwrap();
    let year_ms = 365 * 24 * 3_600_000;
    a.clock.advance_ms(3 * year_ms);
    let off = i64::try_from(3 * year_ms + 60_000).unwrap();
    let refused = |ahead_ms| Refusal::ClockOff {
        ahead_ms,
        ahead_max_ms: 60_000,
    };
    assert_eq!(a.dial(&b).await.unwrap_err(), DialError::Rejected(refused(off)));
    assert_eq!(b.dial(&a).await.unwrap_err(), DialError::Rejected(refused(-off)));
}

#[tokio::test]
async fn the_gate_is_asked_on_both_sides() {
    let declined = || Refusal::Fenced { index: 4 };
    let gate = move |peer: &PeerInfo| match peer.process.get() {
        1 => Err(declined()),
        _ => Ok(()),
    };
    let (a, mut b) = (
        Node::start(1),
        Node::start_with(2, settings(), |builder| builder.gate(gate)),
    );
    assert_eq!(a.dial(&b).await.unwrap_err(), DialError::Rejected(declined()));
    assert_eq!(b.dial(&a).await.unwrap_err(), DialError::Declined(declined()));
    assert!(b.has_no_event());
}

#[tokio::test]
async fn who_declines_tells_the_listener() {
    let mut b = Node::start(2);
    let mut raw = Raw::connect(b.address()).await;
    raw.send(&opening(&hello())).await;
    assert_eq!(raw.opening().await.header.kind, FrameKind::Hello);
    let refusal = Refusal::Fenced { index: 4 };
    raw.send(&frame(FrameKind::Refusal, 0, 0, &refusal.encode()))
        .await;
    assert!(raw.frame().await.is_none());
    assert!(b.has_no_event());
}

#[tokio::test]
async fn versions_apart_are_refused_on_both_sides() {
    let range = |min, max| VersionRange { min, max };
    let b = Node::start(2);
    let mut raw = Raw::connect(b.address()).await;
    let mut alien = hello_of_versions(8, 9).encode().to_vec();
    alien.truncate(10);
    raw.send(
        &[
            &grid_proto::member::MAGIC[..],
            &frame(FrameKind::Hello, 0, 0, &alien),
        ]
        .concat(),
    )
    .await;
    let answer = raw.opening().await;
    assert_eq!(answer.header.kind, FrameKind::Refusal);
    let refusal = Refusal::NoSharedVersion {
        refuser: range(1, 1),
        refused: range(8, 9),
    };
    assert_eq!(Refusal::decode(&answer.payload), Ok(refusal.clone()));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let later = async {
        let mut raw = Raw::accept(&listener).await;
        raw.opening().await;
        raw.send(&opening(&hello_of_versions(8, 9))).await;
        raw.frame().await.unwrap()
    };
    let (dialled, told) = tokio::join!(within(b.transport.dial(address, Lane::Data)), later);
    assert_eq!(dialled.unwrap_err(), DialError::Declined(refusal.clone()));
    assert_eq!(Refusal::decode(&told.payload), Ok(refusal));
}

#[tokio::test]
async fn other_protocols_are_turned_away_in_their_own_words() {
    let mut b = Node::start(2);
    let cases: [(&[u8], &[u8]); 4] = [
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", NOT_SPOKEN_HTTP),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NOT_SPOKEN_HTTP),
        (b"\x16\x03\x01\x02\x00", NOT_SPOKEN_TLS),
        (b"\0\0\0\x10garbage", NOT_SPOKEN_TEXT),
    ];
    for (sent, answer) in cases {
        let mut raw = Raw::connect(b.address()).await;
        raw.send(sent).await;
        assert_eq!(raw.rest().await, answer);
    }
    assert!(b.has_no_event());
}

#[tokio::test]
async fn what_is_no_member_is_told_when_it_is_dialled() {
    let a = Node::start(1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream
    };
    let (dialled, _web) = tokio::join!(within(a.transport.dial(address, Lane::Data)), web);
    let Err(DialError::NotAMember { said }) = dialled else {
        panic!("{dialled:?}");
    };
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    drop(listener);
    let refused = within(a.transport.dial(address, Lane::Data)).await;
    assert_eq!(refused.unwrap_err(), DialError::Refused);
}

#[tokio::test]
async fn silence_in_the_handshake_is_bounded_on_both_sides() {
    let short = TransportSettings {
        handshake_timeout: Duration::from_millis(50),
        ..settings()
    };
    let b = Node::start_with(2, short, |builder| builder);
    let mut raw = Raw::connect(b.address()).await;
    assert_eq!(raw.rest().await, b"");
    let mut half = Raw::connect(b.address()).await;
    half.send(&opening(&hello())[..20]).await;
    assert_eq!(half.rest().await, b"");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    let timed_out = within(b.transport.dial(silent, Lane::Data)).await.unwrap_err();
    assert_eq!(
        timed_out,
        DialError::TimedOut {
            within: Duration::from_millis(50)
        }
    );
}

#[tokio::test]
async fn a_peer_that_dies_in_the_handshake_is_told() {
    let a = Node::start(1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dies = async {
        let mut raw = Raw::accept(&listener).await;
        raw.opening().await;
    };
    let (dialled, ()) = tokio::join!(within(a.transport.dial(address, Lane::Data)), dies);
    assert_eq!(dialled.unwrap_err(), DialError::Ended(EndCause::Eof));
}

#[tokio::test]
async fn half_open_connections_are_capped() {
    let few = TransportSettings {
        half_open_max: 2,
        ..settings()
    };
    let (a, b) = (Node::start(1), Node::start_with(2, few, |builder| builder));
    let idle = [Raw::connect(b.address()).await, Raw::connect(b.address()).await];
    // The listener takes connections in their order: when the third is closed, the idle ones are counted.
    let mut third = Raw::connect(b.address()).await;
    assert_eq!(third.rest().await, b"");
    drop(idle);
    while a.dial(&b).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_are_capped_with_a_reason() {
    let one = TransportSettings {
        connections_max: 1,
        ..settings()
    };
    let (a, mut b) = (Node::start(1), Node::start_with(2, one, |builder| builder));
    let link = a.dial(&b).await.unwrap();
    let busy = Refusal::Busy { connections_max: 1 };
    assert_eq!(a.dial(&b).await.unwrap_err(), DialError::Rejected(busy));
    drop(link);
    b.closed().await;
    while a.dial(&b).await.is_err() {
        tokio::task::yield_now().await;
    }
}

struct NameService;

impl OtherProtocol for NameService {
    fn recognise(&self, first: &[u8]) -> Recognition {
        match first {
            [] => Recognition::TooFew,
            [90, ..] => Recognition::Yes,
            _ => Recognition::No,
        }
    }

    fn serve(&self, mut stream: TcpStream, received: Bytes, _from: SocketAddr) -> BoxFuture<'static, ()> {
        Box::pin(async move { stream.write_all(&received).await.unwrap() })
    }
}

#[tokio::test]
async fn another_protocol_is_served_on_the_same_port() {
    let (a, b) = (
        Node::start(1),
        Node::start_with(2, settings(), |builder| {
            builder.other_protocol(Arc::new(NameService))
        }),
    );
    let mut raw = Raw::connect(b.address()).await;
    raw.send(&[90, 193, 224, 0]).await;
    assert_eq!(raw.rest().await, [90, 193, 224, 0]);
    let link = a.dial(&b).await.unwrap();
    assert_eq!(within(link.request(ECHO, b"hi".as_slice())).await.unwrap(), "hi");
}

#[test]
fn each_lane_is_served_on_its_own_runtime() {
    let runtime = |name: &str| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build()
            .unwrap()
    };
    let (control, data) = (runtime("control lane"), runtime("data lane"));
    let lanes = Lanes {
        control: control.handle().clone(),
        data: data.handle().clone(),
    };
    let (a, b) = (
        Node::start_on(lanes.clone(), 1, settings(), |builder| builder),
        Node::start_on(lanes, 2, settings(), |builder| builder),
    );
    let here = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    here.block_on(async {
        for (lane, name) in [(Lane::Control, "control lane"), (Lane::Data, "data lane")] {
            let link = within(a.transport.dial(b.address(), lane)).await.unwrap();
            assert_eq!(within(link.request(THREAD, b"".as_slice())).await.unwrap(), name);
        }
        within(a.supervisor.shut_down()).await;
        within(b.supervisor.shut_down()).await;
    });
}

#[tokio::test]
async fn after_the_end_of_a_member_its_port_refuses() {
    let (a, b, link) = pair().await;
    let address = b.address();
    within(b.supervisor.shut_down()).await;
    let cause = within(link.ended()).await;
    assert!(matches!(cause, EndCause::ClosedByPeer(_)), "{cause:?}");
    let refused = within(a.transport.dial(address, Lane::Data)).await;
    assert_eq!(refused.unwrap_err(), DialError::Refused);
    within(a.supervisor.shut_down()).await;
    let stopping = within(a.transport.dial(address, Lane::Data)).await;
    assert_eq!(stopping.unwrap_err(), DialError::Stopping);
}
