//! The caches of one kind that are open at this member.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use grid_core::cache::{CacheError, CacheName};
use grid_core::control::CacheRecord;
use grid_core::event::{EventNumber, EventOrigin};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{BackupCount, Epoch, ServiceId, StepChange};
use grid_core::query::Extractor;
use grid_core::replication::{Effect, Message};
use grid_core::store::{CacheId, CacheSettings, Change, IndexDefinition, Want};
use parking_lot::{Mutex, RwLock};

use crate::event::{InterestLog, LogBudget};
use crate::own::OwnRunner;
use crate::replication::{Awaited, Outlet, Replicas};
use crate::routing::Router;

use super::following::{LogKeeper, LogLimits};
use super::{CacheInfo, CacheKind, OpenCache, Reply};

/// How many entries expire under one lock.
const EXPIRE_BATCH_LEN: usize = 1_000;

/// Limits of a registry and of what listens to its caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The largest number of caches; 10,000 by default.
    pub caches_max: usize,
    /// The largest number of events that wait for one listener; 65,536 by default.
    pub event_queue_len_max: usize,
    /// The largest size of the events that wait for one listener, in bytes; 64 MiB by default.
    pub event_queue_bytes_max: usize,
    /// The largest size of the logs of last changes that are kept for those who follow caches, of all caches of a kind
    /// together, in bytes; 64 MiB by default. What those who follow have not read yet may be more, up to 1 MiB of each cache.
    /// With 0 nobody follows: views listen as others do, and read anew after a lost connection.
    pub event_log_bytes_max: usize,
    /// How long the log of a cache is kept after the last one who followed it went; one minute by default.
    pub event_log_linger: Duration,
    /// How long a processor or an aggregator of one's own may run, each time and for each partition; 5 s by default. It may
    /// wait twice as long before.
    pub processor_time_limit: Duration,
    /// The most threads that run such code at the same time, also code that does not end; 64 by default.
    pub processor_threads_max: usize,
    /// How many bytes one aggregation may keep at a member, of all partitions together; 256 MiB by default. One that would keep
    /// more is refused.
    pub aggregation_bytes_max: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        CacheLimits {
            caches_max: 10_000,
            event_queue_len_max: 65_536,
            event_queue_bytes_max: 64 << 20,
            event_log_bytes_max: 64 << 20,
            event_log_linger: Duration::from_mins(1),
            processor_time_limit: Duration::from_secs(5),
            processor_threads_max: 64,
            aggregation_bytes_max: 256 << 20,
        }
    }
}

type QualifiedName = (String, CacheName);

#[derive(Default)]
struct Open {
    by_name: HashMap<QualifiedName, Arc<OpenCache>>,
    by_id: HashMap<CacheId, Arc<OpenCache>>,
    last_id: u32,
}

/// The caches that a cluster agrees on.
pub trait Catalogue: Send + Sync {
    /// Agrees on a cache of this name. When the future is ready, this member knows it.
    fn ensure(
        &self,
        scope: &str,
        name: &CacheName,
        settings: CacheSettings,
        backups: BackupCount,
        caches_max: usize,
    ) -> BoxFuture<'static, Result<CacheRecord, CacheError>>;

    /// The cache of this name, as far as this member knows.
    fn named(&self, scope: &str, name: &CacheName) -> Option<CacheRecord>;

    /// The cache with this number, as far as this member knows.
    fn numbered(&self, id: CacheId) -> Option<CacheRecord>;

    /// Agrees that a cache is no more. When the future is ready, every member knows it.
    fn destroy(&self, id: CacheId) -> BoxFuture<'static, Result<(), CacheError>>;

    /// Agrees on an index of a cache.
    fn add_index(
        &self,
        id: CacheId,
        definition: &IndexDefinition,
    ) -> BoxFuture<'static, Result<(), CacheError>>;

    /// Agrees that a cache has no index of an extractor.
    fn remove_index(&self, id: CacheId, extractor: &Extractor) -> BoxFuture<'static, Result<(), CacheError>>;

    /// The replicas of a service at this member.
    fn replicas(&self, service: ServiceId) -> Option<Arc<Replicas>>;

    /// The replicas of every service at this member.
    fn all_replicas(&self) -> Vec<Arc<Replicas>>;

    /// What notes which of the changes of a cache are listened to here.
    fn interest_log(&self, cache: CacheId) -> Arc<dyn InterestLog>;

    /// What the numbers of changes belong to: the life of the cluster.
    fn life(&self) -> u128;

    /// The way to other members.
    fn router(&self) -> Arc<Router>;
}

/// Where the caches of a registry have their entries.
enum Home {
    /// In this process alone.
    Alone(Arc<Replicas>),
    /// In a cluster.
    Cluster(Arc<dyn Catalogue>),
}

/// The open caches of one kind, and the partitions that hold their entries.
pub struct CacheRegistry {
    kind: CacheKind,
    home: Home,
    limits: CacheLimits,
    own: Arc<OwnRunner>,
    this: Weak<CacheRegistry>,
    open: RwLock<Open>,
    /// Destroying a cache and opening its successor take turns.
    destroying: Mutex<()>,
    shutting_down: AtomicBool,
    logs: LogLimits,
    /// What the numbers of changes belong to, when there is no cluster: this life of the process.
    life: u128,
}

/// Tells the listeners of caches whose partitions are in this process alone.
struct LocalOutlet {
    registry: Weak<CacheRegistry>,
}

impl Outlet for LocalOutlet {
    fn publish(
        &self,
        (_, partition, placed): (ServiceId, PartitionId, Epoch),
        effect: &Effect,
        here: bool,
        _awaited: &mut Vec<Awaited>,
    ) {
        if let (Some(registry), Some(change)) = (self.registry.upgrade(), effect.change()) {
            registry.tell((partition, placed), change, here, |_, _| {});
        }
    }

    fn is_heard(&self, _awaited: Awaited) -> bool {
        true
    }

    fn send(&self, _to: MemberId, _service: ServiceId, _partition: PartitionId, _message: &Message) {}

    fn propose(&self, _service: ServiceId, _partition: PartitionId, _epoch: Epoch, _change: StepChange) {}

    fn may_serve(&self) -> bool {
        true
    }
}

impl CacheRegistry {
    /// A registry without caches, whose entries are in this process alone.
    #[must_use]
    pub fn alone(
        kind: CacheKind,
        replicas: Arc<Replicas>,
        limits: CacheLimits,
        own: Arc<OwnRunner>,
    ) -> Arc<Self> {
        let registry = Self::with(kind, Home::Alone(replicas.clone()), limits, own);
        replicas.connect(Arc::new(LocalOutlet {
            registry: Arc::downgrade(&registry),
        }));
        registry
    }

    /// A registry of the caches that a cluster agrees on.
    #[must_use]
    pub fn of_cluster(
        kind: CacheKind,
        catalogue: Arc<dyn Catalogue>,
        limits: CacheLimits,
        own: Arc<OwnRunner>,
    ) -> Arc<Self> {
        Self::with(kind, Home::Cluster(catalogue), limits, own)
    }

    fn with(kind: CacheKind, home: Home, limits: CacheLimits, own: Arc<OwnRunner>) -> Arc<Self> {
        Arc::new_cyclic(|this| CacheRegistry {
            kind,
            home,
            limits,
            own,
            this: this.clone(),
            open: RwLock::default(),
            destroying: Mutex::new(()),
            shutting_down: AtomicBool::new(false),
            logs: LogLimits {
                budget: Arc::new(LogBudget::new(limits.event_log_bytes_max)),
                linger: limits.event_log_linger,
            },
            life: crate::random::draw(),
        })
    }

    /// The cache of this name, if there is one.
    pub(super) fn known(&self, scope: &str, name: &CacheName) -> Option<Arc<OpenCache>> {
        let open = self
            .open
            .read()
            .by_name
            .get(&(scope.to_owned(), name.clone()))
            .cloned();
        match &self.home {
            Home::Cluster(catalogue) if open.is_none() => catalogue
                .named(scope, name)
                .and_then(|record| self.adopt(&record)),
            _ => open,
        }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> CacheLimits {
        self.limits
    }

    /// The cache of this name, made if there is none. The settings count only when it is made.
    ///
    /// # Errors
    /// When there are as many caches as allowed, the cluster does not agree in time, or the grid is shutting down.
    pub fn open(
        self: &Arc<Self>,
        scope: &str,
        name: &CacheName,
        settings: CacheSettings,
        backups: BackupCount,
    ) -> Reply<Arc<OpenCache>> {
        let Home::Cluster(catalogue) = &self.home else {
            return self.open_now(scope, name, settings).into();
        };
        if self.shutting_down.load(Ordering::Acquire) {
            return Reply::Ready(Err(CacheError::ShuttingDown));
        }
        if let Some(cache) = self.open.read().by_name.get(&(scope.to_owned(), name.clone())) {
            return Reply::ok(cache.clone());
        }
        if let Some(cache) = catalogue
            .named(scope, name)
            .and_then(|record| self.adopt(&record))
        {
            return Reply::ok(cache);
        }
        let (registry, scope, name) = (self.clone(), scope.to_owned(), name.clone());
        let catalogue = catalogue.clone();
        Reply::later(async move {
            let caches_max = registry.limits.caches_max;
            loop {
                let record = catalogue
                    .ensure(&scope, &name, settings, backups, caches_max)
                    .await?;
                // It may have been destroyed at once: then there is to be another one.
                if let Some(cache) = registry.adopt(&record) {
                    return Ok(cache);
                }
            }
        })
    }

    /// Opens a cache that needs nobody else to agree: one of this process alone.
    pub(crate) fn open_now(
        &self,
        scope: &str,
        name: &CacheName,
        settings: CacheSettings,
    ) -> Result<Arc<OpenCache>, CacheError> {
        let Home::Alone(replicas) = &self.home else {
            return Err(CacheError::Unsupported {
                what: "opening a cache of a cluster without waiting",
            });
        };
        if self.shutting_down.load(Ordering::Acquire) {
            return Err(CacheError::ShuttingDown);
        }
        let qualified = (scope.to_owned(), name.clone());
        if let Some(cache) = self.open.read().by_name.get(&qualified) {
            return Ok(cache.clone());
        }
        let mut open = self.open.write();
        if let Some(cache) = open.by_name.get(&qualified) {
            return Ok(cache.clone());
        }
        if open.by_name.len() >= self.limits.caches_max {
            let what = format!(
                "there are {} caches, and more are not allowed (limits.caches-max); destroy some",
                self.limits.caches_max
            );
            return Err(CacheError::Overloaded { what });
        }
        // Numbers are not used again: an alarm of an entry long gone must never meet another cache's entries.
        let number = open
            .last_id
            .checked_add(1)
            .ok_or_else(|| CacheError::Overloaded {
                what: "this member has opened 4,294,967,295 caches; restart it".to_owned(),
            })?;
        open.last_id = number;
        let id = CacheId::new(number);
        Ok(open.add(OpenCache::new(
            self.keeper(id, self.life),
            id,
            qualified,
            (self.kind, settings),
            (replicas.clone(), self.this.clone(), self.own.clone()),
            None,
        )))
    }

    /// Opens a cache that the cluster has agreed on. `None` when it was destroyed since.
    fn adopt(&self, record: &CacheRecord) -> Option<Arc<OpenCache>> {
        let Home::Cluster(catalogue) = &self.home else {
            return None;
        };
        let name = CacheName::new(&record.name).ok()?;
        let replicas = catalogue.replicas(record.service)?;
        let mut open = self.open.write();
        if let Some(cache) = open.by_id.get(&record.id) {
            return Some(cache.clone());
        }
        // Looked at under the lock under which a destroyed cache is forgotten.
        catalogue.numbered(record.id)?;
        Some(open.add(OpenCache::new(
            self.keeper(record.id, catalogue.life()),
            record.id,
            (record.scope.clone(), name),
            (self.kind, record.settings()),
            (replicas, self.this.clone(), self.own.clone()),
            Some((catalogue.router(), catalogue.interest_log(record.id))),
        )))
    }

    fn keeper(&self, cache: CacheId, life: u128) -> LogKeeper {
        LogKeeper::new(EventOrigin { life, cache }, self.logs.clone())
    }

    /// Sees to the logs of the caches. What takes time is given, at most so much of it, and none for those that are named.
    pub(super) fn tend_logs(
        &self,
        count_max: usize,
        but: &HashSet<CacheId>,
    ) -> Vec<(CacheId, BoxFuture<'static, ()>)> {
        let at = match &self.home {
            Home::Alone(replicas) => replicas.uptime(),
            Home::Cluster(catalogue) => match catalogue.all_replicas().first() {
                Some(replicas) => replicas.uptime(),
                // There is no cache.
                None => return Vec::new(),
            },
        };
        let open = self.open.read();
        let caches = open.by_name.values().filter(|cache| !but.contains(&cache.id()));
        let begin = |cache: &Arc<OpenCache>| Some((cache.id(), cache.tend_log(at)?));
        caches.filter_map(begin).take(count_max).collect()
    }

    /// The cache with this number, if it is open.
    pub(crate) fn opened(&self, id: CacheId) -> Option<Arc<OpenCache>> {
        self.open.read().by_id.get(&id).cloned()
    }

    /// The cache with this number, opened if the cluster knows it.
    pub(crate) fn numbered(&self, id: CacheId) -> Option<Arc<OpenCache>> {
        if let Some(cache) = self.opened(id) {
            return Some(cache);
        }
        let Home::Cluster(catalogue) = &self.home else {
            return None;
        };
        self.adopt(&catalogue.numbered(id)?)
    }

    /// Every open cache.
    pub(crate) fn all(&self) -> Vec<Arc<OpenCache>> {
        let mut all: Vec<_> = self.open.read().by_id.values().cloned().collect();
        all.sort_by_key(|cache| cache.id());
        all
    }

    /// Ends a cache for everyone. When it is opened again it is another cache, and empty.
    ///
    /// # Errors
    /// When it was destroyed before, or the cluster does not agree in time.
    pub fn destroy(self: &Arc<Self>, cache: &Arc<OpenCache>) -> Reply<()> {
        match &self.home {
            Home::Alone(_) => self.destroy_now(cache).into(),
            Home::Cluster(catalogue) => match cache.check_alive() {
                Ok(()) => Reply::later(catalogue.destroy(cache.id())),
                Err(error) => Reply::Ready(Err(error)),
            },
        }
    }

    /// Adds an index to a cache. One that is there with the same definition stays.
    ///
    /// When the reply is there, the index is there; a partition that moves is without for a moment, and answers all the same.
    ///
    /// # Errors
    /// When the cache was destroyed, has another index of the same extractor or as many as may be, or the cluster does not
    /// agree in time.
    pub fn add_index(&self, cache: &Arc<OpenCache>, definition: Arc<IndexDefinition>) -> Reply<()> {
        let told = definition.clone();
        self.agree_on_index(
            cache,
            move |catalogue, id| catalogue.add_index(id, &told),
            move |cache| cache.add_index_everywhere(definition),
        )
    }

    /// Takes the index of an extractor away from a cache. One that is not there is not missed.
    ///
    /// # Errors
    /// When the cache was destroyed, or the cluster does not agree in time.
    pub fn remove_index(&self, cache: &Arc<OpenCache>, extractor: Arc<Extractor>) -> Reply<()> {
        let told = extractor.clone();
        self.agree_on_index(
            cache,
            move |catalogue, id| catalogue.remove_index(id, &told),
            move |cache| cache.remove_index_everywhere(extractor),
        )
    }

    /// Changes the partitions of a cache, after the cluster has agreed if there is one.
    fn agree_on_index(
        &self,
        cache: &Arc<OpenCache>,
        agree: impl FnOnce(&dyn Catalogue, CacheId) -> BoxFuture<'static, Result<(), CacheError>>,
        everywhere: impl FnOnce(&Arc<OpenCache>) -> Reply<()> + Send + 'static,
    ) -> Reply<()> {
        match &self.home {
            Home::Alone(_) => everywhere(cache),
            Home::Cluster(catalogue) => match cache.check_alive() {
                Ok(()) => {
                    let (agreed, cache) = (agree(&**catalogue, cache.id()), cache.clone());
                    Reply::later(async move {
                        agreed.await?;
                        everywhere(&cache).await
                    })
                }
                Err(error) => Reply::Ready(Err(error)),
            },
        }
    }

    fn destroy_now(&self, cache: &OpenCache) -> Result<(), CacheError> {
        let _turn = self.destroying.lock();
        cache.destroy_now(|| self.open.write().remove(cache))
    }

    /// The cluster has destroyed a cache.
    pub(crate) fn destroyed_by_cluster(&self, id: CacheId) {
        let cache = {
            let mut open = self.open.write();
            let cache = open.by_id.get(&id).cloned();
            if let Some(cache) = &cache {
                open.remove(cache);
            }
            cache
        };
        if let Some(cache) = cache {
            cache.destroyed_by_cluster();
        }
    }

    /// Tells the listeners of a change that is acknowledged: those at this member if `here`, and `member` each other member
    /// that wants to hear of it, and whether with values.
    pub(crate) fn tell(
        &self,
        (partition, placed): (PartitionId, Epoch),
        change: &Change,
        here: bool,
        member: impl FnMut(MemberId, bool),
    ) {
        if let Some(cache) = self.opened(change.cache) {
            let number = EventNumber {
                partition,
                placed,
                sequence: change.sequence,
            };
            cache.listeners().tell((number, change), here, member);
        }
    }

    /// Every open cache with its figures, by name.
    #[must_use]
    pub fn infos(&self) -> Vec<CacheInfo> {
        let mut infos: Vec<_> = self.all().iter().map(|cache| cache.info()).collect();
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        infos
    }

    /// Expires a batch in every partition where something is due. Whether there is more to do.
    pub fn expire_due(&self) -> bool {
        match &self.home {
            Home::Alone(replicas) => self.expire_due_of(replicas),
            Home::Cluster(catalogue) => {
                let more = catalogue
                    .all_replicas()
                    .into_iter()
                    .map(|replicas| self.expire_due_of(&replicas));
                // Each gets its turn.
                more.fold(false, |more, of_one| more | of_one)
            }
        }
    }

    fn expire_due_of(&self, replicas: &Replicas) -> bool {
        if !replicas.may_serve() {
            return false;
        }
        let (now, at) = (replicas.now(), replicas.uptime());
        let mut more = false;
        for id in replicas.due(now) {
            let want = |cache: CacheId| {
                let open = self.open.read();
                open.by_id
                    .get(&cache)
                    .map_or(Want::NOTHING, |cache| cache.listeners().want(false))
            };
            let swept = replicas.change(id, |replica, out| {
                let swept = replica.expire(now, EXPIRE_BATCH_LEN, want, out);
                replica.send(at, out);
                swept
            });
            more |= !swept.done;
        }
        more
    }

    /// Refuses to open caches from now on.
    pub fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::Release);
    }
}

impl Open {
    fn add(&mut self, cache: OpenCache) -> Arc<OpenCache> {
        let cache = Arc::new(cache);
        let name = (cache.scope().to_owned(), cache.name().clone());
        self.by_name.insert(name, cache.clone());
        self.by_id.insert(cache.id(), cache.clone());
        cache
    }

    fn remove(&mut self, cache: &OpenCache) {
        let name = (cache.scope().to_owned(), cache.name().clone());
        if self
            .by_name
            .get(&name)
            .is_some_and(|open| open.id() == cache.id())
        {
            self.by_name.remove(&name);
        }
        self.by_id.remove(&cache.id());
    }
}

impl std::fmt::Debug for CacheRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheRegistry")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
