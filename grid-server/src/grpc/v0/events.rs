//! The stream of events of one cache in version 0.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::Stream;
use grid_core::cache::CacheError;
use grid_core::value::{Format, Key};
use grid_member::cache::{OpenCache, Reply};
use grid_member::event::{BoundedQueue, Lifecycle};
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::{
    CacheDestroyedResponse, CacheTruncatedResponse, MapEventResponse, MapListenerErrorResponse,
    MapListenerRequest, MapListenerResponse, MapListenerSubscribedResponse, MapListenerUnsubscribedResponse,
};
use grid_proto::v1::cache::NamedCacheRequestType as Type;
use tonic::{Code, Status};

use crate::grpc::cache_proxy::{CacheProxy, Notice, Primed, Primer};
use crate::grpc::edge::{Stopped, stopping};
use crate::grpc::{Edge, EventBody, OpenGate, Refusal, RefusalKind, ReplyGate, WireValue};

/// What waits for a stream.
enum Queued {
    Response(ResponseType),
    TooSlow,
}

type Queue = BoundedQueue<Queued>;

/// The cache that the stream is for. The first request says which it is.
struct Subject {
    scope: String,
    cache: String,
    format: Format,
    proxy: CacheProxy,
}

/// What a request waits for. No other is taken meanwhile.
enum Work {
    Idle,
    /// The cache is opened that the stream is for.
    Opening {
        request: Box<MapListenerRequest>,
        cache: BoxFuture<'static, Result<Arc<OpenCache>, CacheError>>,
    },
    /// A listener was registered, and becomes known to all members.
    Listening {
        uid: String,
        heard: BoxFuture<'static, Result<(), CacheError>>,
    },
    /// The values are read that a priming listener gets. Events that come meanwhile may be younger, and wait.
    Priming {
        priming: Priming,
        values: BoxFuture<'static, Result<Primed, CacheError>>,
    },
}

/// A priming listener that gets its values.
struct Priming {
    uid: String,
    primer: Primer,
}

/// What came of a request.
enum Listened {
    /// Nothing is left to do.
    Done,
    /// A listener was registered; the reply is there when all members know it.
    Registered(Reply<()>),
    /// As before, of a priming listener: what makes its events, and the values that go into them, which are read when all
    /// members know it.
    Primed(Primer, Reply<Primed>),
}

/// One stream of events: requests to listen come in, events go out.
pub(crate) struct EventsSession<G = OpenGate> {
    edge: Arc<Edge>,
    gate: G,
    inbound: Pin<Box<dyn Stream<Item = Result<MapListenerRequest, Status>> + Send>>,
    inbound_ended: bool,
    subject: Option<Subject>,
    queue: Arc<Queue>,
    out: VecDeque<ResponseType>,
    work: Work,
    stopped: Stopped,
    ended: bool,
}

fn event_response(event: EventBody) -> ResponseType {
    ResponseType::Event(MapEventResponse {
        transformation_state: event.transformation_state(),
        id: event.kind,
        key: event.key.into_bytes(),
        new_value: event.new.into_bytes(),
        old_value: event.old.into_bytes(),
        filter_ids: event.filter_ids,
        synthetic: event.synthetic,
        priming: event.priming,
    })
}

fn queue_notice(queue: &Queue, cache: &str, notice: Notice) {
    let cache = || cache.to_owned();
    let (response, weight) = match notice {
        Notice::Missed => return end(queue),
        Notice::Entry(event) => {
            let weight = event.weight();
            (event_response(*event), weight)
        }
        Notice::Lifecycle(Lifecycle::Truncated) => (
            ResponseType::Truncated(CacheTruncatedResponse { cache: cache() }),
            size_of::<Queued>(),
        ),
        Notice::Lifecycle(Lifecycle::Destroyed) => (
            ResponseType::Destroyed(CacheDestroyedResponse { cache: cache() }),
            size_of::<Queued>(),
        ),
    };
    if queue.push(Queued::Response(response), weight).is_err() {
        end(queue);
    }
}

/// The stream ends, so nothing more is kept for it.
fn end(queue: &Queue) {
    queue.replace_all(Queued::TooSlow);
    queue.close();
}

impl EventsSession {
    /// A session over a stream of requests.
    pub(crate) fn new(
        edge: Arc<Edge>,
        inbound: impl Stream<Item = Result<MapListenerRequest, Status>> + Send + 'static,
    ) -> Self {
        EventsSession::with_gate(edge, inbound, OpenGate)
    }
}

impl<G: ReplyGate> EventsSession<G> {
    /// A session over a stream of requests, for which the replies of the caches pass this gate.
    pub(super) fn with_gate(
        edge: Arc<Edge>,
        inbound: impl Stream<Item = Result<MapListenerRequest, Status>> + Send + 'static,
        gate: G,
    ) -> Self {
        let options = edge.options();
        let stopped = edge.stopped();
        let queue = Arc::new(Queue::new(
            options.event_queue_len_max,
            options.event_queue_bytes_max,
        ));
        EventsSession {
            edge,
            gate,
            inbound: Box::pin(inbound),
            inbound_ended: false,
            subject: None,
            queue,
            out: VecDeque::new(),
            work: Work::Idle,
            stopped,
            ended: false,
        }
    }

    fn take_request(&mut self, request: MapListenerRequest) {
        match self.opening(&request) {
            Ok(None) => self.take_listener(request),
            Ok(Some(opening)) => match opening.now_or_later() {
                Ok(opened) => self.take_opened(request, opened),
                Err(cache) => {
                    let request = Box::new(request);
                    self.work = Work::Opening { request, cache };
                }
            },
            Err(refusal) => self.refuse(request.uid, refusal),
        }
    }

    fn refuse(&mut self, uid: String, refusal: Refusal) {
        let code = match refusal.kind {
            RefusalKind::Malformed => Code::Internal,
            _ => refusal.code(),
        };
        let error = MapListenerErrorResponse {
            uid,
            message: refusal.message,
            code: code as i32,
            stack: Vec::new(),
        };
        self.out.push_back(ResponseType::Error(error));
    }

    /// The cache on its way that the stream is for, unless it is known. The first request says which it is.
    fn opening(&self, request: &MapListenerRequest) -> Result<Option<Reply<Arc<OpenCache>>>, Refusal> {
        match &self.subject {
            None => {
                self.edge.format(&request.format)?;
                let opening = self.edge.open(&request.scope, &request.cache)?;
                Ok(Some(self.gate.pass(Type::EnsureCache, opening)))
            }
            Some(known) if known.scope != request.scope || known.cache != request.cache => {
                Err(Refusal::invalid(format!(
                    "request for different cache name, original cache name is {} requested cache name is {}",
                    known.cache, request.cache
                )))
            }
            Some(_) => Ok(None),
        }
    }

    fn take_opened(&mut self, request: MapListenerRequest, opened: Result<Arc<OpenCache>, CacheError>) {
        let opened = opened.map_err(Refusal::from);
        match opened.and_then(|cache| Ok((cache, self.edge.format(&request.format)?))) {
            Ok((cache, format)) => {
                let (queue, name) = (self.queue.clone(), request.cache.clone());
                let outlet = move |notice| queue_notice(&queue, &name, notice);
                let edge = self.edge.clone();
                let proxy = CacheProxy::new(edge, cache, format.into(), WireValue::nothing(), outlet);
                self.subject = Some(Subject {
                    scope: request.scope.clone(),
                    cache: request.cache.clone(),
                    format,
                    proxy,
                });
                self.take_listener(request);
            }
            Err(refusal) => self.refuse(request.uid, refusal),
        }
    }

    fn take_listener(&mut self, request: MapListenerRequest) {
        let uid = request.uid.clone();
        let subscribe = request.subscribe || request.r#type == RequestType::Init as i32;
        match self.listen(request) {
            Ok(Listened::Done) if subscribe => self.subscribed(uid),
            Ok(Listened::Registered(heard)) => match heard.now_or_later() {
                Ok(heard) => self.take_heard(uid, heard),
                Err(heard) => self.work = Work::Listening { uid, heard },
            },
            Ok(Listened::Done) => {
                let response = MapListenerUnsubscribedResponse { uid };
                self.out.push_back(ResponseType::Unsubscribed(response));
            }
            Ok(Listened::Primed(primer, values)) => {
                let priming = Priming { uid, primer };
                match values.now_or_later() {
                    Ok(values) => self.take_primed(priming, values),
                    Err(values) => self.work = Work::Priming { priming, values },
                }
            }
            Err(refusal) => self.refuse(uid, refusal),
        }
    }

    fn subscribed(&mut self, uid: String) {
        let response = MapListenerSubscribedResponse { uid };
        self.out.push_back(ResponseType::Subscribed(response));
    }

    fn take_heard(&mut self, uid: String, heard: Result<(), CacheError>) {
        match heard {
            Ok(()) => self.subscribed(uid),
            Err(error) => self.refuse(uid, error.into()),
        }
    }

    fn take_primed(&mut self, priming: Priming, values: Result<Primed, CacheError>) {
        let Priming { uid, primer } = priming;
        let events = values.map_err(Refusal::from).and_then(|values| {
            let events = values.into_iter();
            let events = events.map(|(key, value)| Ok(event_response(primer.event(&key, value)?)));
            events.collect::<Result<Vec<_>, Refusal>>()
        });
        match events {
            Ok(events) => {
                self.out.extend(events);
                self.subscribed(uid);
            }
            Err(refusal) => self.refuse(uid, refusal),
        }
    }

    /// Goes on with what a request waits for. Ready when nothing is waited for.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.work, Work::Idle) {
            Work::Idle => {}
            Work::Opening { request, mut cache } => match cache.as_mut().poll(cx) {
                Poll::Ready(opened) => self.take_opened(*request, opened),
                Poll::Pending => self.work = Work::Opening { request, cache },
            },
            Work::Listening { uid, mut heard } => match heard.as_mut().poll(cx) {
                Poll::Ready(heard) => self.take_heard(uid, heard),
                Poll::Pending => self.work = Work::Listening { uid, heard },
            },
            Work::Priming { priming, mut values } => match values.as_mut().poll(cx) {
                Poll::Ready(values) => self.take_primed(priming, values),
                Poll::Pending => self.work = Work::Priming { priming, values },
            },
        }
        match self.work {
            Work::Idle => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// Registers or takes back a listener.
    fn listen(&self, request: MapListenerRequest) -> Result<Listened, Refusal> {
        let kind = RequestType::try_from(request.r#type).map_err(|_unknown| {
            Refusal::invalid(format!(
                "a listener request of type {} is not known",
                request.r#type
            ))
        })?;
        let edge = &self.edge;
        let listeners_max = edge.options().listeners_per_stream_max;
        let Some(subject) = &self.subject else {
            return Err(Refusal::invalid(
                "the stream has no cache yet; send an Init request",
            ));
        };
        if !request.trigger.is_empty() {
            return Err(Refusal::unsupported("a map trigger"));
        }
        let (format, proxy) = (subject.format, &subject.proxy);
        if kind != RequestType::Init && request.subscribe && proxy.listener_count() >= listeners_max {
            return Err(Refusal::too_many_listeners(listeners_max));
        }
        let MapListenerRequest {
            subscribe,
            lite,
            priming,
            filter_id,
            ..
        } = request;
        match kind {
            RequestType::Init => {}
            RequestType::Filter if priming => {
                let keys = edge.primed_keys(format, request.filter)?;
                if subscribe && proxy.listener_count() + keys.len() > listeners_max {
                    return Err(Refusal::too_many_listeners(listeners_max));
                }
                return self.prime(proxy, keys, subscribe, lite);
            }
            RequestType::Filter if !subscribe => {
                proxy.change_listeners(|table| Ok(table.remove_filter(filter_id)))?;
            }
            RequestType::Filter => {
                let filter = edge.event_filter(format, request.filter)?;
                let heard = proxy.add_filter_listener(filter_id, filter, lite)?;
                return Ok(Listened::Registered(heard));
            }
            RequestType::Key => {
                let key = edge.key(format, request.key)?;
                if priming {
                    return self.prime(proxy, vec![key], subscribe, lite);
                }
                if !subscribe {
                    proxy.change_listeners(|table| Ok(table.remove_key(key)))?;
                    return Ok(Listened::Done);
                }
                let heard = proxy.add_key_listener(&key, lite, priming)?;
                return Ok(Listened::Registered(heard));
            }
        }
        Ok(Listened::Done)
    }

    /// Listens to keys for a client that primes a copy of its own, or stops to.
    fn prime(
        &self,
        proxy: &CacheProxy,
        keys: Vec<Key>,
        subscribe: bool,
        lite: bool,
    ) -> Result<Listened, Refusal> {
        if !subscribe {
            for key in keys {
                proxy.change_listeners(|table| Ok(table.remove_key(key)))?;
            }
            return Ok(Listened::Done);
        }
        let values = self.gate.pass(Type::MapListener, proxy.add_primed(keys, lite));
        Ok(Listened::Primed(proxy.primer(), values))
    }

    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ResponseType>, Status>> {
        loop {
            if let Some(response) = self.out.pop_front() {
                return Poll::Ready(Ok(Some(response)));
            }
            // Work may have been taken up and ended in this very turn, with something to send.
            std::task::ready!(self.poll_work(cx));
            if !self.out.is_empty() {
                continue;
            }
            match self.queue.poll_pop(cx) {
                Poll::Ready(Some(Queued::Response(response))) => {
                    // With its cache, the stream has come to its end.
                    self.ended = matches!(response, ResponseType::Destroyed(_));
                    return Poll::Ready(Ok(Some(response)));
                }
                Poll::Ready(Some(Queued::TooSlow)) => {
                    return Poll::Ready(Err(self.edge.too_slow()));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => {}
            }
            if self.inbound_ended {
                return Poll::Ready(Ok(None));
            }
            match self.inbound.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(request))) => self.take_request(request),
                Poll::Ready(Some(Err(status))) => return Poll::Ready(Err(status)),
                Poll::Ready(None) => self.inbound_ended = true,
                Poll::Pending => {
                    std::task::ready!(self.stopped.as_mut().poll(cx));
                    return Poll::Ready(Err(stopping()));
                }
            }
        }
    }
}

impl<G: ReplyGate> Stream for EventsSession<G> {
    type Item = Result<MapListenerResponse, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let response = std::task::ready!(this.poll_response(cx)).transpose();
        if !matches!(response, Some(Ok(_))) {
            this.ended = true;
        }
        let message = |response| MapListenerResponse {
            response_type: Some(response),
        };
        Poll::Ready(response.map(|response| response.map(message)))
    }
}

#[cfg(test)]
#[path = "events_test.rs"]
mod tests;
