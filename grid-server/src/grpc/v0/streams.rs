//! Answers of several messages.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use grid_core::cache::CacheError;
use grid_core::query::Comparator;
use grid_core::store::WorkAnswer;
use grid_core::value::{Binary, Format, Key};
use grid_member::cache::{OpenCache, Scatter, Selected, Sorted, Working};
use grid_proto::v0::Entry;
use tokio::task::coop::consume_budget;
use tonic::Status;

use crate::grpc::key_batches::KeyBatches;
use crate::grpc::{Edge, Refusal};

/// The messages of an answer.
pub(crate) type Answers<T> = BoxStream<'static, Result<T, Status>>;

fn entry(edge: &Edge, format: Format, key: Binary, value: Binary) -> Result<Entry, Refusal> {
    let (key, value) = (edge.to_wire(format, key)?, edge.to_wire(format, value)?);
    Ok(Entry {
        key: key.into_bytes(),
        value: value.into_bytes(),
    })
}

/// The entries of those keys that are present, a batch at a time.
pub(crate) fn get_all(
    edge: Arc<Edge>,
    cache: Arc<OpenCache>,
    format: Format,
    keys: Vec<Key>,
) -> Answers<Entry> {
    stream::try_unfold(KeyBatches::new(keys), move |mut keys| {
        let batch = keys.take();
        let (edge, cache) = (edge.clone(), cache.clone());
        async move {
            if batch.is_empty() {
                return Ok::<_, Status>(None);
            }
            // A long row of keys that are not there sends nothing: the thread goes to others now and then.
            consume_budget().await;
            let found = cache
                .get_all(batch)
                .await
                .map_err(|error| Refusal::from(error).status())?;
            let answers = found.into_iter().map(move |(key, value)| {
                entry(&edge, format, key, value).map_err(|refusal| refusal.status())
            });
            Ok(Some((stream::iter(answers), keys)))
        }
    })
    .try_flatten()
    .boxed()
}

/// A query under way.
enum Asking {
    Scatter(Scatter),
    Sorted(Sorted),
}

impl Asking {
    async fn next(&mut self) -> Result<Selected, CacheError> {
        match self {
            Asking::Scatter(scatter) => scatter.next().await,
            Asking::Sorted(sorted) => sorted.next().await,
        }
    }
}

/// What a query selects, some entries at a time, as `message` makes a message of each.
pub(crate) fn query<T: Send + 'static>(
    scatter: Scatter,
    order: Option<Comparator>,
    message: impl Fn(Option<Binary>, Option<Binary>) -> Result<T, Refusal> + Clone + Send + 'static,
) -> Answers<T> {
    let asking = match order {
        Some(order) => Asking::Sorted(scatter.sorted(order)),
        None => Asking::Scatter(scatter),
    };
    stream::try_unfold(Some(asking), move |state| {
        let message = message.clone();
        async move {
            let Some(mut asking) = state else {
                return Ok::<_, Status>(None);
            };
            let found = asking.next().await;
            let found = found.map_err(|error| Refusal::from(error).status())?;
            let rest = (!found.is_empty()).then_some(asking);
            let answers = found
                .into_iter()
                .map(move |(key, value)| message(key, value).map_err(|refusal| refusal.status()));
            Ok(Some((stream::iter(answers), rest)))
        }
    })
    .try_flatten()
    .boxed()
}

/// What comes of work on many entries: the answers of those that have one, and in the end an error if it was not done on all.
pub(crate) fn worked(edge: Arc<Edge>, working: Working, format: Format) -> Answers<Entry> {
    stream::try_unfold(Some(working), move |state| {
        let edge = edge.clone();
        async move {
            let Some(mut working) = state else {
                return Ok::<_, Status>(None);
            };
            let worked = working
                .next()
                .await
                .map_err(|error| Refusal::from(error).status())?;
            let is_last = worked.is_empty();
            let mut answers = Vec::with_capacity(worked.len());
            for (key, outcome) in worked {
                if matches!(outcome.answer, Some(WorkAnswer::Failed(_))) {
                    continue;
                }
                let answer = edge.work_answer(format, outcome.answer);
                let wire = edge.to_wire(format, key.clone());
                match wire.and_then(|key| Ok((key.into_bytes(), answer?.into_bytes()))) {
                    Ok((key, value)) => answers.push(Ok(Entry { key, value })),
                    Err(refusal) => working.untold(&key, &refusal.message),
                }
            }
            let rest = (!is_last).then_some(working);
            Ok(Some((stream::iter(answers), rest)))
        }
    })
    .try_flatten()
    .boxed()
}

/// The messages of an answer that is known whole, each made when it is sent.
pub(crate) fn all<T: Send + 'static>(answers: impl Iterator<Item = T> + Send + 'static) -> Answers<T> {
    stream::iter(answers.map(Ok)).boxed()
}
