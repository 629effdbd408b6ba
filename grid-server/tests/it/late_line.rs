//! A version 1 session without a network, whose caches answer when the test wants.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::channel::{mpsc, oneshot};
use futures::stream::{Stream, StreamExt};
use grid_core::cache::{CacheError, CacheName};
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Format, FormatRegistry, Key, WireRules};
use grid_member::Grid;
use grid_member::cache::Reply;
use grid_proto::any::{Packed, unpack};
use grid_proto::google::{Any, BytesValue};
use grid_proto::v1::cache::{
    EnsureCacheRequest, MapEventMessage, NamedCacheRequest, NamedCacheRequestType as Type,
    NamedCacheResponse, PutRequest, ResponseType,
};
use grid_proto::v1::proxy::{ProxyRequest, ProxyResponse, proxy_request, proxy_response};
use grid_server::grpc::v1::{InFrame, Session};
use grid_server::grpc::{Edge, GrpcMetrics, GrpcOptions, ReplyGate};
use parking_lot::Mutex;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::grpc_peer::{bytes_value, frame, init, json, message, request, responses, soon};

/// A reply that the test holds back.
struct Held {
    kind: Type,
    release: oneshot::Sender<Result<(), CacheError>>,
}

#[derive(Default)]
struct GateState {
    /// Whether replies are held back from now on.
    closed: bool,
    asked: Vec<Type>,
    held: Vec<Held>,
}

/// A gate that holds back replies while it is closed.
#[derive(Clone, Default)]
pub(crate) struct LateGate(Arc<Mutex<GateState>>);

impl ReplyGate for LateGate {
    fn pass<T: Send + 'static>(&self, kind: Type, reply: Reply<T>) -> Reply<T> {
        let mut state = self.0.lock();
        state.asked.push(kind);
        if !state.closed {
            return reply;
        }
        let (release, released) = oneshot::channel();
        state.held.push(Held { kind, release });
        Reply::later(async move {
            match released.await {
                Ok(Ok(())) => reply.await,
                Ok(Err(error)) => Err(error),
                Err(_test_ended) => Err(CacheError::ShuttingDown),
            }
        })
    }
}

impl LateGate {
    /// The kinds of the requests whose replies are held back, in their order.
    pub(crate) fn held(&self) -> Vec<Type> {
        self.0.lock().held.iter().map(|held| held.kind).collect()
    }

    /// Every request that the caches were asked, in order, since this was last called.
    pub(crate) fn asked(&self) -> Vec<Type> {
        std::mem::take(&mut self.0.lock().asked)
    }

    /// Lets the reply at this place go.
    pub(crate) fn release(&self, index: usize) {
        self.settle(index, Ok(()));
    }

    /// Makes an error of the reply at this place.
    pub(crate) fn fail(&self, index: usize, error: CacheError) {
        self.settle(index, Err(error));
    }

    fn settle(&self, index: usize, outcome: Result<(), CacheError>) {
        let held = self.0.lock().held.remove(index);
        held.release.send(outcome).expect("the session waits for it");
    }

    /// How many of the held replies nobody waits for any more.
    pub(crate) fn abandoned(&self) -> usize {
        let state = self.0.lock();
        state
            .held
            .iter()
            .filter(|held| held.release.is_canceled())
            .count()
    }

    pub(crate) fn close(&self, closed: bool) {
        self.0.lock().closed = closed;
    }
}

/// Remembers that it was woken.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What a session says, in short.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// A message of the answer to a request.
    Part(i64, NamedCacheResponse),
    /// An event.
    Event(MapEventMessage),
    /// The end of the answer.
    Complete(i64),
    /// A request was refused.
    Error(i64, String),
    /// The stream ended.
    End(Option<tonic::Code>),
}

/// A session, and what the test does to it.
pub(crate) struct Line {
    session: Option<Session<LateGate>>,
    pub(crate) gate: LateGate,
    pub(crate) edge: Arc<Edge>,
    pub(crate) stop: CancellationToken,
    frames: Option<mpsc::Sender<InFrame>>,
    taken: Arc<AtomicUsize>,
    woken: Arc<Flag>,
    ended: bool,
    /// What the session says besides in the frame that came last.
    rest: VecDeque<Said>,
    last_id: i64,
}

impl Line {
    /// A session that has shaken hands and opened the caches `a` (1), `b` (2) and `a` again (3). Replies come late
    /// from now on.
    pub(crate) async fn open(options: GrpcOptions) -> Self {
        let grid = Grid::builder().build().await.expect("a member");
        let stop = CancellationToken::new();
        let metrics = Arc::new(GrpcMetrics::default());
        let edge = Arc::new(Edge::new(grid, options, metrics, stop.clone()));
        let gate = LateGate::default();
        let (frames, inbound) = mpsc::channel(4096);
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = inbound.map({
            let taken = taken.clone();
            move |frame| {
                taken.fetch_add(1, Ordering::SeqCst);
                Ok(frame)
            }
        });
        let session = Session::with_gate(edge.clone(), counted, gate.clone());
        let mut line = Line {
            session: Some(session),
            gate,
            edge,
            stop,
            frames: Some(frames),
            taken,
            woken: Arc::new(Flag(AtomicBool::new(true))),
            ended: false,
            rest: VecDeque::new(),
            last_id: 0,
        };
        line.send(&frame(0, proxy_request::Request::Init(init("json"))));
        for cache in ["a", "b", "a"] {
            line.ensure(cache);
        }
        let said = line.step();
        assert_eq!(answered(&said), [0, 1, 2, 3], "{said:?}");
        line.gate.asked();
        line.gate.close(true);
        line.taken.store(0, Ordering::SeqCst);
        line.last_id = 0;
        line
    }

    fn send(&mut self, frame: &ProxyRequest) {
        self.send_bytes(frame.encode_to_vec());
    }

    pub(crate) fn send_bytes(&mut self, bytes: Vec<u8>) {
        let frames = self.frames.as_mut().expect("the client has not ended its side");
        frames
            .try_send(InFrame::decode(bytes.into()))
            .expect("there is room");
    }

    /// The client sends nothing more.
    pub(crate) fn end_of_requests(&mut self) {
        self.frames = None;
    }

    /// Sends a request; gives its id: 1 for the first, and so on.
    pub(crate) fn ask(&mut self, request: &NamedCacheRequest) -> i64 {
        self.last_id += 1;
        self.send(&message(self.last_id, request));
        self.last_id
    }

    pub(crate) fn ensure(&mut self, cache: &str) -> i64 {
        let body = EnsureCacheRequest {
            cache: cache.to_owned(),
        };
        self.ask(&request(Type::EnsureCache, 0, Some(&body)))
    }

    pub(crate) fn get(&mut self, cache: i32, key: &str) -> i64 {
        self.ask(&request(Type::Get, cache, Some(&bytes_value(json(key)))))
    }

    pub(crate) fn remove(&mut self, cache: i32, key: &str) -> i64 {
        self.ask(&request(Type::Remove, cache, Some(&bytes_value(json(key)))))
    }

    pub(crate) fn put(&mut self, cache: i32, key: &str, value: &str) -> i64 {
        let body = PutRequest {
            key: json(key),
            value: json(value),
            ttl: None,
        };
        self.ask(&request(Type::Put, cache, Some(&body)))
    }

    /// A request without a message on the cache 1.
    pub(crate) fn plain(&mut self, kind: Type) -> i64 {
        self.ask(&request::<BytesValue>(kind, 1, None))
    }

    /// How many requests were taken from the client.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    fn poll_session(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        if let Some(said) = self.rest.pop_front() {
            return Poll::Ready(said);
        }
        let session = self.session.as_mut().expect("the session was not dropped");
        match Pin::new(session).poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                self.rest = responses(&frame).into_iter().map(said).collect();
                Poll::Ready(self.rest.pop_front().expect("a frame has a response"))
            }
            Poll::Ready(Some(Err(status))) => Poll::Ready(self.end(Some(&status))),
            Poll::Ready(None) => Poll::Ready(self.end(None)),
        }
    }

    fn end(&mut self, status: Option<&Status>) -> Said {
        self.ended = true;
        Said::End(status.map(Status::code))
    }

    /// What the session says until it waits. It is polled only when it was woken, so one that misses its wake-up
    /// says nothing.
    pub(crate) fn step(&mut self) -> Vec<Said> {
        let mut all = Vec::new();
        let waker = Waker::from(self.woken.clone());
        while !self.ended && self.woken.0.swap(false, Ordering::SeqCst) {
            while let Poll::Ready(said) = self.poll_session(&mut Context::from_waker(&waker)) {
                all.push(said);
                if self.ended {
                    break;
                }
            }
        }
        all
    }

    /// One frame, or none when the session waits.
    pub(crate) fn read_one(&mut self) -> Option<Said> {
        let waker = Waker::from(self.woken.clone());
        match self.poll_session(&mut Context::from_waker(&waker)) {
            Poll::Ready(said) => Some(said),
            Poll::Pending => None,
        }
    }

    /// Everything that the session says until this holds of what it said and of the gate.
    pub(crate) async fn until(&mut self, holds: impl Fn(&[Said], &LateGate) -> bool) -> Vec<Said> {
        let mut all = VecDeque::new();
        soon(std::future::poll_fn(|cx| {
            while !self.ended
                && let Poll::Ready(said) = self.poll_session(cx)
            {
                all.push_back(said);
            }
            if holds(all.make_contiguous(), &self.gate) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
        .await;
        // Its waker was the test's: whatever woke it meanwhile is forgotten.
        self.woken.0.store(true, Ordering::SeqCst);
        all.into()
    }

    /// Drops the session.
    pub(crate) fn hang_up(&mut self) {
        self.session = None;
    }

    /// Another client of the member puts an entry into the cache `a`.
    pub(crate) async fn another_puts(&self, key: &str, value: &str) {
        let formats = FormatRegistry::new();
        let binary = |text| {
            formats
                .from_wire(Format::JSON, json(text), &WireRules::new())
                .expect("JSON")
        };
        let name = CacheName::new("a").expect("a name");
        let cache = self.edge.grid().open("", &name).await.expect("a cache");
        let command = Command::Put {
            value: binary(value),
            ttl: TimeToLive::default(),
        };
        let key = Key::new(binary(key)).expect("a key");
        cache.update(&key, command, false).await.expect("it is put");
    }
}

fn said(response: ProxyResponse) -> Said {
    let id = response.id;
    match response.response.expect("a response") {
        proxy_response::Response::Message(any) => part(id, any),
        proxy_response::Response::Complete(_) => Said::Complete(id),
        proxy_response::Response::Error(error) => Said::Error(id, error.message),
        proxy_response::Response::Init(_) | proxy_response::Response::Heartbeat(_) => Said::Complete(id),
    }
}

fn part(id: i64, any: Any) -> Said {
    let message: NamedCacheResponse = unpack(Some(any)).expect("a response of a cache");
    if message.r#type == ResponseType::MapEvent as i32 {
        return Said::Event(unpack(message.message).expect("an event"));
    }
    Said::Part(id, message)
}

/// What the one message of an answer carries.
pub(crate) fn carried<M: Packed>(all: &[Said], id: i64) -> M {
    let mut parts = all.iter().filter_map(|said| match said {
        Said::Part(part_of, message) if *part_of == id => Some(message),
        _ => None,
    });
    let message = parts
        .next()
        .unwrap_or_else(|| panic!("no answer to {id} in {all:?}"));
    assert!(parts.next().is_none(), "one answer to {id} in {all:?}");
    unpack(message.message.clone()).expect("a message")
}

/// The requests that were answered, in the order of their answers.
pub(crate) fn answered(all: &[Said]) -> Vec<i64> {
    let id = |said: &Said| match said {
        Said::Complete(id) | Said::Error(id, _) => Some(*id),
        _ => None,
    };
    all.iter().filter_map(id).collect()
}
