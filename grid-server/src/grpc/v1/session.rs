//! One version 1 stream: frames in, frames out.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::Stream;
use grid_proto::faithful::{faithful_context, is_faithful};
use grid_proto::v1::common::{ErrorMessage, HeartbeatMessage};
use grid_proto::v1::proxy::{
    InitRequest, InitResponse, ProxyRequest, ProxyResponse, proxy_request, proxy_response,
};
use tokio::time::{Interval, MissedTickBehavior, Sleep};
use tonic::Status;

use crate::grpc::edge::{Stopped, stopping};
use crate::grpc::{Edge, Reader, Refusal};

use super::caches::Caches;
use super::event_queue::{EventQueue, QueuedEvent};
use super::frames::{InFrame, OutFrame};
use super::more::More;

/// The version of the protocol that is spoken.
const PROTOCOL_VERSION: i32 = 1;

/// The version of the reference grid that clients are told, and its encoding: some compare them.
const REFERENCE_VERSION: &str = "25.03.2";
const REFERENCE_VERSION_ENCODED: i32 = 251_659_842;

/// A client that asks for heartbeats gets no more than this many a second.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// So many events go out before a request gets its turn, or a busy cache would keep its listener from asking.
const EVENTS_IN_ROW_MAX: u32 = 64;

/// So many requests of a client that never pauses are taken before the clocks are looked at.
const REQUESTS_IN_ROW_MAX: u32 = 64;

/// So many rounds without anything to send are made before the thread goes to others.
const SILENT_ROUNDS_MAX: u32 = 128;

/// Where the answers to a request come from.
pub(crate) enum Answer {
    /// All of them are here. `complete` follows.
    Frames(Vec<OutFrame>),
    /// The one answer that most requests have. `complete` follows.
    One(OutFrame),
    /// One that is older than the events that wait. `complete` follows.
    BeforeEvents(OutFrame),
    /// There is none. `complete` follows.
    None,
    /// They come bit by bit.
    More(More),
    /// They take long to find out, and are found out elsewhere. `complete` follows.
    Later(BoxFuture<'static, Result<Vec<OutFrame>, Refusal>>),
}

/// What is under way. The requests of one stream are answered in their order, so that one that follows another
/// finds what it did.
enum Work {
    Idle,
    More {
        id: i64,
        more: More,
    },
    Later {
        id: i64,
        answer: BoxFuture<'static, Result<Vec<OutFrame>, Refusal>>,
    },
}

/// One version 1 stream.
///
/// The state machine is driven by tonic, which polls for frames to send: it takes a request only when everything
/// before it has been sent, so a client that does not read is not read from either. Events wait in a queue with a
/// limit; those that a request caused are sent before its answer.
pub struct Session {
    edge: Arc<Edge>,
    inbound: Pin<Box<dyn Stream<Item = Result<InFrame, Status>> + Send>>,
    inbound_ended: bool,
    caches: Option<Caches>,
    events: Arc<EventQueue>,
    out: VecDeque<OutFrame>,
    work: Work,
    events_in_row: u32,
    requests_in_row: u32,
    handshake_deadline: Option<Pin<Box<Sleep>>>,
    heartbeat: Option<Interval>,
    stopped: Stopped,
    ended: bool,
}

impl Session {
    /// A session over a stream of frames. To be called on a runtime of tokio that has timers.
    #[must_use]
    pub fn new(
        edge: Arc<Edge>,
        inbound: impl Stream<Item = Result<InFrame, Status>> + Send + 'static,
    ) -> Self {
        let options = edge.options();
        let events = EventQueue::new(options.event_queue_len_max, options.event_queue_bytes_max);
        let stopped = edge.stopped();
        let handshake_deadline = Some(Box::pin(tokio::time::sleep(options.handshake_timeout)));
        Session {
            edge,
            inbound: Box::pin(inbound),
            inbound_ended: false,
            caches: None,
            events: Arc::new(events),
            out: VecDeque::new(),
            work: Work::Idle,
            events_in_row: 0,
            requests_in_row: 0,
            handshake_deadline,
            heartbeat: None,
            stopped,
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
                return Err(Status::invalid_argument(format!(
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
            Some(proxy_request::Request::Init(init)) => self.take_init(id, &init, is_faithful(&context)),
            Some(proxy_request::Request::Message(message)) => {
                let Some(caches) = &mut self.caches else {
                    return Err(Status::failed_precondition(
                        "the first request of a stream must be an InitRequest",
                    ));
                };
                let answer = caches.answer(id, message);
                self.take_answer(id, answer)
            }
            None => Err(Status::invalid_argument(
                "a ProxyRequest has neither init, message nor heartbeat",
            )),
        }
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

    fn take_init(&mut self, id: i64, init: &InitRequest, faithful: bool) -> Result<(), Status> {
        if self.caches.is_some() {
            return Err(Status::failed_precondition("the stream is initialized already"));
        }
        if init.protocol != "CacheService" {
            let protocol: String = init.protocol.chars().take(100).collect();
            return Err(Status::unimplemented(format!(
                "the protocol {protocol:?} is not supported yet; CacheService is"
            )));
        }
        let (wanted, least) = (init.protocol_version, init.supported_protocol_version);
        if wanted < PROTOCOL_VERSION || (wanted > PROTOCOL_VERSION && least > PROTOCOL_VERSION) {
            return Err(Status::invalid_argument(format!(
                "the client speaks versions {least} to {wanted} of the CacheService protocol, this server {PROTOCOL_VERSION}"
            )));
        }
        let format = self
            .edge
            .format(&init.format)
            .map_err(|refusal| refusal.status())?;
        let caches = Caches::new(
            self.edge.clone(),
            init.scope.clone(),
            Reader { format, faithful },
            self.events.clone(),
        );
        self.caches = Some(caches.map_err(|refusal| refusal.status())?);
        self.handshake_deadline = None;
        if let Some(interval_ms) = init
            .heartbeat
            .and_then(|ms| u64::try_from(ms).ok())
            .filter(|ms| *ms > 0)
        {
            let period = Duration::from_millis(interval_ms).max(HEARTBEAT_INTERVAL_MIN);
            // The first is due one period from now.
            let mut interval = tokio::time::interval(period);
            interval.reset();
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            self.heartbeat = Some(interval);
        }
        let uuid = init.client_uuid.clone().filter(|uuid| !uuid.is_empty());
        let response = InitResponse {
            uuid: uuid.unwrap_or_else(|| self.edge.server_uuid()),
            version: REFERENCE_VERSION.to_owned(),
            encoded_version: REFERENCE_VERSION_ENCODED,
            protocol_version: PROTOCOL_VERSION,
            proxy_member_id: 1,
            proxy_member_uuid: self.edge.server_uuid(),
        };
        let context = if faithful {
            faithful_context()
        } else {
            HashMap::new()
        };
        let response = Some(proxy_response::Response::Init(response));
        self.out.push_back(OutFrame::Other(Box::new(ProxyResponse {
            id,
            response,
            context,
        })));
        Ok(())
    }

    fn take_answer(&mut self, id: i64, answer: Result<Answer, Refusal>) -> Result<(), Status> {
        if let Ok(Answer::BeforeEvents(frame)) = answer {
            // What waits may be newer than this, and must not be followed by it.
            self.out.push_back(frame);
            self.take_events()?;
            self.out.push_back(OutFrame::Complete { id });
            return Ok(());
        }
        // What the request caused goes before its answer.
        self.take_events()?;
        match answer {
            Err(refusal) => {
                self.refuse(id, &refusal);
                return Ok(());
            }
            Ok(Answer::One(frame) | Answer::BeforeEvents(frame)) => self.out.push_back(frame),
            Ok(Answer::Frames(frames)) => self.out.extend(frames),
            Ok(Answer::None) => {}
            Ok(Answer::More(more)) => {
                self.work = Work::More { id, more };
                return Ok(());
            }
            Ok(Answer::Later(answer)) => {
                self.work = Work::Later { id, answer };
                return Ok(());
            }
        }
        self.out.push_back(OutFrame::Complete { id });
        Ok(())
    }

    /// Goes on with what is under way. Ready when it made frames or came to its end.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &mut self.work {
            Work::Idle => Poll::Pending,
            Work::More { id, more } => {
                let id = *id;
                let next = more.next();
                match next {
                    Ok(Some(frames)) => self.out.extend(frames),
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
            Work::Later { id, answer } => {
                let id = *id;
                let answer = ready!(answer.as_mut().poll(cx));
                self.work = Work::Idle;
                Poll::Ready(self.take_answer(id, answer.map(Answer::Frames)))
            }
        }
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
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Err(stopping());
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
        self.requests_in_row += 1;
        if self.requests_in_row > REQUESTS_IN_ROW_MAX {
            self.requests_in_row = 0;
            self.poll_ends(cx)?;
            self.poll_heartbeat(cx);
        }
        let taken = self.poll_inbound(cx)?;
        if taken.is_pending() {
            self.requests_in_row = 0;
            self.poll_ends(cx)?;
            self.poll_heartbeat(cx);
        }
        taken.map(Ok)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<OutFrame>, Status>> {
        for _ in 0..SILENT_ROUNDS_MAX {
            if let Some(frame) = self.out.pop_front() {
                return Poll::Ready(Ok(Some(frame)));
            }
            let events_wait_their_turn = self.events_in_row >= EVENTS_IN_ROW_MAX;
            if !events_wait_their_turn && let Poll::Ready(Some(event)) = self.events.poll_pop(cx) {
                self.events_in_row += 1;
                self.take_event(event)?;
                continue;
            }
            self.events_in_row = 0;
            if self.inbound_ended && matches!(self.work, Work::Idle) {
                if events_wait_their_turn {
                    continue;
                }
                return Poll::Ready(Ok(None));
            }
            if self.poll_turn(cx)?.is_pending() && self.out.is_empty() && !events_wait_their_turn {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Stream for Session {
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

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("initialized", &self.caches.is_some())
            .finish_non_exhaustive()
    }
}
