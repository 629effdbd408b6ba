//! One cache at this member.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use grid_core::cache::{Applied, BinaryPage, CacheError, CacheName, PageContents};
use grid_core::partition::PartitionId;
use grid_core::partition::table::ServiceId;
use grid_core::replication::{Failure, OPEN_REQUESTS_MAX, Outcome, Replica, RequestTag, RoleKind};
use grid_core::store::{
    CacheId, CacheSettings, Command, Cookie, PageContent, Partition, TimeToLive, Timestamp,
};
use grid_core::value::{Binary, Key};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::event::{InterestLog, Lifecycle, ListenerHub};
use crate::own::OwnRunner;
use crate::replication::{Replicas, Tried, Waiter};
use crate::routing::Router;

use super::following::LogKeeper;
use super::here::Updating;
use super::paging::Paging;
use super::{
    CacheCounters, CacheInfo, CacheKind, CacheRegistry, PartFailure, PartRequest, PartResult, ReadFrom,
    Reply, in_part,
};

/// A cache at this member: every operation on its entries, wherever they are.
///
/// Each gives a [`Reply`]: an operation that needs another member waits for it, any other is done when it returns.
///
/// Reads run side by side, writes one at a time for each partition. The listeners of a change are told while the
/// partition is locked, so that the events of a key come in the order of its changes.
pub struct OpenCache {
    id: CacheId,
    scope: String,
    name: CacheName,
    kind: CacheKind,
    settings: CacheSettings,
    pub(super) replicas: Arc<Replicas>,
    /// The way to other members. `None`: every partition is in this process, for ever.
    pub(super) router: Option<Arc<Router>>,
    /// The caches beside this one.
    pub(super) registry: Weak<CacheRegistry>,
    pub(super) own: Arc<OwnRunner>,
    listeners: Arc<ListenerHub>,
    pub(super) keeper: LogKeeper,
    counters: CacheCounters,
    /// Truncations that this member is asked for come one after the other, so that what is told of each is told apart.
    truncating: tokio::sync::Mutex<()>,
    /// Read under the lock of a partition: nothing is written after it is set.
    destroyed: AtomicBool,
    /// Whether reads by key take the copy at this member.
    reads_closest: AtomicBool,
}

impl OpenCache {
    pub(super) fn new(
        keeper: LogKeeper,
        id: CacheId,
        (scope, name): (String, CacheName),
        (kind, settings): (CacheKind, CacheSettings),
        (replicas, registry, own): (Arc<Replicas>, Weak<CacheRegistry>, Arc<OwnRunner>),
        cluster: Option<(Arc<Router>, Arc<dyn InterestLog>)>,
    ) -> Self {
        let (router, log) = cluster.unzip();
        OpenCache {
            id,
            scope,
            name,
            kind,
            settings,
            replicas,
            router,
            registry,
            own,
            listeners: Arc::new(log.map_or_else(ListenerHub::new, ListenerHub::with_log)),
            keeper,
            counters: CacheCounters::default(),
            truncating: tokio::sync::Mutex::default(),
            destroyed: AtomicBool::new(false),
            reads_closest: AtomicBool::new(false),
        }
    }

    /// The number that stands for the cache in the store.
    #[must_use]
    pub fn id(&self) -> CacheId {
        self.id
    }

    /// The service whose partitions hold the entries.
    #[must_use]
    pub fn service(&self) -> ServiceId {
        self.replicas.service()
    }

    /// What the store must know about the cache.
    #[must_use]
    pub fn settings(&self) -> CacheSettings {
        self.settings
    }

    /// How the cache is kept.
    #[must_use]
    pub fn kind(&self) -> CacheKind {
        self.kind
    }

    /// The scope that the cache belongs to; empty for the default one.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The name with the scope before it and a colon between, when there is a scope: how operators see it.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.scope.as_str() {
            "" => self.name.to_string(),
            scope => format!("{scope}:{}", self.name),
        }
    }

    /// The name of the cache in its scope.
    #[must_use]
    pub fn name(&self) -> &CacheName {
        &self.name
    }

    pub(crate) fn replicas(&self) -> &Arc<Replicas> {
        &self.replicas
    }

    /// Who listens.
    #[must_use]
    pub fn listeners(&self) -> &Arc<ListenerHub> {
        &self.listeners
    }

    /// A reply that is there when whoever registered with the [listeners](Self::listeners) before is heard everywhere: no
    /// change that starts later is missed. At once when there are no other members.
    ///
    /// # Errors
    /// When this member is cut off, or another member is not told in time.
    pub fn heard_everywhere(&self) -> Reply<()> {
        let router = self.router.as_ref();
        router.map_or(Reply::ok(()), |router| router.heard_everywhere())
    }

    /// Says where this member's reads go. It may have been opened before for other members, who don't say.
    pub fn set_read_from(&self, from: ReadFrom) {
        self.reads_closest
            .store(from == ReadFrom::Closest, Ordering::Relaxed);
    }

    /// Reads from this member's backup, if that is wanted and there is one.
    fn closest<T>(&self, id: PartitionId, read: impl FnOnce(&Partition, Timestamp) -> T) -> Option<T> {
        if !self.reads_closest.load(Ordering::Relaxed) || self.is_destroyed() {
            return None;
        }
        self.replicas.read_backup(id, read)
    }

    /// Whether the cache was destroyed.
    #[must_use]
    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Acquire)
    }

    pub(super) fn check_alive(&self) -> Result<(), CacheError> {
        if self.is_destroyed() {
            return Err(CacheError::Destroyed {
                cache: self.name.to_string(),
            });
        }
        Ok(())
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the cache was destroyed, or the key's partition is not served in time, as for every operation.
    pub fn get(self: &Arc<Self>, key: &Key) -> Reply<Option<Binary>> {
        let cache = self.clone();
        let count = move |value: Option<Binary>| {
            cache
                .counters
                .looked_up(usize::from(value.is_some()), usize::from(value.is_none()));
            value
        };
        match self.peek(key) {
            Reply::Ready(Ok(value)) => Reply::ok(count(value)),
            reply => reply.map(count),
        }
    }

    /// The value of a key, which does not count as a lookup.
    ///
    /// # Errors
    /// When the cache was destroyed, or the partition is not served in time.
    pub fn peek(self: &Arc<Self>, key: &Key) -> Reply<Option<Binary>> {
        let id = self.partition_of(key);
        match self.here_get(id, key) {
            _ if self.is_destroyed() => self.check_alive().map(|()| None).into(),
            Tried::Done(value) => Reply::ok(value),
            _ if let Some(value) = self.closest(id, |store, now| {
                store.get(now, self.id, key).map(|entry| entry.value_binary())
            }) =>
            {
                Reply::ok(value)
            }
            _ => self.ask(id, PartRequest::Get(key.clone()), |result| match result {
                PartResult::Value(value) => Some(value),
                _ => None,
            }),
        }
    }

    /// The entries of those keys that are present; a key that comes twice counts once.
    ///
    /// # Errors
    /// When the cache was destroyed, or a partition is not served in time.
    pub fn get_all(self: &Arc<Self>, keys: Vec<Key>) -> Reply<Vec<(Binary, Binary)>> {
        let mut keys = keys;
        let place = |key: &Key| (self.partition_of(key), key.hash());
        keys.sort_by(|a, b| {
            place(a)
                .cmp(&place(b))
                .then_with(|| a.format().cmp(&b.format()))
                .then_with(|| a.canonical().cmp(b.canonical()))
        });
        keys.dedup();
        let asked = keys.len();
        let mut parts: Vec<(PartitionId, PartRequest)> = Vec::new();
        for key in keys {
            let id = self.partition_of(&key);
            match parts.last_mut() {
                Some((last, PartRequest::GetAll(keys))) if *last == id => keys.push(key),
                _ => parts.push((id, PartRequest::GetAll(vec![key]))),
            }
        }
        let mut found = Vec::with_capacity(asked);
        parts.retain(|(id, part)| {
            let PartRequest::GetAll(keys) = part else {
                return true;
            };
            let here = self.closest(*id, |store, now| {
                let entries = keys.iter().filter_map(|key| store.get(now, self.id, key));
                found.extend(entries.map(|entry| (entry.key_binary(), entry.value_binary())));
            });
            here.is_none()
        });
        let cache = self.clone();
        self.ask_all(parts).map(move |results| {
            for (_, result) in results {
                if let PartResult::Entries(entries) = result {
                    found.extend(entries);
                }
            }
            cache.counters.looked_up(found.len(), asked - found.len());
            found
        })
    }

    /// Whether the key is present.
    ///
    /// # Errors
    /// When the cache was destroyed, or the partition is not served in time.
    pub fn contains_key(self: &Arc<Self>, key: &Key) -> Reply<bool> {
        let id = self.partition_of(key);
        match self.here_contains(id, key) {
            _ if self.is_destroyed() => self.check_alive().map(|()| false).into(),
            Tried::Done(present) => Reply::ok(present),
            _ if let Some(present) = self.closest(id, |store, now| store.contains(now, self.id, key)) => {
                Reply::ok(present)
            }
            _ => self.ask(id, PartRequest::Contains(key.clone()), flag),
        }
    }

    /// Whether any key has this value. Reads every entry, partition by partition.
    ///
    /// # Errors
    /// When the cache was destroyed, or a partition is not served in time.
    pub fn contains_value(self: &Arc<Self>, value: &Binary) -> Reply<bool> {
        self.ask_every(&PartRequest::ContainsValue(value.clone()))
            .map(|results| {
                results
                    .into_iter()
                    .any(|(_, result)| matches!(result, PartResult::Flag(true)))
            })
    }

    /// Carries out a command on one entry; gives the value before when `previous`.
    ///
    /// # Errors
    /// When the cache was destroyed or the partition is full or not served in time; the error says whether anything was
    /// changed then.
    pub fn update(self: &Arc<Self>, key: &Key, command: Command, previous: bool) -> Reply<Outcome> {
        self.update_tagged(key, command, previous, None)
    }

    /// Carries out a command on one entry, once however often it comes with the same tag: then the outcome is that of
    /// the first time. Without a tag this member makes one when it needs another member.
    ///
    /// # Errors
    /// As [`update`](Self::update); and when the tag's time is over, or its number is not open any more.
    pub fn update_tagged(
        self: &Arc<Self>,
        key: &Key,
        command: Command,
        previous: bool,
        tag: Option<RequestTag>,
    ) -> Reply<Outcome> {
        let puts = !matches!(command, Command::Remove | Command::RemoveIfEqual { .. });
        let id = self.partition_of(key);
        if let Command::Work(work) = &command
            && work.own_name().is_some()
        {
            return self.update_elsewhere(id, key, (command, previous, tag), puts);
        }
        // The command is needed again when another member has to be asked.
        let again = self.router.is_some().then(|| command.clone());
        let told = Mutex::new(None);
        let waiter = || {
            let (sender, receiver) = oneshot::channel();
            *told.lock() = Some(receiver);
            Waiter::new(move |result| {
                // Whoever asked may have gone.
                let _gone = sender.send(result);
            })
        };
        let updating = self.here_update(id, key, (command, previous, tag), waiter);
        match (updating, told.into_inner(), again) {
            (Updating::Done(outcome), ..) => {
                self.count_update(puts, &outcome);
                Reply::ok(outcome)
            }
            (Updating::Waits, Some(told), again) => {
                let (cache, key) = (self.clone(), key.clone());
                Reply::later(async move {
                    match (told.await, again, tag) {
                        (Ok(Ok(outcome)), ..) => {
                            cache.count_update(puts, &outcome);
                            Ok(outcome)
                        }
                        // The new primary may have it, or may not: it knows by the tag.
                        (_, Some(command), Some(_)) => {
                            let asked = cache.update_elsewhere(id, &key, (command, previous, tag), puts);
                            asked.await.map_err(CacheError::in_doubt)
                        }
                        _ => Err(CacheError::OwnerChanged {
                            applied: Applied::Unknown,
                        }),
                    }
                })
            }
            (Updating::Beside(work), ..) => {
                self.update_elsewhere(id, key, (Command::Work(work), previous, tag), puts)
            }
            (Updating::Failed(PartFailure::Elsewhere(_)), _, Some(command)) => {
                self.update_elsewhere(id, key, (command, previous, tag), puts)
            }
            (Updating::Failed(failure), ..) => Reply::Ready(Err(self.error_of(failure))),
            (Updating::Waits, None, _) => {
                Reply::Ready(Err(self.error_of(PartFailure::Failed(Failure::Deposed))))
            }
        }
    }

    fn update_elsewhere(
        self: &Arc<Self>,
        id: PartitionId,
        key: &Key,
        (command, previous, tag): (Command, bool, Option<RequestTag>),
        puts: bool,
    ) -> Reply<Outcome> {
        let (cache, key) = (self.clone(), key.clone());
        let Some(router) = self.router.clone() else {
            let request = PartRequest::Update {
                key,
                command,
                previous,
                tag,
            };
            let outcome = |result| match result {
                PartResult::Outcome(outcome) => Some(outcome),
                _ => None,
            };
            return self.ask(id, request, outcome).map(move |outcome| {
                cache.count_update(puts, &outcome);
                outcome
            });
        };
        Reply::later(async move {
            let mut channel = None;
            let tag = tag.unwrap_or_else(|| {
                let channel = channel.insert(router.channels().take());
                let within = match &command {
                    Command::Work(work) => router.apply_within(work.as_ref(), 1),
                    _ => Duration::ZERO,
                };
                channel.tag_within(cache.replicas.now(), within)
            });
            let request = PartRequest::Update {
                key,
                command,
                previous,
                tag: Some(tag),
            };
            let result = router.ask(&cache, id, request).await;
            if let (Ok(_), Some(channel)) = (&result, channel) {
                // Without an answer the number stays open for ever, and its channel with it.
                router.channels().give_back(channel);
            }
            match result? {
                PartResult::Outcome(outcome) => {
                    cache.count_update(puts, &outcome);
                    Ok(outcome)
                }
                _ => Err(unexpected()),
            }
        })
    }

    pub(super) fn count_update(&self, puts: bool, outcome: &Outcome) {
        if outcome.done && puts {
            self.counters.put(1);
        } else if outcome.done {
            self.counters.removed(1);
        }
    }

    /// Puts every entry; those of one partition together.
    ///
    /// # Errors
    /// When the cache was destroyed or a partition is full or not served in time; some entries may be put then.
    pub fn put_all(self: &Arc<Self>, entries: Vec<(Key, Binary)>, ttl: TimeToLive) -> Reply<()> {
        let count = entries.len();
        let mut by_partition: Vec<(PartitionId, Vec<(Key, Binary)>)> = Vec::new();
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|entry| (self.partition_of(&entry.0), entry))
            .collect();
        // Stable: of two entries with the same key the last one stays.
        entries.sort_by_key(|(id, _)| *id);
        for (id, entry) in entries {
            match by_partition.last_mut() {
                Some((last, entries)) if *last == id => entries.push(entry),
                _ => by_partition.push((id, vec![entry])),
            }
        }
        let cache = self.clone();
        let put = match self.router.clone() {
            Some(router) => self.put_numbered(router, by_partition, ttl),
            None => {
                let tag = None;
                let part = |(id, entries)| (id, PartRequest::PutAll { entries, ttl, tag });
                self.ask_all(by_partition.into_iter().map(part).collect())
                    .map(drop)
            }
        };
        put.map(move |()| cache.counters.put(count))
    }

    /// Puts the entries of some partitions, each once: when a part is asked for again, after its member went, what it had put
    /// is not put again over what others have put since.
    fn put_numbered(
        self: &Arc<Self>,
        router: Arc<Router>,
        mut by_partition: Vec<(PartitionId, Vec<(Key, Binary)>)>,
        ttl: TimeToLive,
    ) -> Reply<()> {
        if let Err(error) = self.check_alive() {
            return Reply::Ready(Err(error));
        }
        let cache = self.clone();
        Reply::later(async move {
            let mut channel = router.channels().take();
            let mut any_done = false;
            // No more at once than a partition keeps outcomes of.
            while !by_partition.is_empty() {
                let (now, lowest_open) = (cache.replicas.now(), channel.lowest_open());
                let mut parts = Vec::with_capacity(by_partition.len());
                for (id, rest) in &mut by_partition {
                    let later = rest.split_off(rest.len().min(OPEN_REQUESTS_MAX));
                    let entries = std::mem::replace(rest, later);
                    let tag = Some(channel.tag_many(now, lowest_open, entries.len()));
                    parts.push((*id, PartRequest::PutAll { entries, ttl, tag }));
                }
                by_partition.retain(|(_, rest)| !rest.is_empty());
                // Without an answer the numbers stay open for ever, and their channel with them.
                let put = router.ask_all(&cache, parts).await;
                put.map_err(|error| in_part(error, any_done))?;
                any_done = true;
            }
            router.channels().give_back(channel);
            Ok(())
        })
    }

    /// The number of entries.
    ///
    /// # Errors
    /// When the cache was destroyed, or a partition is not served in time.
    pub fn len(self: &Arc<Self>) -> Reply<usize> {
        let mut sum = 0;
        for id in self.replicas.count().all() {
            let Tried::Done(len) = self.here_len(id) else {
                return self.ask_every(&PartRequest::Len).map(|results| {
                    let lens = results.into_iter().map(|(_, result)| match result {
                        PartResult::Len(len) => usize::try_from(len).unwrap_or(usize::MAX),
                        _ => 0,
                    });
                    lens.sum()
                });
            };
            sum += len;
        }
        self.check_alive().map(|()| sum).into()
    }

    /// Whether there is no entry.
    ///
    /// # Errors
    /// When the cache was destroyed, or a partition is not served in time.
    pub fn is_empty(self: &Arc<Self>) -> Reply<bool> {
        self.len().map(|len| len == 0)
    }

    /// Removes every entry, with an event for each. Entries that come meanwhile may stay.
    ///
    /// # Errors
    /// When the cache was destroyed, or a partition is not served in time.
    pub fn clear(self: &Arc<Self>) -> Reply<()> {
        let cache = self.clone();
        self.ask_every(&PartRequest::Clear).map(move |results| {
            let removed = results.into_iter().map(|(_, result)| match result {
                PartResult::Done(removed) => usize::try_from(removed).unwrap_or(usize::MAX),
                _ => 0,
            });
            cache.counters.removed(removed.sum());
        })
    }

    /// Drops every entry, with one event for all.
    ///
    /// In one process all partitions are locked together: an event of a later change cannot come before the one of the
    /// truncation. In a cluster each partition is truncated in a step of its own, and the event follows the last. It comes
    /// to its end, and is told, whether the reply is waited for or not; one that fails after some partitions is told as
    /// events that are missing.
    ///
    /// # Errors
    /// When the cache was destroyed, or a partition is not served in time; some may be truncated then.
    pub fn truncate(self: &Arc<Self>) -> Reply<()> {
        let Some(router) = self.router.clone() else {
            return self.truncate_now().into();
        };
        let cache = self.clone();
        Reply::later(async move {
            let (tell, told) = oneshot::channel();
            let calls = router.clone();
            calls.go_on("a truncation", async move {
                let _turn = cache.truncating.lock().await;
                let by = router.next_truncation();
                let asked = cache.ask_every(&PartRequest::Truncate(by)).await;
                router.tell_truncated(&cache, by, asked.is_ok()).await;
                // Whoever asked may have gone.
                let _gone = tell.send(asked.map(drop));
            });
            let stopped = Err(CacheError::OwnerChanged {
                applied: Applied::Unknown,
            });
            told.await.unwrap_or(stopped)
        })
    }

    fn truncate_now(&self) -> Result<(), CacheError> {
        let now = self.replicas.now();
        self.replicas.change_all(
            || self.check_alive(),
            |replica, out| {
                // A partition that is in this process for ever does what it is told.
                let _always_done = replica.truncate(now, self.id, None, None, out);
            },
            || self.listeners.publish_lifecycle(Lifecycle::Truncated),
        )
    }

    /// Drops every entry and ends the cache in one step. `before_unlock` runs in that step.
    pub(super) fn destroy_now(&self, before_unlock: impl FnOnce()) -> Result<(), CacheError> {
        let now = self.replicas.now();
        let destroyed = self.replicas.change_all(
            || {
                self.check_alive()?;
                self.destroyed.store(true, Ordering::Release);
                Ok::<_, CacheError>(())
            },
            |replica, out| {
                // A partition that is in this process for ever does what it is told.
                let _always_done = replica.truncate(now, self.id, None, None, out);
                replica.drop_indexes(self.id);
            },
            || {
                before_unlock();
                self.listeners.publish_lifecycle(Lifecycle::Destroyed);
            },
        );
        self.drop_log();
        destroyed
    }

    /// The cluster has destroyed the cache: nothing is written to it here from now on.
    pub(crate) fn destroyed_by_cluster(&self) {
        if self.destroyed.swap(true, Ordering::AcqRel) {
            return;
        }
        let now = self.replicas.now();
        let at = self.replicas.uptime();
        for id in self.replicas.count().all() {
            self.replicas.change(id, |replica, out| {
                if replica.serves() && replica.store().has_cache(self.id) {
                    let _not_here = replica.truncate(now, self.id, None, None, out);
                    replica.send(at, out);
                }
            });
        }
        self.listeners.publish_lifecycle(Lifecycle::Destroyed);
        self.drop_log();
    }

    /// The page after this cookie, or the first: up to a thousand entries or a mebibyte, from as many partitions as
    /// fit. An entry that is present from the first page to the last is on exactly one of them.
    ///
    /// # Errors
    /// When the cache was destroyed, the cookie is none that a page gave, or a partition is not served in time.
    pub fn page(self: &Arc<Self>, cookie: Option<&[u8]>, contents: PageContents) -> Reply<BinaryPage> {
        let count = self.replicas.count();
        let place = match cookie.map(|bytes| Cookie::from_bytes(bytes, count)).transpose() {
            Ok(Some(cookie)) => cookie,
            Ok(None) => Cookie::start_of(first(count)),
            Err(error) => return Reply::Ready(Err(error.into())),
        };
        let mut paging = Paging::new(place);
        let content = match contents {
            PageContents::Keys => PageContent::Keys,
            PageContents::Entries => PageContent::Entries,
        };
        loop {
            let (after, limits) = (paging.place.after, paging.room);
            let page = self
                .replicas
                .try_read(paging.place.partition, Replica::gate_all, |store, now| {
                    store.page(now, self.id, after, limits, content)
                });
            if let Err(error) = self.check_alive() {
                return Reply::Ready(Err(error));
            }
            let Tried::Done(page) = page else { break };
            if let Some(done) = paging.take(page, count) {
                return Reply::ok(done);
            }
        }
        let Some(router) = self.router.clone() else {
            return Reply::Ready(Err(self.error_of(PartFailure::UnknownCache)));
        };
        let cache = self.clone();
        Reply::later(async move {
            loop {
                let request = PartRequest::Page {
                    after: paging.place.after,
                    limits: paging.room,
                    content,
                };
                let PartResult::Page(page) = router.ask(&cache, paging.place.partition, request).await?
                else {
                    return Err(unexpected());
                };
                if let Some(done) = paging.take(page, count) {
                    return Ok(done);
                }
            }
        })
    }

    pub(crate) fn partition_of(&self, key: &Key) -> PartitionId {
        self.replicas.count().partition_of(key.placement())
    }

    /// Asks one partition.
    fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        id: PartitionId,
        request: PartRequest,
        read: fn(PartResult) -> Option<T>,
    ) -> Reply<T> {
        self.ask_all(vec![(id, request)]).and_then(move |mut results| {
            results
                .pop()
                .and_then(|(_, result)| read(result))
                .ok_or_else(unexpected)
        })
    }

    /// The cache's figures at this member: the entries that it is the primary of, and what was asked of it.
    #[must_use]
    pub fn info(&self) -> CacheInfo {
        let (mut entries, mut bytes, mut index_bytes) = (0, 0, 0);
        for id in self.replicas.count().all() {
            let replica = self.replicas.read(id);
            if replica.role() == RoleKind::Primary {
                let stats = replica.store().stats(self.id);
                entries += stats.entries;
                bytes += stats.key_bytes + stats.value_bytes;
                index_bytes += replica.store().index_bytes(self.id) as u64;
            }
        }
        let (hits, misses, puts, removes) = self.counters.read();
        CacheInfo {
            name: self.full_name(),
            kind: self.kind,
            entries,
            bytes,
            index_bytes,
            hits,
            misses,
            puts,
            removes,
        }
    }
}

impl fmt::Debug for OpenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCache")
            .field("scope", &self.scope)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn first(count: grid_core::partition::PartitionCount) -> PartitionId {
    count.nth(0).expect("a partition count is not zero")
}

fn flag(result: PartResult) -> Option<bool> {
    match result {
        PartResult::Flag(flag) => Some(flag),
        _ => None,
    }
}

pub(super) fn unexpected() -> CacheError {
    CacheError::Protocol {
        what: "a member answered something else than was asked".to_owned(),
    }
}
