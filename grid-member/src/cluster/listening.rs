//! Listeners that hear of what happens at other members: what this member tells them, and they it.
//!
//! See [`listening`](crate::listening) for what always holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{Applied, CacheError, Unavailability};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Epoch, ServiceId};
use grid_core::replication::Effect;
use grid_core::store::CacheId;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cache::OpenCache;
use crate::event::{AttachedSink, InterestLog, Subject, Wish};
use crate::listening::{EventFrame, Incoming, Interest, Journal, News, Noted, Outgoing, Part, Since};
use crate::replication::Awaited;
use crate::task::TaskKind;
use crate::transport::{Answer, Lane};

use super::core::Core;
use super::message::{kind, read, write};

/// How often it is looked for what could not be sent or said at once.
const TICK: Duration = Duration::from_millis(5);

/// What another member did not take is told to it again after so long.
const TELL_AGAIN: Duration = Duration::from_millis(20);

/// So long another member has to say that it knows what is listened to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// An event that another member does not pass on for so many times the
/// [timeout of followers](grid_core::replication::ReplicaSettings::follower_timeout) is given up.
const GIVE_UP_AFTER: u32 = 3;

/// What another member wants to hear of from this one.
#[derive(Debug, Default)]
struct Wanted {
    /// The version that this is; 0 while nothing is known.
    version: u64,
    caches: BTreeMap<CacheId, AttachedSink>,
    /// Parts of everything, while they come, and the number of the attempt that they belong to.
    parts: (u64, Vec<Noted>),
    /// It is no member any more.
    gone: bool,
}

/// What this member and another one have for each other's listeners.
#[derive(Debug)]
pub(super) struct Peer {
    member: MemberId,
    wanted: Mutex<Wanted>,
    outgoing: Mutex<Outgoing>,
    incoming: Incoming,
    /// Events of the other member are passed on one at a time, whichever connection they come on.
    turn: Mutex<()>,
    /// The version of this member's interest that the other one knows.
    knows: AtomicU64,
    gone: CancellationToken,
}

/// What this member has for listeners, its own and those of other members.
#[derive(Debug)]
pub(super) struct Listening {
    journal: Mutex<Journal>,
    /// There may be something to tell other members.
    news: watch::Sender<()>,
    /// Another member may know more.
    known: watch::Sender<()>,
    peers: RwLock<BTreeMap<MemberId, Arc<Peer>>>,
    /// This member was cut off, and its listeners have missed what happened meanwhile.
    missed: AtomicBool,
}

impl Default for Listening {
    fn default() -> Self {
        Listening {
            journal: Mutex::default(),
            news: watch::Sender::new(()),
            known: watch::Sender::new(()),
            peers: RwLock::default(),
            missed: AtomicBool::new(false),
        }
    }
}

impl Listening {
    fn peer(&self, member: MemberId) -> Option<Arc<Peer>> {
        self.peers.read().get(&member).cloned()
    }

    fn all(&self) -> Vec<Arc<Peer>> {
        self.peers.read().values().cloned().collect()
    }

    /// Whether every other member knows this version of what is listened to here.
    fn is_known(&self, version: u64) -> bool {
        let peers = self.peers.read();
        peers
            .values()
            .all(|peer| peer.knows.load(Ordering::Acquire) >= version)
    }

    /// Whether this member and all others know what is listened to at each other.
    pub(super) fn all_know(&self) -> bool {
        let version = self.journal.lock().version();
        self.is_known(version) && self.all().iter().all(|peer| peer.wanted.lock().version > 0)
    }

    /// This member is cut off: its listeners hear of nothing until it is in again.
    pub(super) fn cut_off(&self) {
        self.missed.store(true, Ordering::Release);
    }

    /// What notes the interest in a cache.
    pub(super) fn log(self: &Arc<Self>, cache: CacheId) -> Arc<dyn InterestLog> {
        Arc::new(CacheLog {
            listening: self.clone(),
            cache,
        })
    }

    /// The other member has passed on the events of this one up to this number.
    pub(super) fn heard(&self, from: MemberId, body: &[u8]) {
        if let (Some(peer), Some(number)) = (self.peer(from), read(body)) {
            peer.outgoing.lock().heard(number);
        }
    }

    /// Whether nobody has to wait any more for another member to hear of something.
    pub(super) fn is_over(&self, awaited: Awaited) -> bool {
        let peer = self.peer(awaited.member);
        peer.is_none_or(|peer| peer.outgoing.lock().is_over(awaited.number))
    }

    /// The number of the last event for this member that it may not have passed on; 0 if there is none.
    pub(super) fn awaited_by(&self, member: Option<MemberId>) -> u64 {
        let peer = member.and_then(|member| self.peer(member));
        peer.and_then(|peer| peer.outgoing.lock().awaited()).unwrap_or(0)
    }

    /// A cache is gone.
    pub(super) fn forget(&self, cache: CacheId) {
        for peer in self.all() {
            peer.wanted.lock().caches.remove(&cache);
        }
    }
}

/// Notes what the sinks of a cache want.
struct CacheLog {
    listening: Arc<Listening>,
    cache: CacheId,
}

impl InterestLog for CacheLog {
    fn note(&self, subject: &Subject, wish: Option<Wish>) {
        self.listening.journal.lock().note(Noted {
            cache: self.cache,
            subject: subject.clone(),
            wish,
        });
        self.listening.news.send_replace(());
    }
}

impl Peer {
    fn new(member: MemberId, (len_max, bytes_max): (usize, usize)) -> Self {
        Peer {
            member,
            wanted: Mutex::default(),
            outgoing: Mutex::new(Outgoing::new(len_max, bytes_max)),
            incoming: Incoming::new(),
            turn: Mutex::new(()),
            knows: AtomicU64::new(0),
            gone: CancellationToken::new(),
        }
    }

    /// Sends what waits, as far as it can be.
    fn send(&self, core: &Core, outgoing: &mut Outgoing) {
        if let Some(link) = core.links.get(self.member, Lane::Data) {
            outgoing.send_on(link.info().connection, |number, news| {
                let frame = EventFrame::encode(self.member, number, news);
                link.send(kind::EVENT, frame).is_ok()
            });
        }
    }

    /// Says how far events were passed on, if that is not known.
    fn say(&self, core: &Core) {
        self.incoming.say(|number| {
            let body = vec![write(&number)];
            core.links.send(self.member, Lane::Data, kind::HEARD, body)
        });
    }

    /// Takes what the other member wants to hear of. Gives the version that is known then; `None`: it is no member.
    fn take_interest(
        &self,
        interest: Interest,
        open: &BTreeMap<CacheId, Arc<OpenCache>>,
    ) -> Option<u64> {
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
        for Noted {
            cache,
            subject,
            wish,
        } in changes
        {
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
    /// The other members are these.
    pub(super) fn set_members(&self, members: &[(MemberId, std::net::SocketAddr)]) {
        self.links.set_members(members);
        let mut gone = Vec::new();
        let mut new = Vec::new();
        let limits = (self.settings.events_len_max, self.settings.events_bytes_max);
        {
            let mut peers = self.listening.peers.write();
            peers.retain(|member, peer| {
                let stays = members.iter().any(|(other, _)| other == member);
                if !stays {
                    gone.push(peer.clone());
                }
                stays
            });
            for (member, _) in members {
                if !peers.contains_key(member) {
                    let peer = Arc::new(Peer::new(*member, limits));
                    peers.insert(*member, peer.clone());
                    new.push(peer);
                }
            }
        }
        for peer in gone {
            peer.gone.cancel();
            let caches = {
                let mut wanted = peer.wanted.lock();
                wanted.gone = true;
                std::mem::take(&mut wanted.caches)
            };
            drop(caches);
        }
        for peer in new {
            if let Some(core) = self.this.upgrade() {
                self.supervisor
                    .spawn(TaskKind::Connection, "telling what is listened to", tell_interest(core, peer));
            }
        }
        self.listening.known.send_replace(());
    }

    /// There is a new connection to a member.
    pub(super) fn listening_reconnected(&self, member: MemberId) {
        if let Some(peer) = self.listening.peer(member) {
            peer.incoming.say_again();
            peer.say(self);
            peer.send(self, &mut peer.outgoing.lock());
        }
        self.listening.news.send_replace(());
    }

    /// Tells the listeners at other members, and those at this one if `here`, of a change.
    pub(super) fn tell_listeners(
        &self,
        place: (ServiceId, PartitionId, Epoch),
        effect: &Effect,
        here: bool,
        awaited: &mut Vec<Awaited>,
    ) {
        let (Some(registry), Some(change)) = (self.registry(), effect.change()) else {
            return;
        };
        registry.tell(change, here, |member, values| {
            let Some(peer) = self.listening.peer(member) else {
                return;
            };
            let news = EventFrame::change(place, change, values);
            let mut outgoing = peer.outgoing.lock();
            let number = outgoing.push(self.clock.uptime(), change.cache, news);
            peer.send(self, &mut outgoing);
            awaited.push(Awaited { member, number });
        });
    }

    /// Another member tells of something that happened there.
    pub(super) fn hear(&self, from: MemberId, body: Bytes) {
        let frame = match EventFrame::decode(body, self.settings.partition_count) {
            Ok(frame) => frame,
            Err(error) => return tracing::warn!(%from, %error, "an event of another member was not taken"),
        };
        let (Some(peer), Some(registry)) = (self.listening.peer(from), self.registry()) else {
            return;
        };
        let _turn = peer.turn.lock();
        if Some(frame.to) != self.me() || !peer.incoming.is_new(frame.number) {
            return;
        }
        match frame.news {
            News::Change {
                service,
                partition,
                placed,
                change,
            } => {
                let replicas = self.services.read().get(&service).cloned();
                if let Some(replicas) = replicas {
                    replicas.told_elsewhere(partition, (placed, change.sequence), || {
                        registry.tell(&change, true, |_, _| {});
                    });
                }
            }
            News::Missed(caches) => {
                tracing::warn!(%from, caches = caches.len(), "events were lost on the way here");
                for cache in registry.all() {
                    if caches.contains(&cache.id()) {
                        cache.listeners().publish_missed();
                    }
                }
            }
        }
        if peer.incoming.passed_on(frame.number) {
            peer.say(self);
        }
    }

    /// Tells the listeners of a member that was cut off that they missed something, once it is in again and they are heard
    /// everywhere.
    pub(super) fn tell_missed(&self) {
        if self.listening.missed.load(Ordering::Acquire) && self.me().is_some() && self.listening.all_know() {
            self.listening.missed.store(false, Ordering::Release);
            if let Some(registry) = self.registry() {
                for cache in registry.all() {
                    cache.listeners().publish_missed();
                }
            }
        }
    }

    /// Resolves when the events of another member up to this number were passed on here, or can't be waited for any longer.
    pub(super) fn wait_heard(&self, member: MemberId, number: u64) -> BoxFuture<'static, ()> {
        let Some(peer) = self.listening.peer(member) else {
            return futures::future::ready(()).boxed();
        };
        let bound = self.give_up_after();
        async move {
            let passed_on = async {
                tokio::select! {
                    biased;
                    () = peer.incoming.wait_for(number) => {}
                    () = peer.gone.cancelled() => {}
                }
            };
            // The member gives the events up then too, and says so.
            let _in_time = tokio::time::timeout(bound, passed_on).await;
        }
        .boxed()
    }

    /// What waits for every member to know what is listened to here; `None` when all do.
    pub(super) fn wait_known(&self) -> Option<BoxFuture<'static, Result<(), CacheError>>> {
        let version = self.listening.journal.lock().version();
        if self.me().is_some() && self.listening.is_known(version) {
            return None;
        }
        let core = self.this.upgrade()?;
        let waits = async move {
            let started = core.clock.uptime();
            let settings = core.settings.routing;
            let mut known = core.listening.known.subscribe();
            loop {
                known.mark_unchanged();
                if core.me().is_some() && core.listening.is_known(version) {
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

    fn give_up_after(&self) -> Duration {
        self.settings.replicas.follower_timeout * GIVE_UP_AFTER
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
async fn tell_interest(core: Arc<Core>, peer: Arc<Peer>) {
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
pub(super) fn interest(core: &Arc<Core>, from: Option<MemberId>, body: Bytes, answer: Answer) {
    let interest = match Interest::decode(body) {
        Ok(interest) => interest,
        Err(error) => return answer.fail(error.to_string()),
    };
    let Some(from) = from.filter(|_| core.me() == Some(interest.to)) else {
        return answer.fail("it is for another member, or of none");
    };
    let core = core.clone();
    let supervisor = core.supervisor.clone();
    supervisor.spawn(TaskKind::Connection, "what another member listens to", async move {
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
    });
}

/// Sends what could not be sent at once, and gives up what nobody takes.
pub(super) async fn drive_listening(core: Arc<Core>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            _ = interval.tick() => {}
        }
        for peer in core.listening.all() {
            peer.say(&core);
            let mut outgoing = peer.outgoing.lock();
            if outgoing.is_empty() {
                continue;
            }
            if outgoing.give_up(core.clock.uptime(), core.give_up_after()) {
                tracing::warn!(member = %peer.member, "events were given up: the member does not pass them on");
            }
            peer.send(&core, &mut outgoing);
        }
        core.tell_missed();
    }
}
