//! Listeners that hear of what happens at other members: events that are told to them, and that they tell. `interest` says
//! who wants to hear of what.
//!
//! See [`listening`](crate::listening) for what always holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use grid_core::control::ControlState;
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
use crate::listening::{
    Arrival, EventFrame, Gaps, Incoming, Journal, News, Noted, Notice, Outgoing, Truncations,
};
use crate::replication::Awaited;
use crate::task::TaskKind;
use crate::transport::Lane;

use super::core::Core;
use super::interest::tell_interest;
use super::message::{kind, read, write};

/// How often it is looked for what could not be sent or said at once.
const TICK: Duration = Duration::from_millis(5);

/// An event that another member does not pass on for so many times the
/// [timeout of followers](grid_core::replication::ReplicaSettings::follower_timeout) is given up.
const GIVE_UP_AFTER: u32 = 3;

/// What another member wants to hear of from this one.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The version that this is; 0 while nothing is known.
    pub(super) version: u64,
    pub(super) caches: BTreeMap<CacheId, AttachedSink>,
    /// Parts of everything, while they come, and the number of the attempt that they belong to.
    pub(super) parts: (u64, Vec<Noted>),
    /// It is no member any more.
    pub(super) gone: bool,
}

/// What this member and another one have for each other's listeners.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) member: MemberId,
    pub(super) wanted: Mutex<Wanted>,
    pub(super) outgoing: Mutex<Outgoing>,
    /// What the others are to know of what this one may never hear of. Locked after what waits for it.
    pub(super) notice: Mutex<Notice>,
    incoming: Incoming,
    /// Events of the other member are passed on one at a time, whichever connection they come on.
    turn: Mutex<()>,
    /// The version of this member's interest that the other one knows.
    pub(super) knows: AtomicU64,
    pub(super) gone: CancellationToken,
}

/// What this member has for listeners, its own and those of other members.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) journal: Mutex<Journal>,
    /// There may be something to tell other members.
    pub(super) news: watch::Sender<()>,
    /// Another member may know more.
    pub(super) known: watch::Sender<()>,
    peers: RwLock<BTreeMap<MemberId, Arc<Peer>>>,
    /// What others tell of what third ones may never hear of.
    pub(super) gaps: Mutex<Gaps>,
    /// Locked alone.
    pub(super) truncations: Mutex<Truncations>,
    /// The number of the last truncation that this member was asked for.
    pub(super) last_truncation: AtomicU64,
    /// This member was cut off, and its listeners are told of nothing until they are heard everywhere again. Held while the
    /// hubs of all caches change with it.
    cut_off: Mutex<bool>,
}

impl Default for Listening {
    fn default() -> Self {
        Listening {
            journal: Mutex::default(),
            news: watch::Sender::new(()),
            known: watch::Sender::new(()),
            peers: RwLock::default(),
            gaps: Mutex::default(),
            truncations: Mutex::default(),
            last_truncation: AtomicU64::new(0),
            cut_off: Mutex::new(false),
        }
    }
}

impl Listening {
    pub(super) fn peer(&self, member: MemberId) -> Option<Arc<Peer>> {
        self.peers.read().get(&member).cloned()
    }

    pub(super) fn has_no_others(&self) -> bool {
        self.peers.read().is_empty()
    }

    /// All other members but this one.
    pub(super) fn members_but(&self, member: MemberId) -> BTreeSet<MemberId> {
        let peers = self.peers.read();
        peers.keys().copied().filter(|other| *other != member).collect()
    }

    /// The other members that are none any more as this says.
    pub(super) fn members_but_those_of(&self, state: &ControlState) -> Vec<MemberId> {
        let peers = self.peers.read();
        let others = peers.keys().copied();
        others
            .filter(|other| !state.members().contains_key(other))
            .collect()
    }

    /// Whether another member knows of what third ones may never hear of, as far as this one gave it up.
    pub(super) fn knows_gaps(&self, member: MemberId) -> bool {
        let others = self.all().into_iter().filter(|peer| peer.member != member);
        others
            .into_iter()
            .all(|peer| peer.notice.lock().is_known_by(member))
    }

    fn all(&self) -> Vec<Arc<Peer>> {
        self.peers.read().values().cloned().collect()
    }

    /// Whether every other member knows this version of what is listened to here.
    pub(super) fn is_known(&self, version: u64) -> bool {
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

    /// Whether what happens elsewhere may be missed by the listeners at this member, which they are still to be told.
    pub(super) fn is_cut_off(&self) -> bool {
        *self.cut_off.lock()
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
            self.known.send_replace(());
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
        self.truncations.lock().forget(cache);
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
            notice: Mutex::default(),
            incoming: Incoming::new(),
            turn: Mutex::new(()),
            knows: AtomicU64::new(0),
            gone: CancellationToken::new(),
        }
    }

    /// Sends what waits, as far as it can be.
    pub(super) fn send(&self, core: &Core, outgoing: &mut Outgoing) {
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
            self.take_over_gaps(peer.member);
            let caches = {
                let mut wanted = peer.wanted.lock();
                wanted.gone = true;
                std::mem::take(&mut wanted.caches)
            };
            drop(caches);
        }
        let others = members.iter().map(|(member, _)| *member);
        self.end_truncations(others.chain(self.me()));
        for peer in new {
            if let Some(core) = self.this.upgrade() {
                self.supervisor.spawn(
                    TaskKind::Connection,
                    "telling what is listened to",
                    tell_interest(core, peer),
                );
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
        let Some(registry) = self.registry() else {
            return;
        };
        match effect {
            Effect::Change(change) => {
                registry.tell((place.1, place.2), change, here, |member, values| {
                    let news = EventFrame::change(place, change, values);
                    awaited.extend(self.push(member, change.cache, news));
                });
            }
            Effect::Truncate {
                cache,
                sequence,
                by: Some(by),
            } => {
                let Some(open) = registry.opened(*cache) else {
                    return;
                };
                for member in open.listeners().members() {
                    let news = EventFrame::emptied(place, *sequence, *cache, *by);
                    awaited.extend(self.push(member, *cache, news));
                }
                if here {
                    self.emptied(*cache, *by);
                }
            }
            Effect::Truncate { by: None, .. } => {}
        }
    }

    /// Tells another member something about a cache. `None`: it is no member any more.
    fn push(&self, member: MemberId, cache: CacheId, news: Vec<Bytes>) -> Option<Awaited> {
        let peer = self.listening.peer(member)?;
        let mut outgoing = peer.outgoing.lock();
        let number = outgoing.push(self.clock.uptime(), cache, news);
        peer.send(self, &mut outgoing);
        Some(Awaited { member, number })
    }

    /// Tells every other member something about a cache.
    pub(super) fn push_to_all(&self, cache: CacheId, news: &[Bytes]) {
        for peer in self.listening.all() {
            self.push(peer.member, cache, news.to_vec());
        }
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
        if Some(frame.to) != self.me() {
            return;
        }
        let says_missed = matches!(frame.news, News::Missed(_));
        match peer.incoming.arrival(frame.number, says_missed) {
            Arrival::Known => return,
            Arrival::Next => {}
            Arrival::AfterLoss => {
                tracing::error!(%from, number = frame.number, "events did not come, and nobody said so");
                for cache in registry.all() {
                    cache.listeners().publish_missed();
                }
            }
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
                    replicas.told_elsewhere(partition, (placed, change.sequence), |anew| {
                        self.begins_anew(service, anew);
                        registry.tell((partition, placed), &change, true, |_, _| {});
                    });
                }
            }
            News::Emptied {
                service,
                partition,
                placed,
                sequence,
                cache,
                by,
            } => {
                let replicas = self.services.read().get(&service).cloned();
                if let Some(replicas) = replicas {
                    replicas.told_elsewhere(partition, (placed, sequence), |anew| {
                        self.begins_anew(service, anew);
                        self.emptied(cache, by);
                    });
                }
            }
            News::Truncated { cache, by, whole } => self.truncated(cache, by, whole),
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

    /// Another member tells of what a partition has, which `anew` began empty as this one has not learned yet.
    fn begins_anew(&self, service: ServiceId, anew: bool) {
        if anew {
            self.entries_given_up(&BTreeSet::from([service]));
        }
    }

    /// This member is cut off: its listeners are told of nothing until it is in again and they are heard everywhere. It has no
    /// number any more.
    pub(super) fn cut_off(&self) {
        let mut cut_off = self.listening.cut_off.lock();
        *cut_off = true;
        for cache in self.caches() {
            cache.listeners().cut_off();
        }
    }

    /// Tells the listeners of a member that was cut off that they missed something, once it is in again and they are heard
    /// everywhere. Only then: members that know of them tell of changes, while others make some of which nobody tells.
    pub(super) fn tell_missed(&self) {
        let mut cut_off = self.listening.cut_off.lock();
        if *cut_off && self.me().is_some() && self.listening.all_know() {
            for cache in self.caches() {
                cache.listeners().heard_again();
            }
            *cut_off = false;
            drop(cut_off);
            self.listening.known.send_replace(());
        }
    }

    pub(super) fn caches(&self) -> Vec<Arc<OpenCache>> {
        self.registry().map(|registry| registry.all()).unwrap_or_default()
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
            // The member gives the events up too then, once others know, and says so.
            let _in_time = tokio::time::timeout(bound, passed_on).await;
        }
        .boxed()
    }

    /// Waits until all events that other members have told so far are passed on here, or given up.
    pub(super) async fn hear_what_was_told(&self) {
        let asked = self.listening.all().into_iter().map(|peer| async move {
            let link = self.links.get(peer.member, Lane::Data)?;
            let answer = link.request(kind::TOLD, Bytes::new()).await.ok()?;
            let number = read::<u64>(&answer)?;
            self.wait_heard(peer.member, number).await;
            Some(())
        });
        // One that does not answer is cut off or gone.
        let _in_time = tokio::time::timeout(self.give_up_after(), join_all(asked)).await;
    }

    /// Waits until all other members have passed on what was told to them so far, or it is given up.
    pub(super) async fn flush(&self) {
        let awaited: Vec<_> = self
            .listening
            .all()
            .iter()
            .filter_map(|peer| {
                let number = peer.outgoing.lock().awaited()?;
                let member = peer.member;
                Some(Awaited { member, number })
            })
            .collect();
        let mut known = self.listening.known.subscribe();
        let flushed = async {
            loop {
                known.mark_unchanged();
                if awaited.iter().all(|awaited| self.listening.is_over(*awaited)) {
                    return;
                }
                // The sender lives as long as this.
                let _lives = known.changed().await;
            }
        };
        let _in_time = tokio::time::timeout(self.give_up_after(), flushed).await;
    }

    pub(super) fn give_up_after(&self) -> Duration {
        self.settings.replicas.follower_timeout * GIVE_UP_AFTER
    }
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
            core.tend(&peer);
        }
        core.tell_missed();
    }
}
