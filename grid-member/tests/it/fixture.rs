//! A member with a clock that the test moves, as the conformance suite wants it.

use std::sync::Arc;
use std::time::Duration;

use grid_core::cache::conformance::{Fixture, Item};
use grid_core::cache::{Cache, CacheBackend, CacheName, NamedCache};
use grid_core::store::Timestamp;
use grid_core::value::Value;
use grid_member::cache::{CacheKind, OpenCache};
use grid_member::clock::ManualClock;
use grid_member::{Grid, GridBuilder};

/// How long anything may take that must come on its own.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// A member, its clock, and the kind of the caches that it opens.
pub(crate) struct Embedded {
    pub(crate) grid: Grid,
    pub(crate) clock: Arc<ManualClock>,
    kind: CacheKind,
}

impl Embedded {
    pub(crate) async fn of(kind: CacheKind) -> Self {
        Self::build(kind, Grid::builder()).await
    }

    pub(crate) async fn build(kind: CacheKind, builder: GridBuilder) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_750_000_000_000)));
        let grid = builder.clock(clock.clone()).build().await.expect("a member");
        Embedded { grid, clock, kind }
    }
}

impl Fixture for Embedded {
    type Cache<K: Item, V: Item> = Cache<K, V>;

    async fn open<K: Item, V: Item>(&self, name: &str) -> Cache<K, V> {
        match self.kind {
            CacheKind::Local => self.grid.local_cache(name).expect("a local cache"),
            _ => self.grid.cache(name).await.expect("a cache"),
        }
    }

    async fn backend(&self, name: &str) -> Arc<dyn CacheBackend> {
        self.open::<Value, Value>(name).await.backend().clone()
    }

    async fn pass_time(&self, by: Duration) {
        let told_within = Duration::from_secs(1);
        self.clock
            .advance_ms(u64::try_from((by + told_within).as_millis()).expect("a short time"));
    }

    async fn deadline(&self, after: Duration) {
        tokio::time::sleep(after).await;
    }

    async fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) -> T
    where
        T: Send + 'static,
    {
        spawned(task).await
    }
}

/// Runs a task on another thread, and gives its result or passes its panic on.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no supervisor, and wants its task's panic"
)]
pub(crate) async fn spawned<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(task).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Waits, with a bound.
pub(crate) async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future).await {
        Ok(result) => result,
        Err(_elapsed) => panic!("{what} did not come within {BOUND:?}"),
    }
}

/// Waits until something is so, with a bound.
pub(crate) async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waits = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    bounded(what, waits).await;
}

/// A cache of a member, as the member has it.
pub(crate) async fn opened(grid: &Grid, name: &str) -> Arc<OpenCache> {
    let name = CacheName::new(name).expect("a name");
    grid.open("", &name).await.expect("a cache")
}

/// Puts `len` entries, each key its own value.
pub(crate) async fn fill(cache: &Cache<u32, u32>, len: u32) {
    let keys: Vec<u32> = (0..len).collect();
    cache
        .put_all(keys.iter().map(|key| (key, key)))
        .await
        .expect("put_all");
}
