//! Waiting for what must come on its own, with a bound.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};

use crate::cache::Events;
use crate::event::{CacheEvent, EntryEvent, EntryEventKind};

use super::Fixture;

/// How long an event may take, beyond the time to live that it waits for.
pub(super) const EVENT_BOUND: Duration = Duration::from_secs(20);

/// The result of a future that must be ready within a bound.
pub(super) async fn within<F: Fixture, T>(
    fixture: &F,
    bound: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> T {
    match select(pin!(future), pin!(fixture.deadline(bound))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => panic!("{what} did not come within {bound:?}"),
    }
}

/// A listener's events, each waited for with a bound.
pub(super) struct Heard<'a, F, K, V> {
    fixture: &'a F,
    events: Events<K, V>,
}

impl<'a, F: Fixture, K: Debug, V: Debug> Heard<'a, F, K, V> {
    pub(super) fn new(fixture: &'a F, events: Events<K, V>) -> Self {
        Heard { fixture, events }
    }

    /// The next event, of whatever kind.
    pub(super) async fn event(&mut self, what: &str) -> CacheEvent<K, V> {
        let next = within(self.fixture, EVENT_BOUND, what, self.events.next()).await;
        let event = next.unwrap_or_else(|| panic!("the stream ended before {what}"));
        event.unwrap_or_else(|error| panic!("an error instead of {what}: {error}"))
    }

    /// The next event, which must be of an entry.
    pub(super) async fn entry(&mut self, what: &str) -> EntryEvent<K, V> {
        match self.event(what).await {
            CacheEvent::Entry(event) => event,
            other => panic!("{other:?} instead of {what}"),
        }
    }

    /// The stream must end now.
    pub(super) async fn end(&mut self) {
        let next = within(
            self.fixture,
            EVENT_BOUND,
            "the end of the stream",
            self.events.next(),
        )
        .await;
        assert!(next.is_none(), "{next:?} instead of the end of the stream");
    }
}

/// An event that a command caused.
pub(super) fn caused<K, V>(kind: EntryEventKind, key: K, old: Option<V>, new: Option<V>) -> EntryEvent<K, V> {
    EntryEvent {
        kind,
        key,
        old,
        new,
        synthetic: false,
        expired: false,
        number: None,
    }
}

/// The event of an entry whose time was over.
pub(super) fn expired<K, V>(key: K, old: Option<V>) -> EntryEvent<K, V> {
    EntryEvent {
        kind: EntryEventKind::Delete,
        key,
        old,
        new: None,
        synthetic: true,
        expired: true,
        number: None,
    }
}
