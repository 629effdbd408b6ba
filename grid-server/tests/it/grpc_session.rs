//! The decoder and the state machine of a version 1 stream, fed without a network by whatever comes to mind.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use grid_member::Grid;
use grid_proto::any::pack;
use grid_proto::google::{Any, BytesValue};
use grid_proto::v1::cache::{
    EnsureCacheRequest, MapListenerRequest, NamedCacheRequest, NamedCacheRequestType as Type, PutAllRequest,
    PutRequest, QueryRequest, ReplaceMappingRequest,
};
use grid_proto::v1::common::{CollectionOfBytesValues, HeartbeatMessage};
use grid_proto::v1::proxy::{ProxyRequest, ProxyResponse, proxy_request, proxy_response};
use grid_server::grpc::v1::{InFrame, Session};
use grid_server::grpc::{Edge, GrpcMetrics, GrpcOptions};
use proptest::prelude::*;
use prost::Message;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::grpc_peer::{frame, init, json, masked, message, on_all, on_key, pair, request, responses};

/// A grid, and the runtime that sessions run on.
struct Bench {
    runtime: Runtime,
    edge: Arc<Edge>,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let grid = runtime.block_on(Grid::builder().build()).unwrap();
        let options = GrpcOptions {
            listeners_per_stream_max: 20,
            caches_per_stream_max: 20,
            ..GrpcOptions::default()
        };
        let edge = Edge::new(
            grid,
            options,
            Arc::new(GrpcMetrics::default()),
            CancellationToken::new(),
        );
        Bench {
            runtime,
            edge: Arc::new(edge),
        }
    }

    /// What a stream says to these frames until it ends, each frame as the client reads it.
    fn answers(&self, frames: Vec<InFrame>) -> (Vec<ProxyResponse>, Option<Status>) {
        self.runtime.block_on(async {
            let inbound = futures::stream::iter(frames.into_iter().map(Ok));
            let mut session = Session::new(self.edge.clone(), inbound);
            let mut answers = Vec::new();
            while let Some(next) = std::future::poll_fn(|cx| Pin::new(&mut session).poll_next(cx)).await {
                match next {
                    Ok(frame) => answers.extend(responses(&frame)),
                    Err(status) => return (answers, Some(status)),
                }
            }
            (answers, None)
        })
    }
}

fn decoded(request: &ProxyRequest) -> InFrame {
    InFrame::decode(request.encode_to_vec().into())
}

/// Keys and values, most of them good.
fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        8 => (0..6u8).prop_map(|n| json(&n.to_string())),
        2 => Just(json("null")),
        1 => Just(Bytes::new()),
        1 => Just(Bytes::from_static(b"\x0d\x05\x15\x31")),
        1 => Just(json("{\"a\":")),
        1 => Just(json("{\"@class\":\"filter.AlwaysFilter\"}")),
        1 => Just(json(&masked(7))),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from),
    ]
}

fn listener() -> impl Strategy<Value = MapListenerRequest> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, -1..4i64, payload()).prop_map(|((subscribe, lite, priming, by_key), filter_id, bytes)| {
        let base = if by_key {
            on_key("1")
        } else {
            on_all(filter_id, Some(&masked(7)))
        };
        let mut either = base.key_or_filter.unwrap();
        if let Some(grid_proto::v1::cache::key_or_filter::KeyOrFilter::Key(key)) = &mut either.key_or_filter {
            *key = bytes;
        }
        MapListenerRequest {
            subscribe,
            lite,
            priming,
            filter_id,
            key_or_filter: Some(either),
            ..MapListenerRequest::default()
        }
    })
}

/// What requests carry, right for some of them.
fn body() -> impl Strategy<Value = Any> {
    let some = || proptest::collection::vec(payload(), 0..5);
    prop_oneof![
        4 => payload().prop_map(|value| pack(&BytesValue { value })),
        4 => (payload(), payload(), -2..50i64)
            .prop_map(|(key, value, ttl)| pack(&PutRequest { key, value, ttl: Some(ttl) })),
        2 => (payload(), payload()).prop_map(|(key, value)| pack(&grid_proto::v1::common::BinaryKeyAndValue { key, value })),
        1 => (payload(), payload(), payload())
            .prop_map(|(key, previous_value, new_value)| pack(&ReplaceMappingRequest { key, previous_value, new_value })),
        1 => some().prop_map(|values| pack(&CollectionOfBytesValues { values })),
        1 => (0..600usize).prop_map(|len| pack(&PutAllRequest { entries: (0..len).map(|n| pair(&n.to_string(), "0")).collect(), ttl: None })),
        1 => payload().prop_map(|filter| pack(&QueryRequest { filter: Some(filter), comparator: None })),
        2 => listener().prop_map(|listener| pack(&listener)),
        1 => "[ab]{0,2}".prop_map(|cache| pack(&EnsureCacheRequest { cache })),
        1 => proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(|value| Any { value: value.into(), ..pack(&PutRequest::default()) }),
        1 => Just(Any::default()),
    ]
}

/// A request of any type, that fits or does not.
fn any_request() -> impl Strategy<Value = NamedCacheRequest> {
    let cache_id = prop_oneof![8 => (1..4i32).prop_map(Some), 1 => any::<Option<i32>>()];
    (-1..31i32, cache_id, proptest::option::weighted(0.9, body())).prop_map(|(kind, cache_id, message)| {
        NamedCacheRequest {
            r#type: kind,
            cache_id,
            message,
        }
    })
}

/// One that fits its type.
fn fitting_request() -> impl Strategy<Value = NamedCacheRequest> {
    let value = || (0..6u8).prop_map(|n| json(&n.to_string()));
    let of_key = [Type::Get, Type::Remove, Type::ContainsKey, Type::ContainsValue];
    let of_put = [Type::Put, Type::PutIfAbsent];
    let of_pair = [Type::Replace, Type::RemoveMapping, Type::ContainsEntry];
    let bare = [
        Type::Size,
        Type::IsEmpty,
        Type::IsReady,
        Type::Clear,
        Type::Truncate,
        Type::PageOfKeys,
        Type::PageOfEntries,
    ];
    let queries = [Type::QueryKeys, Type::QueryValues, Type::QueryEntries];
    let ensure = EnsureCacheRequest {
        cache: "a".to_owned(),
    };
    prop_oneof![
        (proptest::sample::select(of_key.to_vec()), value()).prop_map(|(kind, value)| request(
            kind,
            1,
            Some(&BytesValue { value })
        )),
        (proptest::sample::select(of_put.to_vec()), value(), value()).prop_map(|(kind, key, value)| request(
            kind,
            1,
            Some(&PutRequest {
                key,
                value,
                ttl: None
            })
        )),
        (proptest::sample::select(of_pair.to_vec()), value(), value()).prop_map(
            |(kind, key, value)| request(
                kind,
                1,
                Some(&grid_proto::v1::common::BinaryKeyAndValue { key, value })
            )
        ),
        proptest::sample::select(bare.to_vec()).prop_map(|kind| request::<BytesValue>(kind, 1, None)),
        proptest::sample::select(queries.to_vec()).prop_map(|kind| request(
            kind,
            1,
            Some(&QueryRequest::default())
        )),
        (value(), 1..4i64).prop_map(|(_, id)| request(Type::MapListener, 1, Some(&on_all(id, None)))),
        (0..600usize).prop_map(|len| {
            let entries = (0..len).map(|n| pair(&n.to_string(), "0")).collect();
            request(Type::PutAll, 1, Some(&PutAllRequest { entries, ttl: None }))
        }),
        Just(NamedCacheRequest {
            cache_id: None,
            ..request(Type::EnsureCache, 1, Some(&ensure))
        }),
    ]
}

/// The ids that were answered, in order, each with whether it was done; nothing but events may come between.
fn outcomes(answers: &[ProxyResponse]) -> Vec<(i64, bool)> {
    let (mut outcomes, mut open) = (Vec::new(), None);
    for answer in answers {
        match answer.response.as_ref().unwrap() {
            proxy_response::Response::Message(_) if answer.id == 0 => {}
            proxy_response::Response::Message(_) => {
                assert_eq!(*open.get_or_insert(answer.id), answer.id, "answers do not mix");
            }
            last => {
                assert!(open.take().is_none_or(|open| open == answer.id), "{answer:?}");
                outcomes.push((answer.id, !matches!(last, proxy_response::Response::Error(_))));
            }
        }
    }
    assert_eq!(open, None, "the last answer was not completed");
    outcomes
}

/// A stream that is open and knows three caches, and then these requests.
fn opened(requests: impl IntoIterator<Item = NamedCacheRequest>) -> (Vec<InFrame>, Vec<i64>) {
    let ensure = |n: i64| {
        let body = EnsureCacheRequest {
            cache: format!("c{n}"),
        };
        NamedCacheRequest {
            cache_id: None,
            ..request(Type::EnsureCache, 0, Some(&body))
        }
    };
    let mut frames = vec![decoded(&frame(1, proxy_request::Request::Init(init("json"))))];
    let requests = (1..=3).map(ensure).chain(requests);
    let frames_of = (2i64..)
        .zip(requests)
        .map(|(id, request)| decoded(&message(id, &request)));
    frames.extend(frames_of);
    let ids = (1..).take(frames.len()).collect();
    (frames, ids)
}

#[test]
fn every_request_is_answered_once_and_in_order() {
    let bench = Bench::new();
    let strategy = proptest::collection::vec(any_request(), 0..40);
    let config = ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let ran = proptest::test_runner::TestRunner::new(config).run(&strategy, |requests| {
        let (frames, ids) = opened(requests);
        let (answers, end) = bench.answers(frames);
        prop_assert!(end.is_none(), "{:?}", end);
        let answered: Vec<i64> = outcomes(&answers).into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(answered, ids);
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn every_fitting_request_is_done() {
    let bench = Bench::new();
    let strategy = proptest::collection::vec(fitting_request(), 0..15);
    let config = ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let ran = proptest::test_runner::TestRunner::new(config).run(&strategy, |requests| {
        let (frames, ids) = opened(requests);
        let (answers, end) = bench.answers(frames);
        prop_assert!(end.is_none(), "{:?}", end);
        let expected: Vec<(i64, bool)> = ids.into_iter().map(|id| (id, true)).collect();
        prop_assert_eq!(outcomes(&answers), expected);
        Ok(())
    });
    ran.unwrap();
}

/// Feeds a session a stream of bytes: frames, each behind one byte that says how long it is. The first byte says
/// whether the stream was opened before.
fn feed(bench: &Bench, mut input: &[u8]) {
    let mut frames = Vec::new();
    if let Some((first, rest)) = input.split_first() {
        if first % 2 == 1 {
            frames = opened([]).0;
        }
        input = rest;
    }
    while let Some((len, rest)) = input.split_first() {
        let (bytes, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        frames.push(InFrame::decode(Bytes::copy_from_slice(bytes)));
        input = rest;
    }
    let frame_count = frames.len();
    let (answers, end) = bench.answers(frames);
    // Every frame is answered, unless it ended the stream or is a heartbeat that asks for no answer.
    let outcomes = answers
        .iter()
        .filter(|answer| !matches!(answer.response, Some(proxy_response::Response::Message(_))));
    let answered = outcomes.count();
    assert!(
        answered <= frame_count,
        "{answered} answers to {frame_count} frames"
    );
    if let Some(status) = end {
        assert!(!status.message().is_empty());
    }
}

/// The request decoder and the session, fuzzed. Under `cargo test` this runs some random inputs; for a real search:
/// `cargo bolero test -p grid-server --sanitizer NONE --profile fuzz -T 60s grpc_session::fuzz_request_decoder`.
#[test]
fn fuzz_request_decoder() {
    let bench = Bench::new();
    let feed = std::panic::AssertUnwindSafe(|input: &[u8]| feed(&bench, input));
    bolero::check!()
        .with_iterations(5_000)
        .with_max_len(4_096)
        .for_each(move |input: &[u8]| (feed)(input));
}

/// The same with inputs that are near to good ones: random searches seldom find a message in a message in a message.
#[test]
fn requests_with_broken_bytes_are_answered_or_end_the_stream() {
    let bench = Bench::new();
    let broken = (
        any_request(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<bool>(),
    );
    let strategy = proptest::collection::vec(broken, 1..10);
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let ran = proptest::test_runner::TestRunner::new(config).run(&strategy, |requests| {
        let (mut frames, _) = opened([]);
        for (id, (request, at, byte, cut)) in (50..).zip(requests) {
            let mut bytes = message(id, &request).encode_to_vec();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            frames.push(InFrame::decode(bytes.into()));
        }
        let count = frames.len();
        let (answers, end) = bench.answers(frames);
        let mut finals = 0;
        for answer in &answers {
            finals += usize::from(!matches!(
                answer.response,
                Some(proxy_response::Response::Message(_))
            ));
        }
        prop_assert!(finals <= count);
        prop_assert!(
            finals == count || end.is_some() || answers.iter().any(|answer| answer.id < 50),
            "{:?}",
            answers
        );
        Ok(())
    });
    ran.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_decode_to_a_request_or_to_a_reason(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        match InFrame::decode(Bytes::from(bytes.clone())) {
            InFrame::Request(request) => prop_assert!(ProxyRequest::decode(&bytes[..]).is_ok_and(|again| again == *request)),
            InFrame::Malformed(reason) => prop_assert!(!reason.is_empty() && ProxyRequest::decode(&bytes[..]).is_err()),
        }
    }
}

/// Frames that are answered by nothing must not hold the thread for ever.
#[test]
fn a_client_that_sends_without_pause_does_not_keep_the_thread() {
    let bench = Bench::new();
    let beat = HeartbeatMessage {
        uuid: None,
        ack: false,
    };
    let beat = frame(1, proxy_request::Request::Heartbeat(beat));
    let mut taken = 0;
    let endless = futures::stream::repeat_with(move || {
        taken += 1;
        assert!(taken < 10_000, "the thread is not given away");
        Ok(decoded(&beat))
    });
    let _entered = bench.runtime.enter();
    let mut session = Session::new(bench.edge.clone(), endless);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(Pin::new(&mut session).poll_next(&mut cx), Poll::Pending));
}

/// A waker that counts how often it was called.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many bytes a session sends before it lets go, each time, when a client asks for 200 KB: `at_rest` says whether it waits
/// for what it asked before.
fn parts_of_a_large_answer(at_rest: bool) -> Vec<usize> {
    let bench = Bench::new();
    let value = format!("\"{}\"", "v".repeat(1_000));
    let entries = (0..200).map(|number| pair(&number.to_string(), &value)).collect();
    let put_all = PutAllRequest { entries, ttl: None };
    let ensure = EnsureCacheRequest {
        cache: "a".to_owned(),
    };
    let query = QueryRequest {
        filter: Some(json("{\"@class\":\"filter.AlwaysFilter\"}")),
        comparator: None,
    };
    let requests = [
        request(Type::EnsureCache, 0, Some(&ensure)),
        request(Type::PutAll, 1, Some(&put_all)),
        request(Type::QueryEntries, 1, Some(&query)),
    ];
    let frames = requests.iter().zip(2..).map(|(request, id)| message(id, request));
    let mut frames: Vec<_> = [frame(1, proxy_request::Request::Init(init("json")))]
        .into_iter()
        .chain(frames)
        .map(|frame| Ok(decoded(&frame)))
        .collect();
    let asked = frames.pop().map(|asked| {
        futures::stream::once(async move {
            if at_rest {
                tokio::task::yield_now().await;
            }
            asked
        })
    });
    let inbound = futures::stream::iter(frames).chain(asked.unwrap());
    let _entered = bench.runtime.enter();
    let mut session = Session::new(bench.edge.clone(), inbound);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    // How many bytes went out before the session let go, each time.
    let mut parts = vec![0];
    loop {
        let wakes = woken.0.load(Ordering::Relaxed);
        match Pin::new(&mut session).poll_next(&mut cx) {
            Poll::Ready(Some(frame)) => {
                let mut bytes = Vec::new();
                frame.unwrap().put(&mut bytes).unwrap();
                *parts.last_mut().unwrap() += bytes.len();
            }
            Poll::Ready(None) => break,
            Poll::Pending => {
                assert!(
                    woken.0.load(Ordering::Relaxed) > wakes,
                    "nobody asks again after {parts:?}"
                );
                parts.push(0);
            }
        }
    }
    assert!(
        parts.iter().all(|part| *part > 0),
        "nothing was to be sent: {parts:?}"
    );
    assert!(parts.iter().sum::<usize>() > 200_000, "{parts:?}");
    parts
}

/// What was read of a large answer goes out before the rest is read: the session lets go, and wants to be asked again.
#[test]
fn the_beginning_of_a_large_answer_does_not_wait_for_its_end() {
    let parts = parts_of_a_large_answer(true);
    // The answers to what was asked before, then the beginning.
    assert!(
        parts.len() > 2 && parts[0] < 1_000 && (32_000..100_000).contains(&parts[1]),
        "{parts:?}"
    );
}

/// A client that has something to read is sent large parts.
#[test]
fn a_large_answer_after_others_begins_with_a_large_part() {
    let parts = parts_of_a_large_answer(false);
    assert!(
        parts.len() > 1 && (128_000..200_000).contains(&parts[0]),
        "{parts:?}"
    );
}
