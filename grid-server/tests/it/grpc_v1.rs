//! Version 1: what each request is answered with.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_proto::any::{pack, unpack};
use grid_proto::google::BytesValue;
use grid_proto::v1::cache::{
    ExecuteRequest, IndexRequest, KeysOrFilter, MapListenerRequest, NamedCacheRequestType as Type,
    NamedCacheResponse, PutAllRequest, PutRequest, QueryRequest, ReplaceMappingRequest, keys_or_filter,
};
use grid_proto::v1::common::{BinaryKeyAndValue, CollectionOfBytesValues, HeartbeatMessage, OptionalValue};
use grid_proto::v1::proxy::{InitRequest, ProxyResponse, proxy_request, proxy_response};

use crate::grpc_peer::{
    Stream, bytes_value, channel, frame, init, json, masked, on_all, pair, request, serve,
};

const NONE: Option<&BytesValue> = None;

fn null() -> Bytes {
    json("null")
}

#[tokio::test]
async fn the_handshake_says_who_answers() {
    let server = serve("").await;
    let mut stream = Stream::raw(channel(&server).await).await;
    let asked = InitRequest {
        client_uuid: Some(Bytes::from_static(b"a client")),
        ..init("json")
    };
    stream.send(frame(7, proxy_request::Request::Init(asked))).await;
    let answer = stream.init_answer(7).await;
    assert_eq!(answer.uuid, "a client");
    assert_eq!(
        (answer.version.as_str(), answer.encoded_version),
        ("25.03.2", 251_659_842)
    );
    assert_eq!((answer.protocol_version, answer.proxy_member_id), (1, 1));
    assert_eq!(answer.proxy_member_uuid.len(), 32);

    for (wanted, least) in [(1, 0), (2, 1), (1, 2), (2, 0)] {
        let asked = InitRequest {
            protocol_version: wanted,
            supported_protocol_version: least,
            ..init("json")
        };
        let mut stream = Stream::raw(channel(&server).await).await;
        stream.send(frame(2, proxy_request::Request::Init(asked))).await;
        let answer = stream.init_answer(2).await;
        assert_eq!((answer.protocol_version, answer.uuid.len()), (1, 32));
    }
}

#[tokio::test]
async fn puts_and_gets() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    assert_eq!(stream.get(cache, "1").await, None);
    assert_eq!(
        stream.put(cache, "1", "\"x\"").await,
        null(),
        "there was no old value"
    );
    assert_eq!(stream.put(cache, "1", " { \"a\" : 1 } ").await, json("\"x\""));
    assert_eq!(
        stream.get(cache, "1").await,
        Some(json(" { \"a\" : 1 } ")),
        "as it was written"
    );
    // A null is a value.
    assert_eq!(stream.put(cache, "2", "null").await, null());
    assert_eq!(stream.get(cache, "2").await, Some(null()));
    assert_eq!(stream.size(cache).await, 2);
    // Null members are left out when they are read.
    stream.put(cache, "3", "{\"a\":null,\"b\":[null]}").await;
    assert_eq!(stream.get(cache, "3").await, Some(json("{\"b\":[null]}")));

    let put = |key: &str, value: &str| PutRequest {
        key: json(key),
        value: json(value),
        ttl: None,
    };
    let absent = stream
        .bytes(Type::PutIfAbsent, cache, &put("9", "1"))
        .await
        .unwrap();
    assert_eq!(absent, Bytes::new());
    let present = stream
        .bytes(Type::PutIfAbsent, cache, &put("9", "2"))
        .await
        .unwrap();
    assert_eq!(present, json("1"));
    assert_eq!(stream.get(cache, "9").await, Some(json("1")));
}

#[tokio::test]
async fn removals_and_replacements() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    let key = bytes_value(json("1"));
    assert_eq!(stream.bytes(Type::Remove, cache, &key).await.unwrap(), null());
    assert_eq!(
        stream.bytes(Type::Replace, cache, &pair("1", "2")).await.unwrap(),
        ""
    );
    stream.put(cache, "1", "\"old\"").await;
    let replaced = stream.bytes(Type::Replace, cache, &pair("1", "2")).await.unwrap();
    assert_eq!(replaced, json("\"old\""));

    let mapping = |previous: &str, new: &str| ReplaceMappingRequest {
        key: json("1"),
        previous_value: json(previous),
        new_value: json(new),
    };
    for (previous, replaced) in [("3", false), (" 2 ", true), ("2", false)] {
        let asked = mapping(previous, "4");
        let answer = stream.flag(Type::ReplaceMapping, cache, Some(&asked)).await;
        assert_eq!(answer, Ok(replaced), "{previous}");
    }
    for (value, removed) in [("2", false), (" 4", true), ("4", false)] {
        let answer = stream
            .flag(Type::RemoveMapping, cache, Some(&pair("1", value)))
            .await;
        assert_eq!(answer, Ok(removed), "{value}");
    }
    stream.put(cache, "1", "\"last\"").await;
    assert_eq!(
        stream.bytes(Type::Remove, cache, &key).await.unwrap(),
        json("\"last\"")
    );
    assert_eq!(stream.get(cache, "1").await, None);
}

#[tokio::test]
async fn questions_about_what_is_there() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    assert_eq!(stream.flag(Type::IsEmpty, cache, NONE).await, Ok(true));
    assert_eq!(stream.flag(Type::IsReady, cache, NONE).await, Ok(true));
    stream.put(cache, "\"k\"", "{\"a\":1,\"b\":2}").await;
    assert_eq!(stream.flag(Type::IsEmpty, cache, NONE).await, Ok(false));
    assert_eq!(stream.size(cache).await, 1);
    for (key, there) in [("\"k\"", true), ("\"l\"", false), (" \"k\" ", true)] {
        let key = bytes_value(json(key));
        assert_eq!(stream.flag(Type::ContainsKey, cache, Some(&key)).await, Ok(there));
    }
    for (value, there) in [("{\"a\":1, \"b\":2}", true), ("{\"a\":1}", false)] {
        let body = bytes_value(json(value));
        assert_eq!(
            stream.flag(Type::ContainsValue, cache, Some(&body)).await,
            Ok(there),
            "{value}"
        );
        let body = pair("\"k\"", value);
        assert_eq!(
            stream.flag(Type::ContainsEntry, cache, Some(&body)).await,
            Ok(there),
            "{value}"
        );
    }
}

#[tokio::test]
async fn many_entries_at_once() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    // More than one batch, and more than is put at once on the thread of the connection.
    let entries: Vec<_> = (0..1_000)
        .map(|n| pair(&n.to_string(), &format!("\"v{n}\"")))
        .collect();
    let all = PutAllRequest {
        entries: [entries, vec![pair("5", "\"last wins\"")]].concat(),
        ttl: Some(0),
    };
    assert_eq!(
        stream.ask(&request(Type::PutAll, cache, Some(&all))).await,
        Ok(vec![])
    );
    assert_eq!(stream.size(cache).await, 1_000);
    assert_eq!(stream.get(cache, "5").await, Some(json("\"last wins\"")));
    let none = PutAllRequest::default();
    assert_eq!(
        stream.ask(&request(Type::PutAll, cache, Some(&none))).await,
        Ok(vec![])
    );

    let keys = |keys: Vec<String>| CollectionOfBytesValues {
        values: keys.iter().map(|key| json(key)).collect(),
    };
    let wanted = (500..1_500).chain(600..700).map(|n| n.to_string()).collect();
    let found = stream
        .ask(&request(Type::GetAll, cache, Some(&keys(wanted))))
        .await
        .unwrap();
    assert!(found.iter().all(|answer| answer.cache_id == cache));
    let found: Vec<(Bytes, Bytes)> = found.into_iter().map(entry).collect();
    assert_eq!(
        found.len(),
        500,
        "what is not there is left out, and a key that came twice is answered once"
    );
    let expected: BTreeSet<_> = (500..1_000)
        .map(|n| (json(&n.to_string()), json(&format!("\"v{n}\""))))
        .collect();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    for missing in [vec![], vec!["-1".to_owned()]] {
        let answer = stream
            .ask(&request(Type::GetAll, cache, Some(&keys(missing))))
            .await;
        assert_eq!(answer, Ok(vec![]));
    }
}

fn entry(answer: NamedCacheResponse) -> (Bytes, Bytes) {
    let BinaryKeyAndValue { key, value } = unpack(answer.message).unwrap();
    (key, value)
}

fn bytes(answer: NamedCacheResponse) -> Bytes {
    unpack::<BytesValue>(answer.message).unwrap().value
}

#[tokio::test]
async fn queries_for_everything() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    for n in 0..300 {
        stream.put(cache, &n.to_string(), &format!("\"v{n}\"")).await;
    }
    let always = json("{\"@class\":\"filter.AlwaysFilter\"}");
    for filter in [None, Some(Bytes::new()), Some(null()), Some(always)] {
        let query = QueryRequest {
            filter,
            comparator: None,
        };
        let keys = stream
            .ask(&request(Type::QueryKeys, cache, Some(&query)))
            .await
            .unwrap();
        let values = stream
            .ask(&request(Type::QueryValues, cache, Some(&query)))
            .await
            .unwrap();
        let entries = stream
            .ask(&request(Type::QueryEntries, cache, Some(&query)))
            .await
            .unwrap();
        let keys: BTreeSet<_> = keys.into_iter().map(bytes).collect();
        let values: BTreeSet<_> = values.into_iter().map(bytes).collect();
        let entries: BTreeSet<_> = entries.into_iter().map(entry).collect();
        assert_eq!((keys.len(), values.len(), entries.len()), (300, 300, 300));
        assert!(
            entries
                .iter()
                .all(|(key, value)| keys.contains(key) && values.contains(value))
        );
    }
}

/// A page: the cookie of the next, and what is in it.
async fn page(
    stream: &mut Stream,
    kind: Type,
    cache: i32,
    cookie: Option<Bytes>,
) -> (Bytes, Vec<NamedCacheResponse>) {
    let cookie = cookie.map(bytes_value);
    let mut answers = stream.ask(&request(kind, cache, cookie.as_ref())).await.unwrap();
    let rest = answers.split_off(1);
    assert_eq!(answers[0].cache_id, cache);
    (bytes(answers.remove(0)), rest)
}

#[tokio::test]
async fn pages_hold_every_entry_once_while_others_change() {
    let server = serve("").await;
    let (mut stream, mut other) = (Stream::open(&server).await, Stream::open(&server).await);
    let (cache, others) = (
        stream.ensure("a").await.unwrap(),
        other.ensure("a").await.unwrap(),
    );
    let (cookie, entries) = page(&mut stream, Type::PageOfKeys, cache, None).await;
    assert_eq!(
        (cookie, entries),
        (Bytes::new(), vec![]),
        "an empty cache has one empty page"
    );

    let entries = (0..3_000).map(|n| pair(&n.to_string(), "0")).collect();
    let all = PutAllRequest { entries, ttl: None };
    stream
        .ask(&request(Type::PutAll, cache, Some(&all)))
        .await
        .unwrap();
    for kind in [Type::PageOfKeys, Type::PageOfEntries] {
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut cookie = Some(Bytes::new());
        while let Some(next) = cookie {
            let (next, entries) = page(&mut stream, kind, cache, Some(next)).await;
            seen.extend(entries.into_iter().map(|answer| match kind {
                Type::PageOfKeys => bytes(answer),
                _ => entry(answer).0,
            }));
            cookie = (!next.is_empty()).then_some(next);
            pages += 1;
            // Others come and go meanwhile, and the rest must not move.
            other.put(others, &format!("\"new {pages}\""), "0").await;
            other
                .bytes(
                    Type::Remove,
                    others,
                    &bytes_value(json(&format!("\"new {}\"", pages / 2))),
                )
                .await
                .unwrap();
        }
        assert!(pages > 2, "{pages}");
        let steady = |key: &&Bytes| !key.starts_with(b"\x15\"new");
        let stayed: Vec<_> = seen.iter().filter(steady).collect();
        assert_eq!(stayed.len(), 3_000);
        assert_eq!(stayed.iter().collect::<BTreeSet<_>>().len(), 3_000);
        other
            .ask(&request(Type::PutAll, others, Some(&all)))
            .await
            .unwrap();
    }
    let garbage = request(Type::PageOfKeys, cache, Some(&bytes_value("garbage")));
    let refused = stream.ask(&garbage).await.unwrap_err();
    assert!(refused.contains("cookie"), "{refused}");
    assert!(stream.size(cache).await >= 3_000);
}

#[tokio::test]
async fn whole_caches() {
    let server = serve("").await;
    let (mut stream, mut other) = (Stream::open(&server).await, Stream::open(&server).await);
    let (cache, again) = (
        stream.ensure("a").await.unwrap(),
        stream.ensure("a").await.unwrap(),
    );
    assert_ne!(cache, again, "each EnsureCache gives an id of its own");
    let others = other.ensure("a").await.unwrap();
    stream.put(cache, "1", "1").await;
    assert_eq!((stream.size(again).await, other.size(others).await), (1, 1));
    stream.silent(Type::Clear, again).await.unwrap();
    assert_eq!(stream.size(cache).await, 0);
    stream.put(cache, "1", "1").await;
    stream.silent(Type::Truncate, cache).await.unwrap();
    assert_eq!(stream.size(cache).await, 0);
    stream.put(cache, "1", "1").await;
    stream.silent(Type::Destroy, cache).await.unwrap();
    for id in [cache, again] {
        let refused = stream.silent(Type::Destroy, id).await.unwrap_err();
        assert_eq!(
            refused,
            format!("The cache with id {id} has been explicitly destroyed")
        );
    }
    let refused = other.get_bytes(others, json("1")).await.unwrap_err();
    assert!(refused.contains("destroyed"), "{refused}");
    let anew = other.ensure("a").await.unwrap();
    assert_ne!(anew, others);
    assert_eq!(other.size(anew).await, 0);
    assert!(
        other.get_bytes(others, json("1")).await.is_err(),
        "the old id stays dead"
    );
}

#[tokio::test]
async fn scopes_are_apart() {
    let server = serve("").await;
    let scoped = |scope: &str| InitRequest {
        scope: scope.to_owned(),
        ..init("json")
    };
    let mut one = Stream::open_with(channel(&server).await, scoped("")).await;
    let mut two = Stream::open_with(channel(&server).await, scoped("two")).await;
    let (in_one, in_two) = (one.ensure("a").await.unwrap(), two.ensure("a").await.unwrap());
    one.put(in_one, "1", "1").await;
    assert_eq!((one.size(in_one).await, two.size(in_two).await), (1, 0));
    two.silent(Type::Destroy, in_two).await.unwrap();
    assert_eq!(one.size(in_one).await, 1);
}

#[tokio::test]
async fn a_time_to_live_is_kept() {
    let server = serve("[[cache]]\nname = 'short'\nttl = '30ms'\n").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("short").await.unwrap();
    let mut listener = on_all(1, Some(&masked(4)));
    listener.synchronous = true;
    stream.listen(cache, listener).await.unwrap();
    stream.put(cache, "1", "1").await;
    stream.put_bytes(cache, json("2"), json("2"), -1).await.unwrap();
    stream.put_bytes(cache, json("3"), json("3"), 20).await.unwrap();
    let gone: BTreeSet<_> = [stream.next_told().await, stream.next_told().await]
        .map(|told| match told {
            crate::grpc_peer::Told::Event(_, event) => event.key,
            other => panic!("{other:?}"),
        })
        .into();
    assert_eq!(gone, BTreeSet::from([json("1"), json("3")]));
    assert_eq!(stream.size(cache).await, 1, "-1 means never");
}

/// Keys as Java clients write them: a hash, and then the key.
fn decorated(hash: &[u8], key: &[u8]) -> Bytes {
    [b"\x0d", hash, key].concat().into()
}

#[tokio::test]
async fn a_decorated_key_is_the_key() {
    let server = serve("").await;
    let hash = b"\x82\xbb\x98\xb3\x05";
    for (format, plain, value) in [
        ("json", json("\"a\""), json("1")),
        ("java", "\x06\x01a".into(), "\x01\x01".into()),
    ] {
        let mut stream = Stream::open_with(channel(&server).await, init(format)).await;
        let cache = stream.ensure(format).await.unwrap();
        stream
            .listen(
                cache,
                MapListenerRequest {
                    subscribe: true,
                    filter_id: 1,
                    ..MapListenerRequest::default()
                },
            )
            .await
            .unwrap();
        stream
            .put_bytes(cache, decorated(hash, &plain), value.clone(), 0)
            .await
            .unwrap();
        for key in [plain.clone(), decorated(b"\x01", &plain)] {
            assert_eq!(stream.get_bytes(cache, key).await.unwrap(), Some(value.clone()));
        }
        let crate::grpc_peer::Told::Event(_, event) = stream.next_told().await else {
            panic!("no event");
        };
        assert_eq!(event.key, plain, "events carry the plain key");
        let (_, keys) = page(&mut stream, Type::PageOfKeys, cache, None).await;
        let keys: Vec<Bytes> = keys.into_iter().map(bytes).collect();
        assert_eq!(keys, std::slice::from_ref(&plain));
        let keys = CollectionOfBytesValues {
            values: vec![plain.clone(), decorated(hash, &plain)],
        };
        let found = stream
            .ask(&request(Type::GetAll, cache, Some(&keys)))
            .await
            .unwrap();
        assert_eq!(found.into_iter().map(entry).collect::<Vec<_>>(), [(plain, value)]);
    }
}

#[tokio::test]
async fn java_clients_are_told_of_no_value_by_no_bytes() {
    let server = serve("").await;
    let mut stream = Stream::open_with(channel(&server).await, init("")).await;
    let cache = stream.ensure("a").await.unwrap();
    let (key, value) = (Bytes::from_static(b"\x06\x01a"), Bytes::from_static(b"\x01\x01"));
    let old = stream.put_bytes(cache, key.clone(), value.clone(), 0).await;
    assert_eq!(old, Ok(Bytes::new()));
    assert_eq!(
        stream.bytes(Type::Remove, cache, &bytes_value(key.clone())).await,
        Ok(value)
    );
    assert_eq!(
        stream.bytes(Type::Remove, cache, &bytes_value(key)).await,
        Ok(Bytes::new())
    );
}

fn replace_in_java(value: &[u8]) -> Bytes {
    let class = b"\x0a\x3ccom.tangosol.internal.util.processor.CacheProcessors$Replace";
    [&class[..], value].concat().into()
}

fn on_the_key(agent: Bytes, key: Bytes) -> ExecuteRequest {
    ExecuteRequest {
        agent,
        keys: Some(KeysOrFilter {
            key_or_filter: Some(keys_or_filter::KeyOrFilter::Key(key)),
        }),
    }
}

#[tokio::test]
async fn replace_as_the_java_client_asks_for_it() {
    let server = serve("").await;
    let in_json = json("{\"@class\":\"internal.util.processor.CacheProcessors.Replace\",\"value\":2}");
    let cases = [
        (
            "json",
            in_json,
            json("\"a\""),
            [json("1"), json("2")],
            Bytes::new(),
        ),
        (
            "java",
            replace_in_java(b"\x01\x02"),
            "\x06\x01a".into(),
            ["\x01\x01".into(), "\x01\x02".into()],
            "\x00".into(),
        ),
    ];
    for (format, agent, plain, [one, two], missing) in cases {
        let mut stream = Stream::open_with(channel(&server).await, init(format)).await;
        let cache = stream.ensure(format).await.unwrap();
        let key = decorated(b"\x05", &plain);
        let asked = request(Type::Invoke, cache, Some(&on_the_key(agent, key.clone())));
        let answer = stream.ask(&asked).await.unwrap().remove(0);
        assert_eq!(
            entry(answer),
            (key.clone(), missing),
            "nothing to replace, {format}"
        );
        assert_eq!(stream.size(cache).await, 0);
        stream
            .put_bytes(cache, plain.clone(), one.clone(), 0)
            .await
            .unwrap();
        let answer = stream.ask(&asked).await.unwrap().remove(0);
        assert_eq!(
            entry(answer),
            (key, one),
            "the key as it was sent, and the old value"
        );
        assert_eq!(stream.get_bytes(cache, plain).await.unwrap(), Some(two));
    }
}

#[tokio::test]
async fn formats_do_not_mix() {
    let server = serve("").await;
    let mut in_json = Stream::open(&server).await;
    let mut in_java = Stream::open_with(channel(&server).await, init("java")).await;
    let (json_id, java_id) = (
        in_json.ensure("a").await.unwrap(),
        in_java.ensure("a").await.unwrap(),
    );
    in_json.listen(json_id, on_all(1, None)).await.unwrap();
    in_java.listen(java_id, on_all(1, None)).await.unwrap();
    in_json.put(json_id, "1", "1").await;
    in_java
        .put_bytes(java_id, "\x01\x01".into(), "\x01\x01".into(), 0)
        .await
        .unwrap();
    // Each has its own, and is not told of what it cannot read.
    assert_eq!(
        (
            in_json.told(json_id).await.len(),
            in_java.told(java_id).await.len()
        ),
        (1, 1)
    );
    for (stream, id) in [(&mut in_json, json_id), (&mut in_java, java_id)] {
        let refused = stream
            .ask(&request(Type::QueryKeys, id, Some(&QueryRequest::default())))
            .await
            .unwrap_err();
        assert!(refused.contains("serializer"), "{refused}");
        assert_eq!(stream.size(id).await, 2);
    }
}

#[tokio::test]
async fn heartbeats() {
    let server = serve("").await;
    let mut stream = Stream::raw(channel(&server).await).await;
    let beat = |ack| proxy_request::Request::Heartbeat(HeartbeatMessage { uuid: None, ack });
    stream.send(frame(4, beat(false))).await;
    stream.send(frame(5, beat(true))).await;
    let answer = stream.next().await.unwrap();
    let expected = HeartbeatMessage {
        uuid: None,
        ack: false,
    };
    assert_eq!(
        (answer.id, answer.response),
        (5, Some(proxy_response::Response::Heartbeat(expected)))
    );

    let asked = InitRequest {
        heartbeat: Some(1),
        ..init("json")
    };
    stream.send(frame(2, proxy_request::Request::Init(asked))).await;
    stream.init_answer(2).await;
    let ProxyResponse { id, response, .. } = stream.next().await.unwrap();
    let Some(proxy_response::Response::Heartbeat(beat)) = response else {
        panic!("no heartbeat: {response:?}");
    };
    assert_eq!(
        (id, beat.ack, beat.uuid.map(|uuid| uuid.len())),
        (0, false, Some(32))
    );
    // Requests are answered between them.
    let cache = stream.ensure("a").await.unwrap();
    stream.put(cache, "1", "1").await;
    assert_eq!(stream.get(cache, "1").await, Some(json("1")));
}

#[tokio::test]
async fn what_is_not_offered_and_what_is_incomplete_is_answered_at_once() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    stream.put(cache, "1", "1").await;
    let filter = json("{\"@class\":\"filter.EqualsFilter\",\"value\":1}");
    let query = |filter: &Bytes, comparator| QueryRequest {
        filter: Some(filter.clone()),
        comparator,
    };
    let processor = ExecuteRequest {
        agent: json("{\"@class\":\"processor.NumberIncrementor\"}"),
        keys: None,
    };
    let on_a_key = on_the_key(processor.agent.clone(), json("1"));
    let trigger = MapListenerRequest {
        trigger: json("{}"),
        ..on_all(1, None)
    };
    let filtered = on_all(1, Some("{\"@class\":\"filter.EqualsFilter\"}"));
    let within = on_all(
        1,
        Some(
            "{\"@class\":\"filter.MapEventFilter\",\"mask\":7,\"filter\":{\"@class\":\"util.filter.NotFilter\"}}",
        ),
    );
    let primed = MapListenerRequest {
        priming: true,
        ..on_all(1, None)
    };
    let comparator = query(
        &Bytes::new(),
        Some(json("{\"@class\":\"comparator.OtherComparator\"}")),
    );
    let refused = [
        (Type::Aggregate, pack(&processor), "aggregator"),
        (Type::Invoke, pack(&processor), "manipulator"),
        (Type::Invoke, pack(&on_a_key), "manipulator"),
        (Type::Index, pack(&IndexRequest::default()), "no extractor"),
        (Type::QueryKeys, pack(&query(&filter, None)), "extractor"),
        (Type::QueryValues, pack(&query(&filter, None)), "extractor"),
        (Type::QueryEntries, pack(&query(&filter, None)), "extractor"),
        (Type::QueryEntries, pack(&comparator), "OtherComparator"),
        (Type::MapListener, pack(&trigger), "not supported yet"),
        (Type::MapListener, pack(&filtered), "extractor"),
        (Type::MapListener, pack(&within), "filter"),
        (Type::MapListener, pack(&primed), "not supported yet"),
    ];
    for (kind, body, words) in refused {
        let mut asked = request(kind, cache, NONE);
        asked.message = Some(body);
        let refused = stream.ask(&asked).await.unwrap_err();
        assert!(refused.contains(words), "{kind:?}: {refused}");
        assert_eq!(
            stream.get(cache, "1").await,
            Some(json("1")),
            "the stream goes on"
        );
    }
}

#[tokio::test]
async fn strict_mode_refuses_what_the_reference_refuses() {
    let server = serve("grpc.strict = true\n").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    for value in [
        "{\"@class\":\"com.foo.Bar\"}",
        "[{\"a\":{\"@class\":\"com.foo.Bar\"}}]",
    ] {
        let refused = stream
            .put_bytes(cache, json("1"), json(value), 0)
            .await
            .unwrap_err();
        assert!(refused.contains("Could not deserialize"), "{refused}");
    }
    let known = "{\"@class\":\"math.BigDec\",\"value\":\"1.50\"}";
    stream.put(cache, "1", known).await;
    assert_eq!(stream.get(cache, "1").await, Some(json(known)));
}

#[tokio::test]
async fn answers_to_get_name_their_cache() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    let asked = request(Type::Get, cache, Some(&bytes_value(json("1"))));
    let answer = stream.ask(&asked).await.unwrap().remove(0);
    assert_eq!(answer.cache_id, cache);
    assert_eq!(
        unpack::<OptionalValue>(answer.message).unwrap(),
        OptionalValue::default()
    );
}
