//! Numbered events over gRPC: a session goes on where it was, on the same server and on another.

use futures::{FutureExt, StreamExt};
use grid_client::{RetryPolicy, Session};
use grid_core::cache::view::ViewPhase;
use grid_core::cache::{Cache, FollowedEvents, NamedCache, View};
use grid_core::event::{CacheEvent, EntryEvent};
use grid_core::query::{EventFilter, Filter};
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Binary, Format, Key};
use grid_proto::girih::events_client::EventsClient;
use grid_proto::girih::{FollowRequest, follow_request};
use tonic::Code;

use crate::grpc_cluster::{Server, channel, end, three};
use crate::grpc_peer::{soon, wait_until};

async fn session(servers: &[&Server], queue_len: usize) -> Session {
    let addresses: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let builder = Session::builder()
        .addresses(addresses.iter().map(String::as_str))
        .event_queue_len(queue_len)
        .routed(false)
        .retry(RetryPolicy {
            delay_first: std::time::Duration::from_millis(5),
            ..RetryPolicy::default()
        });
    builder.connect().await.unwrap()
}

async fn next(events: &mut FollowedEvents<u32, u32>) -> CacheEvent<u32, u32> {
    soon(events.next()).await.unwrap().unwrap()
}

async fn entry(events: &mut FollowedEvents<u32, u32>) -> EntryEvent<u32, u32> {
    match next(events).await {
        CacheEvent::Entry(event) => event,
        other => panic!("{other:?} instead of an event"),
    }
}

/// Waits until each of these servers keeps a log of the cache.
async fn keep_logs(servers: &[Server], name: &str) {
    for server in servers {
        let cache = server.grid.open("", &name.parse().unwrap()).await.unwrap();
        wait_until(|| cache.keeps_log()).await;
    }
}

async fn phase(view: &View<u32, u32>, is_it: impl Fn(&ViewPhase) -> bool) {
    wait_until(|| is_it(&view.status().phase)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_its_server_dies_a_listener_goes_on_at_another_and_so_does_a_view() {
    let servers = three().await;
    let listens = session(&[&servers[0], &servers[1]], 4_096).await;
    let writes = session(&[&servers[1]], 4_096).await;
    let (heard, cache): (Cache<u32, u32>, Cache<u32, u32>) = (
        listens.cache("follow").await.unwrap(),
        writes.cache("follow").await.unwrap(),
    );
    let mut events = heard.listen_from(EventFilter::all(), None).await.unwrap();
    let view = heard.view(&Filter::Always).await.unwrap();
    keep_logs(&servers, "follow").await;
    for key in 0..50 {
        cache.insert(&key, &key).await.unwrap();
    }
    let mut seen: Vec<u32> = Vec::new();
    for _ in 0..50 {
        seen.push(entry(&mut events).await.key);
    }
    let [first, second, third] = servers;
    first.end().await;
    for key in 50..150 {
        cache.insert(&key, &key).await.unwrap();
    }
    assert_eq!(next(&mut events).await, CacheEvent::Disconnected);
    for _ in 50..150 {
        seen.push(entry(&mut events).await.key);
    }
    assert!(events.next().now_or_never().is_none());
    seen.sort_unstable();
    assert_eq!(seen, Vec::from_iter(0..150));
    wait_until(|| view.current_to().unwrap().covers(events.positions())).await;
    phase(&view, |phase| matches!(phase, ViewPhase::Current)).await;
    assert_eq!(
        (view.len(), view.status().readings),
        (150, 1),
        "it went on, and read nothing anew"
    );
    // There is nobody left that it could be connected with.
    second.end().await;
    phase(&view, |phase| matches!(phase, ViewPhase::Disconnected)).await;
    assert_eq!(view.len(), 150);
    listens.close().await;
    writes.close().await;
    third.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_reads_slowly_gets_all_of_what_the_server_keeps() {
    let servers = three().await;
    let session = session(&[&servers[0]], 3).await;
    let cache: Cache<u32, u32> = session.cache("slow").await.unwrap();
    let mut events = cache.listen_from(EventFilter::all(), None).await.unwrap();
    for value in 0..200 {
        cache.insert(&1, &value).await.unwrap();
    }
    for value in 0..200 {
        assert_eq!(entry(&mut events).await.new, Some(value));
    }
    assert!(events.next().now_or_never().is_none());
    cache.truncate().await.unwrap();
    assert_eq!(next(&mut events).await, CacheEvent::Truncated);
    cache.destroy().await.unwrap();
    assert_eq!(next(&mut events).await, CacheEvent::Destroyed);
    assert!(soon(events.next()).await.is_none());
    session.close().await;
    end(servers).await;
}

/// Puts an entry as a client with another serializer does.
async fn put_in_another_format(server: &Server, cache: &str, key: u32) {
    let cache = server.grid.open("", &cache.parse().unwrap()).await.unwrap();
    let key = Key::new(Binary::new(Format::JAVA, key.to_string().into())).unwrap();
    let command = Command::Put {
        value: Binary::new(Format::JAVA, b"?"[..].into()),
        ttl: TimeToLive::CacheDefault,
    };
    cache.update(&key, command, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_in_another_format_is_passed_over() {
    let servers = three().await;
    let session = session(&[&servers[0]], 4_096).await;
    let cache: Cache<u32, u32> = session.cache("formats").await.unwrap();
    let mut events = cache.listen_from(EventFilter::all(), None).await.unwrap();
    let kept = events.positions().clone();
    cache.insert(&1, &1).await.unwrap();
    put_in_another_format(&servers[0], "formats", 2).await;
    cache.insert(&1, &2).await.unwrap();
    for value in [1, 2] {
        assert_eq!(entry(&mut events).await.new, Some(value));
    }
    // Also to who comes back.
    let mut again = cache.listen_from(EventFilter::all(), Some(kept)).await.unwrap();
    for value in [1, 2] {
        assert_eq!(entry(&mut again).await.new, Some(value));
    }
    session.close().await;
    end(servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused() {
    let servers = three().await;
    let mut client = EventsClient::new(channel(&servers[0]).await);
    let good = FollowRequest {
        cache: "c".to_owned(),
        ..FollowRequest::default()
    };
    let filter = |text: &'static [u8]| Some(follow_request::What::Filter(text.into()));
    let odd = [
        FollowRequest::default(),
        FollowRequest {
            after: b"?"[..].into(),
            ..good.clone()
        },
        FollowRequest {
            what: filter(b"\x15{\"@class\":\"filter.Unknown\"}"),
            ..good.clone()
        },
        FollowRequest {
            what: filter(b"\x15{"),
            ..good.clone()
        },
        FollowRequest {
            what: Some(follow_request::What::Key(b"\x15"[..].into())),
            ..good.clone()
        },
    ];
    for request in odd {
        let words = format!("{request:?}");
        let refused = client.follow(request).await.err();
        let code = refused.map(|status| status.code());
        assert!(
            matches!(code, Some(Code::InvalidArgument | Code::Unimplemented)),
            "{words}: {code:?}"
        );
    }
    let mut stream = client.follow(good).await.unwrap().into_inner();
    assert!(soon(stream.message()).await.unwrap().is_some());
    drop(stream);
    end(servers).await;
}
