//! A server in this process, and a client that speaks the protocol frame by frame.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use grid_proto::any::{Packed, pack, unpack};
use grid_proto::google::{Any, BoolValue, BytesValue, Int32Value};
use grid_proto::v0::named_cache_service_client::NamedCacheServiceClient;
use grid_proto::v1::cache::{
    EnsureCacheRequest, KeyOrFilter, MapEventMessage, MapListenerRequest, NamedCacheRequest,
    NamedCacheRequestType as Type, NamedCacheResponse, PutRequest, ResponseType, key_or_filter,
};
use grid_proto::v1::common::{BinaryKeyAndValue, OptionalValue};
use grid_proto::v1::proxy::proxy_service_client::ProxyServiceClient;
use grid_proto::v1::proxy::{
    InitRequest, InitResponse, ProxyRequest, ProxyResponse, proxy_request, proxy_response,
};
use grid_server::config::Layers;
use grid_server::grpc::v1::OutFrame;
use grid_server::server::{RunningServer, Server};
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

/// How long anything may take that must come. A test that waits so long fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server with these further lines in its configuration file.
pub(crate) async fn serve(lines: &str) -> RunningServer {
    let file = format!("grpc.address = '127.0.0.1:0'\nhttp.address = '127.0.0.1:0'\n{lines}");
    let layers = Layers::new()
        .file("test.toml", &file)
        .variable("GRID_MEMBER_LISTEN", "127.0.0.1:0");
    let loaded = layers.load().unwrap();
    Server::start(loaded.config).await.unwrap()
}

pub(crate) async fn channel(server: &RunningServer) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    endpoint.connect().await.unwrap()
}

pub(crate) async fn v0(server: &RunningServer) -> NamedCacheServiceClient<Channel> {
    NamedCacheServiceClient::new(channel(server).await)
}

/// Waits for what must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it did not come in time")
}

/// Waits until something is so.
pub(crate) async fn wait_until(is_so: impl Fn() -> bool) {
    let waits = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    soon(waits).await;
}

/// Runs something beside the test.
#[expect(clippy::disallowed_methods, reason = "a test ends its tasks itself")]
pub(crate) fn spawn<T: Send + 'static>(what: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(what)
}

/// The time now, to measure how long something takes.
#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// JSON text as a key or value on the wire.
pub(crate) fn json(text: &str) -> Bytes {
    [b"\x15", text.as_bytes()].concat().into()
}

pub(crate) fn bytes_value(value: impl Into<Bytes>) -> BytesValue {
    BytesValue { value: value.into() }
}

pub(crate) fn pair(key: &str, value: &str) -> BinaryKeyAndValue {
    BinaryKeyAndValue {
        key: json(key),
        value: json(value),
    }
}

pub(crate) fn init(format: &str) -> InitRequest {
    InitRequest {
        format: format.to_owned(),
        protocol: "CacheService".to_owned(),
        protocol_version: 1,
        supported_protocol_version: 1,
        ..InitRequest::default()
    }
}

pub(crate) fn frame(id: i64, request: proxy_request::Request) -> ProxyRequest {
    ProxyRequest {
        id,
        request: Some(request),
        ..ProxyRequest::default()
    }
}

pub(crate) fn message(id: i64, request: &NamedCacheRequest) -> ProxyRequest {
    frame(id, proxy_request::Request::Message(pack(request)))
}

pub(crate) fn request<M: Packed>(kind: Type, cache_id: i32, body: Option<&M>) -> NamedCacheRequest {
    NamedCacheRequest {
        r#type: kind as i32,
        cache_id: Some(cache_id),
        message: body.map(pack),
    }
}

/// What a stream says between its answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// A cache id, and what happened to an entry of it.
    Event(i32, MapEventMessage),
    Truncated(i32),
    Destroyed(i32),
}

/// What a request was answered with: the messages before its `complete`, or the text of its error.
pub(crate) type Answer = Result<Vec<NamedCacheResponse>, String>;

/// One version 1 stream.
pub(crate) struct Stream {
    pub(crate) frames: mpsc::Sender<ProxyRequest>,
    pub(crate) answers: Streaming<ProxyResponse>,
    /// What was told while an answer was waited for.
    pub(crate) told: VecDeque<Told>,
    pub(crate) heartbeats: usize,
    pub(crate) format: String,
    next_id: i64,
}

impl Stream {
    /// A stream on which nothing was said yet.
    pub(crate) async fn raw(channel: Channel) -> Self {
        let (frames, outbound) = mpsc::channel(1024);
        let mut client = ProxyServiceClient::new(channel).max_decoding_message_size(usize::MAX);
        let answers = client.sub_channel(ReceiverStream::new(outbound)).await;
        Stream {
            frames,
            answers: answers.unwrap().into_inner(),
            told: VecDeque::new(),
            heartbeats: 0,
            format: "json".to_owned(),
            next_id: 10,
        }
    }

    /// A stream of a client that writes JSON.
    pub(crate) async fn open(server: &RunningServer) -> Self {
        Self::open_with(channel(server).await, init("json")).await
    }

    pub(crate) async fn open_with(channel: Channel, init: InitRequest) -> Self {
        let mut stream = Self::raw(channel).await;
        stream.format.clone_from(&init.format);
        stream.send(frame(2, proxy_request::Request::Init(init))).await;
        stream.init_answer(2).await;
        stream
    }

    pub(crate) async fn init_answer(&mut self, id: i64) -> InitResponse {
        let answer = self.next().await.unwrap();
        assert_eq!(answer.id, id);
        match answer.response {
            Some(proxy_response::Response::Init(init)) => init,
            other => panic!("no answer to an InitRequest: {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: ProxyRequest) {
        soon(self.frames.send(frame)).await.unwrap();
    }

    /// The next frame, or what the stream ended with.
    pub(crate) async fn next(&mut self) -> Result<ProxyResponse, Status> {
        match soon(self.answers.message()).await {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(Status::new(Code::Ok, "the stream ended")),
            Err(status) => Err(status),
        }
    }

    /// What the stream ends with, whatever comes before.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }

    /// The next frame, unless it is one that was not asked for.
    async fn next_answer(&mut self) -> Option<ProxyResponse> {
        let next = self.next().await.unwrap();
        match &next.response {
            Some(proxy_response::Response::Heartbeat(_)) if next.id == 0 => self.heartbeats += 1,
            Some(proxy_response::Response::Message(message)) if next.id == 0 => {
                let told = told(message.clone());
                self.told.push_back(told);
            }
            _ => return Some(next),
        }
        None
    }

    /// Asks, and gives what is answered.
    pub(crate) async fn ask(&mut self, request: &NamedCacheRequest) -> Answer {
        self.next_id += 1;
        let id = self.next_id;
        self.send(message(id, request)).await;
        self.answer_to(id).await
    }

    pub(crate) async fn answer_to(&mut self, id: i64) -> Answer {
        match self.answers_to(id).await {
            (messages, None) => Ok(messages),
            (_, Some(error)) => Err(error),
        }
    }

    /// The messages of an answer, and the error after them, if there is one.
    pub(crate) async fn answers_to(&mut self, id: i64) -> (Vec<NamedCacheResponse>, Option<String>) {
        let mut messages = Vec::new();
        loop {
            let Some(next) = self.next_answer().await else {
                continue;
            };
            assert_eq!(next.id, id, "{next:?}");
            match next.response.unwrap() {
                proxy_response::Response::Message(message) => messages.push(unpack(Some(message)).unwrap()),
                proxy_response::Response::Complete(_) => return (messages, None),
                proxy_response::Response::Error(error) => {
                    assert_eq!(
                        error.error.is_some(),
                        self.format == "json",
                        "only JSON clients can read our exception"
                    );
                    return (messages, Some(error.message));
                }
                other => panic!("not an answer: {other:?}"),
            }
        }
    }

    /// Asks what is answered with at most one message; gives that.
    pub(crate) async fn one<M: Packed, A: Packed>(
        &mut self,
        kind: Type,
        cache_id: i32,
        body: Option<&M>,
    ) -> Result<Option<A>, String> {
        let mut messages = self.ask(&request(kind, cache_id, body)).await?;
        assert!(messages.len() <= 1, "{messages:?}");
        let message = messages.pop();
        Ok(message.map(|message| {
            assert_eq!(message.r#type, ResponseType::Message as i32);
            unpack(message.message).unwrap()
        }))
    }

    pub(crate) async fn ensure(&mut self, cache: &str) -> Result<i32, String> {
        let body = EnsureCacheRequest {
            cache: cache.to_owned(),
        };
        let mut request = request(Type::EnsureCache, 0, Some(&body));
        request.cache_id = None;
        let answers = self.ask(&request).await?;
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].r#type, &answers[0].message), (0, &None));
        assert!(answers[0].cache_id > 0);
        Ok(answers[0].cache_id)
    }

    /// A request without a message and without an answer of its own.
    pub(crate) async fn silent(&mut self, kind: Type, cache_id: i32) -> Result<(), String> {
        let answers = self.ask(&request::<BytesValue>(kind, cache_id, None)).await?;
        assert_eq!(answers, []);
        Ok(())
    }

    pub(crate) async fn size(&mut self, cache_id: i32) -> i32 {
        let size: Option<Int32Value> = self
            .one::<BytesValue, _>(Type::Size, cache_id, None)
            .await
            .unwrap();
        size.unwrap().value
    }

    pub(crate) async fn flag<M: Packed>(
        &mut self,
        kind: Type,
        cache_id: i32,
        body: Option<&M>,
    ) -> Result<bool, String> {
        let flag: Option<BoolValue> = self.one(kind, cache_id, body).await?;
        Ok(flag.unwrap().value)
    }

    /// A request that is answered with bytes.
    pub(crate) async fn bytes<M: Packed>(
        &mut self,
        kind: Type,
        cache_id: i32,
        body: &M,
    ) -> Result<Bytes, String> {
        let value: Option<BytesValue> = self.one(kind, cache_id, Some(body)).await?;
        Ok(value.unwrap().value)
    }

    pub(crate) async fn put_bytes(
        &mut self,
        cache_id: i32,
        key: Bytes,
        value: Bytes,
        ttl: i64,
    ) -> Result<Bytes, String> {
        let ttl = Some(ttl);
        self.bytes(Type::Put, cache_id, &PutRequest { key, value, ttl })
            .await
    }

    pub(crate) async fn put(&mut self, cache_id: i32, key: &str, value: &str) -> Bytes {
        self.put_bytes(cache_id, json(key), json(value), 0).await.unwrap()
    }

    pub(crate) async fn get_bytes(&mut self, cache_id: i32, key: Bytes) -> Result<Option<Bytes>, String> {
        let value: Option<OptionalValue> = self.one(Type::Get, cache_id, Some(&bytes_value(key))).await?;
        let OptionalValue { value, present } = value.unwrap();
        assert!(present || value.is_empty());
        Ok(present.then_some(value))
    }

    pub(crate) async fn get(&mut self, cache_id: i32, key: &str) -> Option<Bytes> {
        self.get_bytes(cache_id, json(key)).await.unwrap()
    }

    pub(crate) async fn listen(&mut self, cache_id: i32, listener: MapListenerRequest) -> Result<(), String> {
        let answers = self
            .ask(&request(Type::MapListener, cache_id, Some(&listener)))
            .await?;
        assert_eq!(answers, []);
        Ok(())
    }

    /// What was told next; waits for it.
    pub(crate) async fn next_told(&mut self) -> Told {
        loop {
            if let Some(told) = self.told.pop_front() {
                return told;
            }
            if let Some(answer) = self.next_answer().await {
                panic!("an answer that nobody asked for: {answer:?}");
            }
        }
    }

    /// What was told until now: everything that was caused before this call.
    pub(crate) async fn told(&mut self, cache_id: i32) -> Vec<Told> {
        self.size(cache_id).await;
        self.told.drain(..).collect()
    }
}

fn told(message: Any) -> Told {
    let response: NamedCacheResponse = unpack(Some(message)).unwrap();
    let id = response.cache_id;
    match ResponseType::try_from(response.r#type).unwrap() {
        ResponseType::MapEvent => Told::Event(id, unpack(response.message).unwrap()),
        ResponseType::Truncated => Told::Truncated(id),
        ResponseType::Destroyed => Told::Destroyed(id),
        ResponseType::Message => panic!("a message that is no answer"),
    }
}

/// A listener for everything.
pub(crate) fn on_all(filter_id: i64, filter: Option<&str>) -> MapListenerRequest {
    let either = filter.map(|filter| key_or_filter::KeyOrFilter::Filter(json(filter)));
    MapListenerRequest {
        subscribe: true,
        key_or_filter: either.map(|either| KeyOrFilter {
            key_or_filter: Some(either),
        }),
        filter_id,
        ..MapListenerRequest::default()
    }
}

/// A listener for a key.
pub(crate) fn on_key(key: &str) -> MapListenerRequest {
    MapListenerRequest {
        subscribe: true,
        key_or_filter: Some(KeyOrFilter {
            key_or_filter: Some(key_or_filter::KeyOrFilter::Key(json(key))),
        }),
        ..MapListenerRequest::default()
    }
}

/// The filter that clients send for listeners on everything.
pub(crate) fn masked(mask: i32) -> String {
    format!(
        r#"{{"@class":"filter.MapEventFilter","mask":{mask},"filter":{{"@class":"filter.AlwaysFilter"}}}}"#
    )
}

/// An event with what most tests look at.
pub(crate) fn event(
    kind: i32,
    key: &str,
    old: Option<&str>,
    new: Option<&str>,
    filter_ids: &[i64],
) -> MapEventMessage {
    MapEventMessage {
        id: kind,
        key: json(key),
        old_value: old.map(json).unwrap_or_default(),
        new_value: new.map(json).unwrap_or_default(),
        filter_ids: filter_ids.to_vec(),
        ..MapEventMessage::default()
    }
}

/// The responses that go out with a frame of a session: of rows, several.
pub(crate) fn responses(frame: &OutFrame) -> Vec<ProxyResponse> {
    let mut sent = Vec::new();
    frame.put(&mut sent).expect("no frame is too long");
    let mut left = &sent[..];
    let mut all = Vec::new();
    while let Some((head, after)) = left.split_first_chunk::<5>() {
        let [0, length @ ..] = *head else {
            panic!("nothing is compressed");
        };
        let (message, after) = after.split_at(u32::from_be_bytes(length) as usize);
        all.push(ProxyResponse::decode(message).expect("what is sent can be read"));
        left = after;
    }
    assert!(left.is_empty(), "half a frame: {left:?}");
    all
}
