//! Listeners on the gRPC edges of three members, which hear of the changes at all of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use grid_client::Session;
use grid_core::cache::conformance::{Fixture, Item, run_all};
use grid_core::cache::{Cache, CacheBackend, NamedCache};
use grid_core::value::Value;
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::named_cache_service_client::NamedCacheServiceClient;
use grid_proto::v1::cache::MapListenerRequest;
use tonic::Code;

use crate::grpc_cluster::{channel, end, three};
use crate::grpc_peer::{Stream, Told, event, init, json, masked, on_all, on_key, soon, spawn};
use crate::grpc_v0_peer::{CACHE, Events, asked, filtered, keyed, put};

const KEYS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_1_hears_of_changes_everywhere_and_of_its_own_before_the_answer() {
    let servers = three().await;
    let mut own = Stream::open_with(channel(&servers[1]).await, init("json")).await;
    let mut other = Stream::open_with(channel(&servers[2]).await, init("json")).await;
    let (cache, its) = (own.ensure("a").await.unwrap(), other.ensure("a").await.unwrap());
    own.listen(cache, on_all(9, Some(&masked(7)))).await.unwrap();
    let hub = servers[0].grid.open("", &"a".parse().unwrap()).await.unwrap();
    assert_eq!(
        hub.listeners().members().len(),
        1,
        "the answer came before all knew it"
    );
    for key in 0..KEYS {
        let key = key.to_string();
        own.put(cache, &key, "1").await;
        let told = own.told.pop_front();
        let expected = event(1, &key, Some("null"), Some("1"), &[9]);
        assert_eq!(
            told,
            Some(Told::Event(cache, expected)),
            "it comes before the answer"
        );
        other.put(its, &key, "2").await;
        let expected = event(2, &key, Some("1"), Some("2"), &[9]);
        assert_eq!(own.next_told().await, Told::Event(cache, expected));
    }
    let stop = MapListenerRequest {
        subscribe: false,
        ..on_all(9, Some(&masked(7)))
    };
    own.listen(cache, stop).await.unwrap();
    // A priming listener gets the value that is at another member.
    for key in 0..KEYS {
        let primed = MapListenerRequest {
            priming: true,
            ..on_key(&key.to_string())
        };
        let answer = own.listen(cache, primed).await;
        answer.unwrap();
        let Some(Told::Event(_, event)) = own.told.pop_front() else {
            panic!("no value for {key}");
        };
        assert_eq!((event.key, event.new_value), (json(&key.to_string()), json("2")));
        other.put(its, &key.to_string(), "3").await;
        let Told::Event(_, event) = own.next_told().await else {
            panic!("no event of {key}");
        };
        assert_eq!((event.key, event.new_value), (json(&key.to_string()), json("3")));
    }
    assert!(own.told.is_empty());
    // Events that were lost between members are like those of a reader that is too slow.
    let hub = servers[1].grid.open("", &"a".parse().unwrap()).await.unwrap();
    hub.listeners().publish_missed();
    assert_eq!(own.end().await.code(), Code::ResourceExhausted);
    end(servers).await;
}

/// An event of a change may still be on its way, for others of the stream, when the change was acknowledged at another member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_listener_of_a_stream_hears_nothing_of_what_was_acknowledged_before() {
    const STANDING: i64 = 1;
    let servers = three().await;
    let mut own = Stream::open_with(channel(&servers[0]).await, init("json")).await;
    let cache = own.ensure("a").await.unwrap();
    own.listen(cache, on_all(STANDING, Some(&masked(7))))
        .await
        .unwrap();
    let mut others = Vec::new();
    for server in &servers[1..] {
        let mut other = Stream::open_with(channel(server).await, init("json")).await;
        let its = other.ensure("a").await.unwrap();
        others.push((other, its));
    }
    for round in 2..150 {
        for (other, its) in &mut others {
            other.put(*its, "1", "0").await;
            let second = on_all(round, Some(&masked(7)));
            own.listen(cache, second.clone()).await.unwrap();
            other.put(*its, "1", "1").await;
            loop {
                let Told::Event(_, event) = own.next_told().await else {
                    panic!("the cache changed as a whole");
                };
                if event.new_value == json("1") && event.old_value == json("0") {
                    assert_eq!(event.filter_ids, [round, STANDING]);
                    break;
                }
                assert_eq!(
                    event.filter_ids,
                    [STANDING],
                    "in round {round} {event:?} was before"
                );
            }
            let ended = MapListenerRequest {
                subscribe: false,
                ..second
            };
            own.listen(cache, ended).await.unwrap();
        }
    }
    end(servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_0_hears_of_changes_everywhere() {
    let servers = three().await;
    let mut clients = Vec::new();
    for server in &servers {
        clients.push(NamedCacheServiceClient::new(channel(server).await));
    }
    let mut events = Events::open(&mut clients[2]).await;
    events.listen(asked(RequestType::Init, "i")).await;
    events.listen(filtered(5, 7)).await;
    events.listen(keyed("1")).await;
    let cache = servers[0].grid.open("", &CACHE.parse().unwrap()).await.unwrap();
    assert_eq!(
        cache.listeners().members().len(),
        1,
        "the answer came before all knew it"
    );
    for key in 0..KEYS {
        for client in &mut clients {
            put(client, &key.to_string(), "1", 0).await.unwrap();
            match events.next().await {
                ResponseType::Event(event) => assert_eq!(event.key, json(&key.to_string())),
                other => panic!("{other:?} instead of an event of {key}"),
            }
        }
    }
    let cache = servers[2].grid.open("", &CACHE.parse().unwrap()).await.unwrap();
    cache.listeners().publish_missed();
    assert_eq!(events.end().await.code(), Code::ResourceExhausted);
    end(servers).await;
}

/// The caches of three members over a session that is connected with all of them.
struct Remote {
    session: Session,
    opened: tokio::sync::Mutex<HashSet<String>>,
}

impl Fixture for Remote {
    type Cache<K: Item, V: Item> = Cache<K, V>;

    async fn open<K: Item, V: Item>(&self, name: &str) -> Cache<K, V> {
        let mut opened = self.opened.lock().await;
        if opened.insert(name.to_owned()) {
            let left_behind = self.session.cache::<K, V>(name).await.expect("a cache opens");
            left_behind.destroy().await.expect("a cache can be destroyed");
        }
        self.session.cache(name).await.expect("a cache opens")
    }

    async fn backend(&self, name: &str) -> Arc<dyn CacheBackend> {
        self.open::<Value, Value>(name).await.backend().clone()
    }

    async fn pass_time(&self, _by: Duration) {}

    async fn deadline(&self, after: Duration) {
        tokio::time::sleep(after).await;
    }

    async fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) -> T
    where
        T: Send + 'static,
    {
        spawn(task).await.expect("a task of the suite does not panic")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_client_of_three_members_holds_the_contract() {
    let servers = three().await;
    let address = servers[1].address.to_string();
    let session = soon(Session::builder().address(&address).connect())
        .await
        .unwrap();
    let fixture = Remote {
        session,
        opened: tokio::sync::Mutex::default(),
    };
    run_all(&fixture).await;
    fixture.session.close().await;
    end(servers).await;
}
