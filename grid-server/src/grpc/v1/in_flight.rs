//! The requests of one stream whose outcomes are on their way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, Stream};
use grid_core::cache::CacheError;
use grid_core::value::Key;
use hashbrown::HashTable;

use super::key_request::{CacheIdentity, KeyAnswer, KeyRequest, Outcome};

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

/// The requests of one stream whose outcomes are on their way, no two on the same key, and those that wait for their
/// turn on a key. Together they are no more than the limits allow, but for the last by which the bytes exceed theirs.
///
/// What waits for a key holds up nothing else: a key whose partition is out of reach does not stop a stream.
///
/// Dropping it drops what it waits for.
pub(crate) struct InFlight {
    requests: FuturesUnordered<Waiting>,
    keys: HashTable<(CacheIdentity, Key)>,
    /// Those that wait for their turn, in the order in which they came.
    held: VecDeque<(i64, Box<KeyRequest>)>,
    /// The key of the request that was answered last, while it is not known that nobody waits for it.
    freed: Option<(CacheIdentity, Key)>,
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
            held: VecDeque::new(),
            freed: None,
            bytes: 0,
            len_max,
            bytes_max,
        }
    }

    /// Whether nothing is waited for.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.held.is_empty()
    }

    /// Whether another request may come.
    pub(crate) fn has_room(&self) -> bool {
        self.keys.len() + self.held.len() < self.len_max && self.bytes < self.bytes_max
    }

    /// Whether no request on the key of this one is in flight.
    pub(crate) fn admits(&self, answer: &KeyAnswer) -> bool {
        self.keys.is_empty() || !self.has_key(answer.cache, &answer.key)
    }

    fn has_key(&self, cache: CacheIdentity, key: &Key) -> bool {
        let same = |(other_cache, other): &(CacheIdentity, Key)| *other_cache == cache && other == key;
        self.keys.find(key.hash(), same).is_some()
    }

    /// Keeps a request that was not [admitted](InFlight::admits) until it is its turn.
    pub(crate) fn hold(&mut self, id: i64, request: Box<KeyRequest>) {
        self.bytes += request.answer().len;
        self.held.push_back((id, request));
    }

    /// A request whose turn has come. To be asked after every outcome, and again until there is none, before another
    /// request is taken: so none overtakes those that came before it.
    pub(crate) fn next_turn(&mut self) -> Option<(i64, Box<KeyRequest>)> {
        let (cache, key) = self.freed.take()?;
        if self.has_key(cache, &key) {
            return None;
        }
        let same = |request: &KeyRequest| request.answer().cache == cache && request.answer().key == key;
        let at = self.held.iter().position(|(_, request)| same(request))?;
        let (id, request) = self.held.remove(at)?;
        self.bytes -= request.answer().len;
        // It may be answered at once, and then it is the next one's turn.
        self.freed = Some((cache, key));
        Some((id, request))
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
                let (freed, _vacant) = key.remove();
                self.freed = (!self.held.is_empty()).then_some(freed);
            }
            self.bytes -= answer.len;
            return Poll::Ready((answer, outcome));
        }
        Poll::Pending
    }
}
