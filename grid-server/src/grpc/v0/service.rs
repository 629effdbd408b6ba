//! `coherence.NamedCacheService`.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::cache::PageContents;
use grid_core::query::Comparator;
use grid_core::store::{Command, PageContent, TimeToLive, WorkAnswer};
use grid_core::value::{Binary, Format, Key};
use grid_member::cache::{OpenCache, Scatter};
use grid_proto::google::{BoolValue, BytesValue, Empty, Int32Value};
use grid_proto::v0::named_cache_service_server::NamedCacheService;
use grid_proto::v0::{
    AddIndexRequest, AggregateRequest, ClearRequest, ContainsEntryRequest, ContainsKeyRequest,
    ContainsValueRequest, DestroyRequest, Entry, EntryResult, EntrySetRequest, GetAllRequest, GetRequest,
    InvokeAllRequest, InvokeRequest, IsEmptyRequest, IsReadyRequest, KeySetRequest, MapListenerRequest,
    MapListenerResponse, OptionalValue, PageRequest, PutAllRequest, PutIfAbsentRequest, PutRequest,
    RemoveIndexRequest, RemoveMappingRequest, RemoveRequest, ReplaceMappingRequest, ReplaceRequest,
    SizeRequest, TruncateRequest, ValuesRequest,
};
use grid_proto::v1::cache::NamedCacheRequestType as Type;
use tonic::{Request, Response, Status, Streaming};

use crate::grpc::edge::{blocking_reply, by_size, check_batch_len};
use crate::grpc::replace_agent::replace_value;
use crate::grpc::{Edge, Refusal, WireValue};

use super::events::EventsSession;
use super::streams::{self, Answers};

/// The service of version 0.
#[derive(Clone, Debug)]
pub struct NamedCaches {
    edge: Arc<Edge>,
}

/// What an operation comes to.
type Outcome<T> = Result<T, Refusal>;

impl NamedCaches {
    /// The service on this edge.
    #[must_use]
    pub fn new(edge: Arc<Edge>) -> Self {
        NamedCaches { edge }
    }

    async fn open(&self, scope: &str, cache: &str, format: &str) -> Outcome<(Arc<OpenCache>, Format)> {
        let format = self.edge.format(format)?;
        Ok((self.edge.cache(scope, cache).await?, format))
    }

    /// Counts an operation and makes its outcome the answer of a call.
    fn answer<T>(&self, kind: Type, outcome: Outcome<T>) -> Result<Response<T>, Status> {
        self.edge.metrics().request(kind, outcome.is_ok());
        outcome.map(Response::new).map_err(|refusal| refusal.status())
    }

    fn bytes(&self, format: Format, value: Option<Binary>) -> Outcome<BytesValue> {
        let value = value.map(|value| self.edge.to_wire(format, value)).transpose()?;
        Ok(BytesValue {
            value: value.unwrap_or_default().into_bytes(),
        })
    }

    fn read(&self, format: Format, key: Bytes, command: Wanted) -> Outcome<(Key, Command)> {
        by_size(key.len() + command.len(), || {
            Ok((self.edge.key(format, key)?, command.read(&self.edge, format)?))
        })
    }

    async fn change(
        &self,
        scope: &str,
        cache: &str,
        format: &str,
        key: Bytes,
        command: Wanted,
    ) -> Outcome<BytesValue> {
        let (cache, format) = self.open(scope, cache, format).await?;
        let (key, command) = self.read(format, key, command)?;
        let applied = cache.update(&key, command, true).await?;
        self.bytes(format, applied.previous)
    }

    async fn change_if(
        &self,
        scope: &str,
        cache: &str,
        format: &str,
        key: Bytes,
        command: Wanted,
    ) -> Outcome<BoolValue> {
        let (cache, format) = self.open(scope, cache, format).await?;
        let (key, command) = self.read(format, key, command)?;
        let applied = cache.update(&key, command, false).await?;
        Ok(BoolValue { value: applied.done })
    }

    async fn put_all_entries(&self, request: PutAllRequest) -> Outcome<Empty> {
        let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
        let ttl = TimeToLive::from_wire_ms(request.ttl)?;
        check_batch_len(request.entry.len())?;
        let len = request
            .entry
            .iter()
            .map(|entry| entry.key.len() + entry.value.len())
            .sum();
        let read = |entry: Entry| {
            Ok((
                self.edge.key(format, entry.key)?,
                self.edge.value(format, entry.value)?,
            ))
        };
        // Every entry is checked before the first is put.
        let entries = request.entry.into_iter().map(read);
        let entries = by_size(len, || entries.collect::<Outcome<Vec<_>>>())?;
        blocking_reply(move || cache.put_all(entries, ttl)).await?;
        Ok(Empty {})
    }

    async fn get_all_entries(&self, request: GetAllRequest) -> Outcome<Answers<Entry>> {
        let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
        check_batch_len(request.key.len())?;
        let len = request.key.iter().map(Bytes::len).sum();
        let edge = self.edge.clone();
        by_size(len, || {
            let keys = request.key.into_iter().map(|key| edge.key(format, key));
            let keys = keys.collect::<Outcome<_>>()?;
            Ok(streams::get_all(edge.clone(), cache, format, keys))
        })
    }

    async fn query(
        &self,
        (scope, cache, format): (&str, &str, &str),
        content: PageContent,
        filter: Bytes,
        comparator: Bytes,
    ) -> Outcome<(Scatter, Option<Comparator>, Format)> {
        let (cache, format) = self.open(scope, cache, format).await?;
        let question = by_size(filter.len(), || self.edge.selection(format, filter))?;
        let order = self.edge.comparator(format, comparator)?;
        Ok((cache.select(question, content), order, format))
    }

    fn keys(&self, format: Format, keys: Vec<Bytes>) -> Outcome<Vec<Key>> {
        check_batch_len(keys.len())?;
        keys.into_iter().map(|key| self.edge.key(format, key)).collect()
    }

    async fn invoke_on_all(&self, request: InvokeAllRequest) -> Outcome<Answers<Entry>> {
        let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
        let working = if request.keys.is_empty() {
            let (question, work) = self
                .edge
                .processor_on(format, request.processor, request.filter)?;
            cache.work_on_selected(question, work)
        } else {
            let work = Arc::new(self.edge.processor(format, request.processor)?);
            cache.work_on_keys(self.keys(format, request.keys)?, work)
        };
        Ok(streams::worked(self.edge.clone(), working, format))
    }

    async fn aggregate_entries(&self, request: AggregateRequest) -> Outcome<BytesValue> {
        let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
        let keys = match request.keys {
            keys if keys.is_empty() => None,
            keys => Some(self.keys(format, keys)?),
        };
        let question = self
            .edge
            .aggregation(format, request.filter, request.aggregator)?;
        let answer = cache.aggregate_in_time(question, keys).await?;
        Ok(BytesValue {
            value: self
                .edge
                .work_answer(format, Some(WorkAnswer::Said(answer)))?
                .into_bytes(),
        })
    }

    /// A page: the cookie of the next, and its entries, whose bytes are still those of the cache.
    async fn page(&self, request: &PageRequest, contents: PageContents) -> Outcome<(Bytes, Vec<PageEntry>)> {
        let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
        let cookie = (!request.cookie.is_empty()).then_some(&request.cookie[..]);
        let page = cache.page(cookie, contents).await?;
        let wire = |value| self.edge.to_wire(format, value);
        let entries = page
            .entries
            .into_iter()
            .map(|(key, value)| Ok((wire(key)?, value.map(wire).transpose()?.unwrap_or_default())))
            .collect::<Outcome<_>>()?;
        Ok((page.next.unwrap_or_default(), entries))
    }
}

/// A key, and its value unless only keys were asked for.
type PageEntry = (WireValue, WireValue);

/// A command whose values are still as they came.
enum Wanted {
    Put { value: Bytes, ttl_ms: i64 },
    PutIfAbsent { value: Bytes, ttl_ms: i64 },
    Replace { value: Bytes },
    ReplaceIfEqual { previous: Bytes, value: Bytes },
    Remove,
    RemoveIfEqual { previous: Bytes },
}

impl Wanted {
    /// How many bytes there are to read.
    fn len(&self) -> usize {
        match self {
            Wanted::Put { value, .. } | Wanted::PutIfAbsent { value, .. } | Wanted::Replace { value } => {
                value.len()
            }
            Wanted::ReplaceIfEqual { previous, value } => previous.len() + value.len(),
            Wanted::Remove => 0,
            Wanted::RemoveIfEqual { previous } => previous.len(),
        }
    }

    fn read(self, edge: &Edge, format: Format) -> Outcome<Command> {
        let value = |value| edge.value(format, value);
        Ok(match self {
            Wanted::Put { value: v, ttl_ms } => Command::Put {
                value: value(v)?,
                ttl: TimeToLive::from_wire_ms(ttl_ms)?,
            },
            Wanted::PutIfAbsent { value: v, ttl_ms } => Command::PutIfAbsent {
                value: value(v)?,
                ttl: TimeToLive::from_wire_ms(ttl_ms)?,
            },
            Wanted::Replace { value: v } => Command::Replace { value: value(v)? },
            Wanted::ReplaceIfEqual { previous, value: v } => Command::ReplaceIfEqual {
                previous: value(previous)?,
                value: value(v)?,
            },
            Wanted::Remove => Command::Remove,
            Wanted::RemoveIfEqual { previous } => Command::RemoveIfEqual {
                previous: value(previous)?,
            },
        })
    }
}

#[tonic::async_trait]
impl NamedCacheService for NamedCaches {
    type entrySetStream = Answers<Entry>;
    type eventsStream = Answers<MapListenerResponse>;
    type getAllStream = Answers<Entry>;
    type invokeAllStream = Answers<Entry>;
    type keySetStream = Answers<BytesValue>;
    type nextEntrySetPageStream = Answers<EntryResult>;
    type nextKeySetPageStream = Answers<BytesValue>;
    type valuesStream = Answers<BytesValue>;

    async fn add_index(&self, request: Request<AddIndexRequest>) -> Result<Response<Empty>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            let definition =
                self.edge
                    .index(format, request.extractor, request.sorted, request.comparator)?;
            self.edge.grid().add_index(&cache, definition).await?;
            Ok(Empty {})
        };
        self.answer(Type::Index, outcome.await)
    }

    async fn remove_index(&self, request: Request<RemoveIndexRequest>) -> Result<Response<Empty>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            let definition = self.edge.index(format, request.extractor, false, Bytes::new())?;
            let extractor = definition.extractor;
            self.edge.grid().remove_index(&cache, extractor).await?;
            Ok(Empty {})
        };
        self.answer(Type::Index, outcome.await)
    }

    async fn aggregate(&self, request: Request<AggregateRequest>) -> Result<Response<BytesValue>, Status> {
        let answer = self.aggregate_entries(request.into_inner()).await;
        self.answer(Type::Aggregate, answer)
    }

    async fn invoke(&self, request: Request<InvokeRequest>) -> Result<Response<BytesValue>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            let key = self.edge.key(format, request.key)?;
            // One is a plain operation of the Java client.
            if let Some(value) = replace_value(&self.edge, format, request.processor.clone())? {
                let outcome = cache.update(&key, Command::Replace { value }, true).await?;
                let answer = outcome.previous.map(WorkAnswer::Said);
                let value = self.edge.work_answer(format, answer)?.into_bytes();
                return Ok(BytesValue { value });
            }
            let work = Arc::new(self.edge.processor(format, request.processor)?);
            let outcome = cache.update(&key, Command::Work(work), false).await?;
            Ok(BytesValue {
                value: self.edge.work_answer(format, outcome.answer)?.into_bytes(),
            })
        };
        self.answer(Type::Invoke, outcome.await)
    }

    async fn invoke_all(
        &self,
        request: Request<InvokeAllRequest>,
    ) -> Result<Response<Self::invokeAllStream>, Status> {
        let answers = self.invoke_on_all(request.into_inner()).await;
        self.answer(Type::Invoke, answers)
    }

    async fn clear(&self, request: Request<ClearRequest>) -> Result<Response<Empty>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let cache = self.edge.cache(&request.scope, &request.cache).await?;
            blocking_reply(move || cache.clear()).await?;
            Ok(Empty {})
        };
        self.answer(Type::Clear, outcome.await)
    }

    async fn truncate(&self, request: Request<TruncateRequest>) -> Result<Response<Empty>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let cache = self.edge.cache(&request.scope, &request.cache).await?;
            blocking_reply(move || cache.truncate()).await?;
            Ok(Empty {})
        };
        self.answer(Type::Truncate, outcome.await)
    }

    async fn destroy(&self, request: Request<DestroyRequest>) -> Result<Response<Empty>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let cache = self.edge.cache(&request.scope, &request.cache).await?;
            let edge = self.edge.clone();
            blocking_reply(move || edge.grid().destroy(&cache)).await?;
            Ok(Empty {})
        };
        self.answer(Type::Destroy, outcome.await)
    }

    async fn contains_entry(
        &self,
        request: Request<ContainsEntryRequest>,
    ) -> Result<Response<BoolValue>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            let key = self.edge.key(format, request.key)?;
            let value = self.edge.value(format, request.value)?;
            let found = cache.get(&key).await?;
            let value = found.is_some_and(|found| found.same_value(&value));
            Ok(BoolValue { value })
        };
        self.answer(Type::ContainsEntry, outcome.await)
    }

    async fn contains_key(
        &self,
        request: Request<ContainsKeyRequest>,
    ) -> Result<Response<BoolValue>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            Ok(BoolValue {
                value: cache.contains_key(&self.edge.key(format, request.key)?).await?,
            })
        };
        self.answer(Type::ContainsKey, outcome.await)
    }

    async fn contains_value(
        &self,
        request: Request<ContainsValueRequest>,
    ) -> Result<Response<BoolValue>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            let len = request.value.len();
            let value = by_size(len, || self.edge.value(format, request.value))?;
            let value = blocking_reply(move || cache.contains_value(&value)).await?;
            Ok(BoolValue { value })
        };
        self.answer(Type::ContainsValue, outcome.await)
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<OptionalValue>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let (cache, format) = self.open(&request.scope, &request.cache, &request.format).await?;
            let value = cache.get(&self.edge.key(format, request.key)?).await?;
            let value = value.map(|value| self.edge.to_wire(format, value)).transpose()?;
            let present = value.is_some();
            Ok(OptionalValue {
                present,
                value: value.unwrap_or_default().into_bytes(),
            })
        };
        self.answer(Type::Get, outcome.await)
    }

    async fn get_all(&self, request: Request<GetAllRequest>) -> Result<Response<Self::getAllStream>, Status> {
        self.answer(Type::GetAll, self.get_all_entries(request.into_inner()).await)
    }

    async fn is_empty(&self, request: Request<IsEmptyRequest>) -> Result<Response<BoolValue>, Status> {
        let request = request.into_inner();
        let outcome = async {
            Ok(BoolValue {
                value: self
                    .edge
                    .cache(&request.scope, &request.cache)
                    .await?
                    .is_empty()
                    .await?,
            })
        };
        self.answer(Type::IsEmpty, outcome.await)
    }

    async fn is_ready(&self, request: Request<IsReadyRequest>) -> Result<Response<BoolValue>, Status> {
        let request = request.into_inner();
        let ready = self
            .edge
            .cache(&request.scope, &request.cache)
            .await
            .map(|_| BoolValue { value: true });
        self.answer(Type::IsReady, ready)
    }

    async fn size(&self, request: Request<SizeRequest>) -> Result<Response<Int32Value>, Status> {
        let request = request.into_inner();
        let outcome = async {
            let size = self
                .edge
                .cache(&request.scope, &request.cache)
                .await?
                .len()
                .await?;
            Ok(Int32Value {
                value: i32::try_from(size).unwrap_or(i32::MAX),
            })
        };
        self.answer(Type::Size, outcome.await)
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<BytesValue>, Status> {
        let PutRequest {
            scope,
            cache,
            format,
            key,
            value,
            ttl,
        } = request.into_inner();
        let command = Wanted::Put { value, ttl_ms: ttl };
        self.answer(
            Type::Put,
            self.change(&scope, &cache, &format, key, command).await,
        )
    }

    async fn put_all(&self, request: Request<PutAllRequest>) -> Result<Response<Empty>, Status> {
        self.answer(Type::PutAll, self.put_all_entries(request.into_inner()).await)
    }

    async fn put_if_absent(
        &self,
        request: Request<PutIfAbsentRequest>,
    ) -> Result<Response<BytesValue>, Status> {
        let PutIfAbsentRequest {
            scope,
            cache,
            format,
            key,
            value,
            ttl,
        } = request.into_inner();
        let command = Wanted::PutIfAbsent { value, ttl_ms: ttl };
        self.answer(
            Type::PutIfAbsent,
            self.change(&scope, &cache, &format, key, command).await,
        )
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Result<Response<BytesValue>, Status> {
        let RemoveRequest {
            scope,
            cache,
            format,
            key,
        } = request.into_inner();
        self.answer(
            Type::Remove,
            self.change(&scope, &cache, &format, key, Wanted::Remove).await,
        )
    }

    async fn remove_mapping(
        &self,
        request: Request<RemoveMappingRequest>,
    ) -> Result<Response<BoolValue>, Status> {
        let RemoveMappingRequest {
            scope,
            cache,
            format,
            key,
            value,
        } = request.into_inner();
        let command = Wanted::RemoveIfEqual { previous: value };
        self.answer(
            Type::RemoveMapping,
            self.change_if(&scope, &cache, &format, key, command).await,
        )
    }

    async fn replace(&self, request: Request<ReplaceRequest>) -> Result<Response<BytesValue>, Status> {
        let ReplaceRequest {
            scope,
            cache,
            format,
            key,
            value,
        } = request.into_inner();
        self.answer(
            Type::Replace,
            self.change(&scope, &cache, &format, key, Wanted::Replace { value })
                .await,
        )
    }

    async fn replace_mapping(
        &self,
        request: Request<ReplaceMappingRequest>,
    ) -> Result<Response<BoolValue>, Status> {
        let ReplaceMappingRequest {
            scope,
            cache,
            format,
            key,
            previous_value,
            new_value,
        } = request.into_inner();
        let command = Wanted::ReplaceIfEqual {
            previous: previous_value,
            value: new_value,
        };
        self.answer(
            Type::ReplaceMapping,
            self.change_if(&scope, &cache, &format, key, command).await,
        )
    }

    async fn next_key_set_page(
        &self,
        request: Request<PageRequest>,
    ) -> Result<Response<Self::nextKeySetPageStream>, Status> {
        let page = self
            .page(&request.into_inner(), PageContents::Keys)
            .await
            .map(|(cookie, entries)| {
                let keys = entries.into_iter().map(|(key, _)| key.into_bytes());
                streams::all(
                    std::iter::once(cookie)
                        .chain(keys)
                        .map(|value| BytesValue { value }),
                )
            });
        self.answer(Type::PageOfKeys, page)
    }

    async fn next_entry_set_page(
        &self,
        request: Request<PageRequest>,
    ) -> Result<Response<Self::nextEntrySetPageStream>, Status> {
        let page = self
            .page(&request.into_inner(), PageContents::Entries)
            .await
            .map(|(cookie, entries)| {
                let first = EntryResult {
                    cookie,
                    ..EntryResult::default()
                };
                let entries = entries.into_iter().map(|(key, value)| EntryResult {
                    key: key.into_bytes(),
                    value: value.into_bytes(),
                    ..EntryResult::default()
                });
                streams::all(std::iter::once(first).chain(entries))
            });
        self.answer(Type::PageOfEntries, page)
    }

    async fn key_set(&self, request: Request<KeySetRequest>) -> Result<Response<Self::keySetStream>, Status> {
        let request = request.into_inner();
        let names = (
            request.scope.as_str(),
            request.cache.as_str(),
            request.format.as_str(),
        );
        let answer = self.query(names, PageContent::Keys, request.filter, Bytes::new());
        let answer = answer.await.map(|(scatter, order, format)| {
            let this = self.clone();
            streams::query(scatter, order, move |key, _| this.bytes(format, key))
        });
        self.answer(Type::QueryKeys, answer)
    }

    async fn values(&self, request: Request<ValuesRequest>) -> Result<Response<Self::valuesStream>, Status> {
        let request = request.into_inner();
        let names = (
            request.scope.as_str(),
            request.cache.as_str(),
            request.format.as_str(),
        );
        let answer = self.query(names, PageContent::Values, request.filter, request.comparator);
        let answer = answer.await.map(|(scatter, order, format)| {
            let this = self.clone();
            streams::query(scatter, order, move |_, value| this.bytes(format, value))
        });
        self.answer(Type::QueryValues, answer)
    }

    async fn entry_set(
        &self,
        request: Request<EntrySetRequest>,
    ) -> Result<Response<Self::entrySetStream>, Status> {
        let request = request.into_inner();
        let names = (
            request.scope.as_str(),
            request.cache.as_str(),
            request.format.as_str(),
        );
        let answer = self.query(names, PageContent::Entries, request.filter, request.comparator);
        let answer = answer.await.map(|(scatter, order, format)| {
            let this = self.clone();
            streams::query(scatter, order, move |key, value| {
                Ok(Entry {
                    key: this.bytes(format, key)?.value,
                    value: this.bytes(format, value)?.value,
                })
            })
        });
        self.answer(Type::QueryEntries, answer)
    }

    async fn events(
        &self,
        request: Request<Streaming<MapListenerRequest>>,
    ) -> Result<Response<Self::eventsStream>, Status> {
        let session = EventsSession::new(self.edge.clone(), request.into_inner());
        Ok(Response::new(Box::pin(session)))
    }
}
