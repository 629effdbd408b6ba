//! A server in this process that holds one map, and fails when it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::Stream;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream, WatchStream};
use tonic::{Request, Response, Status, Streaming};

use grid_proto::any::{Packed, pack, unpack};
use grid_proto::girih::cluster_server::{Cluster, ClusterServer};
use grid_proto::girih::{OpenedCache, Topology, WatchRequest};
use grid_proto::google::{Any, BytesValue, Int32Value};
use grid_proto::tag::tag_of;
use grid_proto::v1::cache::{
    EnsureCacheRequest, MapEventMessage, MapListenerRequest, NamedCacheRequest,
    NamedCacheRequestType as Kind, NamedCacheResponse, PutAllRequest, PutRequest, ResponseType,
};
use grid_proto::v1::common::{
    BinaryKeyAndValue, CollectionOfBytesValues, Complete, ErrorMessage, HeartbeatMessage, OptionalValue,
};
use grid_proto::v1::proxy::proxy_service_server::{ProxyService, ProxyServiceServer};
use grid_proto::v1::proxy::{InitResponse, ProxyRequest, ProxyResponse, proxy_request, proxy_response};

use grid_proto::wishes::Grants;

use crate::fixture::spawn;

/// Who was registered for events.
#[derive(Clone)]
struct Listener {
    cache_id: i32,
    filter_id: i64,
    to: Outgoing,
}

/// What to do with the next request of a kind instead of answering it.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Ends the call, and does nothing.
    DropBefore,
    /// Does it and ends the call.
    DropAfter,
    /// Does nothing and says nothing.
    Ignore,
    /// Keeps the answer until [`Fake::release`].
    Hold,
    /// Answers with an error.
    Refuse(&'static str),
    /// Answers with bytes that are no `NamedCacheResponse`.
    Garbage,
    /// Answers with a value without format byte.
    NoFormat,
    /// Answers with a value of this many bytes.
    Long(usize),
}

type Outgoing = mpsc::Sender<Result<ProxyResponse, Status>>;

/// A request's number: its client, its series and itself.
type Numbered = (Bytes, u32, u64);

/// What the servers of one cluster share.
#[derive(Default)]
pub(crate) struct Ledger {
    map: Mutex<BTreeMap<Bytes, Bytes>>,
    /// The answers of the numbered requests that were done.
    done: Mutex<BTreeMap<Numbered, Option<Any>>>,
    /// How many puts were done.
    puts: AtomicUsize,
}

impl Ledger {
    pub(crate) fn puts(&self) -> usize {
        self.puts.load(Ordering::SeqCst)
    }
}

/// What makes a server a member of a cluster.
pub(crate) struct Membership {
    pub(crate) member: u64,
    pub(crate) topology: watch::Sender<Topology>,
}

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) membership: OnceLock<Membership>,
    faults: Mutex<VecDeque<(Kind, Fault)>>,
    held: Mutex<Vec<(Outgoing, ProxyResponse)>>,
    listeners: Mutex<Vec<Listener>>,
    open: Mutex<Vec<Outgoing>>,
    calls: AtomicUsize,
    requests: Mutex<Vec<Kind>>,
    next_cache: AtomicI32,
    silent: std::sync::atomic::AtomicBool,
}

/// The server, running.
pub(crate) struct Fake {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

/// The service that caches of a cluster are in.
pub(crate) const SERVICE: u32 = 3;

struct Service(Arc<Shared>);

#[tonic::async_trait]
impl Cluster for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Topology, Status>> + Send>>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let Some(membership) = self.0.membership.get() else {
            return Err(Status::unimplemented("no cluster"));
        };
        let topologies = WatchStream::new(membership.topology.subscribe());
        Ok(Response::new(Box::pin(topologies.map(Ok))))
    }
}

impl Fake {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), Arc::default())
    }

    pub(crate) fn start_at(address: SocketAddr, shared: Arc<Shared>) -> Self {
        let socket = if address.is_ipv4() {
            tokio::net::TcpSocket::new_v4().unwrap()
        } else {
            tokio::net::TcpSocket::new_v6().unwrap()
        };
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener: TcpListener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let service = ProxyServiceServer::new(Service(shared.clone()));
        let cluster = ClusterServer::new(Service(shared.clone()));
        let server = spawn(async move {
            let router = tonic::transport::Server::builder()
                .add_service(service)
                .add_service(cluster);
            router
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        Fake {
            shared,
            address,
            server,
        }
    }

    /// Ends every call and stops; gives what it takes to start again.
    pub(crate) async fn stop(self) -> (SocketAddr, Arc<Shared>) {
        self.server.abort();
        let _aborted = self.server.await;
        self.shared.end_calls().await;
        let open = std::mem::take(&mut *self.shared.open.lock());
        for to in open {
            let _gone = to.send(Err(Status::unavailable("going down"))).await;
        }
        (self.address, self.shared)
    }
}

impl Shared {
    /// A server that shares its entries with others.
    pub(crate) fn with(ledger: Arc<Ledger>) -> Self {
        Shared {
            ledger,
            ..Shared::default()
        }
    }

    pub(crate) fn plan(&self, kind: Kind, fault: Fault) {
        self.faults.lock().push_back((kind, fault));
    }

    pub(crate) fn forget_plans(&self) {
        self.faults.lock().clear();
    }

    /// How often a request of this kind came.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.requests.lock().iter().filter(|seen| **seen == kind).count()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// From now on nothing is answered, heartbeats neither.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn held(&self) -> usize {
        self.held.lock().len()
    }

    /// Sends the answers that were kept.
    pub(crate) async fn release(&self) {
        let held = std::mem::take(&mut *self.held.lock());
        for (to, answer) in held {
            let id = answer.id;
            // The call may be over, which is for the client to notice.
            let _gone = to.send(Ok(answer)).await;
            let _gone = to.send(Ok(complete(id))).await;
        }
    }

    pub(crate) async fn end_calls(&self) {
        let listeners = std::mem::take(&mut *self.listeners.lock());
        for Listener { to, .. } in listeners {
            let _gone = to.send(Err(Status::unavailable("going down"))).await;
        }
    }

    pub(crate) fn listeners(&self) -> usize {
        self.listeners.lock().len()
    }

    /// Sends an insert event to every listener.
    pub(crate) async fn announce(&self, key: &'static str, value: &'static str) {
        let listeners = self.listeners.lock().clone();
        for Listener {
            cache_id,
            filter_id,
            to,
        } in listeners
        {
            let event = MapEventMessage {
                id: 1,
                key: key.into(),
                new_value: value.into(),
                old_value: "\u{15}null".into(),
                filter_ids: vec![filter_id],
                ..Default::default()
            };
            to.send(Ok(answer(
                0,
                cache_id,
                ResponseType::MapEvent,
                Some(pack(&event)),
            )))
            .await
            .unwrap();
        }
    }

    fn fault(&self, kind: Kind) -> Option<Fault> {
        let mut faults = self.faults.lock();
        let at = faults.iter().position(|(planned, _)| *planned == kind)?;
        faults.remove(at).map(|(_, fault)| fault)
    }

    /// Does a request and gives the message of its answer; once, if it is numbered.
    async fn act(
        &self,
        numbered: Option<Numbered>,
        request: NamedCacheRequest,
        out: &Outgoing,
    ) -> Option<Any> {
        let Some(numbered) = numbered else {
            return self.act_now(request, out).await;
        };
        if let Some(answer) = self.ledger.done.lock().get(&numbered) {
            return answer.clone();
        }
        let answer = self.act_now(request, out).await;
        self.ledger.done.lock().insert(numbered, answer.clone());
        answer
    }

    /// Does a request and gives the message of its answer.
    async fn act_now(&self, request: NamedCacheRequest, out: &Outgoing) -> Option<Any> {
        let cache_id = request.cache_id.unwrap_or(0);
        match request.r#type() {
            Kind::Get => {
                let key: BytesValue = unpack(request.message).unwrap();
                let value = self.ledger.map.lock().get(&key.value).cloned();
                Some(pack(&OptionalValue {
                    present: value.is_some(),
                    value: value.unwrap_or_default(),
                }))
            }
            Kind::Put => {
                let put: PutRequest = unpack(request.message).unwrap();
                self.ledger.puts.fetch_add(1, Ordering::SeqCst);
                let old = self.ledger.map.lock().insert(put.key.clone(), put.value.clone());
                let old = old.unwrap_or_else(|| "\u{15}null".into());
                let listeners = self.listeners.lock().clone();
                for Listener {
                    cache_id,
                    filter_id,
                    to,
                } in listeners
                {
                    let event = MapEventMessage {
                        id: 1,
                        key: put.key.clone(),
                        new_value: put.value.clone(),
                        filter_ids: vec![filter_id],
                        ..Default::default()
                    };
                    let _gone = to
                        .send(Ok(answer(
                            0,
                            cache_id,
                            ResponseType::MapEvent,
                            Some(pack(&event)),
                        )))
                        .await;
                }
                Some(pack(&BytesValue { value: old }))
            }
            Kind::GetAll => {
                let keys: CollectionOfBytesValues = unpack(request.message).unwrap();
                let map = self.ledger.map.lock();
                // One message an entry would be an answer of several; one entry is enough for what is tested.
                keys.values.into_iter().find_map(|key| {
                    let value = map.get(&key)?.clone();
                    Some(pack(&BinaryKeyAndValue { key, value }))
                })
            }
            Kind::PutAll => {
                let put: PutAllRequest = unpack(request.message).unwrap();
                let entries = put.entries.into_iter().map(|entry| (entry.key, entry.value));
                self.ledger.map.lock().extend(entries);
                None
            }
            Kind::MapListener => {
                let listener: MapListenerRequest = unpack(request.message).unwrap();
                if listener.subscribe {
                    self.listeners.lock().push(Listener {
                        cache_id,
                        filter_id: listener.filter_id,
                        to: out.clone(),
                    });
                } else {
                    self.listeners
                        .lock()
                        .retain(|listener| listener.cache_id != cache_id);
                }
                None
            }
            Kind::Size => {
                let size = self.ledger.map.lock().len();
                Some(pack(&Int32Value {
                    value: i32::try_from(size).unwrap(),
                }))
            }
            _ => None,
        }
    }
}

fn response(id: i64, body: proxy_response::Response) -> ProxyResponse {
    ProxyResponse {
        id,
        response: Some(body),
        ..Default::default()
    }
}

fn complete(id: i64) -> ProxyResponse {
    response(id, proxy_response::Response::Complete(Complete {}))
}

fn answer(id: i64, cache_id: i32, kind: ResponseType, message: Option<Any>) -> ProxyResponse {
    let inner = NamedCacheResponse {
        cache_id,
        r#type: kind.into(),
        message,
    };
    response(id, proxy_response::Response::Message(pack(&inner)))
}

/// Answers one frame; `Err` ends the call.
async fn serve(
    shared: &Shared,
    client: &mut Bytes,
    frame: ProxyRequest,
    out: &Outgoing,
) -> Result<(), Status> {
    let id = frame.id;
    let numbered = tag_of(&frame.context)
        .unwrap()
        .map(|tag| (client.clone(), tag.series, tag.number));
    if shared.silent.load(Ordering::SeqCst) {
        return Ok(());
    }
    let send = async |frame| {
        out.send(Ok(frame))
            .await
            .map_err(|_gone| Status::cancelled("gone"))
    };
    let any = match frame.request {
        Some(proxy_request::Request::Init(init)) => {
            *client = init.client_uuid.unwrap_or_default();
            let member = shared.membership.get().map(|membership| membership.member);
            let grants = Grants {
                once: member.map(|_| 1_700_000_000_000),
                routes: member,
                ..Grants::default()
            };
            let init = InitResponse {
                version: "fake".to_owned(),
                protocol_version: 1,
                ..Default::default()
            };
            return send(ProxyResponse {
                context: grants.context(),
                ..response(id, proxy_response::Response::Init(init))
            })
            .await;
        }
        Some(proxy_request::Request::Heartbeat(_)) => {
            return send(response(
                id,
                proxy_response::Response::Heartbeat(HeartbeatMessage::default()),
            ))
            .await;
        }
        Some(proxy_request::Request::Message(any)) => any,
        None => return Err(Status::internal("no request")),
    };
    let request: NamedCacheRequest = unpack(Some(any)).unwrap();
    let kind = request.r#type();
    shared.requests.lock().push(kind);
    if kind == Kind::EnsureCache {
        let _name: EnsureCacheRequest = unpack(request.message).unwrap();
        let cache_id = shared.next_cache.fetch_add(1, Ordering::SeqCst) + 1;
        let service = shared
            .membership
            .get()
            .map(|_| pack(&OpenedCache { service: SERVICE }));
        send(answer(id, cache_id, ResponseType::Message, service)).await?;
        return send(complete(id)).await;
    }
    let Some(message) = fail_or_act(shared, (id, numbered), request, out).await? else {
        return Ok(());
    };
    if message.is_some() {
        send(answer(id, 0, ResponseType::Message, message)).await?;
    }
    send(complete(id)).await
}

/// Does the request as the next fault of its kind says; `None` when there is nothing more to send.
async fn fail_or_act(
    shared: &Shared,
    (id, numbered): (i64, Option<Numbered>),
    request: NamedCacheRequest,
    out: &Outgoing,
) -> Result<Option<Option<Any>>, Status> {
    let send = async |frame| {
        out.send(Ok(frame))
            .await
            .map_err(|_gone| Status::cancelled("gone"))
    };
    let kind = request.r#type();
    let long = |len: usize| {
        let value = [b"\x15\"", vec![b'x'; len].as_slice(), b"\""].concat();
        Some(pack(&OptionalValue {
            present: true,
            value: value.into(),
        }))
    };
    Ok(Some(match shared.fault(kind) {
        Some(Fault::DropBefore) => return Err(Status::unavailable("dropped")),
        Some(Fault::DropAfter) => {
            shared.act(numbered, request, out).await;
            return Err(Status::unavailable("dropped"));
        }
        Some(Fault::Ignore) => return Ok(None),
        Some(Fault::Hold) => {
            let message = shared.act(numbered, request, out).await;
            shared
                .held
                .lock()
                .push((out.clone(), answer(id, 0, ResponseType::Message, message)));
            return Ok(None);
        }
        Some(Fault::Refuse(words)) => {
            let error = ErrorMessage {
                message: words.to_owned(),
                error: None,
            };
            send(response(id, proxy_response::Response::Error(error))).await?;
            return Ok(None);
        }
        Some(Fault::Garbage) => {
            let any = Any {
                type_url: NamedCacheResponse::TYPE_URL.into(),
                value: vec![0xff; 30].into(),
            };
            send(response(id, proxy_response::Response::Message(any))).await?;
            return Ok(None);
        }
        Some(Fault::NoFormat) => Some(pack(&OptionalValue {
            present: true,
            value: "1".into(),
        })),
        Some(Fault::Long(len)) => long(len),
        None => shared.act(numbered, request, out).await,
    }))
}

#[tonic::async_trait]
impl ProxyService for Service {
    type subChannelStream = Pin<Box<dyn Stream<Item = Result<ProxyResponse, Status>> + Send>>;

    async fn sub_channel(
        &self,
        request: Request<Streaming<ProxyRequest>>,
    ) -> Result<Response<Self::subChannelStream>, Status> {
        let shared = self.0.clone();
        shared.calls.fetch_add(1, Ordering::SeqCst);
        let mut frames = request.into_inner();
        let (out, answers) = mpsc::channel(1_024);
        shared.open.lock().push(out.clone());
        spawn(async move {
            let mut client = Bytes::new();
            while let Some(Ok(frame)) = frames.next().await {
                if let Err(status) = serve(&shared, &mut client, frame, &out).await {
                    // The listeners of this call are gone with it.
                    shared
                        .listeners
                        .lock()
                        .retain(|listener| !listener.to.same_channel(&out));
                    let _gone = out.send(Err(status)).await;
                    return;
                }
            }
            shared
                .listeners
                .lock()
                .retain(|listener| !listener.to.same_channel(&out));
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}
