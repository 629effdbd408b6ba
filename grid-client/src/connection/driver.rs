//! Moves frames between the callers of a lane and its connection.

use std::cell::LazyCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};

use grid_proto::v1::common::HeartbeatMessage;
use grid_proto::v1::proxy::{ProxyRequest, proxy_request};
use grid_proto::wire::Whole;
use prost::Message;

use crate::clock;
use crate::codec::{Body, Frame, Piece, service_of};
use crate::session::Settings;

use super::Failure;
use super::lane::{Binding, Lane, Purpose, State};
use super::sub_channel::{Reason, SubChannel};

/// The id of heartbeats. Those of requests have higher bits.
const HEARTBEAT_ID: i64 = 2;

/// Drives one life of a connection.
#[derive(Debug)]
pub(super) struct Driver<'a> {
    lane: &'a Lane,
    epoch: u32,
    channel: &'a mut SubChannel,
    /// Callers that were woken and have not sent their next request yet.
    expected: usize,
    /// Whether nothing is taken from the network, because a reader takes its time.
    stalled: bool,
    /// Whether the others already had a turn to add to the batch.
    yielded: bool,
    wakers: Vec<Waker>,
    tick: Duration,
    deadlines: Option<Pin<Box<Sleep>>>,
    heartbeat: Option<Interval>,
    /// Whether anything came since the last heartbeat.
    heard: bool,
    /// Whether a heartbeat was sent that nothing followed.
    asked: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(lane: &'a Lane, epoch: u32, channel: &'a mut SubChannel, settings: &Settings) -> Self {
        let heartbeat = settings.heartbeat.map(|period| {
            let mut interval = interval_at(clock::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Driver {
            lane,
            epoch,
            channel,
            expected: 0,
            stalled: false,
            yielded: false,
            wakers: Vec::new(),
            tick: settings.deadline_tick(),
            deadlines: None,
            heartbeat,
            heard: true,
            asked: false,
        }
    }

    /// Goes on until the connection ends; gives the reason.
    pub(super) async fn run(mut self) -> Reason {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        let end = loop {
            if self.stalled {
                self.look_at_readers(cx);
            }
            // Messages that came before the connection ended still count.
            let io = self.channel.poll_io(cx, !self.stalled);
            if !self.stalled
                && let Err(reason) = self.read()
            {
                break Poll::Ready(reason);
            }
            match io {
                Err(reason) => break Poll::Ready(reason),
                Ok(progress) => {
                    if !self.write(cx) && !progress {
                        break Poll::Pending;
                    }
                }
            }
        };
        if let Poll::Ready(reason) = end {
            return Poll::Ready(reason);
        }
        self.expire(cx);
        self.beat(cx)
    }

    /// Looks whether the reader that everything waited for has read.
    fn look_at_readers(&mut self, cx: &Context<'_>) {
        let mut state = self.lane.state.lock();
        self.stalled = state.table.is_stalled();
        if self.stalled {
            // Nobody else says when it has.
            state.driver = Some(cx.waker().clone());
            // The server cannot be heard while nobody listens.
            self.heard = true;
        }
    }

    /// Handles the messages that came.
    fn read(&mut self) -> Result<(), Reason> {
        let Some(mut piece) = self.channel.next_piece()? else {
            return Ok(());
        };
        self.heard = true;
        // What lies here came together.
        let now = LazyCell::new(clock::now as fn() -> Instant);
        let result = {
            let mut state = self.lane.state.lock();
            loop {
                if let Err(reason) = self.handle(&mut state, piece, &now) {
                    break Err(reason);
                }
                if state.table.is_stalled() {
                    self.stalled = true;
                    break Ok(());
                }
                match self.channel.next_piece() {
                    Ok(Some(next)) => piece = next,
                    Ok(None) => break Ok(()),
                    Err(reason) => break Err(reason),
                }
            }
        };
        self.expected += self.wakers.len();
        self.wakers.drain(..).for_each(Waker::wake);
        result
    }

    fn handle(&mut self, state: &mut State, piece: Piece, now: &LazyCell<Instant>) -> Result<(), Reason> {
        let frame = match piece {
            Piece::Message(bytes) => {
                Frame::read(bytes).map_err(|error| format!("a frame cannot be read: {error}"))?
            }
            Piece::TooLong { head, len } => {
                let what = format!("an answer has {len} bytes, more than the session's message limit");
                let id = Frame::read_id(&head).ok_or_else(|| what.clone())?;
                self.wakers
                    .extend(state.table.finish(id, Err(Failure::Broken(what))));
                return Ok(());
            }
        };
        let id = frame.id;
        match frame.body {
            Body::Message(message) if id == 0 => {
                if let Some(route) = state.routes.get(&message.cache_id) {
                    route.event(self.lane.index, message);
                }
            }
            Body::Message(message) => {
                if let Some(Purpose::Open(route)) = state.table.purpose(id)
                    && message.cache_id != 0
                {
                    let route = route.clone();
                    let binding = Binding {
                        epoch: self.epoch,
                        cache_id: message.cache_id,
                    };
                    route.opened(self.lane.index, binding, service_of(message.payload.as_ref()));
                    state.routes.insert(message.cache_id, route);
                }
                if let Some(payload) = message.payload {
                    self.wakers.extend(state.table.message(id, payload, || **now));
                }
            }
            Body::Complete => {
                if let Some(Purpose::Listen(route, change)) = state.table.purpose(id) {
                    route.confirmed(self.epoch, *change);
                }
                self.wakers.extend(state.table.complete(id));
            }
            Body::Error(words) => {
                self.wakers
                    .extend(state.table.finish(id, Err(Failure::Refused(words))));
            }
            Body::Malformed(error) => {
                let what = format!("an answer cannot be read: {error}");
                self.wakers
                    .extend(state.table.finish(id, Err(Failure::Broken(what))));
            }
            // A heartbeat has done its work by coming; what is unknown is for later versions.
            Body::Heartbeat | Body::Init(_) | Body::Other => {}
        }
        Ok(())
    }

    /// Hands the waiting requests over. Whether there were any.
    ///
    /// Callers whose answers came together are about to send their next requests together, but each wakes this task
    /// at once. So they are given one turn, and one write takes what came in it.
    fn write(&mut self, cx: &Context<'_>) -> bool {
        if !self.channel.is_writable() {
            return false;
        }
        let (batch, bytes_full) = {
            let mut state = self.lane.state.lock();
            let count = state.outbound.count();
            if count == 0 {
                if !state
                    .driver
                    .as_ref()
                    .is_some_and(|driver| driver.will_wake(cx.waker()))
                {
                    state.driver = Some(cx.waker().clone());
                }
                return false;
            }
            if count < self.expected && !self.yielded {
                self.yielded = true;
                drop(state);
                cx.waker().wake_by_ref();
                return false;
            }
            self.yielded = false;
            self.expected = self.expected.saturating_sub(count);
            (state.outbound.take(), std::mem::take(&mut state.bytes_full))
        };
        if bytes_full {
            self.lane.written();
        }
        self.channel.send(batch);
        true
    }

    /// Ends the requests whose time is over. Looks once in a tick, and only while there are any.
    fn expire(&mut self, cx: &mut Context<'_>) {
        loop {
            let Some(timer) = &mut self.deadlines else {
                if self.lane.in_flight() == 0 {
                    return;
                }
                self.deadlines = Some(Box::pin(sleep_until(clock::now() + self.tick)));
                continue;
            };
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.deadlines = None;
            self.finish_expired();
        }
    }

    fn finish_expired(&mut self) {
        let waiting = {
            let mut state = self.lane.state.lock();
            let state = &mut *state;
            for id in state.table.expired(clock::now()) {
                let Some(span) = state.table.span(id) else {
                    continue;
                };
                let written = !state.outbound.take_back(span, &mut state.table);
                self.wakers
                    .extend(state.table.finish(id, Err(Failure::Late { written })));
            }
            state.waiting()
        };
        self.wakers.drain(..).for_each(Waker::wake);
        self.lane.freed(waiting);
    }

    /// Asks for a sign of life when nothing came for a while; the second time in vain ends the connection.
    fn beat(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        let Some(heartbeat) = &mut self.heartbeat else {
            return Poll::Pending;
        };
        while heartbeat.poll_tick(cx).is_ready() {
            if std::mem::take(&mut self.heard) {
                self.asked = false;
                continue;
            }
            if std::mem::replace(&mut self.asked, true) {
                let period = heartbeat.period();
                return Poll::Ready(format!("nothing was heard from the server for {:?}", 2 * period));
            }
            let message = HeartbeatMessage {
                ack: true,
                ..Default::default()
            };
            let frame = ProxyRequest {
                id: HEARTBEAT_ID,
                request: Some(proxy_request::Request::Heartbeat(message)),
                ..Default::default()
            };
            self.lane
                .state
                .lock()
                .outbound
                .push(frame.encoded_len(), &Whole(&frame));
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
