//! What callers and the driver of one connection share.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use grid_proto::frame::CacheRequest;
use grid_proto::girih::RequestTag;
use grid_proto::tag::TagContext;
use grid_proto::v1::cache::NamedCacheRequestType;
use grid_proto::wire::Encode;
use grid_proto::wishes::Grants;

use crate::codec::{CacheMessage, Payload};
use crate::session::Settings;

use super::Failure;
use super::in_flight::{InFlight, Outcome};
use super::outbound::Outbound;

/// A cache as one connection knows it: the id holds for one life of the connection, its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) epoch: u32,
    pub(crate) cache_id: i32,
}

/// Where the frames of a cache go. Called with the lane's lock held: it must not call back, nor wait.
pub(crate) trait CacheRoute: Send + Sync + fmt::Debug {
    /// The server opened the cache, and said which service it belongs to, if it says that.
    fn opened(&self, lane: usize, binding: Binding, service: Option<u8>);
    /// The server confirmed a change of what it reports, with the number that the change was submitted with.
    fn confirmed(&self, epoch: u32, change: u64);
    /// An event of the cache came.
    fn event(&self, lane: usize, message: CacheMessage);
}

/// What a request is for, beyond its caller.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// Nothing else.
    Call,
    /// The answer gives the cache its id.
    Open(Arc<dyn CacheRoute>),
    /// The end of the answer puts a change of listeners into effect, before any event that follows.
    Listen(Arc<dyn CacheRoute>, u64),
}

/// Why a request was not taken. It was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no connection now.
    NotConnected,
    /// The cache has no id on this life of the connection.
    NotOpen,
    /// Too many requests are in flight.
    Full,
    /// The message is longer than the limit.
    TooLong(usize),
    /// The session is closed.
    Closed,
}

#[derive(Debug)]
pub(super) enum Status {
    Down { reason: Arc<str> },
    Up,
    Closed,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) epoch: u32,

    pub(super) address: Arc<str>,
    pub(super) table: InFlight<Purpose>,
    pub(super) outbound: Outbound,
    pub(super) routes: HashMap<i32, Arc<dyn CacheRoute>>,
    /// The driver, when it has nothing to write.
    pub(super) driver: Option<Waker>,
    /// How many callers wait for a free place in the table.
    waiting: usize,
    /// Whether a caller waits until what is queued was written.
    pub(super) bytes_full: bool,
}

/// One connection, through all its lives.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) index: usize,
    pub(super) state: Mutex<State>,
    /// Rings when the status changes.
    changed: Notify,
    /// Rings when a place in the table is free.
    room: Notify,
    message_len_max: usize,
    /// Whether the server tells everything as it is; see [`grid_proto::wishes`]. Not in the state, because events are
    /// handled while that is locked.
    faithful: AtomicBool,
    /// Whether the server does numbered requests once.
    once: AtomicBool,
    /// The member that there is a connection with, where it said so; else 0.
    member: AtomicU64,
    /// The last member of those that there was a connection with that has left the cluster.
    left: watch::Sender<u64>,
    /// The number of the last life of the connection that is to end: it says nothing about the next.
    cut: watch::Sender<u32>,
}

/// What to send.
#[derive(Debug)]
pub(crate) struct Submission<'a, E> {
    pub(crate) kind: NamedCacheRequestType,
    pub(crate) type_url: &'static str,
    pub(crate) message: Option<&'a E>,
    /// The cache; `None` only to open one.
    pub(crate) binding: Option<Binding>,
    /// By which the server knows it when it comes again.
    pub(crate) tag: Option<&'a RequestTag>,
    pub(crate) deadline: Instant,
    pub(crate) purpose: Purpose,
}

impl Lane {
    pub(crate) fn new(index: usize, settings: &Settings) -> Arc<Self> {
        let state = State {
            status: Status::Down {
                reason: "not connected yet".into(),
            },
            epoch: 0,
            address: "".into(),
            table: InFlight::new(settings.in_flight_max, settings.answer_len_max()),
            outbound: Outbound::new(settings.message_len_max),
            routes: HashMap::new(),
            driver: None,
            waiting: 0,
            bytes_full: false,
        };
        Arc::new(Lane {
            index,
            state: Mutex::new(state),
            changed: Notify::new(),
            room: Notify::new(),
            message_len_max: settings.message_len_max,
            faithful: AtomicBool::new(false),
            once: AtomicBool::new(false),
            member: AtomicU64::new(0),
            left: watch::Sender::new(0),
            cut: watch::Sender::new(0),
        })
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When it cannot be sent now; nothing was.
    pub(crate) fn submit<E: Encode>(&self, submission: Submission<'_, E>) -> Result<Call<'_>, Refusal> {
        let (id, epoch) = self.send(submission, None)?;
        Ok(Call {
            lane: self,
            id,
            epoch,
            finished: false,
        })
    }

    /// Queues a request whose answer is read in parts, and waited for so long each time.
    ///
    /// While a reader takes its time, nothing is taken from the network: the lane is for nothing else meanwhile.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub(crate) fn submit_in_parts<E: Encode>(
        self: &Arc<Self>,
        submission: Submission<'_, E>,
        pace: Duration,
    ) -> Result<Parts, Refusal> {
        let (id, epoch) = self.send(submission, Some(pace))?;
        Ok(Parts {
            lane: self.clone(),
            id,
            epoch,
            finished: false,
        })
    }

    fn send<E: Encode>(
        &self,
        submission: Submission<'_, E>,
        pace: Option<Duration>,
    ) -> Result<(i64, u32), Refusal> {
        let Submission {
            kind,
            type_url,
            message,
            binding,
            tag,
            deadline,
            purpose,
        } = submission;
        let mut state = self.state.lock();
        match state.status {
            Status::Up => {}
            Status::Down { .. } => return Err(Refusal::NotConnected),
            Status::Closed => return Err(Refusal::Closed),
        }
        if binding.is_some_and(|binding| binding.epoch != state.epoch) {
            return Err(Refusal::NotOpen);
        }
        let id = state.table.next_id();
        let frame = CacheRequest {
            id,
            kind,
            cache_id: binding.map(|binding| binding.cache_id),
            type_url,
            message,
        };
        let frame = (frame, tag.map(TagContext));
        let len = frame.len();
        if len > self.message_len_max {
            return Err(Refusal::TooLong(len));
        }
        if state.table.is_full() {
            return Err(Refusal::Full);
        }
        if state.outbound.is_full(len) {
            state.bytes_full = true;
            return Err(Refusal::Full);
        }
        let span = state.outbound.push(len, &frame);
        state.table.open(deadline, span, purpose);
        if let Some(pace) = pace {
            state.table.read_in_parts(id, pace);
        }
        let epoch = state.epoch;
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok((id, epoch))
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state.lock().status, Status::Up)
    }

    /// Whether the server tells everything as it is.
    pub(crate) fn is_faithful(&self) -> bool {
        self.faithful.load(Ordering::Acquire)
    }

    /// Whether the server does numbered requests once.
    pub(crate) fn does_once(&self) -> bool {
        self.once.load(Ordering::Acquire)
    }

    /// The member that there is a connection with, where it said so; else 0.
    #[inline]
    pub(crate) fn member(&self) -> u64 {
        self.member.load(Ordering::Acquire)
    }

    /// This member has left the cluster: a connection with it ends.
    pub(crate) fn member_left(&self, member: u64) {
        self.left.send_replace(member);
    }

    /// This life of the connection ends, if it has not ended: what is on its way is of no use to anybody. Nothing is sent on
    /// it any more from here on.
    pub(crate) fn cut(&self, epoch: u32) {
        let is_it = |state: &State| matches!(state.status, Status::Up) && state.epoch == epoch;
        if self.end_if(is_it, "an answer was given up") {
            self.cut.send_replace(epoch);
        }
    }

    /// Waits until this life of the connection is to end.
    pub(super) async fn is_cut(&self, epoch: u32) {
        let mut cut = self.cut.subscribe();
        // The sender is here.
        let _is_cut = cut.wait_for(|cut| *cut == epoch).await;
    }

    /// Where the connection leads, if there is one.
    pub(crate) fn address(&self) -> Option<Arc<str>> {
        let state = self.state.lock();
        matches!(state.status, Status::Up).then(|| state.address.clone())
    }

    /// Waits until the member that there is a connection with has left the cluster.
    pub(super) async fn left(&self) {
        let member = self.member();
        let mut left = self.left.subscribe();
        if member == 0 || left.wait_for(|left| *left == member).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The number of the connection's present life.
    pub(crate) fn epoch(&self) -> u32 {
        self.state.lock().epoch
    }

    /// How many requests are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.state.lock().table.len()
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    /// When there is none by the deadline, or the session is closed.
    pub(crate) async fn up(&self, deadline: Instant) -> Result<(), Failure> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let failure = {
                let state = self.state.lock();
                let address = state.address.clone();
                match &state.status {
                    Status::Up => return Ok(()),
                    Status::Closed => {
                        return Err(Failure::Closed {
                            address,
                            written: false,
                        });
                    }
                    Status::Down { reason } => Failure::Lost {
                        address,
                        reason: reason.clone(),
                        written: false,
                    },
                }
            };
            if timeout_at(deadline, changed).await.is_err() {
                return Err(failure);
            }
        }
    }

    /// Waits until there may be room for another request. Whether there is in time.
    pub(crate) async fn room(&self, deadline: Instant) -> bool {
        let mut room = std::pin::pin!(self.room.notified());
        room.as_mut().enable();
        {
            let mut state = self.state.lock();
            let full = state.table.is_full() || state.bytes_full;
            if !(full && matches!(state.status, Status::Up)) {
                return true;
            }
            state.waiting += 1;
        }
        let _waiting = Waiting(self);
        timeout_at(deadline, room).await.is_ok()
    }

    /// A new life of the connection begins; gives its number.
    pub(super) fn begin(&self, address: Arc<str>, grants: Grants) -> u32 {
        self.faithful.store(grants.faithful, Ordering::Release);
        self.once.store(grants.once.is_some(), Ordering::Release);
        let epoch = {
            let mut state = self.state.lock();
            state.epoch = state.epoch.wrapping_add(1);
            state.status = Status::Up;
            state.address = address;
            state.routes.clear();
            state.outbound.clear();
            // Whoever sees the member finds the connection.
            self.member.store(grants.routes.unwrap_or(0), Ordering::Release);
            state.epoch
        };
        self.changed.notify_waiters();
        epoch
    }

    /// The connection ended, or could not be made: fails what is in flight.
    pub(super) fn end(&self, reason: &str) {
        self.end_if(|_| true, reason);
    }

    /// Ends the connection if it is as it should be. Whether it is.
    fn end_if(&self, is_it: impl FnOnce(&State) -> bool, reason: &str) -> bool {
        let reason: Arc<str> = reason.into();
        self.finish_all(
            is_it,
            Status::Down {
                reason: reason.clone(),
            },
            |address, written| Failure::Lost {
                address,
                reason: reason.clone(),
                written,
            },
        )
    }

    /// The session ends: fails what is in flight, and all that comes.
    pub(super) fn close(&self) {
        self.finish_all(
            |_| true,
            Status::Closed,
            |address, written| Failure::Closed { address, written },
        );
    }

    fn finish_all(
        &self,
        is_it: impl FnOnce(&State) -> bool,
        status: Status,
        failure: impl Fn(Arc<str>, bool) -> Failure,
    ) -> bool {
        let mut wakers = Vec::new();
        {
            let mut state = self.state.lock();
            let state = &mut *state;
            if !is_it(state) {
                return false;
            }
            self.member.store(0, Ordering::Release);
            state.status = status;
            for id in state.table.waiting() {
                let written = state
                    .table
                    .span(id)
                    .is_none_or(|span| state.outbound.is_written(span));
                wakers.extend(
                    state
                        .table
                        .finish(id, Err(failure(state.address.clone(), written))),
                );
            }
            state.outbound.clear();
            state.routes.clear();
            state.driver = None;
        }
        wakers.into_iter().for_each(Waker::wake);
        self.changed.notify_waiters();
        self.room.notify_waiters();
        true
    }

    /// Lets the next one go on who waits for a place in the table.
    pub(super) fn freed(&self, waiting: usize) {
        if waiting > 0 {
            self.room.notify_one();
        }
    }

    /// Lets all go on who wait until what was queued is written.
    pub(super) fn written(&self) {
        self.room.notify_waiters();
    }
}

/// A caller that waits for room.
struct Waiting<'a>(&'a Lane);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

impl State {
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

/// A request in flight. Dropping it gives the answer up.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    lane: &'a Lane,
    id: i64,
    /// The life of the connection that the request was sent on.
    pub(crate) epoch: u32,
    finished: bool,
}

impl Future for Call<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let (outcome, waiting) = {
            let mut state = self.lane.state.lock();
            (state.table.poll(self.id, cx), state.waiting)
        };
        if outcome.is_ready() {
            self.finished = true;
            self.lane.freed(waiting);
        }
        outcome
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let waiting = {
                let mut state = self.lane.state.lock();
                state.table.abandon(self.id);
                state.waiting
            };
            self.lane.freed(waiting);
        }
    }
}

/// A request in flight whose answer is read in parts. Dropping it gives the rest up.
#[derive(Debug)]
pub(crate) struct Parts {
    lane: Arc<Lane>,
    id: i64,
    /// The life of the connection that the request was sent on.
    pub(crate) epoch: u32,
    finished: bool,
}

impl Parts {
    /// The next messages; `None` after the last.
    ///
    /// # Errors
    /// When the request failed. Nothing follows.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Payload>>, Failure> {
        poll_fn(|cx| self.poll_next(cx)).await.transpose()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<Payload>, Failure>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        let (part, driver) = {
            let mut state = self.lane.state.lock();
            let was_stalled = state.table.is_stalled();
            let part = state.table.poll_parts(self.id, cx);
            let goes_on = was_stalled && !state.table.is_stalled();
            (part, if goes_on { state.driver.take() } else { None })
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        self.finished = matches!(part, Poll::Ready(None | Some(Err(_))));
        part
    }

    /// Whether the whole answer was read.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if !self.finished {
            let driver = {
                let mut state = self.lane.state.lock();
                state.table.abandon(self.id);
                state.driver.take()
            };
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_is_to_end_is_one_life_of_a_connection_and_not_the_next() {
        let lane = Lane::new(0, &Settings::default());
        let begin = || lane.begin("here".into(), Grants::default());
        let is_cut = |epoch| lane.is_cut(epoch).now_or_never().is_some();
        let first = begin();
        lane.cut(first);
        assert!(is_cut(first) && !lane.is_up());
        // It broke before its driver heard that it was to end.
        let second = begin();
        assert!(!is_cut(second) && lane.is_up());
        // Its answer was given up late.
        lane.cut(first);
        assert!(!is_cut(second) && lane.is_up());
        lane.end("it broke");
        lane.cut(second);
        assert!(!is_cut(second), "it has ended");
    }
}
