//! Requests, answers, messages, and their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures::future::join_all;
use grid_member::transport::{FailureKind, Link, LinkError, PAYLOAD_MAX, TransportSettings};
use tokio::sync::oneshot;

use super::fixture::{DROP, ECHO, Event, FAIL, FILL, KEEP, Node, pair, settings, within};

#[tokio::test]
async fn answers_come_in_any_order() {
    let (_a, mut b, link) = pair().await;
    let first = link.request(KEEP, b"first".as_slice());
    let second = link.request(KEEP, b"second".as_slice());
    assert_eq!(
        within(link.request(ECHO, b"third".as_slice())).await.unwrap(),
        "third"
    );
    assert_eq!((b.event().await, b.event().await), (Event::Kept, Event::Kept));
    let mut kept = std::mem::take(&mut *b.recorder.kept.lock());
    assert_eq!((&kept[0].0[..], &kept[1].0[..]), (&b"first"[..], &b"second"[..]));
    let (_, of_second) = kept.remove(1);
    // From a thread that knows no runtime.
    std::thread::spawn(move || of_second.send(b"2".as_slice()))
        .join()
        .unwrap();
    assert_eq!(within(second).await.unwrap(), "2");
    kept.remove(0)
        .1
        .send((Bytes::from_static(b"1"), Bytes::from_static(b"+")));
    assert_eq!(within(first).await.unwrap(), "1+");
}

#[tokio::test]
async fn a_request_without_an_answer_fails_and_says_how() {
    let (_a, _b, link) = pair().await;
    for (kind, expected, reason) in [
        (DROP, FailureKind::Unanswered, "without an answer"),
        (FAIL, FailureKind::Reported, "not today"),
    ] {
        let error = within(link.request(kind, b"".as_slice())).await.unwrap_err();
        assert!(error.may_have_arrived());
        let LinkError::Failed(failure) = error else {
            panic!("{error}");
        };
        assert_eq!(failure.kind, expected);
        assert!(failure.reason.contains(reason), "{failure}");
    }
}

#[tokio::test]
async fn payloads_up_to_the_limit_go_through() {
    let (_a, _b, link) = pair().await;
    for len in [0, 1, 5_000, 70_000, 1 << 20, PAYLOAD_MAX] {
        let payload = Bytes::from(vec![u8::try_from(len % 251).unwrap(); len]);
        let answer = within(link.request(ECHO, payload.clone())).await.unwrap();
        assert!(answer == payload, "{len} bytes");
    }
    let error = within(link.request(ECHO, vec![0; PAYLOAD_MAX + 1]))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        LinkError::TooLong {
            payload_len: PAYLOAD_MAX + 1,
            payload_max: PAYLOAD_MAX
        }
    );
    assert!(!error.may_have_arrived());
    let too_long = u32::try_from(PAYLOAD_MAX + 1).unwrap().to_le_bytes().to_vec();
    let error = within(link.request(FILL, too_long)).await.unwrap_err();
    assert!(matches!(error, LinkError::Failed(failure) if failure.kind == FailureKind::AnswerLost));
    assert_eq!(within(link.request(ECHO, b"on".as_slice())).await.unwrap(), "on");
}

/// Sends numbers as messages, now and then with a large piece behind.
fn send_numbers(link: &Link, sender: u8, count: u32) {
    for number in 0..count {
        let large = if number % 97 == 0 {
            Bytes::from(vec![sender; 20_000])
        } else {
            Bytes::new()
        };
        let head = Bytes::copy_from_slice(&number.to_le_bytes());
        link.send(sender, (head, large)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_of_many_senders_arrive_whole_and_in_their_order() {
    const SENDERS: u8 = 8;
    const COUNT: u32 = 2_000;
    let (_a, mut b, link) = pair().await;
    let threads: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let link = link.clone();
            std::thread::spawn(move || send_numbers(&link, sender, COUNT))
        })
        .collect();
    let mut next = [0_u32; SENDERS as usize];
    for _ in 0..u32::from(SENDERS) * COUNT {
        let Event::Message(sender, payload) = b.event().await else {
            panic!("only messages");
        };
        let (number, large) = payload.split_at(4);
        let expected = &mut next[usize::from(sender)];
        assert_eq!(number, expected.to_le_bytes());
        assert_eq!(large.len(), if *expected % 97 == 0 { 20_000 } else { 0 });
        assert!(large.iter().all(|byte| *byte == sender));
        *expected += 1;
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_request_of_many_gets_its_own_answer() {
    let (_a, _b, link) = pair().await;
    let tasks = (0..32_u32).map(|task| {
        let link = link.clone();
        async move {
            for number in 0..200_u32 {
                let payload = [task.to_le_bytes(), number.to_le_bytes()].concat();
                let answer = link.request(ECHO, payload.clone()).await.unwrap();
                assert_eq!(answer, payload);
            }
        }
    });
    let mut set = tokio::task::JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    within(set.join_all()).await;
}

/// Asks again from the completion of the request before.
fn chain(link: Link, left: u32, done: oneshot::Sender<u32>, count: Arc<AtomicU32>) {
    let next = link.clone();
    link.request_with(ECHO, left.to_le_bytes().to_vec(), move |outcome| {
        assert_eq!(outcome.unwrap(), left.to_le_bytes().as_slice());
        let total = count.fetch_add(1, Ordering::Relaxed) + 1;
        match left {
            0 => drop(done.send(total)),
            left => chain(next, left - 1, done, count),
        }
    });
}

#[tokio::test]
async fn a_completion_may_ask_again() {
    let (_a, _b, link) = pair().await;
    let (done, total) = oneshot::channel();
    chain(link.clone(), 999, done, Arc::default());
    assert_eq!(within(total).await.unwrap(), 1000);
}

#[tokio::test]
async fn many_links_work_side_by_side() {
    let (a, b) = (Node::start(1), Node::start(2));
    let links = join_all((0..100).map(|_| a.dial(&b))).await;
    let links: Vec<_> = links.into_iter().map(Result::unwrap).collect();
    let requests = links.iter().enumerate().flat_map(|(at, link)| {
        let payload = move |number: usize| format!("{at}/{number}").into_bytes();
        (0..50).map(move |number| async move {
            assert_eq!(
                link.request(ECHO, payload(number)).await.unwrap(),
                payload(number)
            );
        })
    });
    within(join_all(requests)).await;
    assert_eq!(b.transport.accepted().len(), 100);
}

#[tokio::test]
async fn requests_without_answers_are_bounded() {
    let few = TransportSettings {
        requests_max: 2,
        ..settings()
    };
    let (a, mut b) = (Node::start_with(1, few, |builder| builder), Node::start(2));
    let link = a.dial(&b).await.unwrap();
    let waiting = [
        link.request(KEEP, b"".as_slice()),
        link.request(KEEP, b"".as_slice()),
    ];
    let error = within(link.request(ECHO, b"".as_slice())).await.unwrap_err();
    assert!(
        matches!(error, LinkError::Overloaded { requests: 2, .. }),
        "{error}"
    );
    assert!(!error.may_have_arrived());
    while b.recorder.kept.lock().len() < 2 {
        b.event().await;
    }
    for (_, answer) in std::mem::take(&mut *b.recorder.kept.lock()) {
        answer.send(b"".as_slice());
    }
    within(join_all(waiting)).await;
    within(link.request(ECHO, b"".as_slice())).await.unwrap();
}
