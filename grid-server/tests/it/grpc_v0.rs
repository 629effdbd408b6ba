//! Version 0: what each call is answered with, and its stream of events.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_proto::google::{BytesValue, Empty};
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::named_cache_service_client::NamedCacheServiceClient;
use grid_proto::v0::{
    AddIndexRequest, AggregateRequest, ClearRequest, ContainsEntryRequest, ContainsKeyRequest,
    ContainsValueRequest, DestroyRequest, Entry, EntrySetRequest, GetAllRequest, GetRequest,
    InvokeAllRequest, InvokeRequest, IsEmptyRequest, IsReadyRequest, KeySetRequest, MapEventResponse,
    MapListenerRequest, MapListenerResponse, PageRequest, PutAllRequest, PutIfAbsentRequest, PutRequest,
    RemoveIndexRequest, RemoveMappingRequest, RemoveRequest, ReplaceMappingRequest, ReplaceRequest,
    SizeRequest, TruncateRequest, ValuesRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};

use crate::grpc_peer::{json, masked, serve, soon, v0};

pub(crate) type Client = NamedCacheServiceClient<Channel>;

pub(crate) const CACHE: &str = "a";

/// A request of this type for the cache, with the fields given.
macro_rules! to {
    ($request:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        $request { cache: CACHE.to_owned(), format: "json".to_owned(), $($field $(: $value)?,)* ..$request::default() }
    };
}

/// The same, of a type that has no format.
macro_rules! to_whole {
    ($request:ident) => {
        $request {
            cache: CACHE.to_owned(),
            ..$request::default()
        }
    };
}

pub(crate) async fn put(client: &mut Client, key: &str, value: &str, ttl: i64) -> Result<Bytes, Status> {
    let old = soon(client.put(to!(PutRequest {
        key: json(key),
        value: json(value),
        ttl
    })))
    .await?;
    Ok(old.into_inner().value)
}

async fn get(client: &mut Client, key: &str) -> Result<Option<Bytes>, Status> {
    let found = soon(client.get(to!(GetRequest { key: json(key) })))
        .await?
        .into_inner();
    Ok(found.present.then_some(found.value))
}

async fn size(client: &mut Client) -> i32 {
    soon(client.size(to_whole!(SizeRequest)))
        .await
        .unwrap()
        .into_inner()
        .value
}

async fn all<T>(answer: Result<Response<Streaming<T>>, Status>) -> Result<Vec<T>, Status> {
    let mut answers = answer?.into_inner();
    let mut all = Vec::new();
    while let Some(answer) = soon(answers.message()).await? {
        all.push(answer);
    }
    Ok(all)
}

#[tokio::test]
async fn single_entries() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    assert_eq!(get(&mut client, "1").await.unwrap(), None);
    assert_eq!(
        put(&mut client, "1", "\"x\"", 0).await.unwrap(),
        "",
        "no old value is no bytes"
    );
    assert_eq!(put(&mut client, "1", "null", 0).await.unwrap(), json("\"x\""));
    assert_eq!(
        put(&mut client, "1", "2", 0).await.unwrap(),
        json("null"),
        "a null is a value"
    );
    assert_eq!(get(&mut client, "1").await.unwrap(), Some(json("2")));

    let absent = |key| {
        to!(PutIfAbsentRequest {
            key: json(key),
            value: json("3")
        })
    };
    assert_eq!(
        client
            .put_if_absent(absent("1"))
            .await
            .unwrap()
            .into_inner()
            .value,
        json("2")
    );
    assert_eq!(
        client
            .put_if_absent(absent("2"))
            .await
            .unwrap()
            .into_inner()
            .value,
        ""
    );
    assert_eq!(size(&mut client).await, 2);
}

#[tokio::test]
async fn replacements() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    put(&mut client, "2", "3", 0).await.unwrap();
    let replace = |key| {
        to!(ReplaceRequest {
            key: json(key),
            value: json("4")
        })
    };
    assert_eq!(
        client.replace(replace("2")).await.unwrap().into_inner().value,
        json("3")
    );
    assert_eq!(client.replace(replace("9")).await.unwrap().into_inner().value, "");

    let mapping = |previous| {
        to!(ReplaceMappingRequest {
            key: json("2"),
            previous_value: json(previous),
            new_value: json("5")
        })
    };
    assert!(
        !client
            .replace_mapping(mapping("9"))
            .await
            .unwrap()
            .into_inner()
            .value
    );
    assert!(
        client
            .replace_mapping(mapping(" 4"))
            .await
            .unwrap()
            .into_inner()
            .value
    );
}

#[tokio::test]
async fn questions_about_what_is_there() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    put(&mut client, "2", "5", 0).await.unwrap();
    let entry = |value| {
        to!(ContainsEntryRequest {
            key: json("2"),
            value: json(value)
        })
    };
    assert!(
        client
            .contains_entry(entry("5"))
            .await
            .unwrap()
            .into_inner()
            .value
    );
    assert!(
        !client
            .contains_entry(entry("6"))
            .await
            .unwrap()
            .into_inner()
            .value
    );
    for (key, there) in [("2", true), ("9", false)] {
        let found = client
            .contains_key(to!(ContainsKeyRequest { key: json(key) }))
            .await;
        assert_eq!(found.unwrap().into_inner().value, there);
    }
    for (value, there) in [("5", true), ("9", false)] {
        let found = client
            .contains_value(to!(ContainsValueRequest { value: json(value) }))
            .await;
        assert_eq!(found.unwrap().into_inner().value, there);
    }
}

#[tokio::test]
async fn removals() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    put(&mut client, "1", "2", 0).await.unwrap();
    put(&mut client, "2", "5", 0).await.unwrap();
    let mapping = |value| {
        to!(RemoveMappingRequest {
            key: json("2"),
            value: json(value)
        })
    };
    assert!(
        !client
            .remove_mapping(mapping("9"))
            .await
            .unwrap()
            .into_inner()
            .value
    );
    assert!(
        client
            .remove_mapping(mapping("5"))
            .await
            .unwrap()
            .into_inner()
            .value
    );
    let remove = || to!(RemoveRequest { key: json("1") });
    assert_eq!(
        client.remove(remove()).await.unwrap().into_inner().value,
        json("2")
    );
    assert_eq!(client.remove(remove()).await.unwrap().into_inner().value, "");
    assert!(
        client
            .is_empty(to_whole!(IsEmptyRequest))
            .await
            .unwrap()
            .into_inner()
            .value
    );
    assert!(
        client
            .is_ready(to_whole!(IsReadyRequest))
            .await
            .unwrap()
            .into_inner()
            .value
    );
}

fn entries(count: i32) -> Vec<Entry> {
    let entry = |n: i32| Entry {
        key: json(&n.to_string()),
        value: json(&format!("\"v{n}\"")),
    };
    (0..count).map(entry).collect()
}

#[tokio::test]
async fn many_entries() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    client
        .put_all(to!(PutAllRequest {
            entry: entries(1_000)
        }))
        .await
        .unwrap();
    assert_eq!(size(&mut client).await, 1_000);
    let keys = (900..1_300).chain([999]).map(|n| json(&n.to_string())).collect();
    let found = all(client.get_all(to!(GetAllRequest { key: keys })).await)
        .await
        .unwrap();
    assert_eq!(found.len(), 100);
    let values = found
        .iter()
        .map(|entry| entry.value.clone())
        .collect::<BTreeSet<_>>();
    assert!(values.contains(&json("\"v900\"")) && values.len() == 100);

    for filter in [
        Bytes::new(),
        json("null"),
        json("{\"@class\":\"filter.AlwaysFilter\"}"),
    ] {
        let keys = all(client
            .key_set(to!(KeySetRequest {
                filter: filter.clone()
            }))
            .await)
        .await
        .unwrap();
        let values = all(client
            .values(to!(ValuesRequest {
                filter: filter.clone()
            }))
            .await)
        .await
        .unwrap();
        let both = all(client.entry_set(to!(EntrySetRequest { filter })).await)
            .await
            .unwrap();
        let keys: BTreeSet<_> = keys.into_iter().map(|key| key.value).collect();
        let values: BTreeSet<_> = values.into_iter().map(|value| value.value).collect();
        assert_eq!((keys.len(), values.len(), both.len()), (1_000, 1_000, 1_000));
        assert!(
            both.iter()
                .all(|entry| keys.contains(&entry.key) && values.contains(&entry.value))
        );
    }
    client.clear(to_whole!(ClearRequest)).await.unwrap();
    assert_eq!(size(&mut client).await, 0);
    client
        .put_all(to!(PutAllRequest { entry: entries(3) }))
        .await
        .unwrap();
    client.truncate(to_whole!(TruncateRequest)).await.unwrap();
    assert_eq!(size(&mut client).await, 0);
    client
        .put_all(to!(PutAllRequest { entry: entries(3) }))
        .await
        .unwrap();
    client.destroy(to_whole!(DestroyRequest)).await.unwrap();
    assert_eq!(size(&mut client).await, 0, "a call makes the cache anew");
}

#[tokio::test]
async fn pages() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let page = |cookie| to!(PageRequest { cookie });
    let keys = all(client.next_key_set_page(page(Bytes::new())).await)
        .await
        .unwrap();
    assert_eq!(keys, [BytesValue::default()], "an empty cache has one empty page");
    client
        .put_all(to!(PutAllRequest {
            entry: entries(2_000)
        }))
        .await
        .unwrap();
    let (mut keys, mut cookie, mut pages) = (Vec::new(), Some(Bytes::new()), 0);
    while let Some(next) = cookie {
        let mut answers = all(client.next_key_set_page(page(next)).await).await.unwrap();
        keys.extend(answers.split_off(1).into_iter().map(|key| key.value));
        cookie = (!answers[0].value.is_empty()).then(|| answers.remove(0).value);
        pages += 1;
    }
    assert_eq!(
        (keys.len(), keys.iter().collect::<BTreeSet<_>>().len()),
        (2_000, 2_000)
    );
    let (mut seen, mut cookie) = (Vec::new(), Some(Bytes::new()));
    while let Some(next) = cookie {
        let mut answers = all(client.next_entry_set_page(page(next)).await).await.unwrap();
        let rest = answers.split_off(1);
        assert_eq!(
            (&answers[0].key, &answers[0].value),
            (&Bytes::new(), &Bytes::new())
        );
        assert!(
            rest.iter()
                .all(|entry| entry.cookie.is_empty() && !entry.value.is_empty())
        );
        seen.extend(rest.into_iter().map(|entry| entry.key));
        cookie = (!answers[0].cookie.is_empty()).then(|| answers.remove(0).cookie);
    }
    assert_eq!(seen, keys, "keys and entries come in one order");
    assert!(pages > 1);
    let refused = all(client.next_key_set_page(page("garbage".into())).await)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn queries_without_what_they_need_are_refused() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let filter = || json("{\"@class\":\"filter.EqualsFilter\"}");
    let refused: Vec<Status> = vec![
        client.aggregate(to!(AggregateRequest {})).await.unwrap_err(),
        client.invoke(to!(InvokeRequest {})).await.unwrap_err(),
        client.invoke_all(to!(InvokeAllRequest {})).await.unwrap_err(),
        client.add_index(to!(AddIndexRequest {})).await.unwrap_err(),
        client.remove_index(to!(RemoveIndexRequest {})).await.unwrap_err(),
        client
            .key_set(to!(KeySetRequest { filter: filter() }))
            .await
            .unwrap_err(),
        client
            .values(to!(ValuesRequest { filter: filter() }))
            .await
            .unwrap_err(),
        client
            .entry_set(to!(EntrySetRequest { filter: filter() }))
            .await
            .unwrap_err(),
        client
            .entry_set(to!(EntrySetRequest { comparator: filter() }))
            .await
            .unwrap_err(),
    ];
    for status in refused {
        assert!(
            matches!(status.code(), Code::InvalidArgument | Code::Internal),
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn entries_are_queried_processed_aggregated_and_indexed() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    for age in 1..=20 {
        let (key, value) = (json(&age.to_string()), json(&format!("{{\"age\":{age}}}")));
        client.put(to!(PutRequest { key, value })).await.unwrap();
    }
    let extractor = "{\"@class\":\"extractor.UniversalExtractor\",\"name\":\"age\"}";
    let over = |age: u32| {
        json(&format!(
            "{{\"@class\":\"filter.GreaterFilter\",\"extractor\":{extractor},\"value\":{age}}}"
        ))
    };
    for indexed in [false, true] {
        if indexed {
            let request = to!(AddIndexRequest {
                extractor: json(extractor),
                sorted: true
            });
            client.add_index(request).await.unwrap();
        }
        let keys = all(client.key_set(to!(KeySetRequest { filter: over(18) })).await).await;
        let mut keys: Vec<_> = keys.unwrap().into_iter().map(|key| key.value).collect();
        keys.sort_unstable();
        assert_eq!(keys, [json("19"), json("20")]);
        let order = json(&format!(
            "{{\"@class\":\"comparator.InverseComparator\",\"comparator\":{{\"@class\":\"comparator.ExtractorComparator\",\"extractor\":{extractor}}}}}"
        ));
        let sorted = to!(ValuesRequest {
            filter: over(17),
            comparator: order
        });
        let sorted = all(client.values(sorted).await).await.unwrap();
        let sorted: Vec<_> = sorted.into_iter().map(|value| value.value).collect();
        assert_eq!(
            sorted,
            [json("{\"age\":20}"), json("{\"age\":19}"), json("{\"age\":18}")]
        );
        let aggregator = json(&format!(
            "{{\"@class\":\"aggregator.ComparableMax\",\"extractor\":{extractor}}}"
        ));
        let max = to!(AggregateRequest { aggregator });
        assert_eq!(
            client.aggregate(max).await.unwrap().into_inner().value,
            json("20")
        );
    }
    let extract = json(&format!(
        "{{\"@class\":\"processor.ExtractorProcessor\",\"extractor\":{extractor}}}"
    ));
    let one = to!(InvokeRequest {
        key: json("7"),
        processor: extract.clone()
    });
    assert_eq!(client.invoke(one).await.unwrap().into_inner().value, json("7"));
    let many = to!(InvokeAllRequest {
        filter: over(19),
        processor: extract
    });
    let many = all(client.invoke_all(many).await).await.unwrap();
    let many: Vec<_> = many.into_iter().map(|entry| (entry.key, entry.value)).collect();
    assert_eq!(many, [(json("20"), json("20"))]);
    let gone = to!(RemoveIndexRequest {
        extractor: json(extractor)
    });
    client.remove_index(gone).await.unwrap();
}

#[tokio::test]
async fn bad_input_gets_a_status_and_the_connection_goes_on() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let deep = Bytes::from([b"\x15".to_vec(), vec![b'['; 10_000]].concat());
    for key in [
        "".into(),
        "\"no format byte\"".into(),
        json("{\"a\":"),
        deep,
        json("\u{0}"),
    ] {
        let refused = client.get(to!(GetRequest { key })).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    let refused = put(&mut client, "1", "{\"a\":", 0).await.unwrap_err();
    assert!(refused.message().contains("Could not deserialize"), "{refused:?}");
    let half = vec![
        entries(1).remove(0),
        Entry {
            key: json("2"),
            value: "x".into(),
        },
    ];
    client
        .put_all(to!(PutAllRequest { entry: half }))
        .await
        .unwrap_err();
    assert_eq!(size(&mut client).await, 0, "nothing of a bad batch is put");
    for (scope, cache) in [
        ("", ""),
        ("", "\u{7}"),
        ("", &*"x".repeat(256)),
        (&*"x".repeat(256), "a"),
    ] {
        let asked = SizeRequest {
            scope: scope.to_owned(),
            cache: cache.to_owned(),
        };
        assert_eq!(
            client.size(asked).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    let asked = GetRequest {
        format: "x".repeat(1_000),
        ..to!(GetRequest { key: json("1") })
    };
    assert_eq!(client.get(asked).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(put(&mut client, "1", "1", 0).await.unwrap(), "");
}

#[tokio::test]
async fn both_versions_see_one_cache() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut stream = crate::grpc_peer::Stream::open(&server).await;
    let cache = stream.ensure(CACHE).await.unwrap();
    put(&mut client, "1", "{\"a\":null,\"b\":1}", 0).await.unwrap();
    assert_eq!(stream.get(cache, "1").await, Some(json("{\"b\":1}")));
    stream.put(cache, "2", "2").await;
    assert_eq!(get(&mut client, "2").await.unwrap(), Some(json("2")));
}

/// One stream of events.
pub(crate) struct Events {
    requests: mpsc::Sender<MapListenerRequest>,
    answers: Streaming<MapListenerResponse>,
}

impl Events {
    pub(crate) async fn open(client: &mut Client) -> Self {
        let (requests, outbound) = mpsc::channel(16);
        let answers = client
            .events(ReceiverStream::new(outbound))
            .await
            .unwrap()
            .into_inner();
        Events { requests, answers }
    }

    pub(crate) async fn next(&mut self) -> ResponseType {
        soon(self.answers.message())
            .await
            .unwrap()
            .unwrap()
            .response_type
            .unwrap()
    }

    /// What the stream ends with at once.
    pub(crate) async fn end(&mut self) -> Status {
        soon(self.answers.message()).await.unwrap_err()
    }

    async fn ask(&mut self, request: MapListenerRequest) -> ResponseType {
        self.requests.send(request).await.unwrap();
        self.next().await
    }

    /// Registers or takes back a listener, which must work.
    pub(crate) async fn listen(&mut self, request: MapListenerRequest) {
        let (uid, subscribe) = (request.uid.clone(), request.subscribe);
        match self.ask(request).await {
            ResponseType::Subscribed(answer) => assert_eq!((answer.uid, true), (uid, subscribe)),
            ResponseType::Unsubscribed(answer) => assert_eq!((answer.uid, false), (uid, subscribe)),
            other => panic!("{other:?}"),
        }
    }

    async fn event(&mut self) -> MapEventResponse {
        match self.next().await {
            ResponseType::Event(event) => event,
            other => panic!("no event: {other:?}"),
        }
    }
}

pub(crate) fn asked(kind: RequestType, uid: &str) -> MapListenerRequest {
    MapListenerRequest {
        subscribe: true,
        ..to!(MapListenerRequest {
            uid: uid.to_owned(),
            r#type: kind as i32
        })
    }
}

pub(crate) fn filtered(id: i64, mask: i32) -> MapListenerRequest {
    MapListenerRequest {
        filter_id: id,
        filter: json(&masked(mask)),
        ..asked(RequestType::Filter, "f")
    }
}

pub(crate) fn keyed(key: &str) -> MapListenerRequest {
    MapListenerRequest {
        key: json(key),
        ..asked(RequestType::Key, "k")
    }
}

#[tokio::test]
async fn events_of_entries() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    events.listen(asked(RequestType::Init, "i")).await;
    put(&mut client, "0", "0", 0).await.unwrap();
    events.listen(filtered(5, 7)).await;
    events.listen(filtered(6, 1)).await;
    events.listen(keyed("1")).await;
    put(&mut client, "1", "1", 0).await.unwrap();
    put(&mut client, "1", "2", 0).await.unwrap();
    put(&mut client, "2", "2", 30).await.unwrap();
    let base = MapEventResponse {
        key: json("1"),
        ..MapEventResponse::default()
    };
    let expected = MapEventResponse {
        id: 1,
        new_value: json("1"),
        filter_ids: vec![6, 5],
        ..base.clone()
    };
    assert_eq!(events.event().await, expected, "INIT alone asks for no event");
    let expected = MapEventResponse {
        id: 2,
        old_value: json("1"),
        new_value: json("2"),
        filter_ids: vec![5],
        ..base.clone()
    };
    assert_eq!(events.event().await, expected);
    assert_eq!(events.event().await.id, 1);
    let expired = events.event().await;
    let expected = MapEventResponse {
        id: 3,
        key: json("2"),
        old_value: json("2"),
        filter_ids: vec![5],
        synthetic: true,
        ..base.clone()
    };
    assert_eq!(expired, expected);
}

#[tokio::test]
async fn listeners_end_and_lite_and_priming_ones_get_less() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    put(&mut client, "1", "2", 0).await.unwrap();
    for listener in [filtered(5, 7), filtered(6, 1), keyed("1")] {
        events.listen(listener).await;
    }
    let base = MapEventResponse {
        key: json("1"),
        ..MapEventResponse::default()
    };
    events
        .listen(MapListenerRequest {
            subscribe: false,
            ..filtered(5, 7)
        })
        .await;
    events
        .listen(MapListenerRequest {
            subscribe: false,
            ..filtered(99, 7)
        })
        .await;
    events
        .listen(MapListenerRequest {
            subscribe: false,
            ..keyed("1")
        })
        .await;
    events
        .listen(MapListenerRequest {
            lite: true,
            ..filtered(6, 7)
        })
        .await;
    put(&mut client, "1", "3", 0).await.unwrap();
    assert_eq!(
        events.event().await,
        MapEventResponse {
            id: 2,
            filter_ids: vec![6],
            ..base.clone()
        }
    );

    let primed = MapListenerRequest {
        priming: true,
        ..keyed("1")
    };
    let ResponseType::Event(first) = events.ask(primed).await else {
        panic!("a priming listener is told at once");
    };
    let expected = MapEventResponse {
        id: 2,
        new_value: json("3"),
        synthetic: true,
        priming: true,
        ..base.clone()
    };
    assert_eq!(first, expected);
    assert!(matches!(events.next().await, ResponseType::Subscribed(_)));
    let of_keys = MapListenerRequest {
        priming: true,
        filter: json(
            r#"{"@class":"filter.InKeySetFilter","filter":{"@class":"filter.AlwaysFilter"},"keys":[1,9]}"#,
        ),
        ..filtered(0, 7)
    };
    let ResponseType::Event(first) = events.ask(of_keys).await else {
        panic!("a priming listener with a filter of keys is told at once");
    };
    assert_eq!(first, expected);
    let ResponseType::Event(second) = events.next().await else {
        panic!("a priming listener is told of each key");
    };
    assert_eq!((second.key, second.new_value), (json("9"), Bytes::new()));
    assert!(matches!(events.next().await, ResponseType::Subscribed(_)));
}

#[tokio::test]
async fn events_of_the_cache() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let (mut events, mut others) = (Events::open(&mut client).await, Events::open(&mut client).await);
    events.listen(asked(RequestType::Init, "1")).await;
    others.listen(asked(RequestType::Init, "2")).await;
    put(&mut client, "1", "1", 0).await.unwrap();
    client.truncate(to_whole!(TruncateRequest)).await.unwrap();
    for events in [&mut events, &mut others] {
        assert!(matches!(events.next().await, ResponseType::Truncated(told) if told.cache == CACHE));
    }
    client.destroy(to_whole!(DestroyRequest)).await.unwrap();
    for events in [&mut events, &mut others] {
        assert!(matches!(events.next().await, ResponseType::Destroyed(told) if told.cache == CACHE));
        assert_eq!(
            soon(events.answers.message()).await.unwrap(),
            None,
            "the stream ends well with its cache"
        );
    }
}

/// Requests to listen that must be refused, with the code of the refusal.
fn bad_listeners() -> Vec<(MapListenerRequest, Code)> {
    let base = || filtered(1, 7);
    vec![
        (
            MapListenerRequest {
                cache: String::new(),
                ..asked(RequestType::Init, "u")
            },
            Code::InvalidArgument,
        ),
        (MapListenerRequest { r#type: 77, ..base() }, Code::InvalidArgument),
        (
            MapListenerRequest {
                filter_id: 0,
                ..base()
            },
            Code::InvalidArgument,
        ),
        (
            MapListenerRequest {
                filter: json("{"),
                ..base()
            },
            Code::Internal,
        ),
        (
            MapListenerRequest {
                filter: json("{\"@class\":\"filter.NotFilter\"}"),
                ..base()
            },
            Code::Internal,
        ),
        (
            MapListenerRequest {
                priming: true,
                ..base()
            },
            Code::Unimplemented,
        ),
        (
            MapListenerRequest {
                trigger: json("1"),
                ..base()
            },
            Code::Unimplemented,
        ),
        (
            MapListenerRequest {
                key: Bytes::new(),
                ..keyed("1")
            },
            Code::Internal,
        ),
        (
            MapListenerRequest {
                cache: "other".to_owned(),
                ..base()
            },
            Code::InvalidArgument,
        ),
    ]
}

#[tokio::test]
async fn bad_requests_on_a_stream_of_events_are_answered_and_it_goes_on() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    for (request, code) in bad_listeners() {
        let uid = request.uid.clone();
        let ResponseType::Error(error) = events.ask(request.clone()).await else {
            panic!("{request:?} is no error");
        };
        assert_eq!(
            (error.uid, error.code),
            (uid, code as i32),
            "{request:?}: {}",
            error.message
        );
    }
    events.listen(filtered(1, 7)).await;
    put(&mut client, "1", "1", 0).await.unwrap();
    assert_eq!(events.event().await.filter_ids, [1]);
    assert_eq!(
        client.clear(to_whole!(ClearRequest)).await.unwrap().into_inner(),
        Empty {}
    );
}
