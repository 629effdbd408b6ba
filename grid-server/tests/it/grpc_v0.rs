//! Version 0: what calls for entries are answered with.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_proto::google::BytesValue;
use grid_proto::v0::{
    ClearRequest, ContainsEntryRequest, ContainsKeyRequest, ContainsValueRequest, DestroyRequest, Entry,
    EntrySetRequest, GetAllRequest, GetRequest, IsEmptyRequest, IsReadyRequest, KeySetRequest, PageRequest,
    PutAllRequest, PutIfAbsentRequest, RemoveMappingRequest, RemoveRequest, ReplaceMappingRequest,
    ReplaceRequest, SizeRequest, TruncateRequest, ValuesRequest,
};
use tonic::Code;

use crate::grpc_peer::{Stream, json, serve, v0};
use crate::grpc_v0_peer::{CACHE, all, answer, entries, get, put, size, to, to_whole};

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
    assert_eq!(answer(client.put_if_absent(absent("1"))).await.value, json("2"));
    assert_eq!(answer(client.put_if_absent(absent("2"))).await.value, "");
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
    assert_eq!(answer(client.replace(replace("2"))).await.value, json("3"));
    assert_eq!(answer(client.replace(replace("9"))).await.value, "");

    let mapping = |previous| {
        to!(ReplaceMappingRequest {
            key: json("2"),
            previous_value: json(previous),
            new_value: json("5")
        })
    };
    assert!(!answer(client.replace_mapping(mapping("9"))).await.value);
    assert!(answer(client.replace_mapping(mapping(" 4"))).await.value);
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
    assert!(answer(client.contains_entry(entry("5"))).await.value);
    assert!(!answer(client.contains_entry(entry("6"))).await.value);
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
    assert!(!answer(client.remove_mapping(mapping("9"))).await.value);
    assert!(answer(client.remove_mapping(mapping("5"))).await.value);
    let remove = || to!(RemoveRequest { key: json("1") });
    assert_eq!(answer(client.remove(remove())).await.value, json("2"));
    assert_eq!(answer(client.remove(remove())).await.value, "");
    assert!(answer(client.is_empty(to_whole!(IsEmptyRequest))).await.value);
    assert!(answer(client.is_ready(to_whole!(IsReadyRequest))).await.value);
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
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure(CACHE).await.unwrap();
    put(&mut client, "1", "{\"a\":null,\"b\":1}", 0).await.unwrap();
    assert_eq!(stream.get(cache, "1").await, Some(json("{\"b\":1}")));
    stream.put(cache, "2", "2").await;
    assert_eq!(get(&mut client, "2").await.unwrap(), Some(json("2")));
}
