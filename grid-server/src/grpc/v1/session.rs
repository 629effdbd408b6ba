//! One version 1 stream: frames in, frames out.
//!
//! # Invariants
//!
//! Most requests concern one key. Their outcomes may be on their way when the stream takes the next request, up to a
//! limit of their number and of their bytes ([`InFlight`]).
//!
//! - **Order of a key.** Requests on the same key of the same cache are carried out and answered in the order in which
//!   they came: one whose key is in flight is held back until it is its turn, while others are taken. Requests on
//!   different keys may be answered in another order.
//! - **Order of a whole.** A request that concerns more than one key, a cache as a whole, or listeners waits until
//!   everything in flight is answered, and nothing else is taken until it is answered itself. So does the end of a
//!   stream because of a frame that cannot be.
//! - **Events first.** The listeners are told of a change before its reply is there, so the events that a request
//!   caused on its own stream go out before its answer. Those that come while a priming listener's value is read go
//!   after it.
//! - **Bounds.** A request is taken only when everything that can be sent was sent: a client that does not read is not
//!   read from. What is in flight and what is held back is limited together.
//! - **End.** A server that stops takes no more requests and answers those that it took. A session that is dropped
//!   stops waiting for what is in flight.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use futures::stream::Stream;
use grid_core::cache::CacheError;
use grid_member::cache::OpenCache;
use grid_proto::v1::cache::{NamedCacheRequest, NamedCacheRequestType};
use grid_proto::v1::common::{ErrorMessage, HeartbeatMessage};
use grid_proto::v1::proxy::{InitRequest, ProxyRequest, ProxyResponse, proxy_request, proxy_response};
use grid_proto::wishes::Wishes;
use tokio::time::{Interval, Sleep};
use tonic::Status;

use crate::grpc::edge::{Stopped, stopping};
use crate::grpc::{Edge, OpenGate, Refusal, ReplyGate};

use super::answer::{Answer, Held, Later};
use super::caches::Caches;
use super::event_queue::{EventQueue, QueuedEvent};
use super::frames::{InFrame, OutFrame};
use super::handshake::{Handshake, handshake};
use super::in_flight::InFlight;
use super::more::More;

/// So many events go out before a request gets its turn, or a busy cache would keep its listener from asking.
const EVENTS_IN_ROW_MAX: u32 = 64;

/// So many requests of a client that never pauses are taken before the clocks are looked at.
const REQUESTS_IN_ROW_MAX: u32 = 64;

/// So many rounds without anything to send are made before the thread goes to others.
const SILENT_ROUNDS_MAX: u32 = 128;

/// What is under way and wants the stream for itself.
enum Work<G> {
    Idle,
    More {
        id: i64,
        more: More<G>,
        /// Whether what was made goes out before more is made.
        sends_first: bool,
    },
    Later {
        id: i64,
        later: Later<G>,
    },
    Opening {
        id: i64,
        cache: BoxFuture<'static, Result<Arc<OpenCache>, CacheError>>,
    },
}

/// What waits until what is in flight lets it.
enum Waiting {
    /// A request.
    Request {
        id: i64,
        request: Box<NamedCacheRequest>,
    },
    /// The end of the stream.
    End(Status),
}

/// One version 1 stream.
///
/// The state machine is driven by what sends, which polls for frames. Events wait in a queue with a limit.
pub struct Session<G = OpenGate> {
    edge: Arc<Edge>,
    gate: G,
    inbound: Pin<Box<dyn Stream<Item = Result<InFrame, Status>> + Send>>,
    inbound_ended: bool,
    caches: Option<Caches<G>>,
    events: Arc<EventQueue>,
    out: VecDeque<OutFrame>,
    work: Work<G>,
    in_flight: InFlight,
    waiting: Option<Waiting>,
    events_in_row: u32,
    requests_in_row: u32,
    handshake_deadline: Option<Pin<Box<Sleep>>>,
    heartbeat: Option<Interval>,
    stopped: Stopped,
    /// Whether something was sent since there was nothing to do: the client has something to read.
    is_busy: bool,
    /// How many answers that come bit by bit were begun on all streams when one was begun on this: if there were others
    /// since, the processor has something to do while the client waits.
    begun: u64,
    /// The server stops: nothing more is taken.
    draining: bool,
    ended: bool,
}

impl Session {
    /// A session over a stream of frames. To be called on a runtime of tokio that has timers.
    #[must_use]
    pub fn new(
        edge: Arc<Edge>,
        inbound: impl Stream<Item = Result<InFrame, Status>> + Send + 'static,
    ) -> Self {
        Session::with_gate(edge, inbound, OpenGate)
    }
}

impl<G: ReplyGate> Session<G> {
    /// A session over a stream of frames, for which the replies of the caches pass this gate. To be called on a
    /// runtime of tokio that has timers.
    #[must_use]
    pub fn with_gate(
        edge: Arc<Edge>,
        inbound: impl Stream<Item = Result<InFrame, Status>> + Send + 'static,
        gate: G,
    ) -> Self {
        let options = edge.options();
        let events = EventQueue::new(options.event_queue_len_max, options.event_queue_bytes_max);
        let in_flight = InFlight::new(options.requests_in_flight_max, options.message_len_max);
        let stopped = edge.stopped();
        let handshake_deadline = Some(Box::pin(tokio::time::sleep(options.handshake_timeout)));
        Session {
            edge,
            gate,
            inbound: Box::pin(inbound),
            inbound_ended: false,
            caches: None,
            events: Arc::new(events),
            out: VecDeque::new(),
            work: Work::Idle,
            in_flight,
            waiting: None,
            events_in_row: 0,
            requests_in_row: 0,
            handshake_deadline,
            heartbeat: None,
            stopped,
            is_busy: false,
            begun: 0,
            draining: false,
            ended: false,
        }
    }

    fn other(&mut self, id: i64, response: proxy_response::Response) {
        let response = ProxyResponse {
            id,
            response: Some(response),
            ..ProxyResponse::default()
        };
        self.out.push_back(OutFrame::Other(Box::new(response)));
    }

    /// Moves what waits in the event queue to the frames that go out.
    fn take_events(&mut self) -> Result<(), Status> {
        while let Some(event) = self.events.try_pop() {
            self.take_event(event)?;
        }
        Ok(())
    }

    fn take_event(&mut self, event: QueuedEvent) -> Result<(), Status> {
        match event {
            QueuedEvent::Frame(frame) => self.out.push_back(frame),
            QueuedEvent::TooSlow => {
                return Err(self.edge.too_slow());
            }
        }
        Ok(())
    }

    fn refuse(&mut self, id: i64, refusal: &Refusal) {
        let format = self.caches.as_ref().map(Caches::format);
        let error = format.and_then(|format| refusal.serialized(format));
        let message = refusal.message.clone();
        self.other(
            id,
            proxy_response::Response::Error(ErrorMessage { message, error }),
        );
    }

    /// Takes a frame. An error ends the stream.
    fn take_frame(&mut self, frame: InFrame) -> Result<(), Status> {
        let request = match frame {
            InFrame::Request(request) => request,
            InFrame::Malformed(reason) => {
                self.edge.metrics().stream_malformed();
                return self.end_with(Status::invalid_argument(format!(
                    "a frame is no ProxyRequest: {reason}"
                )));
            }
        };
        let ProxyRequest { id, request, context } = *request;
        match request {
            Some(proxy_request::Request::Heartbeat(heartbeat)) => {
                self.take_heartbeat(id, &heartbeat);
                Ok(())
            }
            Some(proxy_request::Request::Init(init)) => self
                .take_init(id, init, Wishes::of(&context))
                .or_else(|status| self.end_with(status)),
            Some(proxy_request::Request::Message(message)) => {
                let Some(caches) = &mut self.caches else {
                    return Err(Status::failed_precondition(
                        "the first request of a stream must be an InitRequest",
                    ));
                };
                let answer = caches.answer(id, (message, &context), &self.in_flight);
                self.take_answer(id, answer)
            }
            None => self.end_with(Status::invalid_argument(
                "a ProxyRequest has neither init, message nor heartbeat",
            )),
        }
    }

    /// Ends the stream as soon as what is in flight is answered.
    fn end_with(&mut self, status: Status) -> Result<(), Status> {
        if self.in_flight.is_empty() {
            return Err(status);
        }
        self.waiting = Some(Waiting::End(status));
        Ok(())
    }

    fn take_heartbeat(&mut self, id: i64, heartbeat: &HeartbeatMessage) {
        if heartbeat.ack {
            let answer = HeartbeatMessage {
                uuid: None,
                ack: false,
            };
            self.other(id, proxy_response::Response::Heartbeat(answer));
        }
    }

    fn take_init(&mut self, id: i64, init: InitRequest, wishes: Wishes) -> Result<(), Status> {
        if self.caches.is_some() {
            return Err(Status::failed_precondition("the stream is initialized already"));
        }
        let Handshake {
            reader,
            beyond,
            heartbeat,
            response,
        } = handshake(&self.edge, id, &init, wishes)?;
        let (edge, gate, events) = (self.edge.clone(), self.gate.clone(), self.events.clone());
        self.caches = Some(Caches::new(edge, gate, init.scope, (reader, beyond), events));
        self.handshake_deadline = None;
        self.heartbeat = heartbeat;
        self.out.push_back(OutFrame::Other(Box::new(response)));
        Ok(())
    }

    fn take_answer(&mut self, id: i64, answer: Result<Answer<G>, Refusal>) -> Result<(), Status> {
        if let Ok(Answer::BeforeEvents(frames)) = answer {
            // What waits may be newer than this, and must not be followed by it.
            self.out.extend(frames);
            self.take_events()?;
            self.out.push_back(OutFrame::Complete { id });
            return Ok(());
        }
        if answer.as_ref().map_or(true, Answer::is_settled) {
            // What the request caused goes before its answer.
            self.take_events()?;
        }
        match answer {
            Err(refusal) => {
                self.refuse(id, &refusal);
                return Ok(());
            }
            Ok(Answer::One(frame)) => self.out.push_back(frame),
            Ok(Answer::Frames(frames) | Answer::BeforeEvents(frames)) => self.out.extend(frames),
            Ok(Answer::None) => {}
            Ok(Answer::More(more)) => {
                let sends_first = false;
                let begun = self.edge.begin_answer();
                let others_ask = std::mem::replace(&mut self.begun, begun + 1) != begun;
                let more = if self.is_busy || others_ask {
                    more.in_large_parts()
                } else {
                    more
                };
                self.work = Work::More {
                    id,
                    more,
                    sends_first,
                };
                return Ok(());
            }
            Ok(Answer::Later(later)) => {
                self.work = Work::Later { id, later };
                return Ok(());
            }
            Ok(Answer::Opening(cache)) => {
                self.work = Work::Opening { id, cache };
                return Ok(());
            }
            Ok(Answer::InFlight(answer, outcome)) => {
                self.in_flight.push(answer, outcome);
                return Ok(());
            }
            Ok(Answer::Wait(held)) => {
                match held {
                    Held::Key(request) => self.in_flight.hold(id, request),
                    Held::Whole(request) => self.waiting = Some(Waiting::Request { id, request }),
                }
                return Ok(());
            }
        }
        self.out.push_back(OutFrame::Complete { id });
        Ok(())
    }

    /// Goes on with what wants the stream for itself. Ready when it made frames or came to its end.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &mut self.work {
            Work::Idle => Poll::Pending,
            Work::More {
                id,
                more,
                sends_first,
            } => {
                // The connection is another task: it sends while the next part is read.
                if std::mem::take(sends_first) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let id = *id;
                let next = ready!(more.poll_next(cx));
                match next {
                    Ok(Some(mut rows)) => {
                        *sends_first = more.reads_on() && !rows.is_empty();
                        if more.is_over() {
                            // With the last rows: a piece of its own would be read for itself.
                            self.work = Work::Idle;
                            let complete = OutFrame::Complete { id };
                            complete
                                .put(&mut rows)
                                .map_err(|error| Status::out_of_range(error.to_string()))?;
                        }
                        if !rows.is_empty() {
                            self.out.push_back(OutFrame::Rows(rows.into()));
                        }
                    }
                    Ok(None) => {
                        self.work = Work::Idle;
                        self.out.push_back(OutFrame::Complete { id });
                    }
                    Err(refusal) => {
                        self.work = Work::Idle;
                        self.refuse(id, &refusal);
                    }
                }
                Poll::Ready(Ok(()))
            }
            Work::Later { id, later } => {
                let (id, kind) = (*id, later.kind);
                let answer = ready!(later.answer.as_mut().poll(cx));
                self.work = Work::Idle;
                self.count(kind, answer.is_ok());
                Poll::Ready(self.take_answer(id, answer))
            }
            Work::Opening { id, cache } => {
                let id = *id;
                let cache = ready!(cache.as_mut().poll(cx));
                self.work = Work::Idle;
                let Some(caches) = &mut self.caches else {
                    return Poll::Ready(Ok(()));
                };
                let answer = cache
                    .map_err(Refusal::from)
                    .and_then(|cache| caches.opened(id, cache));
                self.count(NamedCacheRequestType::EnsureCache, answer.is_ok());
                Poll::Ready(self.take_answer(id, answer))
            }
        }
    }

    fn count(&self, kind: NamedCacheRequestType, done: bool) {
        if let Some(caches) = &self.caches {
            caches.count(kind, done);
        }
    }

    /// Answers a request that was in flight, or goes on with the one that waited for it.
    fn poll_in_flight(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        if let Some((id, request)) = self.in_flight.next_turn()
            && let Some(caches) = &self.caches
        {
            let answer = caches.take_turn(*request);
            return Poll::Ready(self.take_answer(id, answer));
        }
        if let Poll::Ready((answer, outcome)) = self.in_flight.poll_next(cx)
            && let Some(caches) = &self.caches
        {
            let id = answer.to.request_id;
            let answer = caches.landed(*answer, outcome);
            return Poll::Ready(self.take_answer(id, answer));
        }
        if self.waiting.is_none() || !self.in_flight.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(match (self.waiting.take(), &mut self.caches) {
            (Some(Waiting::Request { id, request }), Some(caches)) => {
                let answer = caches.resume(id, *request, &self.in_flight);
                self.take_answer(id, answer)
            }
            (Some(Waiting::End(status)), _) => Err(status),
            _ => Ok(()),
        })
    }

    fn poll_inbound(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match ready!(self.inbound.as_mut().poll_next(cx)) {
            Some(Ok(frame)) => Poll::Ready(self.take_frame(frame)),
            Some(Err(status)) => Poll::Ready(Err(status)),
            None => {
                self.inbound_ended = true;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Whether the time is over, for the client to say who it is or for the server. An error ends the stream.
    fn poll_ends(&mut self, cx: &mut Context<'_>) -> Result<(), Status> {
        if self.draining || self.stopped.as_mut().poll(cx).is_ready() {
            self.draining = true;
            if self.in_flight.is_empty() && self.waiting.is_none() {
                return Err(stopping());
            }
        }
        if let Some(deadline) = &mut self.handshake_deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Err(Status::deadline_exceeded(
                "no InitRequest came in time (grpc.handshake-timeout)",
            ));
        }
        Ok(())
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) {
        if let Some(interval) = &mut self.heartbeat
            && interval.poll_tick(cx).is_ready()
        {
            let uuid = Some(self.edge.server_uuid());
            self.other(
                0,
                proxy_response::Response::Heartbeat(HeartbeatMessage { uuid, ack: false }),
            );
        }
    }

    /// Takes a request, or goes on with what is under way. Pending when neither is possible.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        if !matches!(self.work, Work::Idle) {
            let worked = self.poll_work(cx)?;
            if worked.is_pending() {
                self.poll_heartbeat(cx);
            }
            return worked.map(Ok);
        }
        if let Poll::Ready(went_on) = self.poll_in_flight(cx) {
            return Poll::Ready(went_on);
        }
        self.requests_in_row += 1;
        if self.requests_in_row > REQUESTS_IN_ROW_MAX {
            self.requests_in_row = 0;
            self.poll_ends(cx)?;
            self.poll_heartbeat(cx);
        }
        let takes =
            self.waiting.is_none() && self.in_flight.has_room() && !self.inbound_ended && !self.draining;
        let taken = if takes {
            self.poll_inbound(cx)?
        } else {
            Poll::Pending
        };
        if taken.is_pending() {
            self.requests_in_row = 0;
            self.poll_ends(cx)?;
            self.poll_heartbeat(cx);
        }
        taken.map(Ok)
    }

    fn is_idle(&self) -> bool {
        matches!(self.work, Work::Idle) && self.in_flight.is_empty() && self.waiting.is_none()
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<OutFrame>, Status>> {
        for _ in 0..SILENT_ROUNDS_MAX {
            if let Some(frame) = self.out.pop_front() {
                self.is_busy = true;
                return Poll::Ready(Ok(Some(frame)));
            }
            let events_wait_their_turn = self.events_in_row >= EVENTS_IN_ROW_MAX;
            let events_are_held = matches!(&self.work, Work::Later { later, .. } if later.holds_events);
            if !events_wait_their_turn
                && !events_are_held
                && let Poll::Ready(Some(event)) = self.events.poll_pop(cx)
            {
                self.events_in_row += 1;
                self.take_event(event)?;
                continue;
            }
            self.events_in_row = 0;
            if self.inbound_ended && self.is_idle() {
                if events_wait_their_turn {
                    continue;
                }
                return Poll::Ready(Ok(None));
            }
            if self.poll_turn(cx)?.is_pending() && self.out.is_empty() && !events_wait_their_turn {
                self.is_busy = !self.is_idle();
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<G: ReplyGate> Stream for Session<G> {
    type Item = Result<OutFrame, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(this.poll_frame(cx)).transpose();
        if !matches!(frame, Some(Ok(_))) {
            this.ended = true;
        }
        Poll::Ready(frame)
    }
}

impl<G> std::fmt::Debug for Session<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("initialized", &self.caches.is_some())
            .finish_non_exhaustive()
    }
}
