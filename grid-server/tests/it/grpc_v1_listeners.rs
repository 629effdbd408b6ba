//! Version 1: what listeners are told, and when.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_proto::google::BytesValue;
use grid_proto::v1::cache::map_event_message::TransformationState;
use grid_proto::v1::cache::{
    MapEventMessage, MapListenerRequest, NamedCacheRequestType as Type, PutAllRequest,
};

use crate::grpc_peer::{
    Stream, Told, bytes_value, channel, event, init, json, masked, now, on_all, on_key, pair, request, serve,
    spawn,
};

/// A priming listener for a key.
fn primed(key: &str) -> MapListenerRequest {
    MapListenerRequest {
        priming: true,
        ..on_key(key)
    }
}

/// The value that a priming listener begins with must have been told before the answer, and next.
fn assert_primed(stream: &mut Stream, cache: i32, key: &str, value: &str) {
    let expected = MapEventMessage {
        synthetic: true,
        priming: true,
        ..event(2, key, None, Some(value), &[])
    };
    assert_eq!(
        stream.told.pop_front(),
        Some(Told::Event(cache, expected)),
        "before the answer"
    );
}

fn lite(listener: MapListenerRequest) -> MapListenerRequest {
    MapListenerRequest {
        lite: true,
        ..listener
    }
}

fn ended(listener: MapListenerRequest) -> MapListenerRequest {
    MapListenerRequest {
        subscribe: false,
        ..listener
    }
}

#[tokio::test]
async fn every_change_is_told_before_it_is_answered() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.listen(cache, on_all(9, Some(&masked(7)))).await.unwrap();
    // `told` holds what came before the answer: nothing is waited for here.
    stream.put(cache, "1", "1").await;
    let told = |event| Some(Told::Event(cache, event));
    assert_eq!(
        stream.told.pop_front(),
        told(event(1, "1", Some("null"), Some("1"), &[9]))
    );
    stream.put(cache, "1", "1").await;
    assert_eq!(
        stream.told.pop_front(),
        told(event(2, "1", Some("1"), Some("1"), &[9]))
    );
    stream
        .bytes(Type::Replace, cache, &pair("1", "null"))
        .await
        .unwrap();
    assert_eq!(
        stream.told.pop_front(),
        told(event(2, "1", Some("1"), Some("null"), &[9]))
    );
    stream
        .bytes(Type::Remove, cache, &bytes_value(json("1")))
        .await
        .unwrap();
    assert_eq!(
        stream.told.pop_front(),
        told(event(3, "1", Some("null"), Some("null"), &[9]))
    );
    let all = PutAllRequest {
        entries: (0..400).map(|n| pair(&n.to_string(), "0")).collect(),
        ttl: None,
    };
    stream
        .ask(&request(Type::PutAll, cache, Some(&all)))
        .await
        .unwrap();
    assert_eq!(
        stream.told.len(),
        400,
        "a large batch is told before its answer too"
    );
    stream.told.clear();
    stream.silent(Type::Clear, cache).await.unwrap();
    assert_eq!(stream.told.len(), 400);
    let gone: BTreeSet<Bytes> = stream
        .told
        .drain(..)
        .map(|told| match told {
            Told::Event(id, event) => {
                assert_eq!((id, event.id, &event.old_value), (cache, 3, &json("0")));
                event.key
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gone.len(), 400);
}

#[tokio::test]
async fn what_changes_nothing_is_not_told() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.put(cache, "1", "1").await;
    stream.listen(cache, on_all(1, None)).await.unwrap();
    stream
        .bytes(Type::Remove, cache, &bytes_value(json("9")))
        .await
        .unwrap();
    stream.bytes(Type::Replace, cache, &pair("9", "1")).await.unwrap();
    stream
        .flag(Type::RemoveMapping, cache, Some(&pair("1", "2")))
        .await
        .unwrap();
    let put = grid_proto::v1::cache::PutRequest {
        key: json("1"),
        value: json("2"),
        ttl: None,
    };
    stream.bytes(Type::PutIfAbsent, cache, &put).await.unwrap();
    assert_eq!(stream.told(cache).await, []);
}

#[tokio::test]
async fn masks_choose_what_is_told() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    // The filter ids are the masks: 1 inserted, 2 updated, 4 deleted, 32 updated within the filter.
    for mask in [1, 2, 4, 7, 32] {
        stream
            .listen(cache, on_all(i64::from(mask), Some(&masked(mask))))
            .await
            .unwrap();
    }
    stream.put(cache, "1", "1").await;
    stream.put(cache, "1", "2").await;
    stream
        .bytes(Type::Remove, cache, &bytes_value(json("1")))
        .await
        .unwrap();
    let expected = [
        Told::Event(cache, event(1, "1", Some("null"), Some("1"), &[7, 1])),
        Told::Event(cache, event(2, "1", Some("1"), Some("2"), &[32, 7, 2])),
        Told::Event(cache, event(3, "1", Some("2"), Some("null"), &[7, 4])),
    ];
    assert_eq!(
        stream.told(cache).await,
        expected,
        "one message a change, the newest id first"
    );
}

#[tokio::test]
async fn every_spelling_of_everything_is_heard() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    let spellings = [
        None,
        Some("null"),
        Some("{\"@class\":\"filter.AlwaysFilter\"}"),
        Some("{\"@class\":\"util.filter.AlwaysFilter\"}"),
        Some(
            "{\"@class\":\"util.filter.MapEventFilter\",\"mask\":7,\"filter\":{\"@class\":\"util.filter.AlwaysFilter\"}}",
        ),
    ];
    for (id, filter) in (1..).zip(spellings) {
        stream.listen(cache, on_all(id, filter)).await.unwrap();
    }
    stream.put(cache, "1", "1").await;
    let expected = event(1, "1", Some("null"), Some("1"), &[5, 4, 3, 2, 1]);
    assert_eq!(stream.told(cache).await, [Told::Event(cache, expected)]);
    for id in (1..=5).chain([77]) {
        stream.listen(cache, ended(on_all(id, None))).await.unwrap();
    }
    stream.put(cache, "1", "1").await;
    assert_eq!(stream.told(cache).await, []);
    for id in [0, -1, i64::MIN] {
        let refused = stream.listen(cache, on_all(id, None)).await.unwrap_err();
        assert!(
            refused.contains("filter id") && refused.contains(&id.to_string()),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_key_and_a_filter_are_told_together() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.listen(cache, on_key(" \"k\" ")).await.unwrap();
    stream.put(cache, "\"k\"", "1").await;
    stream.put(cache, "\"l\"", "1").await;
    stream.listen(cache, on_all(4, None)).await.unwrap();
    stream.put(cache, "\"k\"", "2").await;
    stream.listen(cache, ended(on_key("\"k\""))).await.unwrap();
    stream.listen(cache, ended(on_key("\"never\""))).await.unwrap();
    stream.put(cache, "\"k\"", "3").await;
    let expected = [
        Told::Event(cache, event(1, "\"k\"", Some("null"), Some("1"), &[])),
        Told::Event(cache, event(2, "\"k\"", Some("1"), Some("2"), &[4])),
        Told::Event(cache, event(2, "\"k\"", Some("2"), Some("3"), &[4])),
    ];
    assert_eq!(stream.told(cache).await, expected);
}

#[tokio::test]
async fn a_lite_listener_gets_no_values() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.listen(cache, lite(on_all(1, None))).await.unwrap();
    stream.put(cache, "1", "1").await;
    stream.listen(cache, on_all(2, None)).await.unwrap();
    stream.put(cache, "1", "2").await;
    stream.listen(cache, ended(on_all(2, None))).await.unwrap();
    stream.listen(cache, lite(on_key("1"))).await.unwrap();
    stream.put(cache, "1", "3").await;
    let expected = [
        Told::Event(cache, event(1, "1", None, None, &[1])),
        Told::Event(cache, event(2, "1", Some("1"), Some("2"), &[2, 1])),
        Told::Event(cache, event(2, "1", None, None, &[1])),
    ];
    assert_eq!(stream.told(cache).await, expected);
}

#[tokio::test]
async fn a_priming_listener_is_told_the_present_value_first() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.put(cache, "1", "\"there\"").await;
    for (key, value) in [("1", "\"there\""), ("2", "null")] {
        let answers = stream
            .ask(&request(Type::MapListener, cache, Some(&primed(key))))
            .await;
        assert_eq!(answers, Ok(vec![]));
        assert_primed(&mut stream, cache, key, value);
    }
    stream.put(cache, "1", "\"next\"").await;
    let expected = event(2, "1", None, Some("\"next\""), &[]);
    assert_eq!(
        stream.told(cache).await,
        [Told::Event(cache, expected)],
        "no old value"
    );
}

/// An event that clients show to nobody but the listeners with these filters.
fn transformed_event(event: MapEventMessage) -> MapEventMessage {
    MapEventMessage {
        transformation_state: TransformationState::Transformed as i32,
        ..event
    }
}

#[tokio::test]
async fn each_listener_is_told_what_its_transformer_makes_of_the_values() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    let transformed = |id, transformer: &str| {
        let filter = masked(7);
        on_all(
            id,
            Some(&format!(
                r#"{{"@class":"filter.MapEventTransformerFilter","filter":{filter},"transformer":{transformer}}}"#
            )),
        )
    };
    let semi_lite = r#"{"@class":"transformer.SemiLiteEventTransformer"}"#;
    let of_old = r#"{"@class":"transformer.ExtractorEventTransformer",
        "extractorOld":{"@class":"extractor.UniversalExtractor","name":"n"}}"#;
    stream.listen(cache, on_all(1, Some(&masked(7)))).await.unwrap();
    stream.listen(cache, transformed(2, semi_lite)).await.unwrap();
    stream.listen(cache, transformed(3, of_old)).await.unwrap();
    stream.listen(cache, on_key("1")).await.unwrap();
    let (one, two) = (r#"{"n":1}"#, r#"{"n":2}"#);
    stream.put(cache, "1", one).await;
    stream.told.clear();
    stream.put(cache, "1", two).await;
    let expected = [
        event(2, "1", Some(one), Some(two), &[1]),
        transformed_event(event(2, "1", Some("1"), Some("null"), &[3])),
        transformed_event(event(2, "1", Some("null"), Some(two), &[2])),
    ];
    let told: Vec<Told> = stream.told.drain(..).collect();
    assert_eq!(
        told,
        expected.map(|event| Told::Event(cache, event)),
        "before the answer"
    );
    let odd = transformed(4, r#"{"@class":"transformer.Other"}"#);
    assert!(stream.listen(cache, odd).await.is_err());
}

#[tokio::test]
async fn a_priming_listener_with_a_filter_of_keys_is_told_the_value_of_each_first() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.put(cache, "1", "\"one\"").await;
    stream.put(cache, "3", "\"three\"").await;
    let keys =
        r#"{"@class":"filter.InKeySetFilter","filter":{"@class":"filter.AlwaysFilter"},"keys":[1,2,1]}"#;
    let listener = MapListenerRequest {
        priming: true,
        ..on_all(0, Some(keys))
    };
    stream.listen(cache, listener.clone()).await.unwrap();
    for (key, value) in [("1", "\"one\""), ("2", "null")] {
        assert_primed(&mut stream, cache, key, value);
    }
    stream.put(cache, "3", "3").await;
    stream.put(cache, "2", "2").await;
    let expected = event(1, "2", None, Some("2"), &[]);
    assert_eq!(stream.told(cache).await, [Told::Event(cache, expected)]);
    stream.listen(cache, ended(listener)).await.unwrap();
    stream.put(cache, "1", "1").await;
    assert_eq!(stream.told(cache).await, []);
}

/// A copy that is primed while others write must end with what they wrote last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primed_copy_is_never_left_behind() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let mut writer = Stream::open(&server).await;
    let (cache, theirs) = (
        stream.ensure("a").await.unwrap(),
        writer.ensure("a").await.unwrap(),
    );
    let writing = spawn(async move {
        for n in 0..2_000 {
            writer.put(theirs, "1", &n.to_string()).await;
        }
        writer
    });
    let mut copy = Bytes::new();
    while !writing.is_finished() {
        stream.listen(cache, primed("1")).await.unwrap();
        for told in stream.told(cache).await {
            if let Told::Event(_, event) = told {
                copy = event.new_value;
            }
        }
        let now = stream.get(cache, "1").await.unwrap_or_else(|| json("null"));
        for told in stream.told(cache).await {
            if let Told::Event(_, event) = told {
                copy = event.new_value;
            }
        }
        let number = |value: &Bytes| {
            String::from_utf8(value[1..].to_vec())
                .unwrap()
                .parse()
                .unwrap_or(-1)
        };
        assert!(
            number(&copy) >= number(&now),
            "the copy has {copy:?}, and {now:?} was read before"
        );
        stream.listen(cache, ended(on_key("1"))).await.unwrap();
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_time_to_live_is_told_on_its_own() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.listen(cache, on_all(3, Some(&masked(4)))).await.unwrap();
    let start = now();
    stream.put_bytes(cache, json("1"), json("1"), 50).await.unwrap();
    let expected = MapEventMessage {
        synthetic: true,
        expired: true,
        ..event(3, "1", Some("1"), Some("null"), &[3])
    };
    assert_eq!(stream.next_told().await, Told::Event(cache, expected));
    let took = start.elapsed().as_millis();
    assert!((45..1_550).contains(&took), "{took} ms");
}

#[tokio::test]
async fn a_truncation_is_told_to_every_stream_and_id() {
    let server = serve("").await;
    let (mut stream, mut other) = (Stream::open(&server).await, Stream::open(&server).await);
    let (one, two) = (
        stream.ensure("a").await.unwrap(),
        stream.ensure("a").await.unwrap(),
    );
    let theirs = other.ensure("a").await.unwrap();
    let elsewhere = other.ensure("b").await.unwrap();
    stream.put(one, "1", "1").await;
    stream.listen(one, on_all(1, None)).await.unwrap();
    stream.listen(one, on_key("1")).await.unwrap();
    stream.listen(two, on_key("1")).await.unwrap();
    stream.silent(Type::Truncate, one).await.unwrap();
    let told: Vec<Told> = stream.told.drain(..).collect();
    assert_eq!(
        told,
        [Told::Truncated(one), Told::Truncated(two)],
        "before the answer, and no deletions"
    );
    assert_eq!(other.next_told().await, Told::Truncated(theirs));
    assert_eq!(other.told(elsewhere).await, []);
    // Listeners for everything stay; those for keys have ended.
    stream.put(one, "1", "2").await;
    let expected = event(1, "1", Some("null"), Some("2"), &[1]);
    assert_eq!(stream.told(one).await, [Told::Event(one, expected)]);
    stream.listen(two, on_key("1")).await.unwrap();
    stream.put(one, "1", "3").await;
    let told = stream.told(one).await;
    assert_eq!(
        told.len(),
        2,
        "a listener that registers again hears again: {told:?}"
    );
}

#[tokio::test]
async fn a_destruction_is_told_to_every_stream_and_id() {
    let server = serve("").await;
    let (mut stream, mut other) = (Stream::open(&server).await, Stream::open(&server).await);
    let (one, two) = (
        stream.ensure("a").await.unwrap(),
        stream.ensure("a").await.unwrap(),
    );
    let theirs = other.ensure("a").await.unwrap();
    stream.listen(one, on_all(1, None)).await.unwrap();
    stream.silent(Type::Destroy, one).await.unwrap();
    assert_eq!(
        stream.told.drain(..).collect::<Vec<_>>(),
        [Told::Destroyed(one), Told::Destroyed(two)]
    );
    assert_eq!(other.next_told().await, Told::Destroyed(theirs));
    let anew = stream.ensure("a").await.unwrap();
    stream.put(anew, "1", "1").await;
    assert_eq!(stream.told(anew).await, [], "its listeners are gone");
}

#[tokio::test]
async fn java_clients_are_told_without_values_that_there_are_not() {
    let server = serve("").await;
    let mut stream = Stream::open_with(channel(&server).await, init("java")).await;
    let cache = stream.ensure("a").await.unwrap();
    let null = grid_proto::v1::cache::key_or_filter::KeyOrFilter::Filter("\x00".into());
    let everything = MapListenerRequest {
        key_or_filter: Some(grid_proto::v1::cache::KeyOrFilter {
            key_or_filter: Some(null),
        }),
        ..on_all(1, None)
    };
    stream.listen(cache, everything).await.unwrap();
    stream
        .put_bytes(cache, "\x01\x01".into(), "\x01\x02".into(), 0)
        .await
        .unwrap();
    let Some(Told::Event(_, event)) = stream.told(cache).await.pop() else {
        panic!("nothing was told");
    };
    assert_eq!(
        (event.key, event.new_value, event.old_value),
        ("\x01\x01".into(), "\x01\x02".into(), Bytes::new())
    );
}

/// Events must not keep a stream from its own requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_of_a_busy_cache_is_answered() {
    let server = serve("").await;
    let mut writers = Vec::new();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    for writer in 0..3 {
        let mut stream = Stream::open(&server).await;
        let done = done.clone();
        writers.push(spawn(async move {
            let cache = stream.ensure("a").await.unwrap();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                stream.put(cache, &writer.to_string(), "1").await;
            }
        }));
    }
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.listen(cache, on_all(1, None)).await.unwrap();
    for _ in 0..50 {
        assert_eq!(
            stream.flag::<BytesValue>(Type::IsReady, cache, None).await,
            Ok(true)
        );
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(!stream.told(cache).await.is_empty());
}
