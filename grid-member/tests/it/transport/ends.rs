//! How connections end, and what then is known.

use std::sync::Arc;

use grid_core::membership::ProcessId;
use grid_member::transport::{Bye, EndCause, Lane, LinkError};
use grid_proto::member::FrameKind;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use super::fixture::{ECHO, Event, KEEP, Node, PANIC, pair, within};
use super::raw::{Raw, frame};

#[tokio::test]
async fn closing_fails_what_waits_and_tells_the_peer() {
    let (_a, mut b, link) = pair().await;
    let waiting = link.request(KEEP, b"".as_slice());
    assert_eq!(b.event().await, Event::Kept);
    let ended = link.ended();
    link.close();
    assert_eq!(within(ended).await, EndCause::ClosedHere);
    let lost = LinkError::Lost(EndCause::ClosedHere);
    assert_eq!(within(waiting).await.unwrap_err(), lost);
    let not_sent = LinkError::NotSent(EndCause::ClosedHere);
    assert_eq!(
        within(link.request(ECHO, b"".as_slice())).await.unwrap_err(),
        not_sent
    );
    assert_eq!(link.send(ECHO, b"".as_slice()).unwrap_err(), not_sent);
    assert!(lost.may_have_arrived() && !not_sent.may_have_arrived());
    assert_eq!(b.closed().await, EndCause::ClosedByPeer(Bye::Done));
}

#[tokio::test]
async fn an_answer_after_the_end_goes_nowhere() {
    let (_a, mut b, link) = pair().await;
    link.request_with(KEEP, b"".as_slice(), |outcome| {
        outcome.unwrap_err();
    });
    assert_eq!(b.event().await, Event::Kept);
    link.close();
    b.closed().await;
    let (_, answer) = b.recorder.kept.lock().pop().unwrap();
    assert!(answer.is_moot());
    answer.send(b"late".as_slice());
    assert!(b.transport.accepted().is_empty());
}

#[tokio::test]
async fn the_last_handle_closes_the_link() {
    let (_a, mut b, link) = pair().await;
    let (clone, ended) = (link.clone(), link.ended());
    drop(link);
    within(clone.request(ECHO, b"".as_slice())).await.unwrap();
    drop(clone);
    assert_eq!(within(ended).await, EndCause::ClosedHere);
    assert_eq!(b.closed().await, EndCause::ClosedByPeer(Bye::Done));
}

#[tokio::test]
async fn a_request_keeps_its_link() {
    let (_a, mut b, link) = pair().await;
    let request = link.request(KEEP, b"".as_slice());
    drop(link);
    assert_eq!(b.event().await, Event::Kept);
    let (_, answer) = b.recorder.kept.lock().pop().unwrap();
    answer.send(b"here".as_slice());
    assert_eq!(within(request).await.unwrap(), "here");
}

#[tokio::test]
async fn a_peer_that_dies_ends_the_link_at_once() {
    let a = Node::start(1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for (reset, expected) in [(false, EndCause::Eof), (true, EndCause::Reset)] {
        let (link, mut raw) = tokio::join!(
            within(a.transport.dial(address, Lane::Data)),
            Raw::agrees(&listener)
        );
        let link = link.unwrap();
        let waiting = link.request(ECHO, b"hi".as_slice());
        assert_eq!(raw.frame().await.unwrap().header.kind, FrameKind::Request);
        if reset {
            // Closing with an unread byte resets.
            link.send(1, b"unread".as_slice()).unwrap();
            within(raw.stream.readable()).await.unwrap();
        }
        drop(raw);
        assert_eq!(within(link.ended()).await, expected);
        assert_eq!(within(waiting).await.unwrap_err(), LinkError::Lost(expected));
    }
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_connection_alone() {
    let (a, mut b, link) = pair().await;
    let other = a.dial(&b).await.unwrap();
    let lost = within(link.request(PANIC, b"".as_slice())).await.unwrap_err();
    assert!(lost.may_have_arrived(), "{lost}");
    assert_eq!(b.closed().await, EndCause::ReceiverFailed);
    assert_eq!(within(other.request(ECHO, b"on".as_slice())).await.unwrap(), "on");
}

#[tokio::test]
async fn a_completion_that_panics_ends_its_link_alone() {
    let (a, b, link) = pair().await;
    let other = a.dial(&b).await.unwrap();
    link.request_with(ECHO, b"".as_slice(), |_| panic!("a planted failure"));
    assert_eq!(within(link.ended()).await, EndCause::ReceiverFailed);
    within(other.request(ECHO, b"".as_slice())).await.unwrap();
}

#[tokio::test]
async fn accepted_connections_of_a_peer_can_be_closed() {
    let (_a, mut b, link) = pair().await;
    let c = Node::start(3);
    let other = c.dial(&b).await.unwrap();
    let closed = b
        .transport
        .close_accepted(|peer| peer.process == ProcessId::new(1));
    assert_eq!(closed, 1);
    assert_eq!(within(link.ended()).await, EndCause::ClosedByPeer(Bye::Done));
    assert_eq!(b.closed().await, EndCause::ClosedHere);
    within(other.request(ECHO, b"".as_slice())).await.unwrap();
}

#[tokio::test]
async fn every_request_comes_to_one_outcome_whenever_the_link_ends() {
    for round in 0..20 {
        let (_a, b, link) = pair().await;
        let outcomes = Arc::new(Mutex::new(vec![0_u32; 500]));
        for number in 0..500 {
            let outcomes = Arc::clone(&outcomes);
            let payload = vec![0; number * 37 % 9000];
            link.request_with(ECHO, payload, move |_| outcomes.lock()[number] += 1);
            if number == round * 25 {
                let closing = link.clone();
                std::thread::spawn(move || closing.close());
            }
            if number % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        within(link.ended()).await;
        within(b.supervisor.shut_down()).await;
        // The thread that closes completes the last ones.
        while outcomes.lock().contains(&0) {
            tokio::task::yield_now().await;
        }
        assert!(outcomes.lock().iter().all(|count| *count == 1));
    }
}

#[tokio::test]
async fn what_was_not_sent_never_arrives_and_the_stream_stays_whole() {
    let a = Node::start(1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (link, mut raw) = tokio::join!(
        within(a.transport.dial(address, Lane::Data)),
        Raw::agrees(&listener)
    );
    let link = link.unwrap();
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    // More than the sockets take: the end comes in the middle of a frame.
    for number in 0..30_u32 {
        let outcomes = Arc::clone(&outcomes);
        let payload = [number.to_le_bytes().to_vec(), vec![0; 1 << 20]].concat();
        link.request_with(ECHO, payload, move |outcome| {
            outcomes.lock().push((number, outcome.unwrap_err()));
        });
        tokio::task::yield_now().await;
    }
    link.close();
    let mut arrived = 0;
    let bye = loop {
        let got = raw.frame().await.expect("whole frames, and a farewell");
        match got.header.kind {
            FrameKind::Request => arrived += 1,
            kind => break kind,
        }
    };
    assert_eq!(bye, FrameKind::Bye);
    let outcomes = outcomes.lock();
    assert_eq!(outcomes.len(), 30);
    for (number, error) in outcomes.iter() {
        assert_eq!(error.may_have_arrived(), *number < arrived, "{number}: {error}");
    }
    assert!((1..30).contains(&arrived), "{arrived}");
}

#[tokio::test]
async fn an_answer_to_nothing_ends_the_link() {
    let a = Node::start(1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (link, mut raw) = tokio::join!(
        within(a.transport.dial(address, Lane::Data)),
        Raw::agrees(&listener)
    );
    let link = link.unwrap();
    raw.send(&frame(FrameKind::Answer, 0, 12345, b"")).await;
    let cause = within(link.ended()).await;
    assert!(matches!(cause, EndCause::Protocol(_)), "{cause}");
    assert_eq!(raw.frame().await.unwrap().header.kind, FrameKind::Bye);
}
