//! Asking partitions, of which each has an outcome of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use grid_core::cache::{CacheError, Unavailability};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::Epoch;

use crate::cache::{OpenCache, PartRequest, PartResult};

use super::patience::{Attempt, Patience};
use super::router::{ASK_AGAIN, Fate, Router, unavailable};

/// A part that has no answer yet.
struct Open {
    /// Its place in the request.
    at: usize,
    partition: PartitionId,
    request: PartRequest,
    /// Whether an attempt that had no answer may have done it.
    maybe_done: bool,
}

/// The parts that one member is asked for.
#[derive(Default)]
struct Group {
    parts: Vec<(PartitionId, Epoch, PartRequest)>,
    /// Where each stands, and whether it may have been done before.
    open: Vec<(usize, bool)>,
}

impl Router {
    /// Asks some partitions, maybe one of them for several things, and goes on with those that can be reached when others
    /// fail: what came of each, in their order. An error says of its own part alone whether it was changed.
    pub async fn ask_each(
        &self,
        cache: &Arc<OpenCache>,
        parts: Vec<(PartitionId, PartRequest)>,
    ) -> Vec<Result<PartResult, CacheError>> {
        let mut results: Vec<Option<Result<PartResult, CacheError>>> = Vec::new();
        results.resize_with(parts.len(), || None);
        let mut end = |at: usize, result| {
            if let Some(slot) = results.get_mut(at) {
                *slot = Some(result);
            }
        };
        let open = parts.into_iter().enumerate();
        let mut open: Vec<Open> = open
            .map(|(at, (partition, request))| Open {
                at,
                partition,
                request,
                maybe_done: false,
            })
            .collect();
        let (mut failing, mut waiting) = (Patience::new(self.settings), Patience::new(self.settings));
        let mut news = self.view.index();
        while !open.is_empty() {
            news.mark_unchanged();
            let (groups, mut unserved) = self.by_member(cache, open, &mut end);
            let (mut again, mut progress) = (Vec::new(), false);
            let asked = groups.into_iter().map(|(member, group)| async move {
                let fates = self.ask_member(cache, member, group.parts).await;
                group.open.into_iter().zip(fates)
            });
            for ((at, maybe_done), (partition, fate)) in join_all(asked).await.into_iter().flatten() {
                match fate {
                    Fate::Done(result) => {
                        progress = true;
                        end(at, Ok(result));
                    }
                    Fate::Again(request, maybe_now) => again.push(Open {
                        at,
                        partition,
                        maybe_done: maybe_done || (maybe_now && request.changes()),
                        request,
                    }),
                    // It says that nothing was changed now; an attempt before may have done it.
                    Fate::Failed(error) if maybe_done => end(at, Err(error.in_doubt())),
                    Fate::Failed(error) => end(at, Err(error)),
                }
            }
            let attempt = |unserved| Attempt {
                progress,
                unserved,
                cut_off_for: self.lease.missing_for(),
            };
            let now = self.clock.uptime();
            if unserved.is_empty() {
                waiting = Patience::new(self.settings);
            } else if let Some(reason) = waiting.end_of(now, attempt(true)) {
                // Those that have a member are still asked for.
                unserved
                    .drain(..)
                    .for_each(|part| end(part.at, Err(part.given_up(reason))));
            }
            open = unserved.into_iter().chain(again).collect();
            if open.is_empty() {
                break;
            }
            if let Some(reason) = failing.end_of(now, attempt(false)) {
                open.drain(..)
                    .for_each(|part| end(part.at, Err(part.given_up(reason))));
            } else if let Ok(Err(_stopped)) = tokio::time::timeout(ASK_AGAIN, news.changed()).await {
                open.drain(..).for_each(|part| end(part.at, Err(part.stopped())));
            }
        }
        let unanswered = || {
            Err(CacheError::Protocol {
                what: "no answer for a partition".to_owned(),
            })
        };
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(unanswered))
            .collect()
    }

    /// The parts by the members that serve them, and those that nobody serves. What is lost ends.
    fn by_member(
        &self,
        cache: &OpenCache,
        open: Vec<Open>,
        end: &mut impl FnMut(usize, Result<PartResult, CacheError>),
    ) -> (BTreeMap<MemberId, Group>, Vec<Open>) {
        let mut groups: BTreeMap<MemberId, Group> = BTreeMap::new();
        let mut unserved = Vec::new();
        for part in open {
            match self.view.route(cache.service(), part.partition) {
                Some(route) if route.lost => end(part.at, Err(part.given_up(Unavailability::Lost))),
                Some(route) if let Some(primary) = route.primary => {
                    let group = groups.entry(primary).or_default();
                    group.open.push((part.at, part.maybe_done));
                    group.parts.push((part.partition, route.epoch, part.request));
                }
                _ => unserved.push(part),
            }
        }
        (groups, unserved)
    }
}

impl Open {
    fn given_up(&self, reason: Unavailability) -> CacheError {
        unavailable(reason, self.request.changes(), self.maybe_done)
    }

    fn stopped(&self) -> CacheError {
        let error = CacheError::ShuttingDown;
        if self.maybe_done && self.request.changes() {
            error.in_doubt()
        } else {
            error
        }
    }
}
