//! Work that takes long, away from the threads that serve connections.

use grid_core::cache::CacheError;
use grid_core::query::QueryError;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::PartFailure;

/// What reads fewer bytes is done at once.
const SMALL_BYTES: usize = 128 << 10;

/// Does work on so many bytes on a thread for such work, and waits for it.
pub(super) async fn off_thread<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CacheError> {
    if bytes <= SMALL_BYTES || Handle::try_current().is_err() {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_stopped| CacheError::ShuttingDown)
}

/// Does work on so many bytes on this thread; others take over what else it would have done.
pub(super) fn in_place<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let shared = || {
        let handle = Handle::try_current();
        handle.is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
    };
    if bytes > SMALL_BYTES && shared() {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

/// What a query that cannot be answered is to whoever asked: too much, or senseless for the entries.
pub(crate) fn unfit(error: QueryError) -> PartFailure {
    match error {
        QueryError::TooMuch { .. } => PartFailure::Refused(error.to_string()),
        error => PartFailure::Invalid(error.to_string()),
    }
}
