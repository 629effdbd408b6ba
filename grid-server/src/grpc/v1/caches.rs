//! The cache protocol of one stream: its caches by number, and what each request does.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::cache::PageContents;
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Binary, Format, Key};
use grid_member::cache::OpenCache;
use grid_proto::any::{field_count, unpack};
use grid_proto::google::{Any, BytesValue};
use grid_proto::v1::cache::{
    EnsureCacheRequest, ExecuteRequest, MapListenerRequest, NamedCacheRequest, NamedCacheRequestType as Type,
    PutAllRequest, PutRequest, QueryRequest, ReplaceMappingRequest, ResponseType, key_or_filter,
    keys_or_filter,
};
use grid_proto::v1::common::{BinaryKeyAndValue, CollectionOfBytesValues};

use crate::grpc::cache_proxy::CacheProxy;
use crate::grpc::edge::check_scope;
use crate::grpc::edge::{blocking, by_size, check_batch_len};
use crate::grpc::listener_filter::{check_matches_all, event_mask};
use crate::grpc::replace_agent::replace_value;
use crate::grpc::{Edge, Reader, Refusal, RefusalKind, WireValue};

use super::event_queue::{EventQueue, queue_notice};
use super::frames::{Body, OutFrame};
use super::more::{AnswerTo, More, QueryParts};
use super::session::Answer;

/// A batch of more entries than this is put away from the threads that serve connections.
const BATCH_INLINE_MAX: usize = 256;

/// The caches that one stream asked for.
pub(crate) struct Caches {
    edge: Arc<Edge>,
    scope: String,
    reader: Reader,
    events: Arc<EventQueue>,
    by_id: HashMap<i32, CacheProxy>,
    last_id: i32,
}

/// A request that names its cache, with all that it takes to answer it.
struct Request<'a> {
    edge: &'a Arc<Edge>,
    proxy: &'a CacheProxy,
    to: AnswerTo,
}

impl Caches {
    /// No caches yet. The scope and the format are those of the handshake.
    pub(crate) fn new(
        edge: Arc<Edge>,
        scope: String,
        reader: Reader,
        events: Arc<EventQueue>,
    ) -> Result<Self, Refusal> {
        check_scope(&scope)?;
        Ok(Caches {
            edge,
            scope,
            reader,
            events,
            by_id: HashMap::new(),
            last_id: 0,
        })
    }

    /// The format that the client chose.
    pub(crate) fn format(&self) -> Format {
        self.reader.format
    }

    /// Does what a request asks.
    pub(crate) fn answer(&mut self, request_id: i64, message: Any) -> Result<Answer, Refusal> {
        let request: NamedCacheRequest = unpack(Some(message))?;
        let kind = request.r#type();
        let answer = self.dispatch(request_id, request);
        self.edge.metrics().request(kind, answer.is_ok());
        answer
    }

    fn dispatch(&mut self, request_id: i64, request: NamedCacheRequest) -> Result<Answer, Refusal> {
        let kind = Type::try_from(request.r#type).map_err(|_unknown| {
            Refusal::invalid(format!(
                "Unrecognized request: a request of type {} is not known",
                request.r#type
            ))
        })?;
        if kind == Type::EnsureCache {
            return self.ensure(request_id, &unpack(request.message)?);
        }
        let cache_id = request.cache_id.filter(|id| *id != 0).ok_or_else(|| {
            let kind = kind.as_str_name();
            Refusal::invalid(format!(
                "Missing cache id in a {kind} request; has an EnsureCache request been sent?"
            ))
        })?;
        let proxy = self.by_id.get(&cache_id).ok_or_else(|| {
            let kind = kind.as_str_name();
            Refusal::invalid(format!(
                "No cache proxy exists for id {cache_id} in a {kind} request; send EnsureCache first"
            ))
        })?;
        if proxy.cache().is_destroyed() {
            let message = format!("The cache with id {cache_id} has been explicitly destroyed");
            return Err(Refusal::new(RefusalKind::Destroyed, message));
        }
        let to = AnswerTo {
            request_id,
            cache_id,
            reader: self.reader,
        };
        let request_parts = Request {
            edge: &self.edge,
            proxy,
            to,
        };
        if kind == Type::MapListener {
            let room = self.by_id.values().map(CacheProxy::listener_count).sum::<usize>()
                < self.edge.options().listeners_per_stream_max;
            return request_parts.map_listener(unpack(request.message)?, room);
        }
        if let (Type::GetAll | Type::PutAll, Some(message)) = (kind, &request.message) {
            check_batch_len(field_count(message))?;
        }
        let len = request.message.as_ref().map_or(0, |message| message.value.len());
        by_size(len, || request_parts.answer(kind, request.message))
    }

    fn ensure(&mut self, request_id: i64, request: &EnsureCacheRequest) -> Result<Answer, Refusal> {
        let caches_max = self.edge.options().caches_per_stream_max;
        // A number whose cache is gone is given up here, or a client that makes and destroys caches would run out.
        if self.by_id.len() >= caches_max {
            self.by_id.retain(|_, proxy| !proxy.cache().is_destroyed());
        }
        if self.by_id.len() >= caches_max {
            return Err(Refusal::new(
                RefusalKind::Overloaded,
                format!("this stream has {caches_max} caches, and more are not allowed; use another stream"),
            ));
        }
        let cache = self.edge.cache(&self.scope, &request.cache)?;
        let cache_id = self.last_id.checked_add(1).ok_or_else(|| {
            Refusal::new(
                RefusalKind::Overloaded,
                "this stream has no cache ids left; use another",
            )
        })?;
        self.last_id = cache_id;
        let (events, absent) = (self.events.clone(), self.edge.null(self.reader.format));
        let outlet = move |notice| queue_notice(&events, cache_id, notice);
        let proxy = CacheProxy::new(self.edge.clone(), cache, self.reader, absent, outlet);
        self.by_id.insert(cache_id, proxy);
        let kind = ResponseType::Message;
        Ok(Answer::One(OutFrame::Cache {
            id: request_id,
            cache_id,
            kind,
            body: Body::None,
        }))
    }
}

impl Request<'_> {
    fn cache(&self) -> &OpenCache {
        self.proxy.cache()
    }

    fn key(&self, wire: Bytes) -> Result<Key, Refusal> {
        self.edge.key(self.to.reader.format, wire)
    }

    fn value(&self, wire: Bytes) -> Result<Binary, Refusal> {
        self.edge.value(self.to.reader.format, wire)
    }

    fn one(&self, body: Body) -> Answer {
        let AnswerTo {
            request_id, cache_id, ..
        } = self.to;
        Answer::One(OutFrame::Cache {
            id: request_id,
            cache_id,
            kind: ResponseType::Message,
            body,
        })
    }

    fn old_or(&self, old: Option<Binary>, absent: impl FnOnce() -> WireValue) -> Result<Answer, Refusal> {
        let old = old
            .map(|old| self.edge.to_wire(self.to.reader, old))
            .transpose()?;
        Ok(self.one(Body::Bytes(old.unwrap_or_else(absent))))
    }

    fn answer(&self, kind: Type, message: Option<Any>) -> Result<Answer, Refusal> {
        match kind {
            Type::Get => {
                let request: BytesValue = unpack(message)?;
                let value = self.cache().get(&self.key(request.value)?)?;
                let value = value
                    .map(|value| self.edge.to_wire(self.to.reader, value))
                    .transpose()?;
                Ok(self.one(Body::Optional(value)))
            }
            Type::Put => self.put(unpack(message)?),
            Type::GetAll => self.get_all(unpack(message)?),
            Type::PutAll => self.put_all(unpack(message)?),
            Type::PutIfAbsent => {
                let PutRequest { key, value, ttl } = unpack(message)?;
                let ttl = TimeToLive::from_wire_ms(ttl.unwrap_or_default())?;
                let command = Command::PutIfAbsent {
                    value: self.value(value)?,
                    ttl,
                };
                self.change(key, command, WireValue::nothing)
            }
            Type::Remove => {
                let request: BytesValue = unpack(message)?;
                self.change(request.value, Command::Remove, || {
                    self.edge.null(self.to.reader.format)
                })
            }
            Type::RemoveMapping => {
                let BinaryKeyAndValue { key, value } = unpack(message)?;
                self.change_if(
                    key,
                    Command::RemoveIfEqual {
                        previous: self.value(value)?,
                    },
                )
            }
            Type::Replace => {
                let BinaryKeyAndValue { key, value } = unpack(message)?;
                self.change(
                    key,
                    Command::Replace {
                        value: self.value(value)?,
                    },
                    WireValue::nothing,
                )
            }
            Type::ReplaceMapping => {
                let ReplaceMappingRequest {
                    key,
                    previous_value,
                    new_value,
                } = unpack(message)?;
                let (previous, value) = (self.value(previous_value)?, self.value(new_value)?);
                self.change_if(key, Command::ReplaceIfEqual { previous, value })
            }
            Type::ContainsKey => {
                let request: BytesValue = unpack(message)?;
                Ok(self.one(Body::Bool(self.cache().contains_key(&self.key(request.value)?)?)))
            }
            Type::ContainsEntry => self.contains_entry(unpack(message)?),
            Type::PageOfKeys => self.page(message, PageContents::Keys),
            Type::PageOfEntries => self.page(message, PageContents::Entries),
            Type::QueryKeys => self.query(unpack(message)?, QueryParts::Keys),
            Type::QueryValues => self.query(unpack(message)?, QueryParts::Values),
            Type::QueryEntries => self.query(unpack(message)?, QueryParts::Entries),
            Type::ContainsValue => {
                let value = self.value(unpack::<BytesValue>(message)?.value)?;
                Ok(self.later(move |_, cache| Ok(Body::Bool(cache.contains_value(&value)?))))
            }
            Type::Aggregate => Err(Refusal::unsupported("aggregation")),
            Type::Invoke => self.invoke(unpack(message)?),
            Type::Index => Err(Refusal::unsupported("an index")),
            _ => self.whole_cache(kind),
        }
    }

    fn contains_entry(&self, request: BinaryKeyAndValue) -> Result<Answer, Refusal> {
        let BinaryKeyAndValue { key, value } = request;
        let (key, value) = (self.key(key)?, self.value(value)?);
        let found = self
            .cache()
            .get(&key)?
            .is_some_and(|found| found.same_value(&value));
        Ok(self.one(Body::Bool(found)))
    }

    /// The requests that carry no message.
    fn whole_cache(&self, kind: Type) -> Result<Answer, Refusal> {
        match kind {
            Type::IsEmpty => Ok(self.one(Body::Bool(self.cache().is_empty()?))),
            Type::IsReady => Ok(self.one(Body::Bool(true))),
            Type::Size => {
                let size = i32::try_from(self.cache().len()?).unwrap_or(i32::MAX);
                Ok(self.one(Body::Int32(size)))
            }
            Type::Clear => Ok(self.later_silent(|_, cache| Ok(cache.clear()?))),
            Type::Truncate => Ok(self.later_silent(|_, cache| Ok(cache.truncate()?))),
            Type::Destroy => Ok(self.later_silent(|edge, cache| Ok(edge.grid().destroy(cache)?))),
            _ => Err(Refusal::invalid(
                "Unrecognized request: the type of the request is not set",
            )),
        }
    }

    fn put(&self, request: PutRequest) -> Result<Answer, Refusal> {
        let PutRequest { key, value, ttl } = request;
        let ttl = TimeToLive::from_wire_ms(ttl.unwrap_or_default())?;
        let command = Command::Put {
            value: self.value(value)?,
            ttl,
        };
        self.change(key, command, || self.edge.null(self.to.reader.format))
    }

    /// Does a command and answers with the value before, or with what stands for none.
    fn change(
        &self,
        key: Bytes,
        command: Command,
        absent: impl FnOnce() -> WireValue,
    ) -> Result<Answer, Refusal> {
        let applied = self.cache().update(&self.key(key)?, command, true)?;
        self.old_or(applied.previous, absent)
    }

    /// Does the one invocation that is a plain operation of the Java client; see [`replace_value`].
    fn invoke(&self, request: ExecuteRequest) -> Result<Answer, Refusal> {
        let unsupported = || Refusal::unsupported("invoking an entry processor");
        let keys = request.keys.and_then(|keys| keys.key_or_filter);
        let Some(keys_or_filter::KeyOrFilter::Key(wire_key)) = keys else {
            return Err(unsupported());
        };
        let value =
            replace_value(self.edge, self.to.reader.format, request.agent)?.ok_or_else(unsupported)?;
        let applied = self
            .cache()
            .update(&self.key(wire_key.clone())?, Command::Replace { value }, true)?;
        let old = applied
            .previous
            .map(|old| self.edge.to_wire(self.to.reader, old))
            .transpose()?;
        let old = old.unwrap_or_else(|| self.edge.null_result(self.to.reader.format));
        Ok(self.one(Body::Pair(WireValue::new(None, wire_key), old)))
    }

    /// Does a command with a condition and answers whether it held.
    fn change_if(&self, key: Bytes, command: Command) -> Result<Answer, Refusal> {
        let applied = self.cache().update(&self.key(key)?, command, false)?;
        Ok(self.one(Body::Bool(applied.done)))
    }

    fn get_all(&self, request: CollectionOfBytesValues) -> Result<Answer, Refusal> {
        let keys = request
            .values
            .into_iter()
            .map(|key| self.key(key))
            .collect::<Result<Vec<_>, _>>()?;
        self.proxy.asked_for(&keys);
        Ok(Answer::More(More::get_all(
            self.edge.clone(),
            self.proxy.cache().clone(),
            self.to,
            keys,
        )))
    }

    fn put_all(&self, request: PutAllRequest) -> Result<Answer, Refusal> {
        let ttl = TimeToLive::from_wire_ms(request.ttl.unwrap_or_default())?;
        // Every entry is checked before the first is put.
        let entries = request
            .entries
            .into_iter()
            .map(|entry| Ok((self.key(entry.key)?, self.value(entry.value)?)))
            .collect::<Result<Vec<_>, Refusal>>()?;
        if entries.len() <= BATCH_INLINE_MAX {
            self.cache().put_all(entries, ttl)?;
            return Ok(Answer::None);
        }
        Ok(self.later_silent(move |_, cache| Ok(cache.put_all(entries, ttl)?)))
    }

    fn page(&self, message: Option<Any>, contents: PageContents) -> Result<Answer, Refusal> {
        let cookie = match message {
            Some(message) => unpack::<BytesValue>(Some(message))?.value,
            None => Bytes::new(),
        };
        let cookie = (!cookie.is_empty()).then_some(cookie);
        let page = self.cache().page(cookie.as_deref(), contents)?;
        let frame = |body| {
            let AnswerTo {
                request_id, cache_id, ..
            } = self.to;
            OutFrame::Cache {
                id: request_id,
                cache_id,
                kind: ResponseType::Message,
                body,
            }
        };
        let mut frames = Vec::with_capacity(page.entries.len() + 1);
        frames.push(frame(Body::Cookie(page.next.unwrap_or_default())));
        for (key, value) in page.entries {
            let key = self.edge.to_wire(self.to.reader, key)?;
            let body = match value {
                Some(value) => Body::Pair(key, self.edge.to_wire(self.to.reader, value)?),
                None => Body::Bytes(key),
            };
            frames.push(frame(body));
        }
        Ok(Answer::Frames(frames))
    }

    fn query(&self, request: QueryRequest, parts: QueryParts) -> Result<Answer, Refusal> {
        check_matches_all(self.edge, self.to.reader.format, request.filter)?;
        if request
            .comparator
            .is_some_and(|comparator| !comparator.is_empty())
        {
            return Err(Refusal::unsupported("sorting by a comparator"));
        }
        Ok(Answer::More(More::query(
            self.edge.clone(),
            self.proxy.cache().clone(),
            self.to,
            parts,
        )))
    }

    /// Does something long away from the threads that serve connections.
    fn later(&self, act: impl FnOnce(&Edge, &OpenCache) -> Result<Body, Refusal> + Send + 'static) -> Answer {
        let AnswerTo {
            request_id, cache_id, ..
        } = self.to;
        let kind = ResponseType::Message;
        self.later_frames(move |edge, cache| {
            let body = act(edge, cache)?;
            Ok(vec![OutFrame::Cache {
                id: request_id,
                cache_id,
                kind,
                body,
            }])
        })
    }

    fn later_silent(
        &self,
        act: impl FnOnce(&Edge, &OpenCache) -> Result<(), Refusal> + Send + 'static,
    ) -> Answer {
        self.later_frames(move |edge, cache| act(edge, cache).map(|()| Vec::new()))
    }

    fn later_frames(
        &self,
        act: impl FnOnce(&Edge, &OpenCache) -> Result<Vec<OutFrame>, Refusal> + Send + 'static,
    ) -> Answer {
        let (edge, cache) = (self.edge.clone(), self.proxy.cache().clone());
        Answer::Later(Box::pin(blocking(move || act(&edge, &cache))))
    }

    fn map_listener(&self, request: MapListenerRequest, room: bool) -> Result<Answer, Refusal> {
        if !request.trigger.is_empty() {
            return Err(Refusal::unsupported("a map trigger"));
        }
        if request.subscribe && !room {
            return Err(Refusal::new(
                RefusalKind::Overloaded,
                "this stream has as many listeners as allowed (grpc.listeners-per-stream-max); use another stream",
            ));
        }
        match request.key_or_filter.and_then(|either| either.key_or_filter) {
            Some(key_or_filter::KeyOrFilter::Key(key)) => {
                self.listen_to_key(self.key(key)?, request.subscribe, request.lite, request.priming)
            }
            Some(key_or_filter::KeyOrFilter::Filter(filter)) => self.listen_to_all(
                request.filter_id,
                filter,
                request.subscribe,
                request.lite,
                request.priming,
            ),
            None => self.listen_to_all(
                request.filter_id,
                Bytes::new(),
                request.subscribe,
                request.lite,
                request.priming,
            ),
        }
    }

    fn listen_to_all(
        &self,
        id: i64,
        filter: Bytes,
        subscribe: bool,
        lite: bool,
        priming: bool,
    ) -> Result<Answer, Refusal> {
        if !subscribe {
            self.proxy.change_listeners(|table| Ok(table.remove_filter(id)))?;
            return Ok(Answer::None);
        }
        if priming {
            return Err(Refusal::unsupported("a priming listener with a filter"));
        }
        let mask = event_mask(self.edge, self.to.reader.format, filter)?;
        self.proxy
            .change_listeners(|table| table.add_filter(id, mask, lite))?;
        Ok(Answer::None)
    }

    fn listen_to_key(&self, key: Key, subscribe: bool, lite: bool, priming: bool) -> Result<Answer, Refusal> {
        if !subscribe {
            self.proxy.change_listeners(|table| Ok(table.remove_key(key)))?;
            return Ok(Answer::None);
        }
        self.proxy
            .change_listeners(|table| Ok(table.add_key(key.clone(), lite, priming)))?;
        if !priming {
            return Ok(Answer::None);
        }
        let body = Body::Event(Box::new(self.proxy.priming_event(&key)?));
        let kind = ResponseType::MapEvent;
        Ok(Answer::BeforeEvents(OutFrame::Cache {
            id: 0,
            cache_id: self.to.cache_id,
            kind,
            body,
        }))
    }
}
