//! Events of a listener that knows how far it is.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::{Stream, StreamExt};
use serde::de::DeserializeOwned;

use crate::event::{BinaryEvent, CacheEvent, EventPositions, Listen};

use super::handle::decoded_event;
use super::{BinaryEvents, CacheBackend, CacheError};

/// Events with numbers, and how far they are: what [`NamedCache::listen_from`](super::NamedCache::listen_from) gives.
///
/// Every change after the [positions](Self::positions) is still to be told, and none before. So an application that keeps
/// them together with what it made of the events can stop and go on later, elsewhere, and misses nothing and gets
/// nothing twice. Dropping it ends the listening.
pub struct FollowedEvents<K, V> {
    events: BinaryEvents,
    positions: EventPositions,
    /// What came before it was known where the events begin.
    first: VecDeque<BinaryEvent>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> FollowedEvents<K, V> {
    /// Follows a cache.
    ///
    /// # Errors
    /// When the cache cannot be followed.
    pub(super) async fn open(
        backend: &dyn CacheBackend,
        listen: Listen,
        after: Option<EventPositions>,
    ) -> Result<Self, CacheError> {
        let events = backend.follow(listen, after.clone()).await?;
        Self::begin(events, after).await
    }

    /// Takes what comes before it is known where the events begin.
    async fn begin(mut events: BinaryEvents, after: Option<EventPositions>) -> Result<Self, CacheError> {
        let mut first = VecDeque::new();
        loop {
            match events.next().await {
                Some(Ok(BinaryEvent::Reached(reached))) => {
                    let positions = match after {
                        // They are no further until that is read.
                        Some(after) if !first.is_empty() => {
                            first.push_back(BinaryEvent::Reached(reached));
                            after
                        }
                        _ => *reached,
                    };
                    return Ok(FollowedEvents {
                        events,
                        positions,
                        first,
                        types: PhantomData,
                    });
                }
                // It may begin after a gap, and the connection may go before it has begun, as often as it likes.
                Some(Ok(event @ (BinaryEvent::Resync | BinaryEvent::Disconnected))) => first.push_back(event),
                Some(Ok(event)) => {
                    let what = format!("{event:?} came before it was told where the events begin");
                    return Err(CacheError::Protocol { what });
                }
                Some(Err(error)) => return Err(error),
                None => return Err(CacheError::ShuttingDown),
            }
        }
    }

    /// How far these events are: every change before was told, if it is of what is listened to, and none after.
    #[must_use]
    pub fn positions(&self) -> &EventPositions {
        &self.positions
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Stream for FollowedEvents<K, V> {
    type Item = Result<CacheEvent<K, V>, CacheError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let event = match self.first.pop_front() {
                Some(event) => event,
                None => match ready!(self.events.poll_next_unpin(cx)) {
                    Some(Ok(event)) => event,
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(None),
                },
            };
            self.positions.note(&event);
            if let Some(event) = decoded_event(event).transpose() {
                return Poll::Ready(Some(event));
            }
        }
    }
}

impl<K, V> fmt::Debug for FollowedEvents<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedEvents").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::stream::iter;

    use super::*;
    use crate::event::EventOrigin;
    use crate::partition::PartitionCount;
    use crate::store::CacheId;

    type Begun = Result<FollowedEvents<u32, u32>, CacheError>;

    fn at(life: u128) -> EventPositions {
        let cache = CacheId::new(1);
        EventPositions::start(EventOrigin { life, cache }, PartitionCount::ONE)
    }

    fn begin(events: Vec<BinaryEvent>, after: Option<EventPositions>) -> Begun {
        let events = iter(events.into_iter().map(Ok)).boxed();
        FollowedEvents::begin(events, after).now_or_never().unwrap()
    }

    fn next(events: &mut FollowedEvents<u32, u32>) -> CacheEvent<u32, u32> {
        events.next().now_or_never().unwrap().unwrap().unwrap()
    }

    #[test]
    fn a_connection_may_go_before_it_is_told_where_the_events_begin() {
        let first = vec![
            BinaryEvent::Resync,
            BinaryEvent::Disconnected,
            BinaryEvent::Resync,
            BinaryEvent::Reached(at(2).into()),
        ];
        let mut events = begin(first, Some(at(1))).unwrap();
        for expected in [CacheEvent::Resync, CacheEvent::Disconnected, CacheEvent::Resync] {
            assert_eq!(events.positions(), &at(1), "it was not told of the gap");
            assert_eq!(next(&mut events), expected);
        }
        assert!(events.next().now_or_never().unwrap().is_none());
        assert_eq!(events.positions(), &at(2));
    }

    #[test]
    fn changes_come_after_it_was_told_where_they_begin() {
        let refused = begin(vec![BinaryEvent::Truncated], None);
        assert!(matches!(refused, Err(CacheError::Protocol { .. })));
    }
}
