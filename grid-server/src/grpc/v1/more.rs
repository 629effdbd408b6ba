//! Answers that come bit by bit, so that a large one never is in memory whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use grid_core::cache::CacheError;
use grid_core::query::Comparator;
use grid_core::replication::Outcome;
use grid_core::store::{PageContent, WorkAnswer};
use grid_core::value::{Binary, Key};
use grid_member::cache::{OpenCache, Reply, ReplyFuture, Scatter, Selected, Sorted, Working};
use grid_proto::v1::cache::{NamedCacheRequestType as Type, ResponseType};

use crate::grpc::key_batches::KeyBatches;
use crate::grpc::{Edge, Reader, Refusal, ReplyGate, WireValue};

use super::frames::{Body, OutFrame};

/// Which part of the entries a query wants.
#[must_use]
pub(crate) fn content_of(kind: Type) -> PageContent {
    match kind {
        Type::QueryKeys => PageContent::Keys,
        Type::QueryValues => PageContent::Values,
        _ => PageContent::Entries,
    }
}

/// What is left to be asked.
enum Source {
    /// The rest of the keys of a `GetAll`.
    Keys(KeyBatches),
    /// A query.
    Query(Box<Scatter>),
    /// A query whose answer is sorted.
    Sorted(Box<Sorted>),
    /// Work on many entries.
    Work(Box<Working>),
    Done,
}

/// What was asked of the cache and is on its way.
enum Asked {
    Found(ReplyFuture<Vec<(Binary, Binary)>>),
    Selected(ReplyFuture<(Source, Selected)>),
    Worked(ReplyFuture<(Source, Vec<(Binary, Outcome)>)>),
}

/// The rest of an answer.
pub(crate) struct More<G> {
    edge: Arc<Edge>,
    cache: Arc<OpenCache>,
    gate: G,
    to: AnswerTo,
    kind: Type,
    source: Source,
    asked: Option<Asked>,
}

/// Which request of which stream an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerTo {
    /// The id of the request.
    pub request_id: i64,
    /// The number of the cache.
    pub cache_id: i32,
    /// How the client reads.
    pub(crate) reader: Reader,
}

impl AnswerTo {
    /// A frame of the answer.
    pub(crate) fn frame(self, body: Body) -> OutFrame {
        OutFrame::Cache {
            id: self.request_id,
            cache_id: self.cache_id,
            kind: ResponseType::Message,
            body,
            following: 0,
        }
    }
}

/// The next frames, maybe none; `None` after the last.
type Frames = Result<Option<Vec<OutFrame>>, Refusal>;

impl<G: ReplyGate> More<G> {
    fn new(
        edge: Arc<Edge>,
        cache: Arc<OpenCache>,
        gate: G,
        (to, kind): (AnswerTo, Type),
        source: Source,
    ) -> Self {
        More {
            edge,
            cache,
            gate,
            to,
            kind,
            source,
            asked: None,
        }
    }

    /// The entries of those keys that are present.
    pub(crate) fn get_all(
        edge: Arc<Edge>,
        cache: Arc<OpenCache>,
        gate: G,
        to: AnswerTo,
        keys: Vec<Key>,
    ) -> Self {
        let source = Source::Keys(KeyBatches::new(keys));
        Self::new(edge, cache, gate, (to, Type::GetAll), source)
    }

    /// What a query of this kind selects, in an order if one is wanted.
    pub(crate) fn query(
        edge: Arc<Edge>,
        cache: Arc<OpenCache>,
        gate: G,
        to: (AnswerTo, Type),
        scatter: Scatter,
        order: Option<Comparator>,
    ) -> Self {
        let source = match order {
            Some(order) => Source::Sorted(Box::new(scatter.sorted(order))),
            None => Source::Query(Box::new(scatter)),
        };
        Self::new(edge, cache, gate, to, source)
    }

    /// What comes of work on many entries.
    pub(crate) fn work(
        edge: Arc<Edge>,
        cache: Arc<OpenCache>,
        gate: G,
        to: AnswerTo,
        working: Working,
    ) -> Self {
        Self::new(
            edge,
            cache,
            gate,
            (to, Type::Invoke),
            Source::Work(Box::new(working)),
        )
    }

    fn pass<T: Send + 'static>(
        &self,
        asked: impl Future<Output = Result<T, CacheError>> + Send + 'static,
    ) -> ReplyFuture<T> {
        self.gate.pass(self.kind, Reply::later(asked)).into_future()
    }

    /// Asks the cache for the next part; `None` after the last.
    fn ask(&mut self) -> Option<Asked> {
        Some(match std::mem::replace(&mut self.source, Source::Done) {
            Source::Done => return None,
            Source::Keys(mut keys) => {
                let batch = keys.take();
                if !keys.is_empty() {
                    self.source = Source::Keys(keys);
                }
                let found = self.gate.pass(Type::GetAll, self.cache.get_all(batch));
                Asked::Found(found.into_future())
            }
            Source::Query(mut scatter) => Asked::Selected(self.pass(async move {
                let found = scatter.next().await?;
                let rest = if scatter.has_more() {
                    Source::Query(scatter)
                } else {
                    Source::Done
                };
                Ok((rest, found))
            })),
            Source::Sorted(mut sorted) => Asked::Selected(self.pass(async move {
                let found = sorted.next().await?;
                let rest = if found.is_empty() {
                    Source::Done
                } else {
                    Source::Sorted(sorted)
                };
                Ok((rest, found))
            })),
            Source::Work(mut working) => Asked::Worked(self.pass(async move {
                let worked = working.next().await?;
                let rest = if worked.is_empty() {
                    Source::Done
                } else {
                    Source::Work(working)
                };
                Ok((rest, worked))
            })),
        })
    }

    /// Whether more of a query is to be read.
    pub(crate) fn reads_on(&self) -> bool {
        matches!(self.source, Source::Query(_))
    }

    /// The next frames, as soon as the cache has them.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Frames> {
        if self.asked.is_none() {
            self.asked = self.ask();
        }
        let frames = match &mut self.asked {
            None => return Poll::Ready(Ok(None)),
            Some(Asked::Found(found)) => {
                let found = ready!(Pin::new(found).poll(cx));
                self.asked = None;
                let found = found?.into_iter();
                self.frames(found.map(|(key, value)| (Some(key), Some(value))))
            }
            Some(Asked::Selected(found)) => {
                let found = ready!(Pin::new(found).poll(cx));
                self.asked = None;
                let (rest, found) = found?;
                self.source = rest;
                self.frames(found.into_iter())
            }
            Some(Asked::Worked(worked)) => {
                let worked = ready!(Pin::new(worked).poll(cx));
                self.asked = None;
                let (rest, worked) = worked?;
                self.source = rest;
                Ok(self.worked(worked))
            }
        };
        Poll::Ready(frames.map(Some))
    }

    fn frames(
        &self,
        entries: impl ExactSizeIterator<Item = (Option<Binary>, Option<Binary>)>,
    ) -> Result<Vec<OutFrame>, Refusal> {
        let wire = |value| self.edge.to_wire(self.to.reader, value);
        let mut frames = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key, value) = (key.map(wire).transpose()?, value.map(wire).transpose()?);
            let body = match (key, value) {
                (Some(key), Some(value)) => Body::Pair(key, value),
                (Some(one), None) | (None, Some(one)) => Body::Bytes(one),
                (None, None) => Body::Bytes(WireValue::nothing()),
            };
            frames.push(self.to.frame(body));
        }
        let mut bytes = 0;
        for frame in frames.iter_mut().rev() {
            bytes += frame.follow_with(bytes);
        }
        Ok(frames)
    }

    /// The answers of those entries that have one. Of the others is told when all are done.
    fn worked(&mut self, worked: Vec<(Binary, Outcome)>) -> Vec<OutFrame> {
        let mut frames = Vec::with_capacity(worked.len());
        for (key, outcome) in worked {
            if matches!(outcome.answer, Some(WorkAnswer::Failed(_))) {
                continue;
            }
            let answer = self.edge.work_answer(self.to.reader, outcome.answer);
            let pair =
                answer.and_then(|answer| Ok((self.edge.to_wire(self.to.reader, key.clone())?, answer)));
            match (pair, &mut self.source) {
                (Ok((key, answer)), _) => frames.push(self.to.frame(Body::Pair(key, answer))),
                (Err(refusal), Source::Work(working)) => working.untold(&key, &refusal.message),
                (Err(_), _) => {}
            }
        }
        frames
    }
}
