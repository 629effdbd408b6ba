//! Answers that come bit by bit, so that a large one never is in memory whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use grid_core::cache::CacheError;
use grid_core::query::Comparator;
use grid_core::replication::Outcome;
use grid_core::store::{PageContent, RowSink, WorkAnswer};
use grid_core::value::{Binary, Key};
use grid_member::cache::{OpenCache, Reply, ReplyFuture, Scatter, Selected, Sorted, Working};
use grid_proto::v1::cache::{NamedCacheRequestType as Type, ResponseType};

use crate::grpc::key_batches::KeyBatches;
use crate::grpc::{Edge, Reader, Refusal, ReplyGate};

use super::frames::{Body, OutFrame};
use super::rows::Rows;

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

/// About so many bytes are written at a time: who asked has something to do while the rest is written.
const PART_BYTES: usize = 128 << 10;

/// What was asked of the cache and is on its way.
enum Asked {
    Found(ReplyFuture<Vec<(Binary, Binary)>>),
    Selected(ReplyFuture<(Source, Box<Rows>, Selected)>),
    Worked(ReplyFuture<(Source, Vec<(Binary, Outcome)>)>),
}

/// What came and is not written yet.
enum Unwritten {
    Found(vec::IntoIter<(Option<Binary>, Option<Binary>)>),
    Worked(vec::IntoIter<(Binary, Outcome)>),
}

impl Unwritten {
    fn is_empty(&self) -> bool {
        match self {
            Unwritten::Found(found) => found.as_slice().is_empty(),
            Unwritten::Worked(worked) => worked.as_slice().is_empty(),
        }
    }
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
    unwritten: Unwritten,
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

/// The next rows, maybe none; `None` after the last.
type Written = Result<Option<Vec<u8>>, Refusal>;

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
            unwritten: Unwritten::Found(Vec::new().into_iter()),
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
            Source::Query(mut scatter) => {
                let mut rows = self.rows();
                Asked::Selected(self.pass(async move {
                    let found = scatter.next_rows(&mut *rows).await?;
                    let rest = if scatter.has_more() {
                        Source::Query(scatter)
                    } else {
                        Source::Done
                    };
                    Ok((rest, rows, found))
                }))
            }
            Source::Sorted(mut sorted) => {
                let rows = self.rows();
                Asked::Selected(self.pass(async move {
                    let found = sorted.next().await?;
                    let rest = if found.is_empty() {
                        Source::Done
                    } else {
                        Source::Sorted(sorted)
                    };
                    Ok((rest, rows, found))
                }))
            }
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

    /// Does not begin with little: the client has other answers to read.
    pub(crate) fn in_large_parts(mut self) -> Self {
        if let Source::Query(scatter) = self.source {
            self.source = Source::Query(Box::new(scatter.in_large_parts()));
        }
        self
    }

    /// Whether more of a query is to be read.
    pub(crate) fn reads_on(&self) -> bool {
        matches!(self.source, Source::Query(_))
    }

    /// Whether there is nothing more.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.source, Source::Done) && self.asked.is_none() && self.unwritten.is_empty()
    }

    fn rows(&self) -> Box<Rows> {
        Box::new(Rows::new(self.edge.clone(), self.to))
    }

    /// The next rows, as soon as the cache has them.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Written> {
        let mut rows = if self.unwritten.is_empty() {
            match ready!(self.poll_asked(cx))? {
                Some(rows) => rows,
                None => return Poll::Ready(Ok(None)),
            }
        } else {
            self.rows()
        };
        match &mut self.unwritten {
            Unwritten::Found(found) => write_found(found, &mut rows),
            Unwritten::Worked(worked) => {
                let told = (&*self.edge, self.to.reader, &mut self.source);
                write_worked(worked, told, &mut rows);
            }
        }
        Poll::Ready(rows.into_written().map(Some))
    }

    /// Takes what comes next, with the rows of it that are written already; `None` when nothing does.
    fn poll_asked(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Box<Rows>>, CacheError>> {
        if self.asked.is_none() {
            self.asked = self.ask();
        }
        let (unwritten, rows) = match &mut self.asked {
            None => return Poll::Ready(Ok(None)),
            Some(Asked::Found(found)) => {
                let found = ready!(Pin::new(found).poll(cx))?.into_iter();
                let found: Selected = found.map(|(key, value)| (Some(key), Some(value))).collect();
                (Unwritten::Found(found.into_iter()), None)
            }
            Some(Asked::Selected(selected)) => {
                let (rest, rows, found) = ready!(Pin::new(selected).poll(cx))?;
                self.source = rest;
                (Unwritten::Found(found.into_iter()), Some(rows))
            }
            Some(Asked::Worked(worked)) => {
                let (rest, worked) = ready!(Pin::new(worked).poll(cx))?;
                self.source = rest;
                (Unwritten::Worked(worked.into_iter()), None)
            }
        };
        self.asked = None;
        self.unwritten = unwritten;
        Poll::Ready(Ok(Some(rows.unwrap_or_else(|| self.rows()))))
    }
}

/// Writes some of the entries that were found.
fn write_found(found: &mut vec::IntoIter<(Option<Binary>, Option<Binary>)>, rows: &mut Rows) {
    let len = |part: &Option<Binary>| part.as_ref().map_or(0, |part| part.bytes().len());
    let (mut count, mut bytes) = (0, rows.len());
    for (key, value) in found.as_slice() {
        if bytes >= PART_BYTES {
            break;
        }
        (count, bytes) = (count + 1, bytes + len(key) + len(value));
    }
    rows.reserve(count, bytes - rows.len());
    for (key, value) in found.take(count) {
        let [key, value] =
            [&key, &value].map(|part| part.as_ref().map(|part| (part.format(), &part.bytes()[..])));
        rows.row(key, value);
    }
}

/// Writes some of the answers of those entries that have one. Of the others is told when all are done.
fn write_worked(
    worked: &mut vec::IntoIter<(Binary, Outcome)>,
    (edge, reader, source): (&Edge, Reader, &mut Source),
    rows: &mut Rows,
) {
    while rows.len() < PART_BYTES
        && let Some((key, outcome)) = worked.next()
    {
        if matches!(outcome.answer, Some(WorkAnswer::Failed(_))) {
            continue;
        }
        let answer = edge.work_answer(reader, outcome.answer);
        let written = answer.and_then(|answer| rows.wire(&edge.to_wire(reader, key.clone())?, &answer));
        if let (Err(refusal), Source::Work(working)) = (written, &mut *source) {
            working.untold(&key, &refusal.message);
        }
    }
}
