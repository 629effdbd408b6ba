//! Follows a cache over all lives of a connection.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{StreamExt, unfold};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use grid_core::cache::{BinaryEvents, CacheError};
use grid_core::event::{BinaryEvent, EventPositions};
use grid_proto::girih::FollowRequest;

use crate::clock;
use crate::connection::{Opener, Reason};
use crate::session::{Life, Settings};

use super::follow_call::{CallEnd, FollowCall};

/// An event, or what ended the following.
type Item = Result<BinaryEvent, CacheError>;

/// Opens one call after the other, each after the positions that the one before has reached.
///
/// Events go into a queue with a limit. When it is full the call is ended, and another opened when half of it was read: the
/// server keeps what comes meanwhile, and the connection is free for others.
pub(super) struct Follower {
    openers: watch::Receiver<Option<Opener>>,
    settings: Arc<Settings>,
    request: FollowRequest,
    positions: Option<EventPositions>,
}

/// Why one call was left.
enum Left {
    /// The queue is full, with what did not find room.
    Slow(BinaryEvent),
    /// Nobody reads any more, or everything was told.
    Over,
    Ended(CallEnd),
}

impl Follower {
    pub(super) fn new(
        openers: watch::Receiver<Option<Opener>>,
        settings: Arc<Settings>,
        request: FollowRequest,
        positions: Option<EventPositions>,
    ) -> Self {
        Follower {
            openers,
            settings,
            request,
            positions,
        }
    }

    /// Begins, and goes on beside whoever reads. The session lives as long as someone does.
    ///
    /// # Errors
    /// When the server refuses, does not number changes, or cannot be reached in time.
    pub(super) async fn begin(
        mut self,
        life: Arc<Life>,
        late: impl FnOnce() -> CacheError,
    ) -> Result<BinaryEvents, CacheError> {
        use grid_core::cache::Background;
        let deadline = clock::now() + self.settings.request_timeout;
        let Some(call) = self.first_call(deadline).await? else {
            return Err(late());
        };
        let (sender, receiver) = mpsc::channel(self.settings.event_queue_len);
        life.spawn(Box::pin(self.run(call, sender)))?;
        let events = unfold(
            (receiver, life, false),
            |(mut receiver, life, ended)| async move {
                let item = match receiver.recv().await {
                    Some(item) => item,
                    None if ended => return None,
                    // The session ended.
                    None => Err(CacheError::ShuttingDown),
                };
                let ends = matches!(item, Ok(BinaryEvent::Destroyed) | Err(_));
                Some((item, (receiver, life, ended || ends)))
            },
        );
        Ok(events.boxed())
    }

    /// The first call; `None` when there is none in time.
    async fn first_call(&mut self, deadline: Instant) -> Result<Option<FollowCall>, CacheError> {
        let mut failures = 0;
        loop {
            match timeout_at(deadline, self.call()).await {
                Err(_elapsed) => return Ok(None),
                Ok(Ok(call)) => return Ok(Some(call)),
                Ok(Err(CallEnd::Refused(error))) => return Err(error),
                Ok(Err(CallEnd::Unknown)) => {
                    let what = "listening with numbers to a server that does not number changes";
                    return Err(CacheError::Unsupported { what });
                }
                Ok(Err(CallEnd::Lost(reason))) => {
                    tracing::debug!(reason, "a cache is not followed yet");
                    if timeout_at(deadline, self.pause(&mut failures)).await.is_err() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn call(&mut self) -> Result<FollowCall, CallEnd> {
        let opener = loop {
            if let Some(opener) = self.openers.borrow_and_update().clone() {
                break opener;
            }
            if self.openers.changed().await.is_err() {
                return Err(CallEnd::Refused(CacheError::ShuttingDown));
            }
        };
        let after = self.positions.as_ref().map(EventPositions::to_bytes);
        self.request.after = after.map_or_else(Bytes::new, Bytes::from);
        FollowCall::open(opener, &self.request, self.settings.message_len_max).await
    }

    /// Waits before the next attempt; on a new connection it is made at once.
    async fn pause(&mut self, failures: &mut u32) {
        let pause = sleep(self.settings.retry.delay(*failures, clock::random()));
        *failures = failures.saturating_add(1);
        tokio::select! {
            biased;
            // Without connections the next attempt says so.
            _changed = self.openers.changed() => {}
            () = pause => {}
        }
    }

    async fn run(mut self, call: FollowCall, sender: mpsc::Sender<Item>) {
        let mut next = Ok(call);
        let mut failures = 0;
        loop {
            let end = match next {
                Ok(mut call) => match self.pass_on(&mut call, &sender, &mut failures).await {
                    Left::Over => return,
                    Left::Ended(end) => end,
                    Left::Slow(event) => {
                        drop(call);
                        if !self.wait_for_room(event, &sender).await {
                            return;
                        }
                        next = self.call_or_closed(&sender).await;
                        continue;
                    }
                },
                Err(end) => end,
            };
            let reason: Reason = match end {
                CallEnd::Lost(reason) => reason,
                CallEnd::Unknown => "the server does not number changes".to_owned(),
                CallEnd::Refused(error) => {
                    // Nobody may read any more.
                    let _told = sender.send(Err(error)).await;
                    return;
                }
            };
            tracing::debug!(reason, "a cache is not followed any more");
            if failures == 0 && sender.send(Ok(BinaryEvent::Disconnected)).await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                () = sender.closed() => return,
                () = self.pause(&mut failures) => {}
            }
            next = self.call_or_closed(&sender).await;
        }
    }

    async fn call_or_closed(&mut self, sender: &mpsc::Sender<Item>) -> Result<FollowCall, CallEnd> {
        tokio::select! {
            biased;
            () = sender.closed() => Err(CallEnd::Refused(CacheError::ShuttingDown)),
            call = self.call() => call,
        }
    }

    /// Passes events on as long as there is room for them.
    async fn pass_on(
        &mut self,
        call: &mut FollowCall,
        sender: &mpsc::Sender<Item>,
        failures: &mut u32,
    ) -> Left {
        loop {
            let event = tokio::select! {
                biased;
                () = sender.closed() => return Left::Over,
                event = call.next() => match event {
                    Ok(event) => event,
                    Err(end) => return Left::Ended(end),
                },
            };
            // It works again.
            *failures = 0;
            let permit = match sender.try_reserve() {
                Ok(permit) => permit,
                Err(mpsc::error::TrySendError::Full(())) => return Left::Slow(event),
                Err(mpsc::error::TrySendError::Closed(())) => return Left::Over,
            };
            self.note(&event);
            let over = matches!(event, BinaryEvent::Destroyed);
            permit.send(Ok(event));
            if over {
                return Left::Over;
            }
        }
    }

    /// Waits until half of the queue was read. What has no number would not come again, and goes in at once. Whether
    /// somebody reads.
    async fn wait_for_room(&mut self, event: BinaryEvent, sender: &mpsc::Sender<Item>) -> bool {
        let comes_again = matches!(event, BinaryEvent::Entry(_) | BinaryEvent::Passed(_));
        let over = matches!(event, BinaryEvent::Destroyed);
        if !comes_again {
            self.note(&event);
            if sender.send(Ok(event)).await.is_err() || over {
                return false;
            }
        }
        let half = (self.settings.event_queue_len / 2).max(1);
        sender.reserve_many(half).await.is_ok()
    }

    /// Takes note of how far the events are.
    fn note(&mut self, event: &BinaryEvent) {
        match (event, &mut self.positions) {
            (_, Some(positions)) => positions.note(event),
            (BinaryEvent::Reached(positions), None) => self.positions = Some((**positions).clone()),
            _ => {}
        }
    }
}
