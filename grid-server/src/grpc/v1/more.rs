//! Answers that come bit by bit, so that a large one never is in memory whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use grid_core::cache::{BinaryPage, PageContents};
use grid_core::value::{Binary, Key};
use grid_member::cache::{OpenCache, ReplyFuture};
use grid_proto::v1::cache::{NamedCacheRequestType as Type, ResponseType};

use crate::grpc::key_batches::KeyBatches;
use crate::grpc::{Edge, Reader, Refusal, ReplyGate};

use super::frames::{Body, OutFrame};

/// What a query without a filter answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryParts {
    /// Keys.
    Keys,
    /// Values.
    Values,
    /// Keys and values.
    Entries,
}

enum Source {
    /// The rest of the keys of a `GetAll`.
    Keys(KeyBatches),
    /// The next page of a query: `None` for the first.
    Pages {
        cookie: Option<Bytes>,
        parts: QueryParts,
    },
    Done,
}

/// What was asked of the cache and is on its way.
enum Asked {
    Found(ReplyFuture<Vec<(Binary, Binary)>>),
    Page(ReplyFuture<BinaryPage>, QueryParts),
}

/// The rest of an answer.
pub(crate) struct More<G> {
    edge: Arc<Edge>,
    cache: Arc<OpenCache>,
    gate: G,
    to: AnswerTo,
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
        }
    }
}

/// The next frames, maybe none; `None` after the last.
type Frames = Result<Option<Vec<OutFrame>>, Refusal>;

impl<G: ReplyGate> More<G> {
    fn new(edge: Arc<Edge>, cache: Arc<OpenCache>, gate: G, to: AnswerTo, source: Source) -> Self {
        More {
            edge,
            cache,
            gate,
            to,
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
        Self::new(edge, cache, gate, to, Source::Keys(KeyBatches::new(keys)))
    }

    /// Every entry.
    pub(crate) fn query(
        edge: Arc<Edge>,
        cache: Arc<OpenCache>,
        gate: G,
        to: AnswerTo,
        parts: QueryParts,
    ) -> Self {
        Self::new(edge, cache, gate, to, Source::Pages { cookie: None, parts })
    }

    /// Asks the cache for the next part; `None` after the last.
    fn ask(&mut self) -> Option<Asked> {
        match &mut self.source {
            Source::Done => None,
            Source::Keys(keys) => {
                let batch = keys.take();
                if keys.is_empty() {
                    self.source = Source::Done;
                }
                let found = self.gate.pass(Type::GetAll, self.cache.get_all(batch));
                Some(Asked::Found(found.into_future()))
            }
            Source::Pages { cookie, parts } => {
                let (cookie, parts) = (cookie.take(), *parts);
                let (kind, contents) = match parts {
                    QueryParts::Keys => (Type::QueryKeys, PageContents::Keys),
                    QueryParts::Values => (Type::QueryValues, PageContents::Entries),
                    QueryParts::Entries => (Type::QueryEntries, PageContents::Entries),
                };
                let page = self.gate.pass(kind, self.cache.page(cookie.as_deref(), contents));
                Some(Asked::Page(page.into_future(), parts))
            }
        }
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
                self.pairs(found?)
            }
            Some(Asked::Page(page, parts)) => {
                let (page, parts) = (ready!(Pin::new(page).poll(cx)), *parts);
                self.asked = None;
                self.page(page?, parts)
            }
        };
        Poll::Ready(frames.map(Some))
    }

    fn pairs(&self, found: Vec<(Binary, Binary)>) -> Result<Vec<OutFrame>, Refusal> {
        let reader = self.to.reader;
        let pair = |(key, value)| {
            let (key, value) = (self.edge.to_wire(reader, key)?, self.edge.to_wire(reader, value)?);
            Ok(self.to.frame(Body::Pair(key, value)))
        };
        found.into_iter().map(pair).collect()
    }

    fn page(&mut self, page: BinaryPage, parts: QueryParts) -> Result<Vec<OutFrame>, Refusal> {
        self.source = match page.next {
            Some(next) => Source::Pages {
                cookie: Some(next),
                parts,
            },
            None => Source::Done,
        };
        let wire = |value| self.edge.to_wire(self.to.reader, value);
        let frame = |(key, value): (_, Option<_>)| {
            let value = value.map(wire).transpose()?;
            let key = wire(key)?;
            let body = match (parts, value) {
                (QueryParts::Values, Some(value)) => Body::Bytes(value),
                (QueryParts::Entries, Some(value)) => Body::Pair(key, value),
                _ => Body::Bytes(key),
            };
            Ok(self.to.frame(body))
        };
        page.entries.into_iter().map(frame).collect()
    }
}
