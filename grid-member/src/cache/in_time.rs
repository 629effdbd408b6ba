//! Answers that may take only so long.

use std::sync::Arc;

use grid_core::cache::{Applied, CacheError};
use grid_core::value::{Binary, Key};

use super::{OpenCache, Question, Reply};

impl OpenCache {
    /// As [`aggregate`](Self::aggregate), within the time that the question tells. When that is over, nobody waits for the
    /// answer any more, so that members that were asked end as for a call that is given up.
    ///
    /// # Errors
    /// As [`aggregate`](Self::aggregate); and when the time is over.
    pub fn aggregate_in_time(
        self: &Arc<Self>,
        question: Arc<Question>,
        keys: Option<Vec<Key>>,
    ) -> Reply<Binary> {
        let limit = question.time_limit();
        match (self.aggregate(question, keys), limit) {
            (Reply::Later(answer), Some(after)) => Reply::later(async move {
                let in_time = tokio::time::timeout(after, answer).await;
                in_time.unwrap_or_else(|_elapsed| {
                    let applied = Applied::No;
                    Err(CacheError::Deadline { after, applied })
                })
            }),
            (reply, _) => reply,
        }
    }
}
