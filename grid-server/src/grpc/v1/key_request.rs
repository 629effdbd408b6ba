//! The requests that concern one key.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::replication::RequestTag;
use grid_core::store::{CacheId, Command, TimeToLive, WorkAnswer};
use grid_core::value::{Binary, Key};
use grid_member::cache::{CacheKind, OpenCache, Reply};
use grid_proto::any::unpack;
use grid_proto::google::{Any, BytesValue};
use grid_proto::v1::cache::{
    ExecuteRequest, NamedCacheRequestType as Type, PutRequest, ReplaceMappingRequest, keys_or_filter,
};
use grid_proto::v1::common::BinaryKeyAndValue;

use crate::grpc::replace_agent::replace_value;
use crate::grpc::{Edge, RecentProcessors, Refusal, WireValue};

use super::frames::{Body, OutFrame};
use super::more::AnswerTo;

/// Which cache of the member it is. Two numbers of one stream may stand for the same cache.
pub(crate) type CacheIdentity = (CacheKind, CacheId);

/// The identity of a cache.
pub(crate) fn identity_of(cache: &OpenCache) -> CacheIdentity {
    (cache.kind(), cache.id())
}

/// Whether requests of this kind concern one key.
pub(crate) fn concerns_one_key(kind: Type) -> bool {
    matches!(
        kind,
        Type::Get
            | Type::Put
            | Type::PutIfAbsent
            | Type::Remove
            | Type::RemoveMapping
            | Type::Replace
            | Type::ReplaceMapping
            | Type::ContainsKey
            | Type::ContainsEntry
            | Type::Invoke
    )
}

/// Whether an invocation is on one key.
pub(crate) fn invokes_one_key(message: Option<&Any>) -> bool {
    let request = message.cloned();
    let keys = unpack::<ExecuteRequest>(request)
        .ok()
        .and_then(|request| request.keys);
    let keys = keys.and_then(|keys| keys.key_or_filter);
    matches!(keys, Some(keys_or_filter::KeyOrFilter::Key(_)))
}

/// What is to be done with the key.
enum Operation {
    Get,
    ContainsKey,
    Update { command: Command, previous: bool },
}

/// What the answer says.
enum Shape {
    /// The value, if there is one.
    Value,
    /// Whether the value is this one.
    Same(Binary),
    /// Whether it was so, or was done.
    Held,
    /// The value before, or the null of the client's format.
    OldOrNull,
    /// The value before, or nothing.
    OldOrNothing,
    /// The value before as the result of an invocation on the key, which came in these bytes.
    Invocation(Bytes),
}

/// What a cache said.
pub(crate) struct Outcome {
    held: bool,
    value: Option<Binary>,
    /// Why work on the entry failed.
    failed: Option<String>,
}

impl Outcome {
    fn of(held: bool, value: Option<Binary>) -> Self {
        let failed = None;
        Outcome { held, value, failed }
    }
}

/// A request that was read and not carried out yet.
pub(crate) struct KeyRequest {
    operation: Operation,
    /// By which it is known when it comes again.
    tag: Option<RequestTag>,
    answer: KeyAnswer,
}

/// How a request is answered when its outcome is there.
pub(crate) struct KeyAnswer {
    /// The kind of the request.
    pub(crate) kind: Type,
    /// Which request it is.
    pub(crate) to: AnswerTo,
    /// The cache.
    pub(crate) cache: CacheIdentity,
    /// The key.
    pub(crate) key: Key,
    /// The size of the request in bytes.
    pub(crate) len: usize,
    shape: Shape,
}

/// Reads the keys and values of one request.
struct Reading<'a> {
    edge: &'a Edge,
    recent: &'a RecentProcessors,
    to: AnswerTo,
}

impl Reading<'_> {
    fn key(&self, wire: Bytes) -> Result<Key, Refusal> {
        self.edge.key(self.to.reader.format, wire)
    }

    fn value(&self, wire: Bytes) -> Result<Binary, Refusal> {
        self.edge.value(self.to.reader.format, wire)
    }

    fn read(&self, kind: Type, message: Option<Any>) -> Result<(Key, Operation, Shape), Refusal> {
        let update = |command, previous| Operation::Update { command, previous };
        Ok(match kind {
            Type::Get => {
                let key = self.key(unpack::<BytesValue>(message)?.value)?;
                (key, Operation::Get, Shape::Value)
            }
            Type::ContainsKey => {
                let key = self.key(unpack::<BytesValue>(message)?.value)?;
                (key, Operation::ContainsKey, Shape::Held)
            }
            Type::ContainsEntry => {
                let BinaryKeyAndValue { key, value } = unpack(message)?;
                let (key, value) = (self.key(key)?, self.value(value)?);
                (key, Operation::Get, Shape::Same(value))
            }
            Type::Put | Type::PutIfAbsent => {
                let PutRequest { key, value, ttl } = unpack(message)?;
                let ttl = TimeToLive::from_wire_ms(ttl.unwrap_or_default())?;
                let value = self.value(value)?;
                let (command, shape) = if kind == Type::Put {
                    (Command::Put { value, ttl }, Shape::OldOrNull)
                } else {
                    (Command::PutIfAbsent { value, ttl }, Shape::OldOrNothing)
                };
                (self.key(key)?, update(command, true), shape)
            }
            Type::Remove => {
                let key = self.key(unpack::<BytesValue>(message)?.value)?;
                (key, update(Command::Remove, true), Shape::OldOrNull)
            }
            Type::RemoveMapping => {
                let BinaryKeyAndValue { key, value } = unpack(message)?;
                let previous = self.value(value)?;
                let command = Command::RemoveIfEqual { previous };
                (self.key(key)?, update(command, false), Shape::Held)
            }
            Type::Replace => {
                let BinaryKeyAndValue { key, value } = unpack(message)?;
                let value = self.value(value)?;
                let command = Command::Replace { value };
                (self.key(key)?, update(command, true), Shape::OldOrNothing)
            }
            Type::ReplaceMapping => {
                let ReplaceMappingRequest {
                    key,
                    previous_value,
                    new_value,
                } = unpack(message)?;
                let (previous, value) = (self.value(previous_value)?, self.value(new_value)?);
                let command = Command::ReplaceIfEqual { previous, value };
                (self.key(key)?, update(command, false), Shape::Held)
            }
            _ => return self.read_invocation(unpack(message)?),
        })
    }

    /// Reads the invocation of a processor on a key. One is a plain operation of the Java client; see [`replace_value`].
    fn read_invocation(&self, request: ExecuteRequest) -> Result<(Key, Operation, Shape), Refusal> {
        let unsupported = || Refusal::unsupported("invoking an entry processor on more than one key");
        let keys = request.keys.and_then(|keys| keys.key_or_filter);
        let Some(keys_or_filter::KeyOrFilter::Key(wire_key)) = keys else {
            return Err(unsupported());
        };
        let format = self.to.reader.format;
        let operation = match replace_value(self.edge, format, request.agent.clone())? {
            Some(value) => Operation::Update {
                command: Command::Replace { value },
                previous: true,
            },
            None => Operation::Update {
                command: Command::Work(self.recent.processor(self.edge, format, request.agent)?),
                previous: false,
            },
        };
        Ok((
            self.key(wire_key.clone())?,
            operation,
            Shape::Invocation(wire_key),
        ))
    }
}

impl KeyRequest {
    /// Reads a request on this cache whose kind [`concerns_one_key`].
    pub(crate) fn read(
        (edge, recent): (&Edge, &RecentProcessors),
        to: AnswerTo,
        cache: &OpenCache,
        (kind, message, tag): (Type, Option<Any>, Option<RequestTag>),
    ) -> Result<Self, Refusal> {
        let len = message.as_ref().map_or(0, |message| message.value.len());
        let (key, operation, shape) = Reading { edge, recent, to }.read(kind, message)?;
        let answer = KeyAnswer {
            kind,
            to,
            cache: identity_of(cache),
            key,
            len,
            shape,
        };
        Ok(KeyRequest {
            operation,
            tag,
            answer,
        })
    }

    /// How it will be answered.
    pub(crate) fn answer(&self) -> &KeyAnswer {
        &self.answer
    }

    /// Does it.
    pub(crate) fn carry_out(self, cache: &Arc<OpenCache>) -> (KeyAnswer, Reply<Outcome>) {
        let KeyRequest {
            operation,
            tag,
            answer,
        } = self;
        let outcome = match operation {
            Operation::Get => cache
                .get(&answer.key)
                .map(|value| Outcome::of(value.is_some(), value)),
            Operation::ContainsKey => cache
                .contains_key(&answer.key)
                .map(|held| Outcome::of(held, None)),
            Operation::Update { command, previous } => {
                let applied = cache.update_tagged(&answer.key, command, previous, tag);
                applied.map(|applied| match applied.answer {
                    None => Outcome::of(applied.done, applied.previous),
                    Some(WorkAnswer::Said(answer)) => Outcome::of(applied.done, Some(answer)),
                    Some(WorkAnswer::Passed) => Outcome::of(applied.done, None),
                    Some(WorkAnswer::Failed(reason)) => Outcome {
                        held: false,
                        value: None,
                        failed: Some(reason),
                    },
                })
            }
        };
        (answer, outcome)
    }
}

impl KeyAnswer {
    /// The answer as a frame.
    pub(crate) fn frame(self, edge: &Edge, outcome: Outcome) -> Result<OutFrame, Refusal> {
        let reader = self.to.reader;
        let Outcome { held, value, failed } = outcome;
        if let Some(reason) = failed {
            return Err(Refusal::invalid(reason));
        }
        let wire = |value: Option<Binary>| value.map(|value| edge.to_wire(reader, value)).transpose();
        let body = match self.shape {
            Shape::Held => Body::Bool(held),
            Shape::Same(wanted) => Body::Bool(value.is_some_and(|found| found.same_value(&wanted))),
            Shape::Value => Body::Optional(wire(value)?),
            Shape::OldOrNull => Body::Bytes(wire(value)?.unwrap_or_else(|| edge.null(reader.format))),
            Shape::OldOrNothing => Body::Bytes(wire(value)?.unwrap_or_else(WireValue::nothing)),
            Shape::Invocation(key) => {
                let value = value.filter(|value| !edge.means_null(value));
                let old = wire(value)?.unwrap_or_else(|| edge.null_result(reader.format));
                Body::Pair(WireValue::new(None, key), old)
            }
        };
        Ok(self.to.frame(body))
    }
}
