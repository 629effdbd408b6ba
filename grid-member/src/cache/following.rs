//! Those who follow a cache, and the log that they read.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{BinaryEvents, CacheError};
use grid_core::event::{EventOrigin, EventPositions, Listen, ListenTo};
use grid_core::partition::table::Epoch;
use grid_core::store::Sequence;
use parking_lot::Mutex;

use crate::event::{AttachedSink, EventSink, KeptLog, Lifecycle, LogBudget, Matched};

use super::{OpenCache, PartRequest, PartResult};

/// How often a log that loses changes while it begins is begun.
const BEGINNINGS_MAX: usize = 16;

/// What the caches of a registry have for their logs.
#[derive(Clone, Debug)]
pub(super) struct LogLimits {
    /// The bytes for all of them.
    pub(super) budget: Arc<LogBudget>,
    /// A log that nobody wants any more is kept for so long.
    pub(super) linger: Duration,
}

#[derive(Debug)]
struct Kept {
    log: Arc<KeptLog>,
    _attached: AttachedSink,
    unwanted_since: Option<Duration>,
}

/// The log of a cache at this member, while there is one.
#[derive(Debug)]
pub(super) struct LogKeeper {
    origin: EventOrigin,
    limits: LogLimits,
    kept: Mutex<Option<Kept>>,
    /// Held while a log is begun, so that this is done once.
    beginning: tokio::sync::Mutex<()>,
}

impl LogKeeper {
    pub(super) fn new(origin: EventOrigin, limits: LogLimits) -> Self {
        LogKeeper {
            origin,
            limits,
            kept: Mutex::default(),
            beginning: tokio::sync::Mutex::default(),
        }
    }

    /// Looks after the log at this time. Whether one is to begin.
    ///
    /// `is_wanted` is asked while the slot is locked: who wants the log says so before it takes what is in the slot, and so
    /// cannot get a log that is forgotten here.
    fn look_after(&self, at: Duration, is_wanted: impl FnOnce() -> bool) -> bool {
        if self.limits.budget.is_nothing() {
            return false;
        }
        let mut slot = self.kept.lock();
        let wanted = is_wanted();
        let forgotten = match &mut *slot {
            None => return wanted,
            Some(kept) if wanted => {
                kept.unwanted_since = None;
                kept.log.shrink_to_share();
                return !kept.log.is_whole();
            }
            Some(kept) => {
                kept.log.shrink_to_share();
                let since = *kept.unwanted_since.get_or_insert(at);
                let over = at.saturating_sub(since) >= self.limits.linger;
                slot.take_if(|_| over)
            }
        };
        // It detaches its sink, which is not done under this lock.
        drop(slot);
        drop(forgotten);
        false
    }
}

/// Hears nothing, and only wants the log to be kept.
struct Deaf;

impl EventSink for Deaf {
    fn entry(&self, _: (grid_core::event::EventNumber, &grid_core::store::Change), _: Matched) {}

    fn lifecycle(&self, _: Lifecycle) {}

    fn missed(&self) {}
}

impl OpenCache {
    /// Follows the cache: tells of each change after these positions, or from now on, once and with its number. See
    /// [`CacheBackend::follow`](grid_core::cache::CacheBackend::follow).
    ///
    /// While someone follows a cache, and for a while after, every member keeps a log of its last changes.
    ///
    /// # Errors
    /// [`CacheError::Unsupported`] when this member may keep no log at all: a listener that does not follow hears of every change.
    /// Else when the cache was destroyed, this member is cut off, or another member does not answer in time.
    pub async fn follow(
        self: &Arc<Self>,
        listen: Listen,
        after: Option<&EventPositions>,
    ) -> Result<BinaryEvents, CacheError> {
        self.check_alive()?;
        if self.keeper.limits.budget.is_nothing() {
            let what = "listening with numbers where no last changes are kept (event-log-bytes-max is 0)";
            return Err(CacheError::Unsupported { what });
        }
        let sink = self.listeners().attach(Arc::new(Deaf));
        sink.keep_log();
        let log = self.begin_log().await?;
        // Every member knows that it is to keep a log; and what was told of changes before is here.
        self.heard_everywhere().await?;
        Ok(log.follow(listen, after, sink))
    }

    /// Whether this member keeps a log from which those who come back are told what they missed.
    #[must_use]
    pub fn keeps_log(&self) -> bool {
        let kept = self.keeper.kept.lock();
        kept.as_ref().is_some_and(|kept| kept.log.is_whole())
    }

    fn log(&self) -> Result<Arc<KeptLog>, CacheError> {
        let mut slot = self.keeper.kept.lock();
        // Looked at under the lock under which the log of a destroyed cache goes.
        self.check_alive()?;
        let kept = slot.get_or_insert_with(|| {
            let LogKeeper { origin, limits, .. } = &self.keeper;
            let log = Arc::new(KeptLog::new(*origin, self.replicas.count(), &limits.budget));
            let attached = self.listeners().attach(log.clone());
            attached.listen(&ListenTo::All, true);
            Kept {
                log,
                _attached: attached,
                unwanted_since: None,
            }
        });
        // The time for which it is kept begins anew, also when whoever asks goes at once.
        kept.unwanted_since = None;
        Ok(kept.log.clone())
    }

    /// The cache is gone, and all who follow it were told: its log is theirs alone, and its share is free when they have read
    /// it.
    pub(super) fn drop_log(&self) {
        let forgotten = self.keeper.kept.lock().take();
        // It detaches its sink, which is not done under this lock.
        drop(forgotten);
    }

    /// The log, when it knows of every change from now on.
    async fn begin_log(self: &Arc<Self>) -> Result<Arc<KeptLog>, CacheError> {
        let _turn = self.keeper.beginning.lock().await;
        for _ in 0..BEGINNINGS_MAX {
            let log = self.log()?;
            if log.is_whole() {
                return Ok(log);
            }
            let losses = log.losses();
            self.heard_everywhere().await?;
            if log.begin(losses, &self.marks().await?) {
                return Ok(log);
            }
        }
        let what = "events are lost faster than a log of them can begin; try again when the cluster is calm"
            .to_owned();
        Err(CacheError::Overloaded { what })
    }

    /// Of each partition, the number of the last change that is acknowledged.
    async fn marks(self: &Arc<Self>) -> Result<Vec<(Epoch, Sequence)>, CacheError> {
        let mut marks = vec![Default::default(); usize::from(self.replicas.count().get())];
        for (id, result) in self.ask_every(&PartRequest::Mark).await? {
            if let PartResult::Mark(placed, sequence) = result {
                marks[id.index()] = (placed, sequence);
            }
        }
        Ok(marks)
    }

    /// Sees to it that there is a log when one is wanted, here or at another member, and none for long when not. What there
    /// is to do for it, if that takes time.
    pub(super) fn tend_log(self: &Arc<Self>, at: Duration) -> Option<BoxFuture<'static, ()>> {
        if !self.keeper.look_after(at, || self.listeners().is_log_wanted()) {
            return None;
        }
        // Whoever begins it already goes on.
        drop(self.keeper.beginning.try_lock().ok()?);
        let cache = self.clone();
        let begin = async move {
            if let Err(error) = cache.begin_log().await {
                tracing::debug!(cache = %cache.name(), %error, "the log of a cache does not begin yet");
            }
        };
        Some(begin.boxed())
    }
}

#[cfg(test)]
mod tests {
    use grid_core::store::CacheId;

    use super::*;

    fn keeper() -> LogKeeper {
        let origin = EventOrigin {
            life: 1,
            cache: CacheId::new(1),
        };
        let limits = LogLimits {
            budget: Arc::new(LogBudget::new(1_000)),
            linger: Duration::ZERO,
        };
        LogKeeper::new(origin, limits)
    }

    #[test]
    fn nobody_takes_a_log_between_the_question_whether_it_is_wanted_and_its_end() {
        let keeper = keeper();
        let wanted = keeper.look_after(Duration::ZERO, || {
            assert!(keeper.kept.is_locked());
            true
        });
        assert!(wanted, "there is none, and it is wanted");
        assert!(!keeper.look_after(Duration::ZERO, || false));
    }
}
