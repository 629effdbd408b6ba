//! The stream of events of one cache in version 0.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::Stream;
use grid_core::value::Format;
use grid_member::event::{BoundedQueue, Lifecycle};
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::{
    CacheDestroyedResponse, CacheTruncatedResponse, MapEventResponse, MapListenerErrorResponse,
    MapListenerRequest, MapListenerResponse, MapListenerSubscribedResponse, MapListenerUnsubscribedResponse,
};
use tonic::{Code, Status};

use crate::grpc::cache_proxy::{CacheProxy, Notice};
use crate::grpc::edge::{Stopped, stopping};
use crate::grpc::listener_filter::event_mask;
use crate::grpc::{Edge, EventBody, Refusal, RefusalKind, WireValue};

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

/// One stream of events: requests to listen come in, events go out.
pub(crate) struct EventsSession {
    edge: Arc<Edge>,
    inbound: Pin<Box<dyn Stream<Item = Result<MapListenerRequest, Status>> + Send>>,
    inbound_ended: bool,
    subject: Option<Subject>,
    queue: Arc<Queue>,
    out: VecDeque<ResponseType>,
    stopped: Stopped,
    ended: bool,
}

fn event_response(event: EventBody) -> ResponseType {
    ResponseType::Event(MapEventResponse {
        id: event.kind,
        key: event.key.into_bytes(),
        new_value: event.new.into_bytes(),
        old_value: event.old.into_bytes(),
        filter_ids: event.filter_ids,
        synthetic: event.synthetic,
        priming: event.priming,
        ..MapEventResponse::default()
    })
}

fn queue_notice(queue: &Queue, cache: &str, notice: Notice) {
    let cache = || cache.to_owned();
    let (response, weight) = match notice {
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
        // The stream ends, so nothing more is kept for it.
        queue.replace_all(Queued::TooSlow);
        queue.close();
    }
}

impl EventsSession {
    /// A session over a stream of requests.
    pub(crate) fn new(
        edge: Arc<Edge>,
        inbound: impl Stream<Item = Result<MapListenerRequest, Status>> + Send + 'static,
    ) -> Self {
        let options = edge.options();
        let stopped = edge.stopped();
        let queue = Arc::new(Queue::new(
            options.event_queue_len_max,
            options.event_queue_bytes_max,
        ));
        EventsSession {
            edge,
            inbound: Box::pin(inbound),
            inbound_ended: false,
            subject: None,
            queue,
            out: VecDeque::new(),
            stopped,
            ended: false,
        }
    }

    fn take_request(&mut self, request: MapListenerRequest) {
        let uid = request.uid.clone();
        let subscribe = request.subscribe || request.r#type == RequestType::Init as i32;
        match self.listen(request) {
            Ok(primed) => {
                self.out.extend(primed.map(event_response));
                self.out.push_back(if subscribe {
                    ResponseType::Subscribed(MapListenerSubscribedResponse { uid })
                } else {
                    ResponseType::Unsubscribed(MapListenerUnsubscribedResponse { uid })
                });
            }
            Err(refusal) => {
                let code = match refusal.kind {
                    RefusalKind::Malformed => Code::Internal,
                    _ => refusal.code(),
                };
                let message = refusal.message;
                let error = MapListenerErrorResponse {
                    uid,
                    message,
                    code: code as i32,
                    stack: Vec::new(),
                };
                self.out.push_back(ResponseType::Error(error));
            }
        }
    }

    fn subject(&mut self, request: &MapListenerRequest) -> Result<&Subject, Refusal> {
        let known = match self.subject.take() {
            Some(known) if known.scope != request.scope || known.cache != request.cache => {
                let message = format!(
                    "request for different cache name, original cache name is {} requested cache name is {}",
                    known.cache, request.cache
                );
                self.subject = Some(known);
                return Err(Refusal::invalid(message));
            }
            Some(known) => known,
            None => {
                let format = self.edge.format(&request.format)?;
                let cache = self.edge.cache(&request.scope, &request.cache)?;
                let (queue, name) = (self.queue.clone(), request.cache.clone());
                let outlet = move |notice| queue_notice(&queue, &name, notice);
                let proxy = CacheProxy::new(
                    self.edge.clone(),
                    cache,
                    format.into(),
                    WireValue::nothing(),
                    outlet,
                );
                Subject {
                    scope: request.scope.clone(),
                    cache: request.cache.clone(),
                    format,
                    proxy,
                }
            }
        };
        Ok(self.subject.insert(known))
    }

    /// Registers or takes back a listener; gives the event that a priming listener gets at once.
    fn listen(&mut self, request: MapListenerRequest) -> Result<Option<EventBody>, Refusal> {
        let kind = RequestType::try_from(request.r#type).map_err(|_unknown| {
            Refusal::invalid(format!(
                "a listener request of type {} is not known",
                request.r#type
            ))
        })?;
        let edge = self.edge.clone();
        let listeners_max = edge.options().listeners_per_stream_max;
        let subject = self.subject(&request)?;
        if !request.trigger.is_empty() {
            return Err(Refusal::unsupported("a map trigger"));
        }
        let (format, proxy) = (subject.format, &subject.proxy);
        if kind != RequestType::Init && request.subscribe && proxy.listener_count() >= listeners_max {
            return Err(Refusal::new(
                RefusalKind::Overloaded,
                format!(
                    "this stream has {listeners_max} listeners, and more are not allowed; use another stream"
                ),
            ));
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
            RequestType::Filter if !subscribe => {
                proxy.change_listeners(|table| Ok(table.remove_filter(filter_id)))?;
            }
            RequestType::Filter => {
                if priming {
                    return Err(Refusal::unsupported("a priming listener with a filter"));
                }
                let mask = event_mask(&edge, format, request.filter)?;
                proxy.change_listeners(|table| table.add_filter(filter_id, mask, lite))?;
            }
            RequestType::Key => {
                let key = edge.key(format, request.key)?;
                if !subscribe {
                    proxy.change_listeners(|table| Ok(table.remove_key(key)))?;
                    return Ok(None);
                }
                proxy.change_listeners(|table| Ok(table.add_key(key.clone(), lite, priming)))?;
                if priming {
                    return Ok(Some(proxy.priming_event(&key)?));
                }
            }
        }
        Ok(None)
    }

    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ResponseType>, Status>> {
        loop {
            if let Some(response) = self.out.pop_front() {
                return Poll::Ready(Ok(Some(response)));
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

impl Stream for EventsSession {
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
