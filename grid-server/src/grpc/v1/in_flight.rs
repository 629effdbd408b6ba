//! The requests of one stream whose outcomes are on their way.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, Stream};
use grid_core::cache::CacheError;
use grid_core::value::Key;
use hashbrown::HashTable;

use super::key_request::{CacheIdentity, KeyAnswer, Outcome};

type OutcomeFuture = BoxFuture<'static, Result<Outcome, CacheError>>;

/// A request, and what it waits for.
struct Waiting {
    /// Taken when the outcome is there.
    answer: Option<Box<KeyAnswer>>,
    outcome: OutcomeFuture,
}

impl Future for Waiting {
    type Output = Option<(Box<KeyAnswer>, Result<Outcome, CacheError>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = std::task::ready!(self.outcome.as_mut().poll(cx));
        Poll::Ready(self.answer.take().map(|answer| (answer, outcome)))
    }
}

/// The requests of one stream whose outcomes are on their way: no two on the same key, and no more than the limits
/// allow, but for the last by which the bytes exceed theirs.
///
/// Dropping it drops what it waits for.
pub(crate) struct InFlight {
    requests: FuturesUnordered<Waiting>,
    keys: HashTable<(CacheIdentity, Key)>,
    bytes: usize,
    len_max: usize,
    bytes_max: usize,
}

impl InFlight {
    /// None in flight. The limits are the number of requests, and the sum of their sizes in bytes.
    pub(crate) fn new(len_max: usize, bytes_max: usize) -> Self {
        InFlight {
            requests: FuturesUnordered::new(),
            keys: HashTable::new(),
            bytes: 0,
            len_max,
            bytes_max,
        }
    }

    /// Whether nothing is waited for.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether another request may come.
    pub(crate) fn has_room(&self) -> bool {
        self.keys.len() < self.len_max && self.bytes < self.bytes_max
    }

    /// Whether no request on the key of this one is in flight.
    pub(crate) fn admits(&self, answer: &KeyAnswer) -> bool {
        self.keys.is_empty()
            || self
                .keys
                .find(answer.key.hash(), |(cache, key)| {
                    *cache == answer.cache && *key == answer.key
                })
                .is_none()
    }

    /// Waits for the outcome of a request that was [admitted](InFlight::admits).
    pub(crate) fn push(&mut self, answer: Box<KeyAnswer>, outcome: OutcomeFuture) {
        debug_assert!(self.admits(&answer), "requests on a key take turns");
        let (cache, key) = (answer.cache, answer.key.clone());
        self.keys
            .insert_unique(key.hash(), (cache, key), |(_, key)| key.hash());
        self.bytes += answer.len;
        self.requests.push(Waiting {
            answer: Some(answer),
            outcome,
        });
    }

    /// The next outcome, of whichever request. Pending when nothing is waited for.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Box<KeyAnswer>, Result<Outcome, CacheError>)> {
        if self.is_empty() {
            return Poll::Pending;
        }
        while let Some(done) = std::task::ready!(Pin::new(&mut self.requests).poll_next(cx)) {
            let Some((answer, outcome)) = done else { continue };
            let same = |(cache, key): &(CacheIdentity, Key)| *cache == answer.cache && *key == answer.key;
            if let Ok(key) = self.keys.find_entry(answer.key.hash(), same) {
                key.remove();
            }
            self.bytes -= answer.len;
            return Poll::Ready((answer, outcome));
        }
        Poll::Pending
    }
}
