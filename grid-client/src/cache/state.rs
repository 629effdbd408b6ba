//! One cache of a session, shared by all its handles.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use grid_core::cache::{Applied, CacheError, CacheName};
use grid_core::event::BinaryEvent;
use grid_proto::any::Packed;
use grid_proto::limits::{JSON_PREFIX, OPEN_REQUESTS_MAX};
use grid_proto::v1::cache::key_or_filter::KeyOrFilter as Of;
use grid_proto::v1::cache::{
    EnsureCacheRequest, KeyOrFilter, MapListenerRequest, NamedCacheRequestType, ResponseType,
};
use grid_proto::wire::{Encode, Whole};

use crate::clock;
use crate::codec::CacheMessage;
use crate::connection::{Answer, Binding, CacheRoute, Failure, Lane, Opener, Purpose, Refusal, Submission};
use crate::routing::{Fleet, MEMBER_LANES_MAX, Number, Numbers, READERS_MAX, Readers};
use crate::session::Settings;

use super::Keeper;
use super::event_queue::EventQueue;
use super::events::entry_event;
use super::listeners::{Change, EVERYTHING_ID, Level, Listeners, Target};

/// The filter of a listener that wants everything, as the clients of the reference write it.
const EVERYTHING: &str =
    r#"{"@class":"filter.MapEventFilter","mask":7,"filter":{"@class":"filter.AlwaysFilter"}}"#;

/// What the caches of a session share.
#[derive(Debug)]
pub(crate) struct Wiring {
    /// At least one.
    pub(crate) lanes: Vec<Arc<Lane>>,
    /// One per lane.
    pub(crate) keepers: Vec<Arc<Keeper>>,
    /// The connections with members, beyond the lanes.
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) settings: Arc<Settings>,
    /// What opens further calls on the first lane's connection.
    pub(crate) openers: watch::Receiver<Option<Opener>>,
}

/// What to ask of a cache.
#[derive(Debug)]
pub(super) struct Ask<'a, E> {
    pub(super) kind: NamedCacheRequestType,
    pub(super) type_url: &'static str,
    pub(super) message: Option<&'a E>,
    /// The placement of the key that it is about; any member may be asked what is about none, or many.
    pub(super) key: Option<u64>,
    /// Whether it changes nothing, and so may be asked again.
    pub(super) reads: bool,
    /// Whether it is to be numbered, where the server does numbered requests once.
    pub(super) once: bool,
}

/// How far a request has come.
#[derive(Debug, Default)]
struct Course {
    attempts: u32,
    /// The cache is not open at the owner of the key: another member passes the request on.
    roundabout: bool,
    /// A lane whose server is cut off from the others.
    avoid: Option<usize>,
    /// What happened to the first attempt that may have been done.
    doubt: Option<Failure>,
}

/// No service.
const NO_SERVICE: u16 = u16::MAX;

/// One cache of a session, shared by all its handles.
#[derive(Debug)]
pub(crate) struct CacheState {
    name: CacheName,
    pub(super) wiring: Arc<Wiring>,
    /// The cache's id on each lane, as [`packed`] packs it; 0 for none.
    bindings: Box<[AtomicU64]>,
    /// The same for the lanes of members, and after them of readers, once there is one.
    member_bindings: OnceLock<Box<[AtomicU64]>>,
    /// The service that the cache belongs to, where the server says it.
    service: AtomicU16,
    /// The lane that events come on.
    home: usize,
    turn: AtomicUsize,
    destroyed: AtomicBool,
    listens: AtomicBool,
    listeners: Mutex<Listeners>,
    /// Held while the cache is opened on a lane, so that this is done once.
    opening: tokio::sync::Mutex<()>,
    /// The same for the lanes of members.
    opening_elsewhere: tokio::sync::Mutex<()>,
    /// Held while the server is asked to report more or less.
    syncing: tokio::sync::Mutex<()>,
}

fn packed(binding: Binding) -> u64 {
    (u64::from(binding.epoch) << 32) | u64::from(binding.cache_id.cast_unsigned())
}

fn unpacked(packed: u64) -> Binding {
    let half = |bits: u64| u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
    Binding {
        epoch: half(packed >> 32),
        cache_id: half(packed).cast_signed(),
    }
}

impl CacheState {
    pub(crate) fn new(name: CacheName, wiring: Arc<Wiring>) -> Arc<Self> {
        let lanes = wiring.lanes.len();
        // Spreads the caches over the lanes; any spread will do.
        let home = name
            .as_str()
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        Arc::new(CacheState {
            name,
            wiring,
            bindings: (0..lanes).map(|_| AtomicU64::new(0)).collect(),
            member_bindings: OnceLock::new(),
            service: AtomicU16::new(NO_SERVICE),
            home: home % lanes,
            turn: AtomicUsize::new(home),
            destroyed: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            listeners: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            opening_elsewhere: tokio::sync::Mutex::default(),
            syncing: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn name(&self) -> &CacheName {
        &self.name
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.wiring.settings
    }

    pub(crate) fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Acquire)
    }

    pub(crate) fn has_listeners(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Whether the cache is there.
    pub(super) fn check(&self) -> Result<(), CacheError> {
        if self.is_destroyed() {
            return Err(CacheError::Destroyed {
                cache: self.name.to_string(),
            });
        }
        Ok(())
    }

    /// The cache is gone.
    pub(super) fn set_destroyed(&self) {
        self.destroyed.store(true, Ordering::Release);
        self.listens.store(false, Ordering::Release);
        self.listeners.lock().end_all(|| Ok(BinaryEvent::Destroyed));
    }

    /// The session ended.
    pub(crate) fn close(&self) {
        self.listens.store(false, Ordering::Release);
        self.listeners.lock().end_all(|| Err(CacheError::ShuttingDown));
    }

    pub(super) fn deadline(&self) -> Instant {
        clock::now() + self.settings().request_timeout
    }

    #[inline]
    fn binding_cell(&self, lane: usize) -> Option<&AtomicU64> {
        match lane.checked_sub(self.bindings.len()) {
            None => self.bindings.get(lane),
            Some(member) => {
                let new = || {
                    (0..MEMBER_LANES_MAX + READERS_MAX)
                        .map(|_| AtomicU64::new(0))
                        .collect()
                };
                self.member_bindings.get_or_init(new).get(member)
            }
        }
    }

    #[inline]
    pub(super) fn binding(&self, lane: usize) -> Option<Binding> {
        match self.binding_cell(lane)?.load(Ordering::Acquire) {
            0 => None,
            packed => Some(unpacked(packed)),
        }
    }

    /// The service that the cache belongs to, where the server says it.
    #[inline]
    pub(super) fn service(&self) -> Option<u8> {
        u8::try_from(self.service.load(Ordering::Acquire)).ok()
    }

    /// The member that serves keys with this placement, when requests on the cache go to whoever serves.
    pub(super) fn owner(&self, placement: u64) -> Option<u64> {
        let service = self.service().filter(|_| !self.has_listeners())?;
        self.wiring.fleet.owner(service, placement)
    }

    /// The lane for the next request. Events come before answers only on one and the same connection, so a cache with
    /// listeners stays on its own.
    #[inline]
    fn lane(&self, key: Option<u64>, course: &Course) -> &Arc<Lane> {
        let (lanes, fleet) = (&self.wiring.lanes, &self.wiring.fleet);
        let service = self.service();
        if course.avoid.is_some()
            && service.is_some()
            && let Some(lane) = fleet.any_lane(course.avoid)
        {
            return lane;
        }
        if self.has_listeners() {
            return &lanes[self.home];
        }
        if let (Some(service), Some(key), false) = (service, key, course.roundabout)
            && let Some(lane) = fleet.lane_of(service, key)
        {
            return lane;
        }
        let is_alone = service.is_none() || !fleet.is_known();
        if lanes.len() == 1 && is_alone {
            return &lanes[self.home];
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let lane = &lanes[turn % lanes.len()];
        if lane.is_up() {
            return lane;
        }
        let other = lanes.iter().find(|lane| lane.is_up());
        let member = || fleet.any_lane(None).filter(|_| !is_alone);
        other.or_else(member).unwrap_or(lane)
    }

    pub(super) fn error(&self, failure: Failure, reads: bool) -> CacheError {
        let error = failure.into_error(self.name.as_str(), reads, self.settings().request_timeout);
        if matches!(error, CacheError::Destroyed { .. }) {
            self.set_destroyed();
        }
        error
    }

    /// Sends a request and waits for the answer; again, when that is safe and the connection failed.
    pub(super) async fn ask<E: Encode + Sync>(
        self: &Arc<Self>,
        ask: Ask<'_, E>,
    ) -> Result<Answer, CacheError> {
        let deadline = self.deadline();
        let mut course = Course::default();
        let mut number: Option<Number<'_>> = None;
        loop {
            self.check()?;
            let lane = self.lane(ask.key, &course);
            if ask.once && number.is_none() && lane.does_once() {
                number = Some(
                    match self.wiring.numbers.try_open(self.settings().request_timeout) {
                        Some(number) => number,
                        None => Box::pin(self.open_number(deadline)).await?,
                    },
                );
            }
            let tag = number.as_ref().map(|number| &number.tag);
            let tag = tag.filter(|_| lane.does_once());
            if let (Some(doubt), None) = (&course.doubt, tag) {
                return Err(self.error(doubt.clone(), ask.reads));
            }
            let submitted = match self.binding(lane.index) {
                None => Err(Refusal::NotOpen),
                binding => lane.submit(Submission {
                    kind: ask.kind,
                    type_url: ask.type_url,
                    message: ask.message,
                    binding,
                    tag,
                    deadline,
                    purpose: Purpose::Call,
                }),
            };
            let failure = match submitted {
                Ok(call) => match call.await {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => failure,
                },
                // Rarely taken, so its state is kept out of this future.
                Err(refusal) => {
                    let overcome = Box::pin(self.overcome_on_way(lane, refusal, deadline, &mut course)).await;
                    match (overcome, &course.doubt) {
                        (Ok(()), _) => continue,
                        (Err(_), Some(doubt)) => return Err(self.error(doubt.clone(), ask.reads)),
                        (Err(error), None) => return Err(error),
                    }
                }
            };
            self.go_on(&mut course, failure, lane, (ask.reads, tag.is_some()))?;
        }
    }

    async fn open_number(&self, deadline: Instant) -> Result<Number<'_>, CacheError> {
        let timeout = self.settings().request_timeout;
        while self.wiring.numbers.room(deadline).await {
            if let Some(number) = self.wiring.numbers.try_open(timeout) {
                return Ok(number);
            }
        }
        let what = format!(
            "{OPEN_REQUESTS_MAX} changes of the session are open and none ended within {timeout:?}; send fewer at once"
        );
        Err(CacheError::Overloaded { what })
    }

    /// Whether a request that failed is sent again; otherwise its error.
    fn go_on(
        &self,
        course: &mut Course,
        failure: Failure,
        lane: &Arc<Lane>,
        (reads, numbered): (bool, bool),
    ) -> Result<(), CacheError> {
        course.attempts += 1;
        if !reads && course.doubt.is_none() && !failure.is_harmless() {
            course.doubt = Some(failure.clone());
        }
        let retry = &self.settings().retry;
        let safe = reads || numbered;
        // A member that is cut off can't tell what the others do.
        let elsewhere = failure.is_for_others()
            && (safe || failure.is_harmless())
            && course.attempts < retry.attempts_max
            && self.service().is_some()
            && self.wiring.fleet.any_lane(Some(lane.index)).is_some();
        if elsewhere {
            course.avoid = Some(lane.index);
            return Ok(());
        }
        if retry.again(&failure, safe, course.attempts) {
            return Ok(());
        }
        let failure = match course.doubt.take() {
            Some(doubt) if failure.is_harmless() => doubt,
            _ => failure,
        };
        Err(self.error(failure, reads))
    }

    /// As [`overcome`](Self::overcome); but what a member's lane refuses goes another way.
    async fn overcome_on_way(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        refusal: Refusal,
        deadline: Instant,
        course: &mut Course,
    ) -> Result<(), CacheError> {
        let is_own = lane.index < self.bindings.len();
        match refusal {
            Refusal::NotConnected if !is_own => Ok(()),
            // There is no way round this member.
            Refusal::NotOpen if !is_own && (course.roundabout || course.avoid.is_some()) => {
                let Ok(_turn) = timeout_at(deadline, self.opening_elsewhere.lock()).await else {
                    return Err(self.late());
                };
                if self.is_open_on(lane) {
                    return Ok(());
                }
                match self.ensure(lane, deadline).await {
                    Ok(Ok(())) | Err(_) => Ok(()),
                    // To open a cache changes nothing that was asked for.
                    Ok(Err(failure)) => self.go_on(course, failure, lane, (true, false)),
                }
            }
            Refusal::NotOpen if !is_own => {
                course.roundabout = match self.opening_elsewhere.try_lock() {
                    Ok(_turn) => !matches!(self.ensure(lane, deadline).await, Ok(Ok(()))),
                    // Another request opens it just now; none waits for that.
                    Err(_taken) => true,
                };
                Ok(())
            }
            refusal => self.overcome(lane, refusal, deadline).await,
        }
    }

    /// Waits, or does what has to be done, until a request that was refused can be tried again.
    pub(super) async fn overcome(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        refusal: Refusal,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        match refusal {
            Refusal::NotConnected => lane
                .up(deadline)
                .await
                .map_err(|failure| self.error(failure, true)),
            Refusal::NotOpen => self.open(lane, deadline).await,
            Refusal::Full if lane.room(deadline).await => Ok(()),
            Refusal::Full => {
                let what = format!(
                    "{} requests are in flight and none ended within {:?}; send fewer at once",
                    lane.in_flight(),
                    self.settings().request_timeout
                );
                Err(CacheError::Overloaded { what })
            }
            Refusal::TooLong(len) => {
                let max = self.settings().message_len_max;
                let what =
                    format!("the request has {len} bytes; at most {max} are allowed: send smaller values");
                Err(CacheError::Invalid { what })
            }
            Refusal::Closed => Err(CacheError::ShuttingDown),
        }
    }

    /// Opens the cache on the lane that its events come on.
    pub(crate) async fn open_home(self: &Arc<Self>) -> Result<(), CacheError> {
        let deadline = self.deadline();
        self.open(&self.wiring.lanes[self.home], deadline).await
    }

    pub(super) fn late(&self) -> CacheError {
        CacheError::Deadline {
            after: self.settings().request_timeout,
            applied: Applied::No,
        }
    }

    /// Sees to it that the cache has an id on this life of the lane.
    pub(super) async fn open(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        let Ok(_turn) = timeout_at(deadline, self.opening.lock()).await else {
            return Err(self.late());
        };
        let mut attempts = 0;
        loop {
            self.check()?;
            lane.up(deadline)
                .await
                .map_err(|failure| self.error(failure, true))?;
            if self.is_open_on(lane) {
                return Ok(());
            }
            let failure = match self.ensure(lane, deadline).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(Refusal::NotOpen) => continue,
                Err(refusal) => {
                    Box::pin(self.overcome(lane, refusal, deadline)).await?;
                    continue;
                }
            };
            attempts += 1;
            // To open a cache twice does no harm.
            if !self.settings().retry.again(&failure, true, attempts) {
                return Err(self.error(failure, true));
            }
        }
    }

    /// Whether the cache has an id on this life of the lane.
    fn is_open_on(&self, lane: &Lane) -> bool {
        let epoch = lane.epoch();
        self.binding(lane.index)
            .is_some_and(|binding| binding.epoch == epoch)
    }

    /// Asks for the cache's id on a lane.
    async fn ensure(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        deadline: Instant,
    ) -> Result<Result<(), Failure>, Refusal> {
        let message = EnsureCacheRequest {
            cache: self.name.to_string(),
        };
        let call = lane.submit(Submission {
            kind: NamedCacheRequestType::EnsureCache,
            type_url: EnsureCacheRequest::TYPE_URL,
            message: Some(&Whole(&message)),
            binding: None,
            tag: None,
            deadline,
            purpose: Purpose::Open(self.clone()),
        })?;
        let epoch = call.epoch;
        let opened = call.await;
        let binding = self.binding(lane.index);
        Ok(match opened {
            Ok(_) if binding.is_some_and(|binding| binding.epoch == epoch) => Ok(()),
            Ok(_) => Err(Failure::Broken(
                "the server opened the cache and gave no id".to_owned(),
            )),
            Err(failure) => Err(failure),
        })
    }

    /// What to listen to for this filter of events.
    pub(super) fn target_where(&self, filter: Bytes) -> Target {
        self.listeners.lock().target_where(filter)
    }

    /// Adds a listener; when the future is ready, it hears of every later change.
    pub(super) fn listen(self: &Arc<Self>, target: &Target, level: Level) -> (u64, Arc<EventQueue>) {
        let queue = Arc::new(EventQueue::new(self.settings().event_queue_len));
        let id = {
            let mut listeners = self.listeners.lock();
            self.listens.store(true, Ordering::Release);
            listeners.add(target, level, queue.clone())
        };
        self.wiring.keepers[self.home].watch(self);
        (id, queue)
    }

    /// Removes a listener. The server hears of it a little later.
    pub(super) fn unlisten(self: &Arc<Self>, target: &Target, id: u64) {
        let mut listeners = self.listeners.lock();
        listeners.remove(target, id);
        self.listens.store(!listeners.is_empty(), Ordering::Release);
        drop(listeners);
        if !self.is_destroyed() {
            self.wiring.keepers[self.home].ask(self);
        }
    }

    /// Asks the server to report what is listened to, and no more.
    pub(super) async fn sync(self: &Arc<Self>) -> Result<(), CacheError> {
        let deadline = self.deadline();
        let Ok(_turn) = timeout_at(deadline, self.syncing.lock()).await else {
            return Err(self.late());
        };
        let lane = &self.wiring.lanes[self.home];
        let mut attempts = 0;
        loop {
            self.check()?;
            self.open(lane, deadline).await?;
            let Some(binding) = self.binding(lane.index) else {
                continue;
            };
            let next = {
                let mut listeners = self.listeners.lock();
                listeners.settle(binding.epoch);
                listeners.next_change(binding.epoch)
            };
            let Some((id, change)) = next else { return Ok(()) };
            let submitted = lane.submit(Submission {
                kind: NamedCacheRequestType::MapListener,
                type_url: MapListenerRequest::TYPE_URL,
                message: Some(&Whole(&request_of(&change))),
                binding: Some(binding),
                tag: None,
                deadline,
                purpose: Purpose::Listen(self.clone(), id),
            });
            let failure = match submitted {
                Ok(call) => match call.await {
                    Ok(_) => continue,
                    Err(failure) => failure,
                },
                Err(Refusal::NotOpen) => continue,
                Err(refusal) => {
                    Box::pin(self.overcome(lane, refusal, deadline)).await?;
                    continue;
                }
            };
            attempts += 1;
            if let Failure::Refused(words) = &failure {
                self.listeners.lock().refused(&change, words);
            }
            if !self.settings().retry.again(&failure, true, attempts) {
                return Err(self.error(failure, true));
            }
        }
    }
}

fn request_of(change: &Change) -> MapListenerRequest {
    let prefixed = |text: &[u8]| [&[JSON_PREFIX], text].concat().into();
    let (subscribe, target, lite) = match change {
        Change::Subscribe(target, level) => (true, target, *level == Level::Lite),
        Change::Unsubscribe(target) => (false, target, false),
    };
    let (of, filter_id) = match target {
        Target::Where(id, filter) => (Of::Filter(prefixed(filter)), *id),
        Target::All => (Of::Filter(prefixed(EVERYTHING.as_bytes())), EVERYTHING_ID),
        Target::Key(key) => (Of::Key(prefixed(key.spelling().bytes())), 0),
    };
    MapListenerRequest {
        subscribe,
        key_or_filter: Some(KeyOrFilter {
            key_or_filter: Some(of),
        }),
        filter_id,
        lite,
        synchronous: true,
        ..Default::default()
    }
}

impl CacheRoute for CacheState {
    fn opened(&self, lane: usize, binding: Binding, service: Option<u8>) {
        if let Some(cell) = self.binding_cell(lane) {
            cell.store(packed(binding), Ordering::Release);
        }
        self.service
            .store(service.map_or(NO_SERVICE, u16::from), Ordering::Release);
    }

    fn confirmed(&self, epoch: u32, change: u64) {
        self.listeners.lock().confirmed(epoch, change);
    }

    fn event(&self, lane: usize, message: CacheMessage) {
        match i32::try_from(message.kind).map(ResponseType::try_from) {
            Ok(Ok(ResponseType::MapEvent)) => {
                let listeners = self.listeners.lock();
                match entry_event(message.payload) {
                    Ok(Some(reported)) => listeners.deliver(&reported),
                    Ok(None) => {}
                    Err(what) => listeners.fail_all(&what),
                }
            }
            // Every connection on which the cache is open hears of these; one of them counts.
            Ok(Ok(ResponseType::Truncated)) if lane == self.home => {
                let keys_lost = {
                    let mut listeners = self.listeners.lock();
                    listeners.truncated();
                    !self.wiring.lanes[lane].is_faithful() && listeners.keys_lost()
                };
                if keys_lost {
                    self.wiring.keepers[lane].renew();
                }
            }
            Ok(Ok(ResponseType::Destroyed)) => self.set_destroyed(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_packed_without_loss() {
        for binding in [
            Binding {
                epoch: 1,
                cache_id: -1,
            },
            Binding {
                epoch: u32::MAX,
                cache_id: i32::MAX,
            },
            Binding {
                epoch: 7,
                cache_id: i32::MIN,
            },
        ] {
            assert_eq!(unpacked(packed(binding)), binding);
        }
    }
}
