//! What other members ask of this one about partitions.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_core::partition::table::Epoch;
use grid_core::replication::{Failure, Outcome};
use grid_core::store::CacheId;
use grid_proto::member::PAYLOAD_MAX;

use crate::cache::{Gather, Numbered, OpenCache, PartAnswer, PartFailure, PartResult};
use crate::replication::wire;
use crate::routing::{PartsAnswer, PartsRequest};
use crate::task::TaskKind;
use crate::transport::Answer;

use super::core::Core;
use super::message::write;
use super::withdrawal::{self, OpenQuestion};

/// So many bytes of outcomes fit in an answer, whatever else is in it.
const ANSWERS_MAX: usize = PAYLOAD_MAX - (4 << 20);

/// So long someone who knows more than this member waits for it to learn it too.
const CATCH_UP: Duration = Duration::from_millis(500);

/// Takes a message between replicas.
pub(super) fn replica(core: &Core, from: MemberId, body: Bytes) {
    match wire::decode(body, core.settings.partition_count) {
        Ok((service, partition, message)) => {
            let replicas = core.services.read().get(&service).cloned();
            if let Some(replicas) = replicas {
                replicas.receive(partition, from, message);
            }
        }
        Err(error) => tracing::warn!(%from, %error, "a message between replicas was not taken"),
    }
}

/// Answers what is asked about partitions and may be withdrawn.
pub(super) fn question(core: &Arc<Core>, connection: u64, mut body: Bytes, answer: Answer) {
    match withdrawal::read(&mut body) {
        Some(number) => {
            let question = core.questions.begin(connection, number);
            parts(core, body, answer, Some(question));
        }
        None => answer.fail("a question has no number"),
    }
}

/// Answers what is asked about partitions, now or when it is acknowledged.
pub(super) fn parts(core: &Arc<Core>, body: Bytes, answer: Answer, question: Option<OpenQuestion>) {
    let request = match PartsRequest::decode(body, core.settings.partition_count) {
        Ok(request) => request,
        Err(error) => return answer.fail(error.to_string()),
    };
    let cache = core
        .registry()
        .and_then(|registry| registry.numbered(request.cache));
    let Some(cache) = cache.filter(|cache| cache.service() == request.service) else {
        let destroyed = core.view.read(|state| state.is_destroyed(request.cache));
        let failure = if destroyed == Some(true) {
            PartFailure::Destroyed
        } else {
            PartFailure::UnknownCache
        };
        let answers: Vec<PartAnswer> = request.parts.iter().map(|_| Err(failure.clone())).collect();
        return answer.send(PartsAnswer::encode(&answers, 0));
    };
    let listening = core.listening.clone();
    let stop = question.as_ref().map(OpenQuestion::stop).unwrap_or_default();
    let all = Gather::new(request.parts.len(), move |answers: Vec<PartAnswer>| {
        // It is open until here, or until all who work on it have stopped.
        drop(question);
        // The events of what was done are in their queue by now.
        let heard = listening.awaited_by(answer.peer().and_then(|peer| peer.member));
        answer.send(encoded(answers, heard));
    });
    let replicas = core.services.read().get(&cache.service()).cloned();
    let behind = |partition, epoch| {
        replicas
            .as_ref()
            .is_some_and(|replicas| replicas.read(partition).epoch() < epoch)
    };
    let mut ready = Vec::with_capacity(request.parts.len());
    for (at, (partition, epoch, part)) in request.parts.into_iter().enumerate() {
        if behind(partition, epoch) {
            when_known(
                core,
                &cache,
                (at, partition, part),
                epoch,
                (all.clone(), stop.clone()),
            );
        } else {
            ready.push((at, partition, part));
        }
    }
    cache.here_each(ready, &all, &stop);
}

/// The answers as the body of a frame. What is read and does not fit is refused. What was done and does not fit is to be
/// asked for again: it is not done again then, but answered.
fn encoded(mut answers: Vec<PartAnswer>, heard: u64) -> Vec<Bytes> {
    let body = PartsAnswer::encode(&answers, heard);
    let len: usize = body.iter().map(Bytes::len).sum();
    if len <= PAYLOAD_MAX {
        return body;
    }
    let mut left = ANSWERS_MAX;
    let mut fits = |outcome: &Outcome| {
        let bytes = outcome.bytes() + size_of::<Outcome>();
        let fits = bytes <= left;
        left -= if fits { bytes } else { 0 };
        fits
    };
    for answer in &mut answers {
        match answer {
            Ok(PartResult::Worked(outcomes)) => {
                for outcome in outcomes {
                    if matches!(outcome, Ok(outcome) if !fits(outcome)) {
                        *outcome = Err(PartFailure::Failed(Failure::Deposed));
                    }
                }
            }
            Ok(PartResult::Outcome(outcome)) if !fits(outcome) => {
                *answer = Err(PartFailure::Failed(Failure::Deposed));
            }
            _ => {}
        }
    }
    let refused = PartFailure::Refused(format!(
        "what one member answers has {len} bytes, at most {PAYLOAD_MAX} are possible: ask for fewer entries at once, select \
         fewer with a filter, or aggregate what is summed up"
    ));
    for answer in &mut answers {
        if matches!(
            answer,
            Ok(PartResult::Value(_) | PartResult::Entries(_) | PartResult::Page(_) | PartResult::Partial(_))
        ) {
            *answer = Err(refused.clone());
        }
    }
    PartsAnswer::encode(&answers, heard)
}

/// Does what is asked of a partition when this member knows as much of it as the one who asks, or soon without that.
fn when_known(
    core: &Arc<Core>,
    cache: &Arc<OpenCache>,
    part: Numbered,
    epoch: Epoch,
    (all, stop): (Gather<PartAnswer>, Arc<AtomicBool>),
) {
    let (core, cache, partition) = (core.clone(), cache.clone(), part.1);
    let supervisor = core.supervisor.clone();
    supervisor.spawn(TaskKind::Connection, "part of another member", async move {
        let mut news = core.view.index();
        let knows = news.wait_for(|_| {
            core.view
                .route(cache.service(), partition)
                .is_some_and(|route| route.epoch >= epoch)
        });
        // Without the news the one who asks is told that the partition is elsewhere, and asks again.
        let _in_time = tokio::time::timeout(CATCH_UP, knows).await.is_ok();
        cache.here_each(vec![part], &all, &stop);
    });
}

impl Core {
    /// Opens all caches that the cluster knows.
    pub(super) fn open_all(&self) {
        let known = self
            .view
            .read(|state| state.caches().map(|record| record.id).collect());
        let known: Vec<CacheId> = known.unwrap_or_default();
        if let Some(registry) = self.registry() {
            for id in known {
                // One that is destroyed meanwhile has no figures.
                let _opened = registry.numbered(id);
            }
        }
    }
}

/// Answers with the figures of the caches at this member.
pub(super) fn caches(core: &Arc<Core>, answer: Answer) {
    core.open_all();
    let registry = core.registry();
    let supervisor = core.supervisor.clone();
    supervisor.spawn(TaskKind::Connection, "figures of caches", async move {
        // Each partition's lock is taken in turn.
        let counted = tokio::task::spawn_blocking(move || registry.map(|registry| registry.infos()));
        answer.send(write(&counted.await.ok().flatten().unwrap_or_default()));
    });
}

#[cfg(test)]
#[path = "serve_test.rs"]
mod tests;
