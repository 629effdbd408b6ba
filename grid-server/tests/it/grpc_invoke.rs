//! Processors on many entries, of which some fail.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::StreamExt;
use grid_core::cache::{Applied, CacheError, NamedCache};
use grid_core::processor::Processor;
use grid_proto::any::unpack;
use grid_proto::v0::InvokeAllRequest;
use grid_proto::v1::cache::{ExecuteRequest, KeysOrFilter, NamedCacheRequestType as Type, keys_or_filter};
use grid_proto::v1::common::{BinaryKeyAndValue, CollectionOfBytesValues};
use grid_server::server::RunningServer;
use serde_json::{Value, json};

use crate::grpc_peer::{Stream, json as wire, message, request, serve, v0};

const ENTRIES: u32 = 5_000;

/// The entries whose number is a text.
const TEXTS: [u32; 3] = [17, 2_500, 4_999];

const ALWAYS: &str = r#"{"@class":"filter.AlwaysFilter"}"#;

fn increment() -> Bytes {
    let text = Processor::increment("n", 1).to_json().unwrap();
    wire(std::str::from_utf8(&text).unwrap())
}

async fn server() -> RunningServer {
    let server = serve("").await;
    let cache = server.grid().cache::<u32, Value>("objects").await.unwrap();
    for key in 0..ENTRIES {
        let n = match TEXTS.contains(&key) {
            true => json!("a text"),
            false => json!(1),
        };
        cache.insert(&key, &json!({"n": n})).await.unwrap();
    }
    server
}

/// All but those that failed are answered, each once, and the error in the end says which failed.
fn check(answered: &[(Bytes, Bytes)], error: &str, value: &str) {
    let keys: BTreeSet<_> = answered.iter().map(|(key, _)| key).collect();
    assert_eq!((answered.len(), keys.len()), (4_997, 4_997));
    for key in TEXTS {
        assert!(!keys.contains(&wire(&key.to_string())));
        assert!(error.contains(&format!("{key} (")), "{error}");
    }
    assert!(answered.iter().all(|(_, answer)| *answer == wire(value)));
    assert!(error.contains("4997 done; not applied: "), "{error}");
    let read = CacheError::from_words(error).unwrap();
    assert_eq!((read.applied(), read.is_transient()), (Applied::Unknown, false));
}

#[tokio::test]
async fn what_fails_on_some_entries_is_told_by_their_keys_after_the_answers_of_the_others() {
    let server = server().await;
    let keys: Vec<Bytes> = (0..ENTRIES).map(|key| wire(&key.to_string())).collect();
    let mut client = v0(&server).await;
    let mut value = 1;
    for keys in [Vec::new(), keys.clone()] {
        let filter = if keys.is_empty() {
            wire(ALWAYS)
        } else {
            Bytes::new()
        };
        let all = InvokeAllRequest {
            cache: "objects".to_owned(),
            format: "json".to_owned(),
            keys,
            filter,
            processor: increment(),
            ..InvokeAllRequest::default()
        };
        let mut answers = client.invoke_all(all).await.unwrap().into_inner();
        let (mut answered, mut error) = (Vec::new(), None);
        while let Some(next) = answers.next().await {
            match next {
                Ok(entry) => answered.push((entry.key, entry.value)),
                Err(status) => error = Some(status),
            }
        }
        value += 1;
        check(&answered, error.unwrap().message(), &value.to_string());
    }
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("objects").await.unwrap();
    let of_keys = CollectionOfBytesValues { values: keys };
    for (id, meant) in [
        (901, keys_or_filter::KeyOrFilter::Filter(wire(ALWAYS))),
        (902, keys_or_filter::KeyOrFilter::Keys(of_keys)),
    ] {
        let execute = ExecuteRequest {
            agent: increment(),
            keys: Some(KeysOrFilter {
                key_or_filter: Some(meant),
            }),
        };
        stream
            .send(message(id, &request(Type::Invoke, cache, Some(&execute))))
            .await;
        let (answers, error) = stream.answers_to(id).await;
        let pairs = answers.into_iter().map(|answer| {
            let pair: BinaryKeyAndValue = unpack(answer.message).unwrap();
            (pair.key, pair.value)
        });
        value += 1;
        check(&pairs.collect::<Vec<_>>(), &error.unwrap(), &value.to_string());
    }
    server.shutdown().await;
}
