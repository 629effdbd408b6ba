//! Asking partitions, wherever they are.

use std::sync::Arc;

use grid_core::cache::{Applied, CacheError};
use grid_core::partition::PartitionId;
use grid_core::replication::Failure;
use parking_lot::Mutex;

use super::{OpenCache, PartFailure, PartRequest, PartResult, Reply};

impl OpenCache {
    /// Asks every partition the same.
    pub(super) fn ask_every(
        self: &Arc<Self>,
        request: &PartRequest,
    ) -> Reply<Vec<(PartitionId, PartResult)>> {
        let all = self.replicas.count().all();
        self.ask_all(all.map(|id| (id, request.clone())).collect())
    }

    /// Asks some partitions, wherever they are.
    pub(super) fn ask_all(
        self: &Arc<Self>,
        parts: Vec<(PartitionId, PartRequest)>,
    ) -> Reply<Vec<(PartitionId, PartResult)>> {
        if let Err(error) = self.check_alive() {
            return Reply::Ready(Err(error));
        }
        let cache = self.clone();
        if let Some(router) = self.router.clone() {
            return Reply::later(async move { router.ask_all(&cache, parts).await });
        }
        if parts.iter().any(|(_, request)| request.is_beside()) {
            return Reply::later(async move {
                let ids: Vec<_> = parts.iter().map(|(id, _)| *id).collect();
                let changes = parts.iter().any(|(_, request)| request.changes());
                let answers = cache.here_all(parts).await;
                let any_done = answers.iter().any(Result::is_ok);
                let result = |(id, answer): (_, Result<_, _>)| Ok((id, answer?));
                let results: Result<_, _> = ids.into_iter().zip(answers).map(result).collect();
                results.map_err(|failure| in_part(cache.error_of(failure), changes && any_done))
            });
        }
        let changes = parts.iter().any(|(_, request)| request.changes());
        let mut results = Vec::with_capacity(parts.len());
        for (id, request) in parts {
            let told = Arc::new(Mutex::new(None));
            let tell = told.clone();
            self.here(id, request, move |answer| *tell.lock() = Some(answer));
            // A partition that is in this process for ever answers at once.
            let answer = told.lock().take();
            match answer.unwrap_or(Err(PartFailure::Failed(Failure::Deposed))) {
                Ok(result) => results.push((id, result)),
                Err(failure) => {
                    let error = self.error_of(failure);
                    return Reply::Ready(Err(in_part(error, changes && !results.is_empty())));
                }
            }
        }
        Reply::ok(results)
    }

    /// Asks some partitions, wherever they are: what came of each, in their order. Some may fail and others not; an error
    /// says of its own part alone whether it was changed.
    pub(super) async fn ask_each(
        self: &Arc<Self>,
        parts: Vec<(PartitionId, PartRequest)>,
    ) -> Vec<Result<PartResult, CacheError>> {
        if let Some(router) = &self.router {
            return router.ask_each(self, parts).await;
        }
        let answers = self.here_all(parts).await.into_iter();
        answers
            .map(|answer| answer.map_err(|failure| self.error_of(failure)))
            .collect()
    }

    pub(crate) fn error_of(&self, failure: PartFailure) -> CacheError {
        match failure {
            PartFailure::Destroyed => CacheError::Destroyed {
                cache: self.name().to_string(),
            },
            PartFailure::Failed(Failure::Deposed) => CacheError::OwnerChanged {
                applied: Applied::Unknown,
            },
            PartFailure::Failed(Failure::NotPrimary)
            | PartFailure::Elsewhere(_)
            | PartFailure::UnknownCache => CacheError::OwnerChanged { applied: Applied::No },
            // It would be too large the next time too.
            PartFailure::Failed(failure @ Failure::TooLarge { .. }) => CacheError::Invalid {
                what: failure.to_string(),
            },
            PartFailure::NotBegun => CacheError::Overloaded {
                what: "others that were asked for with it have too much to answer".to_owned(),
            },
            PartFailure::InPart(failure) => self.error_of(*failure).in_doubt(),
            PartFailure::Failed(failure) => CacheError::Overloaded {
                what: failure.to_string(),
            },
            PartFailure::Refused(what) => CacheError::Overloaded { what },
            PartFailure::Invalid(what) => invalid(what),
        }
    }
}

/// The error of a part of what was asked, when others may have changed something: what is said holds for all that was
/// asked.
pub(crate) fn in_part(error: CacheError, changed: bool) -> CacheError {
    if changed { error.in_doubt() } else { error }
}

/// What makes no sense, or the error that other members tell of in these words.
pub(crate) fn invalid(what: String) -> CacheError {
    match CacheError::from_words(&what) {
        Some(error @ CacheError::Own(_)) => error,
        _ => CacheError::Invalid { what },
    }
}
