//! A handle on a member.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::selections::{SelectionLimits, Selections};
use grid_core::cache::{Cache, CacheBackend, CacheError, CacheName, Caches};
use grid_core::partition::PartitionCount;
use grid_core::partition::table::BackupCount;
use grid_core::processor::own::{OwnAgents, is_inside};
use grid_core::query::Extractor;
use grid_core::store::{IndexDefinition, Timestamp};

use crate::cache::{
    CacheIndexes, CacheInfo, CacheKind, CacheRegistry, CacheRules, EmbeddedCache, OpenCache, Reply,
};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::own::OwnRunner;
use crate::task::Supervisor;

use super::GridBuilder;

/// What a member is made of.
pub(super) struct Inner {
    pub(super) cluster_name: String,
    pub(super) member_name: String,
    pub(super) partition_count: PartitionCount,
    pub(super) backups: BackupCount,
    pub(super) rules: CacheRules,
    pub(super) partitioned: Arc<CacheRegistry>,
    pub(super) local: Arc<CacheRegistry>,
    pub(super) own: Arc<OwnRunner>,
    pub(super) cluster: Option<Cluster>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) supervisor: Supervisor,
}

/// A member of the grid in this process. Clones share the member.
#[derive(Clone)]
pub struct Grid {
    inner: Arc<Inner>,
}

impl Grid {
    /// Starts to describe a member; [`GridBuilder::build`] makes it.
    #[must_use]
    pub fn builder() -> GridBuilder {
        GridBuilder::new()
    }

    pub(super) fn new(inner: Inner) -> Self {
        Grid {
            inner: Arc::new(inner),
        }
    }

    /// The name of the cluster.
    #[must_use]
    pub fn cluster_name(&self) -> &str {
        &self.inner.cluster_name
    }

    /// The name of this member.
    #[must_use]
    pub fn member_name(&self) -> &str {
        &self.inner.member_name
    }

    /// What time it is for the member: what the lives of entries and numbered requests are counted in.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A registry of selections of this member's caches: what a filter selects is read once, kept up to date, and answered from
    /// here when it is asked for again, within limits.
    ///
    /// ```
    /// use grid_core::cache::NamedCache;
    /// use grid_core::cache::selections::SelectionLimits;
    /// use grid_core::query::field;
    /// use grid_member::Grid;
    /// use serde_json::{Value, json};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let grid = Grid::builder().build().await?;
    /// let stock = grid.cache::<String, Value>("stock").await?;
    /// stock.insert(&"pears".to_owned(), &json!({"count": 3})).await?;
    ///
    /// let selections = grid.selections(SelectionLimits::default());
    /// let kept = selections.of(stock);
    /// let scarce = field("count").lt(10);
    /// for _ in 0..3 {
    ///     assert_eq!(kept.values_where(&scarce).await?.len(), 1);
    /// }
    /// let figures = selections.figures();
    /// assert_eq!((figures.misses, figures.hits, figures.entries), (1, 2, 1));
    /// grid.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn selections(&self, limits: SelectionLimits) -> Selections {
        let clock = self.inner.clock.clone();
        Selections::new(limits, move || clock.uptime())
    }

    /// How many partitions the keys of partitioned caches are spread over.
    #[must_use]
    pub fn partition_count(&self) -> u16 {
        self.inner.partition_count.get()
    }

    /// The cache of this name, of the kind that the member's rules say; partitioned without a rule.
    ///
    /// # Errors
    /// When the name is none, there are too many caches, or the grid is shutting down.
    pub async fn cache<K, V>(&self, name: &str) -> Result<Cache<K, V>, CacheError> {
        check_outside()?;
        let (registry, opening) = self.open_with_registry("", &CacheName::new(name)?);
        Ok(Cache::new(self.embedded(registry, opening.await?)))
    }

    /// The cache of this name in bytes, for those who bring types of their own.
    ///
    /// # Errors
    /// As [`cache`](Self::cache).
    pub async fn backend(&self, name: &str) -> Result<Arc<dyn CacheBackend>, CacheError> {
        check_outside()?;
        let (registry, opening) = self.open_with_registry("", &CacheName::new(name)?);
        let cache = opening.await?;
        Ok(self.embedded(registry, cache))
    }

    /// The local cache of this name, which lives in this process alone, whatever the rules say.
    ///
    /// # Errors
    /// When the name is none, there are too many caches, or the grid is shutting down.
    pub fn local_cache<K, V>(&self, name: &str) -> Result<Cache<K, V>, CacheError> {
        check_outside()?;
        let name = CacheName::new(name)?;
        let (_, settings) = self.inner.rules.of(name.as_str());
        let cache = self.inner.local.open_now("", &name, settings)?;
        Ok(Cache::new(self.embedded(&self.inner.local, cache)))
    }

    /// The cache of this name in a scope, for those who serve it to others. The default scope is empty.
    ///
    /// # Errors
    /// When there are too many caches, or the grid is shutting down.
    pub fn open(&self, scope: &str, name: &CacheName) -> Reply<Arc<OpenCache>> {
        if let Err(error) = check_outside() {
            return Reply::Ready(Err(error));
        }
        self.open_with_registry(scope, name).1
    }

    fn embedded(&self, registry: &Arc<CacheRegistry>, cache: Arc<OpenCache>) -> Arc<dyn CacheBackend> {
        let background = Arc::new(self.inner.supervisor.clone());
        Arc::new(EmbeddedCache::new(registry.clone(), cache, background))
    }

    fn open_with_registry(
        &self,
        scope: &str,
        name: &CacheName,
    ) -> (&Arc<CacheRegistry>, Reply<Arc<OpenCache>>) {
        let (kind, settings) = self.inner.rules.of(name.as_str());
        let registry = match kind {
            CacheKind::Local => &self.inner.local,
            CacheKind::Partitioned => &self.inner.partitioned,
        };
        let backups = self
            .inner
            .rules
            .backups_of(name.as_str())
            .unwrap_or(self.inner.backups);
        let read_from = self.inner.rules.read_from_of(name.as_str());
        let opened = registry.open(scope, name, settings, backups).map(move |cache| {
            cache.set_read_from(read_from);
            cache
        });
        (registry, opened)
    }

    /// Ends a cache and its entries for everyone.
    ///
    /// # Errors
    /// When it was destroyed before.
    pub fn destroy(&self, cache: &Arc<OpenCache>) -> Reply<()> {
        if let Err(error) = check_outside() {
            return Reply::Ready(Err(error));
        }
        self.registry_of(cache).destroy(cache)
    }

    /// Adds an index to a cache. One that is there with the same definition stays.
    ///
    /// # Errors
    /// When the cache was destroyed, has another index of the same extractor or as many as may be, or the cluster does not
    /// agree in time.
    pub fn add_index(&self, cache: &Arc<OpenCache>, definition: IndexDefinition) -> Reply<()> {
        if let Err(error) = check_outside() {
            return Reply::Ready(Err(error));
        }
        self.registry_of(cache).add_index(cache, Arc::new(definition))
    }

    /// Takes the index of an extractor away from a cache. One that is not there is not missed.
    ///
    /// # Errors
    /// When the cache was destroyed, or the cluster does not agree in time.
    pub fn remove_index(&self, cache: &Arc<OpenCache>, extractor: Extractor) -> Reply<()> {
        if let Err(error) = check_outside() {
            return Reply::Ready(Err(error));
        }
        self.registry_of(cache).remove_index(cache, Arc::new(extractor))
    }

    fn registry_of(&self, cache: &OpenCache) -> &Arc<CacheRegistry> {
        match cache.kind() {
            CacheKind::Local => &self.inner.local,
            CacheKind::Partitioned => &self.inner.partitioned,
        }
    }

    /// The processors and aggregators of one's own at this member, to register more. Every member that serves a cache needs
    /// what is asked of it.
    ///
    /// ```
    /// use grid_core::cache::NamedCache;
    /// use grid_core::processor::Processor;
    /// use grid_core::processor::own::Entry;
    /// use grid_member::Grid;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let grid = Grid::builder().build().await?;
    /// // Takes from the stock, and notes it in another cache, in one step.
    /// let take = |stock: &mut Entry<'_, String, u32>, count: u32| -> Result<u32, String> {
    ///     let left = stock.value()?.unwrap_or_default().checked_sub(count).ok_or("too few are left")?;
    ///     stock.set(&left)?;
    ///     let mut taken = stock.beside::<String, u32>("taken", stock.key())?;
    ///     taken.set(&(taken.value()?.unwrap_or_default() + count))?;
    ///     Ok(left)
    /// };
    /// grid.own_agents().register_processor("take", take)?;
    /// let stock = grid.cache::<String, u32>("stock").await?;
    /// let taken = grid.cache::<String, u32>("taken").await?;
    /// stock.insert(&"apples".to_owned(), &10).await?;
    /// let left: u32 = stock.invoke("apples", &Processor::own("take", &4)?).await?;
    /// assert_eq!((left, taken.get("apples").await?), (6, Some(4)));
    /// let refused = stock.invoke::<u32, _>("apples", &Processor::own("take", &7)?).await.unwrap_err();
    /// assert_eq!(refused.to_string(), "refused: too few are left");
    /// assert_eq!((stock.get("apples").await?, taken.get("apples").await?), (Some(6), Some(4)));
    /// grid.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn own_agents(&self) -> &OwnAgents {
        self.inner.own.agents()
    }

    /// Every open cache with its figures, by name.
    #[must_use]
    pub fn caches(&self) -> Vec<CacheInfo> {
        let mut infos = self.inner.partitioned.infos();
        infos.extend(self.inner.local.infos());
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        infos
    }

    /// The indexes of every cache that has some, or of the one with this [full name](OpenCache::full_name), with their sizes at
    /// all members; with `check` compared with the entries, which takes as long as making them anew. By name.
    ///
    /// # Errors
    /// When a cache cannot be asked. `None` says that there is no cache of the name.
    pub async fn index_reports(
        &self,
        cache: Option<&str>,
        check: bool,
    ) -> Result<Option<Vec<CacheIndexes>>, CacheError> {
        check_outside()?;
        if let Some(cluster) = &self.inner.cluster {
            cluster.open_all();
        }
        let mut caches = self.inner.partitioned.all();
        caches.extend(self.inner.local.all());
        caches.retain(|open| cache.is_none_or(|name| open.full_name() == name));
        caches.sort_by_cached_key(|cache| cache.full_name());
        if cache.is_some() && caches.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for open in caches {
            let indexes = match open.index_reports(check).await {
                // One that is destroyed meanwhile has none.
                Err(CacheError::Destroyed { .. }) => continue,
                indexes => indexes?,
            };
            if !indexes.is_empty() {
                let (name, kind) = (open.full_name(), open.kind());
                found.push(CacheIndexes { name, kind, indexes });
            }
        }
        Ok(Some(found))
    }

    /// The cluster that the member takes part in, or looks for. `None`: it is alone for ever.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.inner.cluster.as_ref()
    }

    /// Waits until the member is in its cluster and can serve. A member that is alone can at once.
    ///
    /// # Errors
    /// When it is shut down before.
    pub async fn joined(&self) -> Result<(), CacheError> {
        match &self.inner.cluster {
            Some(cluster) => cluster.joined().await.map(|_me| ()),
            None => Ok(()),
        }
    }

    /// Hands the member's partitions over to others, and takes leave of the cluster. A member that is alone has nobody
    /// to hand over to. To be called before [`shutdown`](Self::shutdown) where nothing may be lost.
    ///
    /// # Errors
    /// When not everything could be handed over in time.
    pub async fn drain(&self) -> Result<(), CacheError> {
        check_outside()?;
        match &self.inner.cluster {
            Some(cluster) => cluster.drain().await,
            None => Ok(()),
        }
    }

    /// Hands the member's partitions over to others, as long as that takes, and stays in the cluster: the first half of
    /// [`drain`](Self::drain), for edges that end their connections before they [leave](Self::leave).
    ///
    /// # Errors
    /// When the member is stopped meanwhile.
    pub async fn hand_over(&self) -> Result<(), CacheError> {
        check_outside()?;
        match &self.inner.cluster {
            Some(cluster) => cluster.hand_over().await,
            None => Ok(()),
        }
    }

    /// Takes leave of the cluster, after [`hand_over`](Self::hand_over). Code of one's own that runs in the grid cannot: it does
    /// nothing then.
    pub async fn leave(&self) {
        if is_inside() {
            tracing::error!(
                "a processor or an aggregator of one's own wants the member to leave, which it cannot"
            );
            return;
        }
        if let Some(cluster) = &self.inner.cluster {
            cluster.leave().await;
        }
    }

    /// The supervisor of the member's tasks, for the edges that serve it.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.inner.supervisor
    }

    /// Stops the member: no cache is opened from now on, and its tasks end. Code of one's own that runs in the grid cannot: it
    /// does nothing then.
    pub async fn shutdown(&self) {
        if is_inside() {
            tracing::error!(
                "a processor or an aggregator of one's own wants to stop the member, which it cannot"
            );
            return;
        }
        self.inner.partitioned.begin_shutdown();
        self.inner.local.begin_shutdown();
        self.inner.supervisor.shut_down().await;
    }
}

impl Caches for Grid {
    fn backend_of<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<dyn CacheBackend>, CacheError>> {
        self.backend(name).boxed()
    }
}

/// Whether the caller may wait for the grid.
fn check_outside() -> Result<(), CacheError> {
    if is_inside() {
        return Err(CacheError::CalledBack);
    }
    Ok(())
}

impl fmt::Debug for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grid")
            .field("cluster_name", &self.inner.cluster_name)
            .field("member_name", &self.inner.member_name)
            .finish_non_exhaustive()
    }
}
