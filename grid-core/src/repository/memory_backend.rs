//! A cache in a plain map, which fails when a test says so.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use futures::stream::{self, StreamExt};

use crate::cache::{
    Applied, BinaryEvents, BinaryPage, CacheBackend, CacheError, CacheName, PageContents, Updated,
};
use crate::event::Listen;
use crate::store::{Command, TimeToLive};
use crate::value::{Binary, Key};

/// Which requests fail, as if the connection were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    Nothing,
    Puts,
    Everything,
}

#[derive(Debug)]
struct State {
    entries: Vec<(Key, Binary)>,
    failing: Failing,
    requests: Vec<&'static str>,
}

#[derive(Debug)]
pub(super) struct MemoryBackend {
    name: CacheName,
    state: Mutex<State>,
}

impl MemoryBackend {
    pub(super) fn new() -> Self {
        let state = State {
            entries: Vec::new(),
            failing: Failing::Nothing,
            requests: Vec::new(),
        };
        MemoryBackend {
            name: CacheName::new("books").unwrap(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn fail(&self, failing: Failing) {
        self.lock().failing = failing;
    }

    /// The requests since the last call.
    pub(super) fn take_requests(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().requests)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T: Send + 'static>(
        &self,
        request: &'static str,
        is_put: bool,
        does: impl FnOnce(&mut State) -> T,
    ) -> BoxFuture<'_, Result<T, CacheError>> {
        let mut state = self.lock();
        state.requests.push(request);
        let fails = match state.failing {
            Failing::Nothing => false,
            Failing::Puts => is_put,
            Failing::Everything => true,
        };
        let answer = if fails {
            Err(CacheError::Disconnected {
                address: "nowhere:1".to_owned(),
                reason: "the test says so".to_owned(),
                applied: Applied::Unknown,
            })
        } else {
            Ok(does(&mut state))
        };
        ready(answer).boxed()
    }
}

impl State {
    fn get(&self, key: &Key) -> Option<Binary> {
        self.entries
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.clone())
    }

    fn put(&mut self, key: Key, value: Binary) {
        self.remove(&key);
        self.entries.push((key, value));
    }

    fn remove(&mut self, key: &Key) {
        self.entries.retain(|(k, _)| k != key);
    }
}

impl CacheBackend for MemoryBackend {
    fn name(&self) -> &CacheName {
        &self.name
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Binary>, CacheError>> {
        self.answer("get", false, |state| state.get(&key))
    }

    fn get_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<(Binary, Binary)>, CacheError>> {
        self.answer("get_all", false, |state| {
            let entry = |key: &Key| Some((key.spelling().clone(), state.get(key)?));
            keys.iter().filter_map(entry).collect()
        })
    }

    fn contains_key(&self, key: Key) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.answer("contains_key", false, |state| state.get(&key).is_some())
    }

    fn contains_value(&self, value: Binary) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.answer("contains_value", false, |state| {
            state.entries.iter().any(|(_, v)| v.same_value(&value))
        })
    }

    fn update(
        &self,
        key: Key,
        command: Command,
        _want_previous: bool,
    ) -> BoxFuture<'_, Result<Updated, CacheError>> {
        match command {
            Command::Put { value, .. } => self.answer("put", true, |state| {
                let previous = state.get(&key);
                state.put(key, value);
                Updated { done: true, previous }
            }),
            Command::Remove => self.answer("remove", false, |state| {
                let previous = state.get(&key);
                state.remove(&key);
                Updated {
                    done: previous.is_some(),
                    previous,
                }
            }),
            other => panic!("a repository does not need {other:?}"),
        }
    }

    fn put_all(
        &self,
        entries: Vec<(Key, Binary)>,
        _ttl: TimeToLive,
    ) -> BoxFuture<'_, Result<(), CacheError>> {
        self.answer("put_all", true, |state| {
            entries.into_iter().for_each(|(key, value)| state.put(key, value))
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<usize, CacheError>> {
        self.answer("size", false, |state| state.entries.len())
    }

    fn is_empty(&self) -> BoxFuture<'_, Result<bool, CacheError>> {
        self.answer("is_empty", false, |state| state.entries.is_empty())
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.answer("clear", false, |state| state.entries.clear())
    }

    fn truncate(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.answer("truncate", false, |state| state.entries.clear())
    }

    fn destroy(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.answer("destroy", false, |state| state.entries.clear())
    }

    fn release(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.answer("release", false, |_| ())
    }

    fn page(
        &self,
        _cookie: Option<Bytes>,
        _contents: PageContents,
    ) -> BoxFuture<'_, Result<BinaryPage, CacheError>> {
        self.answer("page", false, |state| {
            let entry = |(key, value): &(Key, Binary)| (key.spelling().clone(), Some(value.clone()));
            BinaryPage {
                entries: state.entries.iter().map(entry).collect(),
                next: None,
            }
        })
    }

    fn listen(&self, _listen: Listen) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        self.answer("listen", false, |_| stream::empty().boxed())
    }
}
