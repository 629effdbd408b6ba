//! Processors and aggregators of one's own, asked for by clients.

use std::sync::{Mutex, mpsc};

use futures::{StreamExt, TryStreamExt};
use grid_client::Session;
use grid_core::cache::{CacheError, Invoked, NamedCache};
use grid_core::processor::Processor;
use grid_core::processor::own::{Entry, EntryError, OwnFailureKind};
use grid_core::query::{Aggregator, OwnAggregation};
use grid_proto::v0::{AggregateRequest, InvokeAllRequest, InvokeRequest};
use grid_proto::v1::cache::{ExecuteRequest, NamedCacheRequestType as Type};
use grid_server::server::RunningServer;
use tonic::Code;

use crate::grpc_peer::{Stream, json, serve, soon, v0};

/// The longest of the values.
struct Longest;

impl OwnAggregation for Longest {
    type Key = u32;
    type Value = String;
    type Args = ();
    type Partial = usize;
    type Answer = usize;
    type Error = String;

    fn start(&self, _args: &()) -> Result<usize, String> {
        Ok(0)
    }

    fn accumulate(&self, _args: &(), partial: &mut usize, _key: u32, value: String) -> Result<(), String> {
        *partial = value.len().max(*partial);
        Ok(())
    }

    fn combine(&self, _args: &(), partial: &mut usize, other: usize) -> Result<(), String> {
        *partial = other.max(*partial);
        Ok(())
    }

    fn finish(&self, _args: &(), partial: usize) -> Result<usize, String> {
        Ok(partial)
    }
}

/// A server with code of one's own, of which some does not end until the sender is dropped.
async fn server() -> (RunningServer, mpsc::Sender<()>) {
    let server = serve("[limits]\nprocessor-time-limit = '200ms'\nprocessor-threads-max = 4\n").await;
    let agents = server.grid().own_agents();
    let append = |entry: &mut Entry<'_, u32, String>, text: String| -> Result<usize, EntryError> {
        let longer = entry.value()?.unwrap_or_default() + &text;
        entry.set(&longer)?;
        Ok(longer.len())
    };
    let (hold, held) = mpsc::channel();
    let held = Mutex::new(held);
    let never = move |_entry: &mut Entry<'_, u32, String>, (): ()| -> Result<(), EntryError> {
        let _until_dropped = held.lock().unwrap().recv();
        Ok(())
    };
    agents.register_processor("append", append).unwrap();
    agents.register_processor("never", never).unwrap();
    agents.register_aggregator("longest", Longest).unwrap();
    (server, hold)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_client_asks_for_them_by_name() {
    let (server, _hold) = server().await;
    let session = Session::builder().address(&server.grpc_address().to_string());
    let session = session.connect().await.unwrap();
    let cache = session.cache::<u32, String>("texts").await.unwrap();
    let append = |text: &str| Processor::own("append", &text).unwrap();
    assert_eq!(cache.invoke::<usize, _>(&1, &append("ab")).await.unwrap(), 2);
    let many: Vec<(u32, usize)> = cache
        .invoke_all([&1_u32, &2], &append("c"))
        .map(|invoked| invoked.and_then(Invoked::into_pair))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(many.iter().map(|(_, len)| len).sum::<usize>(), 4);
    let longest = Aggregator::own("longest", &()).unwrap();
    assert_eq!(cache.aggregate::<usize>(&longest).await.unwrap(), 3);
    let missing = cache
        .invoke::<usize, _>(&1, &Processor::own("none", &()).unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(&missing, CacheError::Own(failure) if failure.kind == OwnFailureKind::NotRegistered
            && failure.member == server.grid().member_name()),
        "{missing:?}"
    );
    let late = cache
        .invoke::<(), _>(&1, &Processor::own("never", &()).unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(&late, CacheError::Own(failure) if failure.kind == OwnFailureKind::OutOfTime),
        "{late:?}"
    );
    // Three threads are left, and others do not wait for the one that does not end.
    assert_eq!(cache.invoke::<usize, _>(&1, &append("d")).await.unwrap(), 4);
    let error = cache
        .invoke::<usize, _>(&1, &Processor::own("append", &7).unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CacheError::Refused { message } if message.contains("arguments")),
        "{error:?}"
    );
    session.close().await;
    server.shutdown().await;
}

#[tokio::test]
async fn clients_of_other_languages_ask_for_them_in_json() {
    let (server, _hold) = server().await;
    let mut client = v0(&server).await;
    let agent = |name: &str| {
        json(&format!(
            r#"{{"@class":"girih.Processor","name":"{name}","args":"xyz"}}"#
        ))
    };
    let one = |name: &str| InvokeRequest {
        cache: "texts".to_owned(),
        format: "json".to_owned(),
        key: json("1"),
        processor: agent(name),
        ..InvokeRequest::default()
    };
    assert_eq!(
        client.invoke(one("append")).await.unwrap().into_inner().value,
        json("3")
    );
    let missing = client.invoke(one("none")).await.unwrap_err();
    assert_eq!(missing.code(), Code::Unimplemented, "{missing:?}");
    assert!(
        missing
            .message()
            .contains("the processor \"none\" is not registered at member"),
        "{missing:?}"
    );
    let all = InvokeAllRequest {
        cache: "texts".to_owned(),
        format: "json".to_owned(),
        keys: vec![json("1"), json("2")],
        processor: agent("append"),
        ..InvokeAllRequest::default()
    };
    let answers: Vec<_> = client
        .invoke_all(all)
        .await
        .unwrap()
        .into_inner()
        .try_collect()
        .await
        .unwrap();
    let mut answers: Vec<_> = answers
        .into_iter()
        .map(|entry| (entry.key, entry.value))
        .collect();
    answers.sort();
    assert_eq!(answers, [(json("1"), json("6")), (json("2"), json("3"))]);
    server.shutdown().await;
}

/// One that looks at an entry until the sender is dropped.
struct Never(Mutex<mpsc::Receiver<()>>);

impl OwnAggregation for Never {
    type Key = u32;
    type Value = String;
    type Args = ();
    type Partial = ();
    type Answer = ();
    type Error = String;

    fn start(&self, _args: &()) -> Result<(), String> {
        Ok(())
    }

    fn accumulate(&self, _args: &(), _partial: &mut (), _key: u32, _value: String) -> Result<(), String> {
        let _until_dropped = self.0.lock().unwrap().recv();
        Ok(())
    }

    fn combine(&self, _args: &(), _partial: &mut (), _other: ()) -> Result<(), String> {
        Ok(())
    }

    fn finish(&self, _args: &(), _partial: ()) -> Result<(), String> {
        Ok(())
    }
}

/// Over version 1 a call cannot be cancelled, so that this is its only deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregator_ends_at_the_time_that_its_priority_tells() {
    let server = serve("[limits]\nprocessor-time-limit = '10m'\n").await;
    let (hold, held) = mpsc::channel();
    let never = Never(Mutex::new(held));
    let agents = server.grid().own_agents();
    agents.register_aggregator("never", never).unwrap();
    let in_time = |name: &str| {
        let never = r#"{"@class":"girih.Aggregator","name":"never","args":null}"#;
        json(&format!(
            r#"{{"@class":"aggregator.PriorityAggregator","aggregator":{never},"{name}":50}}"#
        ))
    };
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("texts").await.unwrap();
    stream.put(cache, "1", "\"a\"").await;
    let request = ExecuteRequest {
        agent: in_time("executionTimeout"),
        keys: None,
    };
    let late = soon(stream.bytes(Type::Aggregate, cache, &request))
        .await
        .unwrap_err();
    assert!(late.contains("no answer within 50ms (applied: no)"), "{late}");
    // The stream goes on.
    assert_eq!(stream.get(cache, "1").await, Some(json("\"a\"")));
    let request = AggregateRequest {
        cache: "texts".to_owned(),
        format: "json".to_owned(),
        aggregator: in_time("_requestTimeout"),
        ..AggregateRequest::default()
    };
    let mut client = v0(&server).await;
    let late = soon(client.aggregate(request)).await.unwrap_err();
    assert!(late.message().contains("no answer within 50ms"), "{late:?}");
    drop(hold);
    server.shutdown().await;
}
