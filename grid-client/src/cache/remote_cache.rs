//! The backend of a cache that a server holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use grid_core::cache::{
    Among, Background, BinaryEvents, BinaryPage, BinarySelection, CacheBackend, CacheError, CacheName,
    PageContents, Query, Updated,
};
use grid_core::event::{EventPositions, Listen, ListenTo};
use grid_core::processor::own::is_inside;
use grid_core::processor::{ProcessorWork, Work};
use grid_core::query::{Aggregator, Extractor, Filter};
use grid_core::store::{Command, IndexDefinition, TimeToLive};
use grid_core::value::{Binary, Format, Key};
use grid_proto::any::Packed;
use grid_proto::frame::{BytesFields, PutFields};
use grid_proto::girih::FollowRequest;
use grid_proto::girih::follow_request::What;
use grid_proto::google::BytesValue;
use grid_proto::limits::JSON_PREFIX;
use grid_proto::v1::cache::{
    ExecuteRequest, IndexRequest, NamedCacheRequestType as Kind, PutAllRequest, PutRequest,
    ReplaceMappingRequest,
};
use grid_proto::v1::common::{BinaryKeyAndValue, CollectionOfBytesValues};
use grid_proto::wire::{Encode, Nothing, Payload, Whole};

use crate::codec::{
    answer_of, binary_of, bool_of, bytes_value_of, int_of, optional_value_of, pair_of, wire_payload,
};
use crate::connection::Answer;
use crate::session::Life;

use super::CacheState;
use super::agents::{aggregation, index, invalid, invocation, no_index};
use super::events::EventStream;
use super::follower::Follower;
use super::listeners::{Level, Target};
use super::reading::select;
use super::requests::{Many, Three, one, pair, parts, ttl_ms};
use super::state::Ask;

/// The longest request that a batch is cut into, in bytes. Servers take 4 MiB and more.
const BATCH_LEN_MAX: usize = 1 << 20;
/// The most entries of one request.
const BATCH_COUNT_MAX: usize = 10_000;
/// What each entry of a batch takes beyond its key and value, at most.
const ENTRY_OVERHEAD_LEN: usize = 32;
/// How many requests of one operation are in flight at once.
const PIPELINE_LEN: usize = 64;

/// A handle on a cache that a server holds.
#[derive(Debug)]
pub(crate) struct RemoteCache {
    state: Arc<CacheState>,
    released: AtomicBool,
    /// The session goes on while somebody has a cache.
    life: Arc<Life>,
}

impl RemoteCache {
    pub(crate) fn new(state: Arc<CacheState>, life: Arc<Life>) -> Self {
        RemoteCache {
            state,
            released: AtomicBool::new(false),
            life,
        }
    }

    fn check(&self) -> Result<(), CacheError> {
        if is_inside() {
            return Err(CacheError::CalledBack);
        }
        if self.released.load(Ordering::Acquire) {
            return Err(CacheError::Released {
                cache: self.state.name().to_string(),
            });
        }
        Ok(())
    }

    async fn ask<E: Encode + Sync>(&self, ask: Ask<'_, E>) -> Result<Answer, CacheError> {
        self.check()?;
        self.state.ask(ask).await
    }

    /// Asks with a message that is not about one key.
    async fn send<M: Packed>(
        &self,
        kind: Kind,
        message: &(impl Encode + Sync),
    ) -> Result<Answer, CacheError> {
        self.send_to::<M>(kind, None, message).await
    }

    /// Asks with a message about a key, which is done once if it changes something.
    async fn send_on<M: Packed>(
        &self,
        kind: Kind,
        key: &Key,
        message: &(impl Encode + Sync),
    ) -> Result<Answer, CacheError> {
        let reads = is_read(kind);
        self.ask(Ask {
            kind,
            type_url: M::TYPE_URL,
            message: Some(message),
            key: Some(key.placement()),
            reads,
            once: !reads,
        })
        .await
    }

    /// Asks whoever serves keys with this placement with a message about several.
    async fn send_to<M: Packed>(
        &self,
        kind: Kind,
        key: Option<u64>,
        message: &(impl Encode + Sync),
    ) -> Result<Answer, CacheError> {
        self.ask(Ask {
            kind,
            type_url: M::TYPE_URL,
            message: Some(message),
            key,
            reads: is_read(kind),
            once: false,
        })
        .await
    }

    /// Those that one member serves together, in their order. All together when it is not known who serves them.
    fn by_owner<T>(&self, items: Vec<T>, placement: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
        let mut groups: Vec<(Option<u64>, Vec<T>)> = Vec::new();
        for item in items {
            let owner = self.state.owner(placement(&item));
            match groups.iter_mut().find(|(known, _)| *known == owner) {
                Some((_, group)) => group.push(item),
                None => groups.push((owner, vec![item])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Asks without one.
    async fn plain(&self, kind: Kind) -> Result<Answer, CacheError> {
        self.ask(Ask::<Nothing> {
            kind,
            type_url: "",
            message: None,
            key: None,
            reads: is_read(kind),
            once: false,
        })
        .await
    }

    async fn put(
        &self,
        kind: Kind,
        key: &Key,
        value: &Binary,
        ttl: TimeToLive,
    ) -> Result<Answer, CacheError> {
        let message = PutFields {
            key: wire_payload(key.spelling())?,
            value: wire_payload(value)?,
            ttl_ms: ttl_ms(ttl),
        };
        self.send_on::<PutRequest>(kind, key, &message).await
    }

    async fn change(&self, key: Key, command: Command, want_previous: bool) -> Result<Updated, CacheError> {
        match command {
            Command::Put { value, ttl } => {
                let answer = self.put(Kind::Put, &key, &value, ttl).await?;
                let previous = if want_previous {
                    value_or_null(answer)?
                } else {
                    None
                };
                Ok(Updated { done: true, previous })
            }
            Command::PutIfAbsent { value, ttl } => {
                let answer = self.put(Kind::PutIfAbsent, &key, &value, ttl).await?;
                let previous = value_or_null(answer)?;
                Ok(Updated {
                    done: previous.is_none(),
                    previous,
                })
            }
            Command::Replace { value } => {
                let answer = self
                    .send_on::<BinaryKeyAndValue>(Kind::Replace, &key, &pair(&key, &value)?)
                    .await?;
                let bytes = bytes_value_of(answer.first)?;
                let previous = if bytes.is_empty() {
                    None
                } else {
                    Some(binary_of(bytes)?)
                };
                Ok(Updated {
                    done: previous.is_some(),
                    previous,
                })
            }
            Command::ReplaceIfEqual { previous, value } => {
                let message = Three([
                    wire_payload(key.spelling())?,
                    wire_payload(&previous)?,
                    wire_payload(&value)?,
                ]);
                let answer = self
                    .send_on::<ReplaceMappingRequest>(Kind::ReplaceMapping, &key, &message)
                    .await?;
                let done = bool_of(answer.first)?;
                Ok(Updated {
                    done,
                    previous: done.then_some(previous),
                })
            }
            Command::Remove => {
                let answer = self
                    .send_on::<BytesValue>(Kind::Remove, &key, &one(key.spelling())?)
                    .await?;
                let previous = value_or_null(answer)?;
                Ok(Updated {
                    done: previous.is_some(),
                    previous,
                })
            }
            Command::RemoveIfEqual { previous } => {
                let message = pair(&key, &previous)?;
                let answer = self
                    .send_on::<BinaryKeyAndValue>(Kind::RemoveMapping, &key, &message)
                    .await?;
                let done = bool_of(answer.first)?;
                Ok(Updated {
                    done,
                    previous: done.then_some(previous),
                })
            }
            // Others cannot be told of it; what can goes by `invoke`.
            Command::Work(_) => Err(CacheError::Unsupported {
                what: "work that is no processor, over a network,",
            }),
        }
    }

    async fn put_batch(&self, entries: &[(Key, Binary)]) -> Result<(), CacheError> {
        let elements = entries
            .iter()
            .map(|(key, value)| pair(key, value))
            .collect::<Result<_, _>>()?;
        let key = entries.first().map(|(key, _)| key.placement());
        self.send_to::<PutAllRequest>(Kind::PutAll, key, &Many { elements, ttl_ms: 0 })
            .await?;
        Ok(())
    }

    /// Puts each entry by a request of its own: the reference stores nulls when one request has several entries and a
    /// time to live.
    async fn put_each(&self, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> Result<(), CacheError> {
        // Requests in flight overtake each other, so of equal keys only the last may be among them.
        let mut last: HashMap<Bytes, (Key, Binary)> = HashMap::with_capacity(entries.len());
        for (key, value) in entries {
            last.insert(Bytes::copy_from_slice(key.canonical()), (key, value));
        }
        stream::iter(last.into_values())
            .map(|(key, value)| async move { self.put(Kind::Put, &key, &value, ttl).await.map(drop) })
            .buffer_unordered(PIPELINE_LEN)
            .try_collect()
            .await
    }

    async fn get_batch(&self, keys: &[Key], found: &mut Vec<(Binary, Binary)>) -> Result<(), CacheError> {
        let elements = keys
            .iter()
            .map(|key| wire_payload(key.spelling()))
            .collect::<Result<_, _>>()?;
        let message = Many { elements, ttl_ms: 0 };
        let answer = self
            .send_to::<CollectionOfBytesValues>(Kind::GetAll, keys.first().map(Key::placement), &message)
            .await?;
        for payload in answer.first.into_iter().chain(answer.rest) {
            found.push(pair_of(payload)?);
        }
        Ok(())
    }

    async fn read_page(
        &self,
        cookie: Option<Bytes>,
        contents: PageContents,
    ) -> Result<BinaryPage, CacheError> {
        let kind = match contents {
            PageContents::Keys => Kind::PageOfKeys,
            PageContents::Entries => Kind::PageOfEntries,
        };
        let cookie = cookie.unwrap_or_default();
        let message = BytesFields {
            first: Payload {
                prefix: None,
                bytes: &cookie,
            },
            second: None,
        };
        let answer = self.send::<BytesValue>(kind, &message).await?;
        let next = bytes_value_of(answer.first)?;
        let entries = answer.rest.into_iter().map(|payload| match contents {
            PageContents::Keys => Ok((binary_of(bytes_value_of(Some(payload))?)?, None)),
            PageContents::Entries => pair_of(payload).map(|(key, value)| (key, Some(value))),
        });
        Ok(BinaryPage {
            entries: entries.collect::<Result<_, CacheError>>()?,
            next: (!next.is_empty()).then_some(next),
        })
    }

    async fn start_to_follow(
        &self,
        listen: Listen,
        after: Option<EventPositions>,
    ) -> Result<BinaryEvents, CacheError> {
        self.check()?;
        self.state.check()?;
        let prefixed = |text: &[u8]| Bytes::from([&[JSON_PREFIX], text].concat());
        let what = match listen.to {
            ListenTo::All => None,
            ListenTo::Key(key) => {
                // A key of another format could not be asked for.
                wire_payload(key.spelling())?;
                Some(What::Key(prefixed(key.spelling().bytes())))
            }
            ListenTo::Where(filter) => {
                let filter = Filter::Event(filter).to_json().map_err(invalid)?;
                Some(What::Filter(prefixed(&filter)))
            }
            _ => {
                return Err(CacheError::Unsupported {
                    what: "listening to this kind of selection",
                });
            }
        };
        let settings = self.state.wiring.settings.clone();
        let request = FollowRequest {
            scope: settings.scope.clone(),
            cache: self.state.name().to_string(),
            what,
            lite: !listen.values,
            after: Bytes::new(),
        };
        let follower = Follower::new(self.state.wiring.openers.clone(), settings, request, after);
        follower.begin(self.life.clone(), || self.state.late()).await
    }

    async fn start_to_listen(&self, listen: Listen) -> Result<BinaryEvents, CacheError> {
        self.check()?;
        self.state.check()?;
        let target = match listen.to {
            ListenTo::All => Target::All,
            ListenTo::Key(key) => {
                // A key of another format could not be asked for.
                wire_payload(key.spelling())?;
                Target::Key(key)
            }
            ListenTo::Where(filter) => {
                let filter = Filter::Event(filter).to_json().map_err(invalid)?;
                self.state.target_where(filter.into())
            }
            _ => {
                return Err(CacheError::Unsupported {
                    what: "listening to this kind of selection",
                });
            }
        };
        let level = if listen.values { Level::Values } else { Level::Lite };
        let (id, queue) = self.state.listen(&target, level);
        // From here on, dropping the stream undoes what was done.
        let (cache, life) = (self.state.clone(), self.life.clone());
        let stream = EventStream {
            queue,
            cache,
            target,
            id,
            _life: life,
        };
        self.state.sync().await?;
        Ok(stream.boxed())
    }
}

/// The value before a change. The protocol spells "none" as null, so that a null that was stored looks like none.
fn value_or_null(answer: Answer) -> Result<Option<Binary>, CacheError> {
    let bytes = bytes_value_of(answer.first)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let value = binary_of(bytes)?;
    Ok((value.bytes().as_ref() != b"null").then_some(value))
}

fn is_read(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Aggregate
            | Kind::Get
            | Kind::GetAll
            | Kind::ContainsKey
            | Kind::ContainsValue
            | Kind::Size
            | Kind::IsEmpty
            | Kind::PageOfKeys
            | Kind::PageOfEntries
    )
}

impl CacheBackend for RemoteCache {
    fn name(&self) -> &CacheName {
        self.state.name()
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<Binary>, CacheError>> {
        async move {
            let answer = self
                .send_on::<BytesValue>(Kind::Get, &key, &one(key.spelling())?)
                .await?;
            optional_value_of(answer.first)
        }
        .boxed()
    }

    fn get_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<(Binary, Binary)>, CacheError>> {
        async move {
            let count = keys.len();
            let groups = self.by_owner(keys, Key::placement);
            let mut found = stream::iter(groups)
                .map(|keys| async move {
                    let mut found = Vec::with_capacity(keys.len());
                    let len_of = |key: &Key| key.spelling().bytes().len() + ENTRY_OVERHEAD_LEN;
                    for batch in parts(&keys, BATCH_COUNT_MAX, self.batch_len_max(), len_of) {
                        self.get_batch(batch, &mut found).await?;
                    }
                    Ok::<_, CacheError>(found)
                })
                .buffer_unordered(PIPELINE_LEN);
            let mut all = Vec::new();
            while let Some(part) = found.try_next().await? {
                if all.is_empty() {
                    all = part;
                    continue;
                }
                all.reserve(count.saturating_sub(all.len()));
                all.extend(part);
            }
            Ok(all)
        }
        .boxed()
    }

    fn contains_key(&self, key: Key) -> BoxFuture<'_, Result<bool, CacheError>> {
        async move {
            let answer = self
                .send_on::<BytesValue>(Kind::ContainsKey, &key, &one(key.spelling())?)
                .await?;
            bool_of(answer.first)
        }
        .boxed()
    }

    fn contains_value(&self, value: Binary) -> BoxFuture<'_, Result<bool, CacheError>> {
        async move {
            bool_of(
                self.send::<BytesValue>(Kind::ContainsValue, &one(&value)?)
                    .await?
                    .first,
            )
        }
        .boxed()
    }

    fn update(
        &self,
        key: Key,
        command: Command,
        want_previous: bool,
    ) -> BoxFuture<'_, Result<Updated, CacheError>> {
        self.change(key, command, want_previous).boxed()
    }

    fn put_all(&self, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> BoxFuture<'_, Result<(), CacheError>> {
        async move {
            if ttl != TimeToLive::CacheDefault {
                return self.put_each(entries, ttl).await;
            }
            let groups = self.by_owner(entries, |(key, _)| key.placement());
            stream::iter(groups)
                .map(|entries| async move {
                    let len_of = |(key, value): &(Key, Binary)| {
                        key.spelling().bytes().len() + value.bytes().len() + ENTRY_OVERHEAD_LEN
                    };
                    for batch in parts(&entries, BATCH_COUNT_MAX, self.batch_len_max(), len_of) {
                        self.put_batch(batch).await?;
                    }
                    Ok(())
                })
                .buffer_unordered(PIPELINE_LEN)
                .try_collect()
                .await
        }
        .boxed()
    }

    fn size(&self) -> BoxFuture<'_, Result<usize, CacheError>> {
        async move { int_of(self.plain(Kind::Size).await?.first) }.boxed()
    }

    fn is_empty(&self) -> BoxFuture<'_, Result<bool, CacheError>> {
        async move { bool_of(self.plain(Kind::IsEmpty).await?.first) }.boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        async move { self.plain(Kind::Clear).await.map(drop) }.boxed()
    }

    fn truncate(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        async move { self.plain(Kind::Truncate).await.map(drop) }.boxed()
    }

    fn destroy(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        async move {
            self.plain(Kind::Destroy).await?;
            self.state.set_destroyed();
            Ok(())
        }
        .boxed()
    }

    fn release(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        async move {
            self.released.store(true, Ordering::Release);
            Ok(())
        }
        .boxed()
    }

    fn page(
        &self,
        cookie: Option<Bytes>,
        contents: PageContents,
    ) -> BoxFuture<'_, Result<BinaryPage, CacheError>> {
        self.read_page(cookie, contents).boxed()
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        self.start_to_listen(listen).boxed()
    }

    fn follow(
        &self,
        listen: Listen,
        after: Option<EventPositions>,
    ) -> BoxFuture<'_, Result<BinaryEvents, CacheError>> {
        self.start_to_follow(listen, after).boxed()
    }

    fn query(&self, query: Query) -> BinarySelection {
        match self.check() {
            Ok(()) => select(self.state.clone(), self.life.clone(), query),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn aggregate(&self, among: Among, aggregator: Aggregator) -> BoxFuture<'_, Result<Binary, CacheError>> {
        async move {
            let message = aggregation(among, &aggregator)?;
            let answer = self
                .send::<ExecuteRequest>(Kind::Aggregate, &Whole(&message))
                .await?;
            value_or_json_null(bytes_value_of(answer.first)?)
        }
        .boxed()
    }

    fn invoke(&self, key: Key, work: Arc<ProcessorWork>) -> BoxFuture<'_, Result<Binary, CacheError>> {
        async move {
            let message = invocation(&key, &work)?;
            let reads = !work.may_change();
            let answer = self
                .ask(Ask {
                    kind: Kind::Invoke,
                    type_url: ExecuteRequest::TYPE_URL,
                    message: Some(&Whole(&message)),
                    key: Some(key.placement()),
                    reads,
                    once: !reads,
                })
                .await?;
            match answer.first {
                Some(payload) => value_or_json_null(answer_of(payload)?),
                None => value_or_json_null(Bytes::new()),
            }
        }
        .boxed()
    }

    fn add_index(&self, definition: IndexDefinition) -> BoxFuture<'_, Result<(), CacheError>> {
        async move {
            let message = index(&definition)?;
            self.send::<IndexRequest>(Kind::Index, &Whole(&message)).await?;
            Ok(())
        }
        .boxed()
    }

    fn remove_index(&self, extractor: Extractor) -> BoxFuture<'_, Result<(), CacheError>> {
        async move {
            let message = no_index(&extractor)?;
            self.send::<IndexRequest>(Kind::Index, &Whole(&message)).await?;
            Ok(())
        }
        .boxed()
    }

    fn background(&self) -> Option<Arc<dyn Background>> {
        Some(self.life.clone())
    }
}

/// An answer, of which the protocol spells null as nothing.
fn value_or_json_null(bytes: Bytes) -> Result<Binary, CacheError> {
    if bytes.is_empty() {
        return Ok(Binary::new(Format::JSON, Bytes::from_static(b"null")));
    }
    binary_of(bytes)
}

impl RemoteCache {
    fn batch_len_max(&self) -> usize {
        BATCH_LEN_MAX.min(self.state.settings().message_len_max / 2)
    }
}
