//! Entities by their keys.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};

use crate::cache::{Cache, CacheError, Events, NamedCache};

use super::key_locks::KeyLocks;
use super::statistics::Counters;
use super::{Entity, EntityStore, NoStore, Ref, RepositoryError, RepositoryStatistics};

/// How many keys are asked of the cache, or entities put into it, in one request at most.
const BATCH_LEN_MAX: usize = 1_000;

type Result<T, E> = std::result::Result<T, RepositoryError<E>>;

struct Shared<S> {
    store: S,
    locks: KeyLocks,
    counters: Counters,
}

/// Entities of one kind, found and saved by their keys in a cache, with a database behind it or without.
///
/// What holds between cache and database is in the [module](super)'s words. Clones share store, locks and
/// statistics.
pub struct Repository<V: Entity, S = NoStore> {
    cache: Cache<V::Key, V>,
    shared: Arc<Shared<S>>,
}

impl<V: Entity> Repository<V> {
    /// A repository without a database: the cache alone has the entities.
    #[must_use]
    pub fn new(cache: Cache<V::Key, V>) -> Self {
        Repository::with_store(cache, NoStore)
    }
}

impl<V: Entity, S> Clone for Repository<V, S> {
    fn clone(&self) -> Self {
        Repository {
            cache: self.cache.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<V: Entity, S> fmt::Debug for Repository<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

impl<V: Entity, S: EntityStore<V>> Repository<V, S> {
    /// A repository over a cache and the database behind it.
    #[must_use]
    pub fn with_store(cache: Cache<V::Key, V>, store: S) -> Self {
        let shared = Shared {
            store,
            locks: KeyLocks::new(),
            counters: Counters::default(),
        };
        Repository {
            cache,
            shared: Arc::new(shared),
        }
    }

    /// The cache. Entities put into it directly do not reach the database.
    #[must_use]
    pub fn cache(&self) -> &Cache<V::Key, V> {
        &self.cache
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// What was done so far.
    #[must_use]
    pub fn statistics(&self) -> RepositoryStatistics {
        self.shared.counters.read()
    }

    /// The entity with this key: from the cache, or else from the database, and then it is cached.
    ///
    /// # Errors
    /// When the cache fails, or on a miss the database. An entity that was loaded but that the cache would not
    /// take is no error: it is counted in [`RepositoryStatistics::uncached`].
    pub async fn find(&self, key: &V::Key) -> Result<Option<V>, S::Error> {
        let cached = self.cached(key).await?;
        self.shared
            .counters
            .looked_up(usize::from(cached.is_some()), usize::from(cached.is_none()));
        if cached.is_some() {
            return Ok(cached);
        }
        let locked = self.shared.locks.lock([key]).await;
        // Whoever held the lock may have cached the entity: of many who miss together, one asks the database.
        if locked.waited
            && let Some(entity) = self.cached(key).await?
        {
            return Ok(Some(entity));
        }
        let loaded = self
            .shared
            .store
            .load(key)
            .await
            .map_err(|source| self.refused(source))?;
        if let Some(entity) = &loaded {
            self.shared.counters.loaded(1);
            self.shared.counters.requested();
            if self.cache.insert(key, entity).await.is_err() {
                self.shared.counters.left_uncached(1);
            }
        }
        Ok(loaded)
    }

    /// The entities with these keys, by one request to the cache (one for each 1,000 keys) and at most one to the
    /// database for those that it had not. Keys that lead nowhere are left out.
    ///
    /// # Errors
    /// Under the terms of [`Repository::find`].
    pub async fn find_all(&self, keys: &[V::Key]) -> Result<HashMap<V::Key, V>, S::Error> {
        let mut found = self.cached_all(keys).await?;
        let mut seen = HashSet::new();
        let mut missing: Vec<V::Key> = keys
            .iter()
            .filter(|key| !found.contains_key(*key) && seen.insert(*key))
            .cloned()
            .collect();
        self.shared.counters.looked_up(found.len(), missing.len());
        if missing.is_empty() {
            return Ok(found);
        }
        let locked = self.shared.locks.lock(&missing).await;
        if locked.waited {
            found.extend(self.cached_all(&missing).await?);
            missing.retain(|key| !found.contains_key(key));
        }
        let loaded = self
            .shared
            .store
            .load_all(&missing)
            .await
            .map_err(|source| self.refused(source))?;
        if !loaded.is_empty() {
            self.shared.counters.loaded(loaded.len());
            let entries: Vec<(V::Key, V)> = loaded.into_iter().map(|entity| (entity.key(), entity)).collect();
            if self.put_all(&entries).await.is_err() {
                self.shared.counters.left_uncached(entries.len());
            }
            found.extend(entries);
        }
        Ok(found)
    }

    /// What a reference refers to; `None` when it leads nowhere. One request to the cache when it is cached.
    ///
    /// # Errors
    /// Under the terms of [`Repository::find`].
    pub async fn resolve(&self, reference: &Ref<V>) -> Result<Option<V>, S::Error> {
        self.find(reference.key()).await
    }

    /// What references refer to, in their order; those that lead nowhere are left out, and of those to the same
    /// entity the first one counts. One request to the cache when all are cached.
    ///
    /// # Errors
    /// Under the terms of [`Repository::find`].
    pub async fn resolve_all<'a>(
        &self,
        references: impl IntoIterator<Item = &'a Ref<V>>,
    ) -> Result<Vec<V>, S::Error> {
        let mut seen = HashSet::new();
        let keys: Vec<V::Key> = references
            .into_iter()
            .filter(|reference| seen.insert(*reference))
            .map(|reference| reference.key().clone())
            .collect();
        let mut found = self.find_all(&keys).await?;
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    /// Every entity that the cache has, page by page, under the terms of [`NamedCache::entries`]. What only the
    /// database has does not come.
    pub fn stream(&self) -> BoxStream<'static, Result<V, S::Error>> {
        self.cache
            .values()
            .map(|entity| entity.map_err(RepositoryError::Cache))
            .boxed()
    }

    /// Whether there is an entity with this key, in the cache or in the database.
    ///
    /// # Errors
    /// When the cache fails, or on a miss the database.
    pub async fn exists(&self, key: &V::Key) -> Result<bool, S::Error> {
        self.shared.counters.requested();
        if self
            .cache
            .contains_key(key)
            .await
            .map_err(RepositoryError::Cache)?
        {
            return Ok(true);
        }
        Ok(self.find(key).await?.is_some())
    }

    /// The number of entities that the cache has. Those that only the database has are not counted.
    ///
    /// # Errors
    /// When the cache fails.
    pub async fn count(&self) -> Result<usize, S::Error> {
        self.shared.counters.requested();
        self.cache.size().await.map_err(RepositoryError::Cache)
    }

    /// Saves an entity: in the database, and then in the cache.
    ///
    /// # Errors
    /// [`RepositoryError::Store`] when the database refused; nothing was changed then.
    /// [`RepositoryError::CacheAfterStore`] when the database has the entity and the cache failed.
    pub async fn save(&self, entity: &V) -> Result<(), S::Error> {
        let key = entity.key();
        let _locked = self.shared.locks.lock([&key]).await;
        self.shared
            .store
            .save(entity)
            .await
            .map_err(|source| self.refused(source))?;
        self.shared.counters.saved(1);
        self.shared.counters.requested();
        match self.cache.insert(&key, entity).await {
            Ok(()) => Ok(()),
            Err(source) => Err(self.invalidate([&key], source).await),
        }
    }

    /// Saves entities: all of them in the database or none, and then in the cache, 1,000 a request.
    ///
    /// # Errors
    /// Under the terms of [`Repository::save`]. When the cache failed, the entries of all are removed from it.
    pub async fn save_all(&self, entities: Vec<V>) -> Result<(), S::Error> {
        if entities.is_empty() {
            return Ok(());
        }
        let keys: Vec<V::Key> = entities.iter().map(Entity::key).collect();
        let _locked = self.shared.locks.lock(&keys).await;
        self.shared
            .store
            .save_all(&entities)
            .await
            .map_err(|source| self.refused(source))?;
        self.shared.counters.saved(entities.len());
        let entries: Vec<(V::Key, V)> = keys.into_iter().zip(entities).collect();
        match self.put_all(&entries).await {
            Ok(()) => Ok(()),
            Err(source) => Err(self.invalidate(entries.iter().map(|(key, _)| key), source).await),
        }
    }

    /// Puts entities that come from the database into the cache, 1,000 a request, without saving them again.
    ///
    /// # Errors
    /// When the cache fails; some of the entities may be in it then.
    pub async fn preload(&self, entities: Vec<V>) -> Result<(), S::Error> {
        let entries: Vec<(V::Key, V)> = entities
            .into_iter()
            .map(|entity| (entity.key(), entity))
            .collect();
        let _locked = self.shared.locks.lock(entries.iter().map(|(key, _)| key)).await;
        self.put_all(&entries).await.map_err(RepositoryError::Cache)
    }

    /// Deletes the entity with this key: in the database, and then in the cache; whether there was one.
    ///
    /// # Errors
    /// Under the terms of [`Repository::save`].
    pub async fn delete(&self, key: &V::Key) -> Result<bool, S::Error> {
        let _locked = self.shared.locks.lock([key]).await;
        let stored = self
            .shared
            .store
            .delete(key)
            .await
            .map_err(|source| self.refused(source))?;
        self.shared.counters.deleted();
        self.shared.counters.requested();
        match self.cache.remove(key).await {
            Ok(cached) => Ok(stored || cached.is_some()),
            Err(source) => Err(self.invalidate([key], source).await),
        }
    }

    /// Listens to every change of the cache, with values: see [`NamedCache::listen`].
    ///
    /// # Errors
    /// When the cache fails.
    pub async fn listen(&self) -> Result<Events<V::Key, V>, S::Error> {
        self.shared.counters.requested();
        self.cache.listen().await.map_err(RepositoryError::Cache)
    }

    async fn cached(&self, key: &V::Key) -> Result<Option<V>, S::Error> {
        self.shared.counters.requested();
        self.cache.get(key).await.map_err(RepositoryError::Cache)
    }

    async fn cached_all(&self, keys: &[V::Key]) -> Result<HashMap<V::Key, V>, S::Error> {
        let mut found = HashMap::new();
        for keys in keys.chunks(BATCH_LEN_MAX) {
            self.shared.counters.requested();
            found.extend(self.cache.get_all(keys).await.map_err(RepositoryError::Cache)?);
        }
        Ok(found)
    }

    async fn put_all(&self, entries: &[(V::Key, V)]) -> std::result::Result<(), CacheError> {
        for entries in entries.chunks(BATCH_LEN_MAX) {
            self.shared.counters.requested();
            self.cache
                .put_all(entries.iter().map(|(key, entity)| (key, entity)))
                .await?;
        }
        Ok(())
    }

    fn refused(&self, source: S::Error) -> RepositoryError<S::Error> {
        RepositoryError::Store {
            cache: self.cache.name().to_owned(),
            source,
        }
    }

    /// Removes what the cache may hold of older values, after it failed with `source`.
    async fn invalidate<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k V::Key>,
        source: CacheError,
    ) -> RepositoryError<S::Error> {
        let mut invalidated = true;
        for key in keys {
            self.shared.counters.requested();
            if self.cache.remove(key).await.is_err() {
                // A cache that cannot be reached would make each key wait for its deadline.
                invalidated = false;
                break;
            }
        }
        RepositoryError::CacheAfterStore {
            cache: self.cache.name().to_owned(),
            source,
            invalidated,
        }
    }
}
