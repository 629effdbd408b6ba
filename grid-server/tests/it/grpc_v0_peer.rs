//! A client that speaks version 0 call by call, and its stream of events.

use bytes::Bytes;
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::named_cache_service_client::NamedCacheServiceClient;
use grid_proto::v0::{
    Entry, GetRequest, MapEventResponse, MapListenerRequest, MapListenerResponse, PutRequest, SizeRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::grpc_peer::{json, masked, soon};

pub(crate) type Client = NamedCacheServiceClient<Channel>;

pub(crate) const CACHE: &str = "a";

/// A request of this type for the cache, with the fields given.
macro_rules! to {
    ($request:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        $request { cache: $crate::grpc_v0_peer::CACHE.to_owned(), format: "json".to_owned(), $($field $(: $value)?,)* ..$request::default() }
    };
}

/// The same, of a type that has no format.
macro_rules! to_whole {
    ($request:ident) => {
        $request {
            cache: $crate::grpc_v0_peer::CACHE.to_owned(),
            ..$request::default()
        }
    };
}

pub(crate) use {to, to_whole};

/// What a call is answered with, which must work.
pub(crate) async fn answer<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> T {
    soon(call).await.unwrap().into_inner()
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

pub(crate) async fn get(client: &mut Client, key: &str) -> Result<Option<Bytes>, Status> {
    let found = soon(client.get(to!(GetRequest { key: json(key) })))
        .await?
        .into_inner();
    Ok(found.present.then_some(found.value))
}

pub(crate) async fn size(client: &mut Client) -> i32 {
    answer(client.size(to_whole!(SizeRequest))).await.value
}

pub(crate) async fn all<T>(answer: Result<Response<Streaming<T>>, Status>) -> Result<Vec<T>, Status> {
    let mut answers = answer?.into_inner();
    let mut all = Vec::new();
    while let Some(answer) = soon(answers.message()).await? {
        all.push(answer);
    }
    Ok(all)
}

pub(crate) fn entries(count: i32) -> Vec<Entry> {
    let entry = |n: i32| Entry {
        key: json(&n.to_string()),
        value: json(&format!("\"v{n}\"")),
    };
    (0..count).map(entry).collect()
}

/// One stream of events.
pub(crate) struct Events {
    requests: mpsc::Sender<MapListenerRequest>,
    pub(crate) answers: Streaming<MapListenerResponse>,
}

impl Events {
    pub(crate) async fn open(client: &mut Client) -> Self {
        let (requests, outbound) = mpsc::channel(16);
        let answers = answer(client.events(ReceiverStream::new(outbound))).await;
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

    pub(crate) async fn ask(&mut self, request: MapListenerRequest) -> ResponseType {
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

    pub(crate) async fn event(&mut self) -> MapEventResponse {
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
