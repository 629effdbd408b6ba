//! Peers that send what they must not, or do not read.

use std::time::Duration;

use bytes::Bytes;
use grid_member::transport::{EndCause, Lane, LinkError, TransportSettings};
use grid_proto::member::{Bye, FrameKind, Header, PAYLOAD_MAX};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::net::TcpListener;

use super::fixture::{ECHO, Event, FILL, Node, settings, within};
use super::raw::{Raw, frame, hello, opening};

#[tokio::test]
async fn a_frame_of_four_gib_ends_the_connection() {
    let mut b = Node::start(2);
    let mut raw = Raw::agreed(b.address()).await;
    let mut head = Header::new(FrameKind::Request, ECHO, 1, 0).encode();
    head[..4].fill(0xFF);
    raw.send(&head).await;
    let last = raw.frame().await.unwrap();
    assert_eq!(last.header.kind, FrameKind::Bye);
    let Bye::Protocol(problem) = Bye::decode(last.header.op, &last.payload) else {
        panic!("{last:?}");
    };
    assert!(problem.contains("4294967295 bytes"), "{problem}");
    drop(raw);
    assert_eq!(b.closed().await, EndCause::Protocol(problem));
}

#[tokio::test]
async fn frames_that_have_no_place_end_the_connection() {
    let mut b = Node::start(2);
    for kind in [
        FrameKind::Hello,
        FrameKind::Accept,
        FrameKind::Refusal,
        FrameKind::Answer,
        FrameKind::Failed,
    ] {
        let mut raw = Raw::agreed(b.address()).await;
        raw.send(&frame(kind, 0, 0, b"")).await;
        assert_eq!(raw.frame().await.unwrap().header.kind, FrameKind::Bye, "{kind:?}");
        drop(raw);
        assert!(matches!(b.closed().await, EndCause::Protocol(_)));
    }
}

#[tokio::test]
async fn a_long_hello_is_refused() {
    let b = Node::start(2);
    let mut raw = Raw::connect(b.address()).await;
    let mut bytes = opening(&hello());
    bytes[8..12].copy_from_slice(&(1_u32 << 20).to_le_bytes());
    raw.send(&bytes).await;
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn half_a_frame_is_nothing() {
    let mut b = Node::start(2);
    let mut raw = Raw::agreed(b.address()).await;
    assert!(matches!(b.event().await, Event::Accepted(..)));
    let whole = frame(FrameKind::OneWay, 3, 0, b"hello");
    raw.send(&whole).await;
    raw.send(&whole[..whole.len() - 1]).await;
    drop(raw);
    assert_eq!(b.event().await, Event::Message(3, Bytes::from_static(b"hello")));
    assert!(matches!(b.event().await, Event::Closed(_, _, EndCause::Eof)));
}

#[tokio::test]
async fn frames_may_come_byte_by_byte() {
    let mut b = Node::start(2);
    let mut raw = Raw::connect(b.address()).await;
    for byte in opening(&hello()) {
        raw.send(&[byte]).await;
    }
    assert_eq!(raw.opening().await.header.kind, FrameKind::Hello);
    let rest = [
        frame(FrameKind::Accept, 0, 0, b""),
        frame(FrameKind::Request, ECHO, 8, b"drop by drop"),
    ];
    for byte in rest.concat() {
        raw.send(&[byte]).await;
    }
    let answer = raw.frame().await.unwrap();
    assert_eq!(
        (answer.header.number, &answer.payload[..]),
        (8, &b"drop by drop"[..])
    );
    assert!(matches!(b.event().await, Event::Accepted(..)));
}

/// A stall, or the kernel that noticed it first.
fn is_stall(cause: &EndCause) -> bool {
    matches!(cause, EndCause::Stalled { .. } | EndCause::TimedOut)
}

fn impatient() -> TransportSettings {
    TransportSettings {
        stall_max: Duration::from_millis(300),
        outbound_len_max: PAYLOAD_MAX,
        ..settings()
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_requests_is_bounded_and_given_up() {
    let a = Node::start_with(1, impatient(), |builder| builder);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (link, _raw) = tokio::join!(
        within(a.transport.dial(address, Lane::Data)),
        Raw::agrees(&listener)
    );
    let link = link.unwrap();
    let piece = Bytes::from(vec![0; 1 << 20]);
    let mut waiting = Vec::new();
    let waiting_len = loop {
        let request = link.request(ECHO, piece.clone());
        match link.send(1, piece.clone()) {
            Ok(()) => waiting.push(request),
            Err(LinkError::Overloaded { waiting_len, .. }) => break waiting_len,
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    };
    assert!(waiting_len <= PAYLOAD_MAX, "{waiting_len}");
    let cause = within(link.ended()).await;
    assert!(is_stall(&cause), "{cause}");
    let mut arrived = 0;
    for request in waiting {
        arrived += u32::from(within(request).await.unwrap_err().may_have_arrived());
    }
    assert!(arrived > 0, "the kernel's buffers took some");
}

#[tokio::test]
async fn a_peer_that_never_reads_answers_is_bounded_and_given_up() {
    let mut b = Node::start_with(2, impatient(), |builder| builder);
    let mut raw = Raw::agreed(b.address()).await;
    let one_mib = (1_u32 << 20).to_le_bytes();
    for number in 1..=200 {
        raw.send(&frame(FrameKind::Request, FILL, number, &one_mib)).await;
    }
    let cause = b.closed().await;
    assert!(is_stall(&cause), "{cause}");
}

#[tokio::test]
async fn a_peer_that_reads_late_gets_all_its_answers() {
    let few = TransportSettings {
        outbound_len_max: PAYLOAD_MAX,
        ..settings()
    };
    let b = Node::start_with(2, few, |builder| builder);
    let mut raw = Raw::agreed(b.address()).await;
    let one_mib = (1_u32 << 20).to_le_bytes();
    let requests: Vec<_> = (1..=100)
        .map(|number| frame(FrameKind::Request, FILL, number, &one_mib))
        .collect();
    raw.send(&requests.concat()).await;
    for number in 1..=100 {
        let answer = raw.frame().await.unwrap();
        assert_eq!(
            (answer.header.kind, answer.header.number, answer.payload.len()),
            (FrameKind::Answer, number, 1 << 20)
        );
    }
}

#[tokio::test]
async fn a_handler_that_has_all_it_may_have_is_given_no_more() {
    let few = TransportSettings {
        requests_max: 3,
        ..settings()
    };
    let mut b = Node::start_with(2, few, |builder| builder);
    let mut raw = Raw::agreed(b.address()).await;
    let requests: Vec<_> = (1..=10)
        .map(|number| frame(FrameKind::Request, super::fixture::KEEP, number, b""))
        .collect();
    raw.send(&requests.concat()).await;
    assert!(matches!(b.event().await, Event::Accepted(..)));
    let mut answered = 0;
    while answered < 10 {
        assert_eq!(b.event().await, Event::Kept);
        let kept = std::mem::take(&mut *b.recorder.kept.lock());
        assert!(kept.len() <= 3);
        for (_, answer) in kept {
            answer.send(b"".as_slice());
            answered += 1;
        }
        for _ in 0..100 {
            assert!(b.recorder.kept.lock().len() <= 3);
            tokio::task::yield_now().await;
        }
        if answered == 10 {
            break;
        }
        while b.recorder.kept.lock().is_empty() {
            tokio::task::yield_now().await;
        }
    }
    for number in 1..=10 {
        assert_eq!(raw.frame().await.unwrap().header.number, number);
    }
}

#[test]
fn garbage_on_a_live_listener_harms_nobody() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let (a, mut b) = (Node::start(1), Node::start(2));
    let garbage = (0..3_u8, prop::collection::vec(any::<u8>(), 0..300));
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(64)
    });
    let result = runner.run(&garbage, |(depth, bytes)| {
        runtime.block_on(async {
            let mut raw = Raw::connect(b.address()).await;
            if depth > 0 {
                raw.send(&opening(&hello())).await;
                raw.opening().await;
            }
            if depth > 1 {
                raw.send(&frame(FrameKind::Accept, 0, 0, b"")).await;
            }
            // The member may close at the first byte.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, &bytes).await;
            drop(raw);
            let link = a.dial(&b).await.unwrap();
            assert_eq!(within(link.request(ECHO, b"on".as_slice())).await.unwrap(), "on");
        });
        Ok(())
    });
    result.unwrap();
    drop(a);
    runtime.block_on(async {
        within(b.supervisor.shut_down()).await;
        assert!(!b.has_no_event());
    });
}
