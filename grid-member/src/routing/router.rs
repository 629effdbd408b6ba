//! Bringing what is asked of partitions to their primaries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use grid_core::cache::{Applied, CacheError, Unavailability};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;
use grid_core::processor::Work;
use grid_core::replication::{Failure, TruncationId};

use crate::cache::{OpenCache, PartAnswer, PartFailure, PartRequest, PartResult, Reply, in_part};
use crate::clock::Clock;
use crate::cluster::{LeaseGuard, View};
use crate::own::step_time;
use crate::wire::WireError;

use super::channels::APPLY_WITHIN;
use super::patience::{Attempt, Patience};
use super::{CallFailed, Calls, Channels, PartsAnswer, PartsRequest};

/// Times of a router, each with a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// So long a request is tried again since it first failed, or since a part of it was last done; 10 s by default.
    pub request_timeout: Duration,
    /// So long after its lease ended a member tries on before it says that it is cut off; 800 ms by default.
    pub cut_off_after: Duration,
    /// So long a partition whose copies are all out of reach is waited for; 2 s by default.
    pub no_owner_after: Duration,
}

impl Default for RouterSettings {
    fn default() -> Self {
        RouterSettings {
            request_timeout: Duration::from_secs(10),
            cut_off_after: Duration::from_millis(800),
            no_owner_after: Duration::from_secs(2),
        }
    }
}

/// A part may be served by its member again without news from the control group, as when a hand-over failed: it is
/// asked again after so long.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(25);

/// Brings what is asked of partitions to the members that serve them, again and again while they move.
///
/// What is asked is done once: an update carries a number by which the partition knows it when it comes again.
pub struct Router {
    calls: Arc<dyn Calls>,
    pub(super) view: Arc<View>,
    pub(super) lease: Arc<LeaseGuard>,
    pub(super) clock: Arc<dyn Clock>,
    channels: Channels,
    pub(super) settings: RouterSettings,
    processor_time_limit: Duration,
}

/// What became of a part that was asked for.
pub(super) enum Fate {
    Done(PartResult),
    /// It has to be asked again; whether it may have been done.
    Again(PartRequest, bool),
    Failed(CacheError),
}

impl Router {
    /// A router of a member, where a processor may run so long. `random` names the member's requests.
    #[must_use]
    pub fn new(
        calls: Arc<dyn Calls>,
        view: Arc<View>,
        lease: Arc<LeaseGuard>,
        clock: Arc<dyn Clock>,
        random: u128,
        (settings, processor_time_limit): (RouterSettings, Duration),
    ) -> Self {
        Router {
            calls,
            view,
            lease,
            clock,
            channels: Channels::new(random),
            settings,
            processor_time_limit,
        }
    }

    /// So long after it was first sent, work on so many entries of a partition may be applied: the time for which it is tried,
    /// waits for its turn, and runs.
    #[must_use]
    pub fn apply_within(&self, work: &dyn Work, entries: usize) -> Duration {
        let limit = self.processor_time_limit;
        let runs = match work.own_name() {
            Some(_) => step_time(limit, entries),
            None => limit,
        };
        let waits = limit.saturating_mul(2);
        let all = self
            .settings
            .request_timeout
            .saturating_add(waits)
            .saturating_add(runs);
        all.max(APPLY_WITHIN)
    }

    /// The agreed state as this member knows it.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Numbers for requests.
    #[must_use]
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Asks one partition.
    ///
    /// # Errors
    /// As [`ask_all`](Self::ask_all).
    pub async fn ask(
        &self,
        cache: &Arc<OpenCache>,
        partition: PartitionId,
        request: PartRequest,
    ) -> Result<PartResult, CacheError> {
        let mut results = self.ask_all(cache, vec![(partition, request)]).await?;
        results
            .pop()
            .map(|(_, result)| result)
            .ok_or_else(|| CacheError::Protocol {
                what: "no answer for a partition".to_owned(),
            })
    }

    /// Asks some partitions at once: each member that serves some of them gets one request.
    ///
    /// # Errors
    /// When a partition is lost or not served in time, this member is cut off, or a partition refuses. Other parts may
    /// have been done then; the error says so.
    pub async fn ask_all(
        &self,
        cache: &Arc<OpenCache>,
        parts: Vec<(PartitionId, PartRequest)>,
    ) -> Result<Vec<(PartitionId, PartResult)>, CacheError> {
        let mut patience = Patience::new(self.settings);
        let changes = parts.iter().any(|(_, request)| request.changes());
        let mut results = Vec::with_capacity(parts.len());
        let mut news = self.view.index();
        let mut open = parts;
        let mut doubtful = false;
        loop {
            news.mark_unchanged();
            let mut again = Vec::new();
            let mut unserved = false;
            let mut groups: BTreeMap<MemberId, Vec<(PartitionId, Epoch, PartRequest)>> = BTreeMap::new();
            for (partition, request) in open {
                match self.view.route(cache.service(), partition) {
                    Some(route) if route.lost => {
                        return Err(unavailable(
                            Unavailability::Lost,
                            changes,
                            doubtful || !results.is_empty(),
                        ));
                    }
                    Some(route) if let Some(primary) = route.primary => {
                        groups
                            .entry(primary)
                            .or_default()
                            .push((partition, route.epoch, request));
                    }
                    _ => {
                        unserved = true;
                        again.push((partition, request));
                    }
                }
            }
            let asked = groups
                .into_iter()
                .map(|(member, parts)| self.ask_member(cache, member, parts));
            let (mut failed, done_before) = (None, results.len());
            for (partition, fate) in join_all(asked).await.into_iter().flatten() {
                match fate {
                    Fate::Done(result) => results.push((partition, result)),
                    Fate::Again(request, maybe_done) => {
                        doubtful |= maybe_done;
                        again.push((partition, request));
                    }
                    Fate::Failed(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                // It says that nothing was changed now; an attempt before may have done it.
                let error = if changes && doubtful {
                    error.in_doubt()
                } else {
                    error
                };
                return Err(in_part(error, changes && !results.is_empty()));
            }
            if again.is_empty() {
                return Ok(results);
            }
            let attempt = Attempt {
                progress: results.len() > done_before,
                unserved,
                cut_off_for: self.lease.missing_for(),
            };
            if let Some(reason) = patience.end_of(self.clock.uptime(), attempt) {
                return Err(unavailable(reason, changes, doubtful || !results.is_empty()));
            }
            open = again;
            let changed = tokio::time::timeout(ASK_AGAIN, news.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                let maybe_done = changes && (doubtful || !results.is_empty());
                return Err(in_part(CacheError::ShuttingDown, maybe_done));
            }
        }
    }

    /// A number for a truncation that this member is asked for.
    #[must_use]
    pub fn next_truncation(&self) -> TruncationId {
        self.calls.next_truncation()
    }

    /// Tells the listeners at every member that a truncation has come to its end: it emptied the `whole` cache, or failed.
    pub async fn tell_truncated(&self, cache: &OpenCache, by: TruncationId, whole: bool) {
        self.calls.tell_truncated(cache.id(), by, whole).await;
    }

    /// Goes on with something until it ends or the member stops, whether somebody waits for it or not.
    pub fn go_on(&self, what: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.calls.go_on(what, Box::pin(task));
    }

    /// A reply that is there when every member knows what is listened to at this one: from then on everything is heard of.
    /// It is there at once when all do.
    ///
    /// # Errors
    /// When this member is cut off, or another member is not told in time.
    pub fn heard_everywhere(&self) -> Reply<()> {
        self.calls.wait_known().map_or(Reply::ok(()), Reply::Later)
    }

    pub(super) fn ask_member<'a>(
        &'a self,
        cache: &'a Arc<OpenCache>,
        member: MemberId,
        parts: Vec<(PartitionId, Epoch, PartRequest)>,
    ) -> BoxFuture<'a, Vec<(PartitionId, Fate)>> {
        Box::pin(async move {
            let answers = if self.calls.is_me(member) {
                Ok(self.ask_here(cache, &parts).await)
            } else {
                self.ask_there(cache, member, &parts).await
            };
            match answers {
                Ok(answers) => parts
                    .into_iter()
                    .zip(answers)
                    .map(|((partition, _, request), answer)| (partition, fate(cache, request, answer)))
                    .collect(),
                // It would be too long the next time too.
                Err(CallError::Failed(CallFailed::TooLong(what))) => {
                    let failed = |(partition, _, _)| {
                        (
                            partition,
                            Fate::Failed(CacheError::Overloaded { what: what.clone() }),
                        )
                    };
                    parts.into_iter().map(failed).collect()
                }
                Err(CallError::Failed(failed)) => {
                    tracing::debug!(%member, %failed, "another member did not answer");
                    let maybe_done = matches!(failed, CallFailed::NoAnswer(_));
                    let again = |(partition, _, request)| (partition, Fate::Again(request, maybe_done));
                    parts.into_iter().map(again).collect()
                }
                Err(CallError::Wire(error)) => {
                    let what = error.to_string();
                    let failed = |(partition, _, _)| {
                        (
                            partition,
                            Fate::Failed(CacheError::Protocol { what: what.clone() }),
                        )
                    };
                    parts.into_iter().map(failed).collect()
                }
            }
        })
    }

    async fn ask_here(
        &self,
        cache: &Arc<OpenCache>,
        parts: &[(PartitionId, Epoch, PartRequest)],
    ) -> Vec<PartAnswer> {
        let parts = parts
            .iter()
            .map(|(partition, _, request)| (*partition, request.clone()));
        cache.here_all(parts.collect()).await
    }

    async fn ask_there(
        &self,
        cache: &Arc<OpenCache>,
        member: MemberId,
        parts: &[(PartitionId, Epoch, PartRequest)],
    ) -> Result<Vec<PartAnswer>, CallError> {
        let asked = parts
            .iter()
            .map(|(partition, epoch, request)| (*partition, *epoch, request));
        let body = PartsRequest::encode(cache.service(), cache.id(), asked);
        let is_question = parts.iter().all(|(_, _, request)| request.is_question());
        let answer = self.calls.call(member, body, is_question).await;
        let answer = answer.map_err(CallError::Failed)?;
        let answer = PartsAnswer::decode(answer).map_err(CallError::Wire)?;
        if answer.results.len() != parts.len() {
            return Err(CallError::Wire(WireError {
                what: "it does not answer what was asked",
            }));
        }
        if answer.heard > 0 {
            // What was changed is told before it is answered.
            self.calls.wait_heard(member, answer.heard).await;
        }
        Ok(answer.results)
    }
}

enum CallError {
    Failed(CallFailed),
    Wire(WireError),
}

fn fate(cache: &OpenCache, request: PartRequest, answer: PartAnswer) -> Fate {
    match answer {
        Ok(result) => Fate::Done(result),
        Err(
            PartFailure::Elsewhere(_)
            | PartFailure::UnknownCache
            | PartFailure::NotBegun
            | PartFailure::Failed(Failure::NotPrimary),
        ) => Fate::Again(request, false),
        // What cannot come again may undo what others did meanwhile, so whoever asked has to decide.
        Err(PartFailure::Failed(Failure::Deposed)) if request.may_come_again() => Fate::Again(request, true),
        Err(failure) => Fate::Failed(cache.error_of(failure)),
    }
}

pub(super) fn unavailable(reason: Unavailability, changes: bool, doubtful: bool) -> CacheError {
    let applied = if changes && doubtful {
        Applied::Unknown
    } else {
        Applied::No
    };
    CacheError::Unavailable { reason, applied }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
