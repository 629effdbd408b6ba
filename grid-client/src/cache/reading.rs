//! Queries, whose answers are read in parts.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use grid_core::cache::{BinarySelection, CacheError, Query, QueryContents, Selected};
use grid_proto::any::Packed;
use grid_proto::v1::cache::{NamedCacheRequestType as Kind, QueryRequest};
use grid_proto::wire::Whole;

use crate::codec::{Payload, binary_of, bytes_value_of, pair_of};
use crate::connection::{Parts, Purpose, Refusal, Submission};
use crate::routing::{READERS_MAX, Reader};
use crate::session::Life;

use super::{CacheState, agents};

/// An answer that is being read, on a connection for itself.
struct Answering {
    parts: Parts,
    reader: Reader,
    contents: QueryContents,
    /// The session goes on while somebody reads.
    _life: Arc<Life>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        // Nobody is to wait until the rest of the answer came that nobody wants.
        if !self.parts.is_finished() {
            self.reader.lane().cut(self.parts.epoch);
        }
    }
}

/// What a query selects, as it is read. The query is sent when the stream is first polled.
pub(super) fn select(state: Arc<CacheState>, life: Arc<Life>, query: Query) -> BinarySelection {
    let begin = async move {
        let message = agents::query(&query)?;
        let (first, parts, reader) = state.begin_to_read(query.contents, &message).await?;
        let answering = Answering {
            parts,
            reader,
            contents: query.contents,
            _life: life,
        };
        let first = stream::once(async move { Ok(first) });
        let rest = stream::try_unfold((answering, state), |(mut answering, state)| async move {
            let part = answering.parts.next().await;
            let Some(part) = part.map_err(|failure| state.error(failure, true))? else {
                return Ok(None);
            };
            let selected = selected(part, answering.contents)?;
            Ok(Some((selected, (answering, state))))
        });
        Ok::<_, CacheError>(first.chain(rest))
    };
    stream::once(begin).try_flatten().boxed()
}

fn selected(part: Vec<Payload>, contents: QueryContents) -> Result<Selected, CacheError> {
    let entry = |payload| {
        Ok::<_, CacheError>(match contents {
            QueryContents::Keys => (Some(binary_of(bytes_value_of(Some(payload))?)?), None),
            QueryContents::Values => (None, Some(binary_of(bytes_value_of(Some(payload))?)?)),
            QueryContents::Entries => {
                let (key, value) = pair_of(payload)?;
                (Some(key), Some(value))
            }
        })
    };
    let mut selected = Vec::with_capacity(part.len());
    for payload in part {
        selected.push(entry(payload)?);
    }
    Ok(selected)
}

impl CacheState {
    /// Sends a query on a connection for itself, again while that is safe, and gives the first part of the answer.
    async fn begin_to_read(
        self: &Arc<Self>,
        contents: QueryContents,
        message: &QueryRequest,
    ) -> Result<(Selected, Parts, Reader), CacheError> {
        let deadline = self.deadline();
        let timeout = self.settings().request_timeout;
        let Some(reader) = self.wiring.readers.take(deadline).await else {
            let what = format!(
                "{READERS_MAX} queries of the session are being read and none ended within {timeout:?}; read them to \
                 their ends, or drop them"
            );
            return Err(CacheError::Overloaded { what });
        };
        let kind = match contents {
            QueryContents::Keys => Kind::QueryKeys,
            QueryContents::Values => Kind::QueryValues,
            QueryContents::Entries => Kind::QueryEntries,
        };
        let lane = reader.lane();
        let mut attempts = 0;
        loop {
            self.check()?;
            reader.want();
            lane.up(deadline)
                .await
                .map_err(|failure| self.error(failure, true))?;
            self.open(lane, deadline).await?;
            let submission = Submission {
                kind,
                type_url: QueryRequest::TYPE_URL,
                message: Some(&Whole(message)),
                binding: self.binding(lane.index),
                tag: None,
                deadline,
                purpose: Purpose::Call,
            };
            let submitted = match submission.binding {
                None => Err(Refusal::NotOpen),
                Some(_) => lane.submit_in_parts(submission, timeout),
            };
            let mut parts = match submitted {
                Ok(parts) => parts,
                Err(Refusal::NotOpen | Refusal::NotConnected) => continue,
                Err(refusal) => {
                    Box::pin(self.overcome(lane, refusal, deadline)).await?;
                    continue;
                }
            };
            let failure = match parts.next().await {
                Ok(part) => {
                    let first = selected(part.unwrap_or_default(), contents)?;
                    return Ok((first, parts, reader));
                }
                Err(failure) => failure,
            };
            attempts += 1;
            let retry = &self.settings().retry;
            if failure.is_for_others() && self.service().is_some() && attempts < retry.attempts_max {
                reader.pass();
            } else if !retry.again(&failure, true, attempts) {
                return Err(self.error(failure, true));
            }
        }
    }
}
