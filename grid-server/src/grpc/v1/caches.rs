//! The cache protocol of one stream: its caches by number, and what each request does.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{BinaryPage, CacheError, PageContents};
use grid_core::replication::RequestTag;
use grid_core::store::{TimeToLive, WorkAnswer};
use grid_core::value::{Binary, Format, Key};
use grid_member::cache::{CacheKind, OpenCache, Reply};
use grid_proto::any::{field_count, unpack};
use grid_proto::google::{Any, BytesValue};
use grid_proto::v1::cache::{
    EnsureCacheRequest, ExecuteRequest, IndexRequest, KeysOrFilter, MapListenerRequest, NamedCacheRequest,
    NamedCacheRequestType as Type, PutAllRequest, QueryRequest, ResponseType, key_or_filter,
    keys_or_filter::KeyOrFilter,
};
use grid_proto::v1::common::CollectionOfBytesValues;
use grid_proto::wishes::Context;

use crate::grpc::cache_proxy::{CacheProxy, Primed};
use crate::grpc::edge::{blocking, by_size, check_batch_len};
use crate::grpc::{Edge, Reader, RecentProcessors, Refusal, RefusalKind, ReplyGate};

use super::answer::{Answer, Held, Later};
use super::event_queue::{EventQueue, queue_notice};
use super::frames::{Body, OutFrame};
use super::handshake::Beyond;
use super::in_flight::InFlight;
use super::key_request::{KeyAnswer, KeyRequest, Outcome, concerns_one_key, invokes_one_key};
use super::more::{AnswerTo, More, content_of};
use super::numbered::request_tag;

/// A batch of more entries than this is put away from the threads that serve connections.
const BATCH_INLINE_MAX: usize = 256;

/// The caches that one stream asked for.
pub(crate) struct Caches<G> {
    edge: Arc<Edge>,
    gate: G,
    scope: String,
    reader: Reader,
    beyond: Beyond,
    events: Arc<EventQueue>,
    by_id: HashMap<i32, CacheProxy>,
    last_id: i32,
    recent: RecentProcessors,
}

/// A request that names its cache, with all that it takes to answer it.
struct Request<'a, G> {
    edge: &'a Arc<Edge>,
    gate: &'a G,
    proxy: &'a CacheProxy,
    kind: Type,
    to: AnswerTo,
}

/// The entries that an agent is for.
enum Meant {
    Keys(Vec<Key>),
    /// Those that a filter selects; without one all.
    Where(Bytes),
}

impl<G: ReplyGate> Caches<G> {
    /// No caches yet. The scope is the one of the handshake.
    pub(crate) fn new(
        edge: Arc<Edge>,
        gate: G,
        scope: String,
        (reader, beyond): (Reader, Beyond),
        events: Arc<EventQueue>,
    ) -> Self {
        Caches {
            edge,
            gate,
            scope,
            reader,
            beyond,
            events,
            by_id: HashMap::new(),
            last_id: 0,
            recent: RecentProcessors::default(),
        }
    }

    /// The format that the client chose.
    pub(crate) fn format(&self) -> Format {
        self.reader.format
    }

    /// Counts a request whose answer was not known at once.
    pub(crate) fn count(&self, kind: Type, done: bool) {
        self.edge.metrics().request(kind, done);
    }

    /// Does what a request asks, unless it must wait for what is in flight.
    pub(crate) fn answer(
        &mut self,
        id: i64,
        (message, context): (Any, &Context),
        in_flight: &InFlight,
    ) -> Result<Answer<G>, Refusal> {
        let tag = match self.beyond.numbered {
            Some(client) => request_tag(client, context, self.edge.grid().now())?,
            None => None,
        };
        self.answer_request(id, (unpack(Some(message))?, tag), in_flight)
    }

    /// Does what a request asks that had to wait for all others.
    pub(crate) fn resume(
        &mut self,
        id: i64,
        request: NamedCacheRequest,
        in_flight: &InFlight,
    ) -> Result<Answer<G>, Refusal> {
        self.answer_request(id, (request, None), in_flight)
    }

    /// Does what a request asks that had to wait for others on its key.
    pub(crate) fn take_turn(&self, request: KeyRequest) -> Result<Answer<G>, Refusal> {
        let (kind, to, len) = (request.answer().kind, request.answer().to, request.answer().len);
        let proxy = self.proxy(Some(to.cache_id), kind);
        let answer = proxy.and_then(|proxy| by_size(len, || self.carry_out(proxy.cache(), request)));
        self.count_settled(kind, &answer);
        answer
    }

    /// The answer to a request that was in flight.
    pub(crate) fn landed(
        &self,
        answer: KeyAnswer,
        outcome: Result<Outcome, CacheError>,
    ) -> Result<Answer<G>, Refusal> {
        let kind = answer.kind;
        let frame = match outcome {
            Ok(outcome) => answer.frame(&self.edge, outcome),
            Err(error) => Err(error.into()),
        };
        self.count(kind, frame.is_ok());
        frame.map(Answer::One)
    }

    fn answer_request(
        &mut self,
        id: i64,
        (request, tag): (NamedCacheRequest, Option<RequestTag>),
        in_flight: &InFlight,
    ) -> Result<Answer<G>, Refusal> {
        let kind = request.r#type();
        let answer = self.dispatch(id, (request, tag), in_flight);
        self.count_settled(kind, &answer);
        answer
    }

    fn count_settled(&self, kind: Type, answer: &Result<Answer<G>, Refusal>) {
        if answer.as_ref().map_or(true, Answer::is_settled) {
            self.count(kind, answer.is_ok());
        }
    }

    /// The cache that the client means, unless it is gone.
    fn proxy(&self, cache_id: Option<i32>, kind: Type) -> Result<&CacheProxy, Refusal> {
        let cache_id = cache_id.filter(|id| *id != 0).ok_or_else(|| {
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
        Ok(proxy)
    }

    fn dispatch(
        &mut self,
        id: i64,
        (request, tag): (NamedCacheRequest, Option<RequestTag>),
        in_flight: &InFlight,
    ) -> Result<Answer<G>, Refusal> {
        let kind = Type::try_from(request.r#type).map_err(|_unknown| {
            Refusal::invalid(format!(
                "Unrecognized request: a request of type {} is not known",
                request.r#type
            ))
        })?;
        let on_one_key =
            concerns_one_key(kind) && (kind != Type::Invoke || invokes_one_key(request.message.as_ref()));
        if !on_one_key && !in_flight.is_empty() {
            return Ok(Answer::Wait(Held::Whole(Box::new(request))));
        }
        if kind == Type::EnsureCache {
            return self.ensure(id, &unpack(request.message)?);
        }
        let proxy = self.proxy(request.cache_id, kind)?;
        let to = AnswerTo {
            request_id: id,
            cache_id: request.cache_id.unwrap_or_default(),
            reader: self.reader,
        };
        let len = request.message.as_ref().map_or(0, |message| message.value.len());
        if on_one_key {
            return by_size(len, || {
                let request = (kind, request.message, tag);
                let request = KeyRequest::read((&self.edge, &self.recent), to, proxy.cache(), request)?;
                if in_flight.admits(request.answer()) {
                    self.carry_out(proxy.cache(), request)
                } else {
                    Ok(Answer::Wait(Held::Key(Box::new(request))))
                }
            });
        }
        let request_parts = Request {
            edge: &self.edge,
            gate: &self.gate,
            proxy,
            kind,
            to,
        };
        if kind == Type::MapListener {
            let count = self.by_id.values().map(CacheProxy::listener_count).sum();
            let room = self.edge.options().listeners_per_stream_max.saturating_sub(count);
            return request_parts.map_listener(unpack(request.message)?, room);
        }
        if let (Type::GetAll | Type::PutAll, Some(message)) = (kind, &request.message) {
            check_batch_len(field_count(message))?;
        }
        by_size(len, || request_parts.answer(request.message))
    }

    fn carry_out(&self, cache: &Arc<OpenCache>, request: KeyRequest) -> Result<Answer<G>, Refusal> {
        let (answer, outcome) = request.carry_out(cache);
        match self.gate.pass(answer.kind, outcome).now_or_later() {
            Ok(outcome) => Ok(Answer::One(answer.frame(&self.edge, outcome?)?)),
            Err(outcome) => Ok(Answer::InFlight(Box::new(answer), outcome)),
        }
    }

    fn ensure(&mut self, request_id: i64, request: &EnsureCacheRequest) -> Result<Answer<G>, Refusal> {
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
        let opening = self.edge.open(&self.scope, &request.cache)?;
        match self.gate.pass(Type::EnsureCache, opening).now_or_later() {
            Ok(cache) => self.opened(request_id, cache?),
            Err(cache) => Ok(Answer::Opening(cache)),
        }
    }

    /// Gives a cache that was opened a number.
    pub(crate) fn opened(&mut self, request_id: i64, cache: Arc<OpenCache>) -> Result<Answer<G>, Refusal> {
        let cache_id = self.last_id.checked_add(1).ok_or_else(|| {
            Refusal::new(
                RefusalKind::Overloaded,
                "this stream has no cache ids left; use another",
            )
        })?;
        self.last_id = cache_id;
        let is_told = self.beyond.routes && cache.kind() == CacheKind::Partitioned;
        let body = if is_told {
            Body::Opened(cache.service().get())
        } else {
            Body::None
        };
        let (events, absent) = (self.events.clone(), self.edge.null(self.reader.format));
        let outlet = move |notice| queue_notice(&events, cache_id, notice);
        let proxy = CacheProxy::new(self.edge.clone(), cache, self.reader, absent, outlet);
        self.by_id.insert(cache_id, proxy);
        let kind = ResponseType::Message;
        Ok(Answer::One(OutFrame::Cache {
            id: request_id,
            cache_id,
            kind,
            body,
        }))
    }
}

impl<G: ReplyGate> Request<'_, G> {
    fn cache(&self) -> &Arc<OpenCache> {
        self.proxy.cache()
    }

    fn key(&self, wire: Bytes) -> Result<Key, Refusal> {
        self.edge.key(self.to.reader.format, wire)
    }

    fn value(&self, wire: Bytes) -> Result<Binary, Refusal> {
        self.edge.value(self.to.reader.format, wire)
    }

    /// Answers with what is made of a reply, which may come later.
    fn reply<T: Send + 'static>(
        &self,
        reply: Reply<T>,
        make: impl FnOnce(&Edge, AnswerTo, T) -> Result<Answer<G>, Refusal> + Send + 'static,
    ) -> Result<Answer<G>, Refusal> {
        match self.gate.pass(self.kind, reply).now_or_later() {
            Ok(value) => make(self.edge, self.to, value?),
            Err(value) => {
                let (edge, to) = (self.edge.clone(), self.to);
                let answer = async move { make(&edge, to, value.await?) }.boxed();
                Ok(self.later(false, answer))
            }
        }
    }

    /// Does something long away from the threads that serve connections, and answers with what is made of it.
    fn blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Edge, &Arc<OpenCache>) -> Reply<T> + Send + 'static,
        make: impl FnOnce(AnswerTo, T) -> Answer<G> + Send + 'static,
    ) -> Answer<G> {
        let (edge, cache) = (self.edge.clone(), self.proxy.cache().clone());
        let (gate, kind, to) = (self.gate.clone(), self.kind, self.to);
        let answer = async move {
            let reply = blocking(move || Ok(act(&edge, &cache))).await?;
            Ok(make(to, gate.pass(kind, reply).await?))
        };
        self.later(false, answer.boxed())
    }

    /// Does something long that has no answer but that it is done.
    fn blocking_silent(
        &self,
        act: impl FnOnce(&Edge, &Arc<OpenCache>) -> Reply<()> + Send + 'static,
    ) -> Answer<G> {
        self.blocking(act, |_, ()| Answer::None)
    }

    fn later(&self, holds_events: bool, answer: BoxFuture<'static, Result<Answer<G>, Refusal>>) -> Answer<G> {
        Answer::Later(Later {
            kind: self.kind,
            holds_events,
            answer,
        })
    }

    fn answer(&self, message: Option<Any>) -> Result<Answer<G>, Refusal> {
        match self.kind {
            Type::GetAll => self.get_all(unpack(message)?),
            Type::PutAll => self.put_all(unpack(message)?),
            Type::PageOfKeys => self.page(message, PageContents::Keys),
            Type::PageOfEntries => self.page(message, PageContents::Entries),
            Type::QueryKeys | Type::QueryValues | Type::QueryEntries => self.query(unpack(message)?),
            Type::Invoke => self.invoke_all(unpack(message)?),
            Type::ContainsValue => {
                let value = self.value(unpack::<BytesValue>(message)?.value)?;
                Ok(self.blocking(
                    move |_, cache| cache.contains_value(&value),
                    |to, found| Answer::One(to.frame(Body::Bool(found))),
                ))
            }
            Type::Aggregate => self.aggregate(unpack(message)?),
            Type::Index => self.index(unpack(message)?),
            _ => self.whole_cache(),
        }
    }

    /// The requests that carry no message.
    fn whole_cache(&self) -> Result<Answer<G>, Refusal> {
        match self.kind {
            Type::IsEmpty => self.reply(self.cache().is_empty(), |_, to, empty| {
                Ok(Answer::One(to.frame(Body::Bool(empty))))
            }),
            Type::IsReady => Ok(Answer::One(self.to.frame(Body::Bool(true)))),
            Type::Size => self.reply(self.cache().len(), |_, to, len| {
                let size = i32::try_from(len).unwrap_or(i32::MAX);
                Ok(Answer::One(to.frame(Body::Int32(size))))
            }),
            Type::Clear => Ok(self.blocking_silent(|_, cache| cache.clear())),
            Type::Truncate => Ok(self.blocking_silent(|_, cache| cache.truncate())),
            Type::Destroy => Ok(self.blocking_silent(|edge, cache| edge.grid().destroy(cache))),
            _ => Err(Refusal::invalid(
                "Unrecognized request: the type of the request is not set",
            )),
        }
    }

    fn get_all(&self, request: CollectionOfBytesValues) -> Result<Answer<G>, Refusal> {
        let keys = self.keys(request)?;
        self.proxy.asked_for(&keys);
        Ok(Answer::More(More::get_all(
            self.edge.clone(),
            self.proxy.cache().clone(),
            self.gate.clone(),
            self.to,
            keys,
        )))
    }

    fn put_all(&self, request: PutAllRequest) -> Result<Answer<G>, Refusal> {
        let ttl = TimeToLive::from_wire_ms(request.ttl.unwrap_or_default())?;
        // Every entry is checked before the first is put.
        let entries = request
            .entries
            .into_iter()
            .map(|entry| Ok((self.key(entry.key)?, self.value(entry.value)?)))
            .collect::<Result<Vec<_>, Refusal>>()?;
        if entries.len() <= BATCH_INLINE_MAX {
            return self.reply(self.cache().put_all(entries, ttl), |_, _, ()| Ok(Answer::None));
        }
        Ok(self.blocking_silent(move |_, cache| cache.put_all(entries, ttl)))
    }

    fn page(&self, message: Option<Any>, contents: PageContents) -> Result<Answer<G>, Refusal> {
        let cookie = match message {
            Some(message) => unpack::<BytesValue>(Some(message))?.value,
            None => Bytes::new(),
        };
        let cookie = (!cookie.is_empty()).then_some(cookie);
        let page = self.cache().page(cookie.as_deref(), contents);
        self.reply(page, page_answer)
    }

    fn query(&self, request: QueryRequest) -> Result<Answer<G>, Refusal> {
        let format = self.to.reader.format;
        let question = self.edge.selection(format, request.filter.unwrap_or_default())?;
        let order = match self.kind {
            // Keys have no order.
            Type::QueryKeys => None,
            _ => self
                .edge
                .comparator(format, request.comparator.unwrap_or_default())?,
        };
        let scatter = self.cache().select(question, content_of(self.kind));
        Ok(Answer::More(More::query(
            self.edge.clone(),
            self.proxy.cache().clone(),
            self.gate.clone(),
            (self.to, self.kind),
            scatter,
            order,
        )))
    }

    fn invoke_all(&self, request: ExecuteRequest) -> Result<Answer<G>, Refusal> {
        let format = self.to.reader.format;
        let working = match self.among(request.keys)? {
            Meant::Keys(keys) => {
                let work = Arc::new(self.edge.processor(format, request.agent)?);
                self.cache().work_on_keys(keys, work)
            }
            Meant::Where(filter) => {
                let (question, work) = self.edge.processor_on(format, request.agent, filter)?;
                self.cache().work_on_selected(question, work)
            }
        };
        Ok(Answer::More(More::work(
            self.edge.clone(),
            self.proxy.cache().clone(),
            self.gate.clone(),
            self.to,
            working,
        )))
    }

    fn aggregate(&self, request: ExecuteRequest) -> Result<Answer<G>, Refusal> {
        let format = self.to.reader.format;
        let (filter, keys) = match self.among(request.keys)? {
            Meant::Keys(keys) => (Bytes::new(), Some(keys)),
            Meant::Where(filter) => (filter, None),
        };
        let question = self.edge.aggregation(format, filter, request.agent)?;
        let answer = self.cache().aggregate_in_time(question, keys);
        self.reply(answer, |edge, to, answer| {
            let answer = edge.work_answer(to.reader, Some(WorkAnswer::Said(answer)))?;
            Ok(Answer::One(to.frame(Body::Bytes(answer))))
        })
    }

    fn index(&self, request: IndexRequest) -> Result<Answer<G>, Refusal> {
        let definition = self.edge.index(
            self.to.reader.format,
            request.extractor,
            request.sorted.unwrap_or_default(),
            request.comparator.unwrap_or_default(),
        )?;
        let grid = self.edge.grid();
        let changed = if request.add {
            grid.add_index(self.cache(), definition)
        } else {
            grid.remove_index(self.cache(), definition.extractor)
        };
        self.reply(changed, |_, _, ()| Ok(Answer::None))
    }

    fn among(&self, keys: Option<KeysOrFilter>) -> Result<Meant, Refusal> {
        Ok(match keys.and_then(|keys| keys.key_or_filter) {
            Some(KeyOrFilter::Keys(keys)) => Meant::Keys(self.keys(keys)?),
            Some(KeyOrFilter::Key(key)) => Meant::Keys(vec![self.key(key)?]),
            Some(KeyOrFilter::Filter(filter)) => Meant::Where(filter),
            None => Meant::Where(Bytes::new()),
        })
    }

    fn keys(&self, keys: CollectionOfBytesValues) -> Result<Vec<Key>, Refusal> {
        check_batch_len(keys.values.len())?;
        keys.values.into_iter().map(|key| self.key(key)).collect()
    }

    /// Adds or takes back a listener; there is room for so many more.
    fn map_listener(&self, request: MapListenerRequest, room: usize) -> Result<Answer<G>, Refusal> {
        if !request.trigger.is_empty() {
            return Err(Refusal::unsupported("a map trigger"));
        }
        if request.subscribe && room == 0 {
            return Err(Refusal::too_many_listeners(
                self.edge.options().listeners_per_stream_max,
            ));
        }
        match request.key_or_filter.and_then(|either| either.key_or_filter) {
            Some(key_or_filter::KeyOrFilter::Key(key)) => {
                self.listen_to_key(self.key(key)?, request.subscribe, request.lite, request.priming)
            }
            Some(key_or_filter::KeyOrFilter::Filter(filter)) if request.priming => {
                let keys = self.edge.primed_keys(self.to.reader.format, filter)?;
                if request.subscribe && keys.len() > room {
                    return Err(Refusal::too_many_listeners(
                        self.edge.options().listeners_per_stream_max,
                    ));
                }
                self.prime(keys, request.subscribe, request.lite)
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
    ) -> Result<Answer<G>, Refusal> {
        if !subscribe {
            self.proxy.change_listeners(|table| Ok(table.remove_filter(id)))?;
            return Ok(Answer::None);
        }
        if priming {
            // Everything is no set of keys.
            return Err(Edge::not_primed());
        }
        let filter = self.edge.event_filter(self.to.reader.format, filter)?;
        let heard = self.proxy.add_filter_listener(id, filter, lite)?;
        self.listening(heard)
    }

    /// The answer to a listener: when all members know it.
    fn listening(&self, heard: Reply<()>) -> Result<Answer<G>, Refusal> {
        match heard.now_or_later() {
            Ok(heard) => {
                heard?;
                Ok(Answer::None)
            }
            Err(heard) => Ok(self.later(
                false,
                async move {
                    heard.await?;
                    Ok(Answer::None)
                }
                .boxed(),
            )),
        }
    }

    fn listen_to_key(
        &self,
        key: Key,
        subscribe: bool,
        lite: bool,
        priming: bool,
    ) -> Result<Answer<G>, Refusal> {
        if !subscribe {
            self.proxy.change_listeners(|table| Ok(table.remove_key(key)))?;
            return Ok(Answer::None);
        }
        if priming {
            return self.prime(vec![key], subscribe, lite);
        }
        let heard = self.proxy.add_key_listener(&key, lite, priming)?;
        self.listening(heard)
    }

    /// Listens to keys for a client that primes a copy of its own, or stops to.
    fn prime(&self, keys: Vec<Key>, subscribe: bool, lite: bool) -> Result<Answer<G>, Refusal> {
        if !subscribe {
            for key in keys {
                self.proxy.change_listeners(|table| Ok(table.remove_key(key)))?;
            }
            return Ok(Answer::None);
        }
        let values = self.gate.pass(self.kind, self.proxy.add_primed(keys, lite));
        let (to, primer) = (self.to, self.proxy.primer());
        let prime = move |values: Primed| {
            let frame = |(key, value)| {
                Ok(OutFrame::Cache {
                    id: 0,
                    cache_id: to.cache_id,
                    kind: ResponseType::MapEvent,
                    body: Body::Event(Box::new(primer.event(&key, value)?)),
                })
            };
            let frames: Result<Vec<_>, Refusal> = values.into_iter().map(frame).collect();
            Ok(Answer::BeforeEvents(frames?))
        };
        match values.now_or_later() {
            Ok(values) => prime(values?),
            Err(values) => Ok(self.later(true, async move { prime(values.await?) }.boxed())),
        }
    }
}

/// The answers to a request for a page.
fn page_answer<G>(edge: &Edge, to: AnswerTo, page: BinaryPage) -> Result<Answer<G>, Refusal> {
    let mut frames = Vec::with_capacity(page.entries.len() + 1);
    frames.push(to.frame(Body::Cookie(page.next.unwrap_or_default())));
    for (key, value) in page.entries {
        let key = edge.to_wire(to.reader, key)?;
        let body = match value {
            Some(value) => Body::Pair(key, edge.to_wire(to.reader, value)?),
            None => Body::Bytes(key),
        };
        frames.push(to.frame(body));
    }
    Ok(Answer::Frames(frames))
}
