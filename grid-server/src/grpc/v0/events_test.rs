//! The stream of events while replies of its cache are on their way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::stream::{Stream, StreamExt};
use grid_core::cache::{CacheError, CacheName};
use grid_core::store::{Command, TimeToLive};
use grid_core::value::Format;
use grid_member::Grid;
use grid_member::cache::Reply;
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::{MapListenerRequest, MapListenerResponse};
use grid_proto::v1::cache::NamedCacheRequestType as Type;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::grpc::{Edge, GrpcMetrics, GrpcOptions, ReplyGate};

use super::EventsSession;

type Release = oneshot::Sender<Result<(), CacheError>>;

/// Holds every reply back until the test lets it go.
#[derive(Clone, Default)]
struct LateGate(Arc<Mutex<Vec<(Type, Release)>>>);

impl ReplyGate for LateGate {
    fn pass<T: Send + 'static>(&self, kind: Type, reply: Reply<T>) -> Reply<T> {
        let (release, released) = oneshot::channel();
        self.0.lock().push((kind, release));
        Reply::later(async move {
            released.await.unwrap_or(Err(CacheError::ShuttingDown))?;
            reply.await
        })
    }
}

impl LateGate {
    fn settle(&self, kind: Type, outcome: Result<(), CacheError>) {
        let (held, release) = self.0.lock().pop().expect("a reply is held back");
        assert_eq!(held, kind);
        release.send(outcome).expect("the session waits for it");
    }
}

struct Line {
    session: EventsSession<LateGate>,
    requests: mpsc::Sender<Result<MapListenerRequest, Status>>,
    gate: LateGate,
    edge: Arc<Edge>,
}

impl Line {
    async fn open() -> Self {
        let grid = Grid::builder().build().await.unwrap();
        let metrics = Arc::new(GrpcMetrics::default());
        let edge = Edge::new(grid, GrpcOptions::default(), metrics, CancellationToken::new());
        let edge = Arc::new(edge);
        let (requests, inbound) = mpsc::channel(16);
        let gate = LateGate::default();
        let session = EventsSession::with_gate(edge.clone(), inbound, gate.clone());
        Line {
            session,
            requests,
            gate,
            edge,
        }
    }

    fn ask(&mut self, uid: &str, kind: RequestType) {
        let request = MapListenerRequest {
            uid: uid.to_owned(),
            cache: "a".to_owned(),
            format: "json".to_owned(),
            r#type: kind as i32,
            subscribe: true,
            priming: kind == RequestType::Key,
            key: b"\x151"[..].into(),
            ..MapListenerRequest::default()
        };
        self.requests.try_send(Ok(request)).unwrap();
    }

    async fn put(&self, value: &'static [u8]) {
        let cache = self
            .edge
            .grid()
            .open("", &CacheName::new("a").unwrap())
            .await
            .unwrap();
        let key = self.edge.key(Format::JSON, b"\x151"[..].into()).unwrap();
        let value = self.edge.value(Format::JSON, value.into()).unwrap();
        let ttl = TimeToLive::default();
        cache
            .update(&key, Command::Put { value, ttl }, false)
            .await
            .unwrap();
    }

    fn step(&mut self) -> Vec<ResponseType> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while let Poll::Ready(Some(next)) = Pin::new(&mut self.session).poll_next(&mut cx) {
            let MapListenerResponse { response_type } = next.expect("the stream goes on");
            all.extend(response_type);
        }
        all
    }
}

#[tokio::test]
async fn requests_wait_for_the_cache_and_events_for_the_value() {
    let mut line = Line::open().await;
    line.ask("init", RequestType::Init);
    line.ask("key", RequestType::Key);
    assert_eq!(line.step(), []);
    line.gate.settle(Type::EnsureCache, Ok(()));
    let said = line.step();
    assert!(
        matches!(&said[..], [ResponseType::Subscribed(done)] if done.uid == "init"),
        "{said:?}"
    );
    line.put(b"\x1510").await;
    assert_eq!(line.step(), [], "the event is younger than the value");
    line.gate.settle(Type::MapListener, Ok(()));
    let said = line.step();
    assert!(
        matches!(
            &said[..],
            [ResponseType::Event(prime), ResponseType::Subscribed(done), ResponseType::Event(event)]
                if prime.priming && prime.new_value.is_empty() && done.uid == "key" && event.new_value[..] == b"\x1510"[..]
        ),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_cache_that_cannot_be_opened_is_refused_and_asked_for_again() {
    let mut line = Line::open().await;
    line.ask("first", RequestType::Init);
    assert_eq!(line.step(), []);
    line.gate.settle(Type::EnsureCache, Err(CacheError::ShuttingDown));
    let said = line.step();
    assert!(
        matches!(&said[..], [ResponseType::Error(error)] if error.uid == "first" && error.code == Code::Unavailable as i32),
        "{said:?}"
    );
    line.ask("second", RequestType::Init);
    assert_eq!(line.step(), []);
    line.gate.settle(Type::EnsureCache, Ok(()));
    assert!(matches!(&line.step()[..], [ResponseType::Subscribed(_)]));
}

#[tokio::test]
async fn a_stream_that_ends_its_side_still_hears_what_it_asked_for() {
    let mut line = Line::open().await;
    line.ask("init", RequestType::Init);
    line.requests.close_channel();
    assert_eq!(line.step(), []);
    line.gate.settle(Type::EnsureCache, Ok(()));
    assert!(matches!(&line.step()[..], [ResponseType::Subscribed(_)]));
    assert!(line.session.next().await.is_none());
}
