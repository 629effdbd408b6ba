//! Queries, aggregation and processors of the typed handle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{BinaryEntryEvent, BinaryEvent, EntryEventKind, Listen, ListenTo};
use crate::processor::{Processor, ProcessorWork, Work};
use crate::query::{Aggregator, Comparator, Datum, Filter};
use crate::value::{self, Binary, Format, Key, ValueError};

use super::answer::read_answer;
use super::handle::{absent_value, decoded, decoded_events};
use super::{Among, Cache, CacheBackend, CacheError, Events, Invoked, Query, QueryContents};

/// A processor on many entries is under way on so many of them at a time.
const INVOKED_AT_ONCE: usize = 64;

/// How often a listener that is primed reads what it listens to again, because events were lost meanwhile.
const PRIMING_ATTEMPTS_MAX: u32 = 16;

pub(super) fn invalid(error: impl std::fmt::Display) -> CacheError {
    CacheError::Invalid {
        what: error.to_string(),
    }
}

/// An answer as the type that was asked for. The change was made, whatever can be read.
fn answered<R: DeserializeOwned>(work: &ProcessorWork, answer: &Binary) -> Result<R, CacheError> {
    read_answer(answer).map_err(|error| {
        if work.may_change() {
            CacheError::Answer(error)
        } else {
            error.into()
        }
    })
}

fn work_of(processor: &Processor) -> Result<Arc<ProcessorWork>, CacheError> {
    ProcessorWork::new(processor).map(Arc::new).map_err(invalid)
}

/// The same processor on those entries alone that are there and that a filter selects when their turn comes. It answers
/// with an array of one for those, and with null for the others.
fn only_where(processor: &Processor, filter: &Filter) -> Processor {
    let there = Filter::all([Filter::Present, filter.clone()]);
    Processor::Composite(vec![processor.clone()]).when(there)
}

/// The answer for an entry that was selected; `None` for one that was not.
fn selected_answer(answer: &Binary) -> Result<Option<Binary>, CacheError> {
    let wrong = || CacheError::Protocol {
        what: "a processor answered something else than it was asked for".to_owned(),
    };
    let datum = Datum::read(answer.bytes()).map_err(invalid)?;
    if datum.is_null() {
        return Ok(None);
    }
    let first = datum.elements().ok_or_else(wrong)?.next().ok_or_else(wrong)?;
    let first = first.map_err(invalid)?;
    Ok(Some(Binary::new(Format::JSON, first.to_vec().into())))
}

async fn invoke_one<R: DeserializeOwned>(
    backend: Arc<dyn CacheBackend>,
    key: Key,
    work: Arc<ProcessorWork>,
) -> Result<R, CacheError> {
    let answer = backend.invoke(key, work.clone()).await?;
    answered(&work, &answer)
}

fn lock(error: &Mutex<Option<CacheError>>) -> MutexGuard<'_, Option<CacheError>> {
    // Nothing is left half done under the lock.
    error.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The event of what a key's entry is, for who begins to listen to it.
fn present_event(key: &Key, value: Option<Binary>) -> BinaryEvent {
    let kind = match &value {
        Some(_) => EntryEventKind::Insert,
        None => EntryEventKind::Delete,
    };
    BinaryEvent::Entry(BinaryEntryEvent {
        kind,
        key: key.spelling().clone(),
        old: None,
        new: value,
        synthetic: true,
        expired: false,
        number: None,
    })
}

impl<K, V> Cache<K, V>
where
    K: Serialize + DeserializeOwned + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn selection<T: Send + 'static>(
        &self,
        filter: &Filter,
        (contents, order): (QueryContents, Option<&Comparator>),
        read: impl Fn(Option<Binary>, Option<Binary>) -> Result<T, CacheError> + Clone + Send + 'static,
    ) -> BoxStream<'static, Result<T, CacheError>> {
        let query = Query {
            filter: filter.clone(),
            contents,
            order: order.cloned(),
        };
        let parts = self.backend().query(query);
        parts
            .map_ok(move |part| {
                let read = read.clone();
                stream::iter(part.into_iter().map(move |(key, value)| read(key, value)))
            })
            .try_flatten()
            .boxed()
    }

    pub(super) fn select_keys(&self, filter: &Filter) -> BoxStream<'static, Result<K, CacheError>> {
        self.selection(filter, (QueryContents::Keys, None), |key, _| key_of(key))
    }

    pub(super) fn select_values(
        &self,
        filter: &Filter,
        order: Option<&Comparator>,
    ) -> BoxStream<'static, Result<V, CacheError>> {
        self.selection(filter, (QueryContents::Values, order), |_, value| {
            decoded(value)?.ok_or_else(absent_value)
        })
    }

    pub(super) fn select_entries(
        &self,
        filter: &Filter,
        order: Option<&Comparator>,
    ) -> BoxStream<'static, Result<(K, V), CacheError>> {
        self.selection(filter, (QueryContents::Entries, order), |key, value| {
            Ok((key_of(key)?, decoded(value)?.ok_or_else(absent_value)?))
        })
    }

    pub(super) async fn aggregate_among<R: DeserializeOwned>(
        &self,
        among: Among,
        aggregator: &Aggregator,
    ) -> Result<R, CacheError> {
        let answer = self.backend().aggregate(among, aggregator.clone()).await?;
        Ok(read_answer(&answer)?)
    }

    pub(super) async fn invoke_on<R: DeserializeOwned>(
        &self,
        key: Key,
        processor: &Processor,
    ) -> Result<R, CacheError> {
        invoke_one(self.backend().clone(), key, work_of(processor)?).await
    }

    pub(super) fn invoke_on_keys<R: DeserializeOwned + Send + 'static>(
        &self,
        keys: Result<Vec<Key>, CacheError>,
        processor: &Processor,
    ) -> BoxStream<'static, Result<Invoked<K, R>, CacheError>> {
        let (keys, work) = match keys.and_then(|keys| Ok((keys, work_of(processor)?))) {
            Ok(all) => all,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let backend = self.backend().clone();
        stream::iter(keys)
            .map(move |key| {
                let (backend, work) = (backend.clone(), work.clone());
                async move {
                    let spelled = value::from_binary(key.spelling())?;
                    let answer = invoke_one(backend, key, work).await;
                    Ok(Invoked { key: spelled, answer })
                }
            })
            .buffer_unordered(INVOKED_AT_ONCE)
            .boxed()
    }

    pub(super) fn invoke_on_selected<R: DeserializeOwned + Send + 'static>(
        &self,
        filter: &Filter,
        processor: &Processor,
    ) -> BoxStream<'static, Result<Invoked<K, R>, CacheError>> {
        let work = match work_of(&only_where(processor, filter)) {
            Ok(work) => work,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let backend = self.backend().clone();
        let contents = (QueryContents::Keys, None);
        let keys = self.selection(filter, contents, |key, _| {
            let key = key.ok_or_else(absent_key)?;
            Ok(Key::new(key).map_err(ValueError::from)?)
        });
        // What came of those that were selected before is told first, whatever becomes of the selection.
        let ended = Arc::new(Mutex::new(None));
        let failed = ended.clone();
        let selected = keys.scan(failed, |failed, key| {
            let key = key.map_err(|error| *lock(failed) = Some(error)).ok();
            std::future::ready(key)
        });
        let last = stream::once(async move { lock(&ended).take() });
        let last = last.filter_map(|error| std::future::ready(error.map(Err)));
        let invoked = selected
            .map(move |key| {
                let (backend, work) = (backend.clone(), work.clone());
                async move {
                    let spelled = value::from_binary(key.spelling())?;
                    let answer = match backend.invoke(key, work.clone()).await {
                        Ok(answer) => match selected_answer(&answer)? {
                            Some(answer) => answered(&work, &answer),
                            None => return Ok(None),
                        },
                        Err(error) => Err(error),
                    };
                    Ok(Some(Invoked { key: spelled, answer }))
                }
            })
            .buffer_unordered(INVOKED_AT_ONCE)
            .try_filter_map(|invoked| async move { Ok(invoked) });
        invoked.chain(last).boxed()
    }

    /// Listens to a key, and begins with what its entry is.
    ///
    /// An event that came while that was read counts more than what was read, which may be older.
    pub(super) async fn listen_primed(&self, key: Key) -> Result<Events<K, V>, CacheError> {
        let listen = Listen {
            to: ListenTo::Key(key.clone()),
            values: true,
        };
        let mut events = self.backend().listen(listen).await?;
        let mut attempts = 0;
        let first = loop {
            let present = self.backend().get(key.clone()).await?;
            attempts += 1;
            match events.next().now_or_never().flatten() {
                Some(Ok(BinaryEvent::Resync | BinaryEvent::Truncated)) if attempts < PRIMING_ATTEMPTS_MAX => {
                }
                Some(event) => break event,
                None => break Ok(present_event(&key, present)),
            }
        };
        let first = stream::once(async move { first });
        Ok(decoded_events(first.chain(events).boxed()))
    }
}

fn key_of<K: DeserializeOwned>(key: Option<Binary>) -> Result<K, CacheError> {
    Ok(value::from_binary(&key.ok_or_else(absent_key)?)?)
}

fn absent_key() -> CacheError {
    CacheError::Protocol {
        what: "an entry that was selected came without its key".to_owned(),
    }
}
