//! Who wants to hear of what: every member tells every other one what its own sinks listen to.
//!
//! A task for each other member tells it one thing after the other, and goes on when it has answered: changes, or everything
//! in parts when it knows nothing or too little.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{Applied, CacheError, Unavailability};
use grid_core::membership::MemberId;
use grid_core::store::CacheId;

use crate::cache::OpenCache;
use crate::event::AttachedSink;
use crate::listening::{Interest, Noted, Part, Since};
use crate::task::TaskKind;
use crate::transport::{Answer, Lane};

use super::core::Core;
use super::listening::Peer;
use super::message::{kind, read, write};

/// What another member did not take is told to it again after so long.
const TELL_AGAIN: Duration = Duration::from_millis(20);

/// So long another member has to say that it knows what is listened to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

impl Peer {
    /// Takes what the other member wants to hear of. Gives the version that is known then; `None`: it is no member.
    fn take_interest(&self, interest: Interest, open: &BTreeMap<CacheId, Arc<OpenCache>>) -> Option<u64> {
        let mut wanted = self.wanted.lock();
        if wanted.gone {
            return None;
        }
        let mut replaced = BTreeMap::new();
        match interest.whole {
            None if interest.after <= wanted.version && interest.version > wanted.version => {
                self.register(&mut wanted.caches, interest.changes, open);
                wanted.version = interest.version;
            }
            Some(part) if interest.version >= wanted.version => {
                if part.first {
                    wanted.parts = (interest.after, Vec::new());
                }
                if wanted.parts.0 == interest.after {
                    wanted.parts.1.extend(interest.changes);
                    if part.last {
                        let all = std::mem::take(&mut wanted.parts.1);
                        wanted.parts.0 = 0;
                        let mut caches = BTreeMap::new();
                        self.register(&mut caches, all, open);
                        // Until the old ones are gone the member is told twice, which it knows by the number of the change.
                        replaced = std::mem::replace(&mut wanted.caches, caches);
                        wanted.version = interest.version;
                    }
                }
            }
            _ => {}
        }
        let version = wanted.version;
        drop(wanted);
        drop(replaced);
        Some(version)
    }

    fn register(
        &self,
        caches: &mut BTreeMap<CacheId, AttachedSink>,
        changes: Vec<Noted>,
        open: &BTreeMap<CacheId, Arc<OpenCache>>,
    ) {
        for Noted { cache, subject, wish } in changes {
            match (wish, open.get(&cache)) {
                (Some(wish), Some(open)) => {
                    let sink = caches
                        .entry(cache)
                        .or_insert_with(|| open.listeners().attach_member(self.member));
                    sink.register(&subject, Some(wish.values));
                    // Whoever destroyed it meanwhile has not found the sink.
                    if open.is_destroyed() {
                        caches.remove(&cache);
                    }
                }
                // It was destroyed.
                (Some(_), None) => {}
                (None, _) => {
                    if let Some(sink) = caches.get(&cache) {
                        sink.register(&subject, None);
                        if sink.is_idle() {
                            caches.remove(&cache);
                        }
                    }
                }
            }
        }
    }
}

impl Core {
    /// What waits until every member knows what is listened to here, and what was told before is passed on; `None` when
    /// there is no other member.
    pub(super) fn wait_known(&self) -> Option<BoxFuture<'static, Result<(), CacheError>>> {
        let version = self.listening.journal.lock().version();
        // One that was cut off says first that something was missed.
        let is_in = |core: &Core| core.me().is_some() && !core.listening.is_cut_off();
        if is_in(self) && self.listening.has_no_others() {
            return None;
        }
        let core = self.this.upgrade()?;
        let waits = async move {
            let started = core.clock.uptime();
            let settings = core.settings.routing;
            let mut known = core.listening.known.subscribe();
            loop {
                known.mark_unchanged();
                if is_in(&core) && core.listening.is_known(version) {
                    core.hear_what_was_told().await;
                    return Ok(());
                }
                let waited = core.clock.uptime().saturating_sub(started);
                let cut_off = waited.min(core.lease.missing_for()) >= settings.cut_off_after;
                if cut_off || waited >= settings.request_timeout {
                    return Err(CacheError::Unavailable {
                        reason: if cut_off {
                            Unavailability::Minority
                        } else {
                            Unavailability::Quorum
                        },
                        applied: Applied::No,
                    });
                }
                if core.supervisor.token().is_cancelled() {
                    return Err(CacheError::ShuttingDown);
                }
                // Time passes without news.
                let _news_or_time = tokio::time::timeout(TELL_AGAIN, known.changed()).await;
            }
        };
        Some(waits.boxed())
    }

    /// Everything that is listened to here.
    fn interest(&self) -> Vec<Noted> {
        let caches = self.registry().map(|registry| registry.all()).unwrap_or_default();
        let of_cache = |cache: Arc<OpenCache>| {
            let id = cache.id();
            let interest = cache.listeners().interest().into_iter();
            interest.map(move |(subject, wish)| Noted {
                cache: id,
                subject,
                wish: Some(wish),
            })
        };
        caches.into_iter().flat_map(of_cache).collect()
    }
}

/// Tells another member what is listened to here, for as long as it is one.
pub(super) async fn tell_interest(core: Arc<Core>, peer: Arc<Peer>) {
    let mut news = core.listening.news.subscribe();
    let mut attempt = 0;
    loop {
        news.mark_unchanged();
        attempt += 1;
        let known = tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            () = peer.gone.cancelled() => return,
            known = tell_once(&core, &peer, attempt) => known,
        };
        let wait = async {
            match known {
                Some(true) => {
                    // The sender lives as long as the core.
                    let _lives = news.changed().await;
                }
                Some(false) => {}
                None => {
                    let _news_or_time = tokio::time::timeout(TELL_AGAIN, news.changed()).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            () = peer.gone.cancelled() => return,
            () = wait => {}
        }
    }
}

/// Tells another member what it does not know. Whether it knows all then; `None` when it can't be told now.
async fn tell_once(core: &Arc<Core>, peer: &Peer, attempt: u64) -> Option<bool> {
    let known = peer.knows.load(Ordering::Acquire);
    if known == 0 && !core.listening.knows_gaps(peer.member) {
        // It may take a place in which it has to tell of them as soon as it knows who listens.
        return None;
    }
    let (since, newest) = {
        let journal = core.listening.journal.lock();
        (journal.since(known), journal.version())
    };
    match since {
        Since::Nothing => Some(true),
        Since::Changes(version, changes) => {
            tell_part(core, peer, (known, version), None, changes).await?;
            Some(false)
        }
        Since::Whole => {
            // What changes from now on comes again as a change, which does no harm.
            let parts = Interest::parts(core.interest());
            let count = parts.len();
            for (at, changes) in parts.into_iter().enumerate() {
                let part = Part {
                    first: at == 0,
                    last: at + 1 == count,
                };
                tell_part(core, peer, (attempt, newest), Some(part), changes).await?;
            }
            Some(false)
        }
    }
}

async fn tell_part(
    core: &Arc<Core>,
    peer: &Peer,
    (after, version): (u64, u64),
    whole: Option<Part>,
    changes: Vec<Noted>,
) -> Option<()> {
    let interest = Interest {
        to: peer.member,
        index: core.view.index_now(),
        after,
        version,
        whole,
        changes,
    };
    let link = core.links.get(peer.member, Lane::Data)?;
    let answer = link.request(kind::INTEREST, interest.encode());
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await.ok()?.ok()?;
    let knows = read::<u64>(&answer)?;
    peer.knows.store(knows, Ordering::Release);
    core.listening.known.send_replace(());
    // One that could not take it is told everything, in a moment.
    (knows >= version || whole.is_some_and(|part| !part.last)).then_some(())
}

/// Takes what another member wants to hear of.
pub(super) fn take(core: &Arc<Core>, from: Option<MemberId>, body: Bytes, answer: Answer) {
    let interest = match Interest::decode(body) {
        Ok(interest) => interest,
        Err(error) => return answer.fail(error.to_string()),
    };
    let Some(from) = from.filter(|_| core.me() == Some(interest.to)) else {
        return answer.fail("it is for another member, or of none");
    };
    let core = core.clone();
    let supervisor = core.supervisor.clone();
    supervisor.spawn(
        TaskKind::Connection,
        "what another member listens to",
        async move {
            core.know(interest.index).await;
            let peer = core.listening.peer(from);
            let (Some(peer), true) = (peer, core.view.index_now() >= interest.index) else {
                return answer.fail("this member does not know yet what it would have to know");
            };
            let mut open = BTreeMap::new();
            if let Some(registry) = core.registry() {
                for noted in &interest.changes {
                    if !open.contains_key(&noted.cache)
                        && let Some(cache) = registry.numbered(noted.cache)
                    {
                        open.insert(noted.cache, cache);
                    }
                }
                let wanted = peer.wanted.lock();
                let parts: Vec<CacheId> = wanted.parts.1.iter().map(|noted| noted.cache).collect();
                drop(wanted);
                for cache in parts {
                    if !open.contains_key(&cache)
                        && let Some(cache) = registry.numbered(cache)
                    {
                        open.insert(cache.id(), cache);
                    }
                }
            }
            match peer.take_interest(interest, &open) {
                Some(version) => answer.send(write(&version)),
                None => answer.fail("it is no member any more"),
            }
        },
    );
}
