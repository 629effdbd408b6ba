//! Work that is done beside the partition.

use std::sync::Arc;

use grid_core::partition::PartitionId;
use grid_core::processor::Work;
use grid_core::replication::{Failure, Outcome, RequestTag};
use grid_core::value::Key;

use crate::cache::{OpenCache, PartFailure};

use super::one_step::{NotDone, Task};

/// Does work on the entries of some keys of a partition beside it, if this member serves it: what came of each key, in their
/// order. All are one step; where that would be larger than a step may be, they are several, each with about as many of the
/// keys. The first request is numbered by the tag, and those on the other keys have the numbers that follow.
///
/// # Errors
/// When nothing is known of any key; the failure says whether something was changed.
pub(crate) async fn work_beside(
    cache: Arc<OpenCache>,
    id: PartitionId,
    (keys, work): (Vec<Key>, Arc<dyn Work>),
    tag: Option<RequestTag>,
) -> Result<Vec<Result<Outcome, PartFailure>>, PartFailure> {
    let stopped = cache.own().supervisor().stopped();
    tokio::select! {
        biased;
        outcomes = in_steps(&cache, id, (&keys, &work), tag) => outcomes,
        // It may have been done.
        () = stopped => Err(PartFailure::Failed(Failure::Deposed)),
    }
}

async fn in_steps(
    cache: &Arc<OpenCache>,
    id: PartitionId,
    (keys, work): (&[Key], &Arc<dyn Work>),
    tag: Option<RequestTag>,
) -> Result<Vec<Result<Outcome, PartFailure>>, PartFailure> {
    let mut outcomes = Vec::with_capacity(keys.len());
    // The next is the last.
    let mut left: Vec<_> = std::iter::once(0..keys.len()).collect();
    while let Some(range) = left.pop() {
        let task = Task::new((cache, id), (keys, work), range.clone(), tag);
        let failure = match Arc::new(task).go().await {
            Ok(done) => {
                outcomes.extend(done.into_iter().map(Ok));
                continue;
            }
            Err(NotDone::TooMuch(_)) if range.len() > 1 => {
                let middle = range.start + range.len() / 2;
                left.push(middle..range.end);
                left.push(range.start..middle);
                continue;
            }
            Err(NotDone::TooMuch(failure) | NotDone::Failed(failure)) if is_of_all(&failure) => {
                let any_done = outcomes.iter().any(Result::is_ok);
                return Err(if any_done {
                    PartFailure::Failed(Failure::Deposed)
                } else {
                    failure
                });
            }
            // One entry that is too much for a step says nothing of the others.
            Err(NotDone::TooMuch(failure)) => {
                outcomes.push(Err(failure));
                continue;
            }
            Err(NotDone::Failed(failure)) => failure,
        };
        // It is the same for those that come after it, or they would wait for their end one after the other.
        let rest = keys.len() - outcomes.len();
        outcomes.extend(std::iter::repeat_n(Err(failure), rest));
        break;
    }
    Ok(outcomes)
}

/// Whether a failure is about the partition: all is asked for again then, and what was done is known by its numbers.
fn is_of_all(failure: &PartFailure) -> bool {
    matches!(
        failure,
        PartFailure::Elsewhere(_) | PartFailure::Failed(Failure::Deposed)
    )
}

#[cfg(test)]
#[path = "beside_test.rs"]
mod tests;
