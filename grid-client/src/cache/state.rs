//! One cache of a session, shared by all its handles.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use grid_core::cache::{Applied, CacheError, CacheName};
use grid_core::event::BinaryEvent;
use grid_proto::any::Packed;
use grid_proto::limits::JSON_PREFIX;
use grid_proto::v1::cache::key_or_filter::KeyOrFilter as Of;
use grid_proto::v1::cache::{
    EnsureCacheRequest, KeyOrFilter, MapListenerRequest, NamedCacheRequestType, ResponseType,
};
use grid_proto::wire::{Encode, Whole};

use crate::clock;
use crate::codec::CacheMessage;
use crate::connection::{Answer, Binding, CacheRoute, Failure, Lane, Purpose, Refusal, Submission};
use crate::session::Settings;

use super::Keeper;
use super::event_queue::EventQueue;
use super::events::entry_event;
use super::listeners::{Change, Level, Listeners, Target};

/// The filter of a listener that wants everything, as the clients of the reference write it.
const EVERYTHING: &str =
    r#"{"@class":"filter.MapEventFilter","mask":7,"filter":{"@class":"filter.AlwaysFilter"}}"#;

/// The number of that filter. Each cache has one filter at most.
const EVERYTHING_ID: i64 = 1;

/// What the caches of a session share.
#[derive(Debug)]
pub(crate) struct Wiring {
    /// At least one.
    pub(crate) lanes: Vec<Arc<Lane>>,
    /// One per lane.
    pub(crate) keepers: Vec<Arc<Keeper>>,
    pub(crate) settings: Arc<Settings>,
}

/// What to ask of a cache.
#[derive(Debug)]
pub(super) struct Ask<'a, E> {
    pub(super) kind: NamedCacheRequestType,
    pub(super) type_url: &'static str,
    pub(super) message: Option<&'a E>,
    /// Whether it changes nothing, and so may be asked again.
    pub(super) reads: bool,
}

/// One cache of a session, shared by all its handles.
#[derive(Debug)]
pub(crate) struct CacheState {
    name: CacheName,
    wiring: Arc<Wiring>,
    /// The cache's id on each lane, as [`packed`] packs it; 0 for none.
    bindings: Box<[AtomicU64]>,
    /// The lane that events come on.
    home: usize,
    turn: AtomicUsize,
    destroyed: AtomicBool,
    listens: AtomicBool,
    listeners: Mutex<Listeners>,
    /// Held while the cache is opened on a lane, so that this is done once.
    opening: tokio::sync::Mutex<()>,
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
            home: home % lanes,
            turn: AtomicUsize::new(home),
            destroyed: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            listeners: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
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

    fn deadline(&self) -> Instant {
        clock::now() + self.settings().request_timeout
    }

    #[inline]
    fn binding(&self, lane: usize) -> Option<Binding> {
        match self.bindings[lane].load(Ordering::Acquire) {
            0 => None,
            packed => Some(unpacked(packed)),
        }
    }

    /// The lane for the next request. Events come before answers only on one and the same connection, so a cache with
    /// listeners stays on its own.
    #[inline]
    fn lane(&self) -> &Arc<Lane> {
        let lanes = &self.wiring.lanes;
        if lanes.len() == 1 || self.has_listeners() {
            return &lanes[self.home];
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let lane = &lanes[turn % lanes.len()];
        if lane.is_up() {
            return lane;
        }
        lanes.iter().find(|lane| lane.is_up()).unwrap_or(lane)
    }

    fn error(&self, failure: Failure, reads: bool) -> CacheError {
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
        let mut attempts = 0;
        loop {
            self.check()?;
            let lane = self.lane();
            let submitted = match self.binding(lane.index) {
                None => Err(Refusal::NotOpen),
                binding => lane.submit(Submission {
                    kind: ask.kind,
                    type_url: ask.type_url,
                    message: ask.message,
                    binding,
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
                    Box::pin(self.overcome(lane, refusal, deadline)).await?;
                    continue;
                }
            };
            attempts += 1;
            if !self.settings().retry.again(&failure, ask.reads, attempts) {
                return Err(self.error(failure, ask.reads));
            }
        }
    }

    /// Waits, or does what has to be done, until a request that was refused can be tried again.
    async fn overcome(
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

    fn late(&self) -> CacheError {
        CacheError::Deadline {
            after: self.settings().request_timeout,
            applied: Applied::No,
        }
    }

    /// Sees to it that the cache has an id on this life of the lane.
    async fn open(self: &Arc<Self>, lane: &Arc<Lane>, deadline: Instant) -> Result<(), CacheError> {
        let Ok(_turn) = timeout_at(deadline, self.opening.lock()).await else {
            return Err(self.late());
        };
        let mut attempts = 0;
        loop {
            self.check()?;
            lane.up(deadline)
                .await
                .map_err(|failure| self.error(failure, true))?;
            let epoch = lane.epoch();
            if self
                .binding(lane.index)
                .is_some_and(|binding| binding.epoch == epoch)
            {
                return Ok(());
            }
            let message = EnsureCacheRequest {
                cache: self.name.to_string(),
            };
            let submitted = lane.submit(Submission {
                kind: NamedCacheRequestType::EnsureCache,
                type_url: EnsureCacheRequest::TYPE_URL,
                message: Some(&Whole(&message)),
                binding: None,
                deadline,
                purpose: Purpose::Open(self.clone()),
            });
            let failure = match submitted {
                Ok(call) => {
                    let epoch = call.epoch;
                    match call.await {
                        Ok(_)
                            if self
                                .binding(lane.index)
                                .is_some_and(|binding| binding.epoch == epoch) =>
                        {
                            return Ok(());
                        }
                        Ok(_) => Failure::Broken("the server opened the cache and gave no id".to_owned()),
                        Err(failure) => failure,
                    }
                }
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
    fn opened(&self, lane: usize, binding: Binding) {
        self.bindings[lane].store(packed(binding), Ordering::Release);
    }

    fn confirmed(&self, epoch: u32, change: u64) {
        self.listeners.lock().confirmed(epoch, change);
    }

    fn event(&self, lane: usize, message: CacheMessage) {
        match i32::try_from(message.kind).map(ResponseType::try_from) {
            Ok(Ok(ResponseType::MapEvent)) => {
                let listeners = self.listeners.lock();
                match entry_event(message.payload) {
                    Ok(Some(event)) => listeners.deliver(&event),
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
