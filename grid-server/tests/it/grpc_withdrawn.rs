//! Queries and aggregations that clients give up are withdrawn at every member.

use std::time::Duration;

use bytes::Bytes;
use grid_core::cache::{Cache, NamedCache};
use grid_core::query::{Aggregator, field};
use grid_proto::v0::named_cache_service_client::NamedCacheServiceClient;
use grid_proto::v0::{AggregateRequest, KeySetRequest};
use grid_proto::v1::cache::{
    ExecuteRequest, KeysOrFilter, NamedCacheRequestType as Type, QueryRequest, keys_or_filter,
};
use serde_json::json;
use tonic::{Code, Request};

use crate::grpc_cluster::{Server, channel, end, three};
use crate::grpc_peer::{Stream, init, message, request, soon, wait_until};
use crate::grpc_v0_peer::{CACHE, to};

const ENTRIES: u32 = 900;

fn wire(json: Vec<u8>) -> Bytes {
    [vec![0x15], json].concat().into()
}

/// A filter that takes long on each entry, and selects none.
fn filter() -> Bytes {
    let slow = field("text").matches("(a|b)*c").unwrap();
    wire(slow.to_json().unwrap())
}

fn aggregator() -> Bytes {
    wire(Aggregator::sum("n").to_json().unwrap())
}

/// How many questions of others are open at these members, and how many were withdrawn.
fn questions(servers: &[Server]) -> (u64, u64) {
    let counts = servers
        .iter()
        .map(|server| server.grid.cluster().unwrap().questions());
    counts.fold((0, 0), |all, one| (all.0 + one.0 as u64, all.1 + one.1))
}

fn are_open(others: &[Server]) -> bool {
    questions(others).0 > 0
}

/// Has a client begin something and give it up, until that was withdrawn somewhere: one that is answered before is not.
async fn withdrawn<F: Future<Output = ()>>(others: &[Server], mut begin_and_give_up: impl FnMut(u64) -> F) {
    let before = questions(others).1;
    let waits = async {
        for round in 1.. {
            begin_and_give_up(round).await;
            if questions(others).1 > before {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits)
        .await
        .expect("it is withdrawn");
    wait_until(|| !are_open(others)).await;
}

/// The cache with entries that take long to be looked at.
async fn filled(server: &Server) -> Cache<u32, serde_json::Value> {
    let text = "ab".repeat(6_000);
    let cache = server.grid.cache::<u32, serde_json::Value>(CACHE).await.unwrap();
    for start in (0..ENTRIES).step_by(100) {
        let entries: Vec<_> = (start..start + 100)
            .map(|key| (key, json!({"n": key, "text": text})))
            .collect();
        cache
            .put_all(entries.iter().map(|(key, value)| (key, value)))
            .await
            .unwrap();
    }
    cache
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_gives_up_is_withdrawn_at_every_member() {
    let servers = three().await;
    let cache = filled(&servers[0]).await;
    let others = &servers[1..];
    let opened = || async { wait_until(|| are_open(others)).await };
    let client = NamedCacheServiceClient::new(channel(&servers[0]).await);

    // Version 0: a stream whose client goes, and calls whose client goes or does not wait longer.
    withdrawn(others, |_round| async {
        let mut client = client.clone();
        let keys = client.key_set(to!(KeySetRequest { filter: filter() }));
        let mut keys = soon(keys).await.unwrap().into_inner();
        tokio::select! {
            _answered = keys.message() => {}
            () = opened() => {}
        }
    })
    .await;
    let aggregation = || {
        to!(AggregateRequest {
            filter: filter(),
            aggregator: aggregator()
        })
    };
    withdrawn(others, |_round| async {
        let mut client = client.clone();
        tokio::select! {
            _answered = client.aggregate(aggregation()) => {}
            () = opened() => {}
        }
    })
    .await;
    withdrawn(others, |round| {
        let mut request = Request::new(aggregation());
        // Longer and longer, until the others have been asked by then.
        request.set_timeout(Duration::from_millis(round));
        let mut client = client.clone();
        async move {
            if let Err(status) = client.aggregate(request).await {
                assert!(
                    matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded),
                    "{status:?}"
                );
            }
        }
    })
    .await;

    // Version 1: a stream whose client goes.
    for aggregates in [false, true] {
        withdrawn(others, |_round| async {
            let mut stream = Stream::open_with(channel(&servers[0]).await, init("json")).await;
            let cache_id = stream.ensure(CACHE).await.unwrap();
            let asked = if aggregates {
                let body = ExecuteRequest {
                    agent: aggregator(),
                    keys: Some(KeysOrFilter {
                        key_or_filter: Some(keys_or_filter::KeyOrFilter::Filter(filter())),
                    }),
                };
                request(Type::Aggregate, cache_id, Some(&body))
            } else {
                let body = QueryRequest {
                    filter: Some(filter()),
                    ..QueryRequest::default()
                };
                request(Type::QueryEntries, cache_id, Some(&body))
            };
            stream.send(message(7, &asked)).await;
            tokio::select! {
                _answered = stream.next() => {}
                () = opened() => {}
            }
        })
        .await;
    }
    // Others are answered all the same.
    let count: u32 = cache.aggregate(&Aggregator::count()).await.unwrap();
    assert_eq!(count, ENTRIES);
    drop(cache);
    end(servers).await;
}
