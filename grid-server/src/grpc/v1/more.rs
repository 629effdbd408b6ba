//! Answers that come bit by bit, so that a large one never is in memory whole.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::cache::PageContents;
use grid_core::value::Key;
use grid_member::cache::OpenCache;

use crate::grpc::key_batches::KeyBatches;
use crate::grpc::{Edge, Reader, Refusal};
use grid_proto::v1::cache::ResponseType;

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

/// The rest of an answer.
pub(crate) struct More {
    edge: Arc<Edge>,
    cache: Arc<OpenCache>,
    request_id: i64,
    cache_id: i32,
    reader: Reader,
    source: Source,
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

impl More {
    fn new(edge: Arc<Edge>, cache: Arc<OpenCache>, to: AnswerTo, source: Source) -> Self {
        let AnswerTo {
            request_id,
            cache_id,
            reader,
        } = to;
        More {
            edge,
            cache,
            request_id,
            cache_id,
            reader,
            source,
        }
    }

    /// The entries of those keys that are present.
    pub(crate) fn get_all(edge: Arc<Edge>, cache: Arc<OpenCache>, to: AnswerTo, keys: Vec<Key>) -> Self {
        Self::new(edge, cache, to, Source::Keys(KeyBatches::new(keys)))
    }

    /// Every entry.
    pub(crate) fn query(edge: Arc<Edge>, cache: Arc<OpenCache>, to: AnswerTo, parts: QueryParts) -> Self {
        Self::new(edge, cache, to, Source::Pages { cookie: None, parts })
    }

    fn frame(&self, body: Body) -> OutFrame {
        OutFrame::Cache {
            id: self.request_id,
            cache_id: self.cache_id,
            kind: ResponseType::Message,
            body,
        }
    }

    /// The next frames, maybe none; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<OutFrame>>, Refusal> {
        match &mut self.source {
            Source::Done => Ok(None),
            Source::Keys(keys) => {
                let batch = keys.take();
                if keys.is_empty() {
                    self.source = Source::Done;
                }
                let found = self.cache.get_all(&batch)?;
                let pair = |(key, value)| {
                    let (key, value) = (
                        self.edge.to_wire(self.reader, key)?,
                        self.edge.to_wire(self.reader, value)?,
                    );
                    Ok(self.frame(Body::Pair(key, value)))
                };
                found.into_iter().map(pair).collect::<Result<_, _>>().map(Some)
            }
            Source::Pages { cookie, parts } => {
                let (cookie, parts) = (cookie.take(), *parts);
                let contents = match parts {
                    QueryParts::Keys => PageContents::Keys,
                    QueryParts::Values | QueryParts::Entries => PageContents::Entries,
                };
                let page = self.cache.page(cookie.as_deref(), contents)?;
                self.source = match page.next {
                    Some(next) => Source::Pages {
                        cookie: Some(next),
                        parts,
                    },
                    None => Source::Done,
                };
                let body = |(key, value): (_, Option<_>)| {
                    let value = value
                        .map(|value| self.edge.to_wire(self.reader, value))
                        .transpose()?;
                    let key = self.edge.to_wire(self.reader, key)?;
                    let body = match (parts, value) {
                        (QueryParts::Values, Some(value)) => Body::Bytes(value),
                        (QueryParts::Entries, Some(value)) => Body::Pair(key, value),
                        _ => Body::Bytes(key),
                    };
                    Ok(self.frame(body))
                };
                page.entries
                    .into_iter()
                    .map(body)
                    .collect::<Result<_, _>>()
                    .map(Some)
            }
        }
    }
}
