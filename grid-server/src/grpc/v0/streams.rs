//! Answers of several messages.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use grid_core::cache::PageContents;
use grid_core::value::{Binary, Format, Key};
use grid_member::cache::OpenCache;
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

/// Every entry, page by page, as `message` makes a message of it.
pub(crate) fn query<T: Send + 'static>(
    cache: Arc<OpenCache>,
    contents: PageContents,
    message: impl Fn(Binary, Option<Binary>) -> Result<T, Refusal> + Clone + Send + 'static,
) -> Answers<T> {
    let first: Option<Option<Bytes>> = Some(None);
    stream::try_unfold(first, move |state| {
        let (cache, message) = (cache.clone(), message.clone());
        async move {
            let Some(cookie) = state else {
                return Ok::<_, Status>(None);
            };
            let page = cache
                .page(cookie.as_deref(), contents)
                .await
                .map_err(|error| Refusal::from(error).status())?;
            let answers = page
                .entries
                .into_iter()
                .map(move |(key, value)| message(key, value).map_err(|refusal| refusal.status()));
            Ok(Some((stream::iter(answers), page.next.map(Some))))
        }
    })
    .try_flatten()
    .boxed()
}

/// The messages of an answer that is known whole, each made when it is sent.
pub(crate) fn all<T: Send + 'static>(answers: impl Iterator<Item = T> + Send + 'static) -> Answers<T> {
    stream::iter(answers.map(Ok)).boxed()
}
