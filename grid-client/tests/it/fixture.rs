//! The caches of a server, for the conformance suite.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use grid_client::Session;
use grid_core::cache::conformance::{Fixture, Item};
use grid_core::cache::{Cache, CacheBackend, NamedCache};
use grid_core::value::Value;
use tokio::sync::Mutex;

/// Caches over a session. What other runs left behind in a cache is dropped when it is opened first.
pub(crate) struct Remote {
    pub(crate) session: Session,
    opened: Mutex<HashSet<String>>,
}

impl Remote {
    pub(crate) fn new(session: Session) -> Self {
        Remote {
            session,
            opened: Mutex::default(),
        }
    }
}

impl Fixture for Remote {
    type Cache<K: Item, V: Item> = Cache<K, V>;

    async fn open<K: Item, V: Item>(&self, name: &str) -> Cache<K, V> {
        let mut opened = self.opened.lock().await;
        if opened.insert(name.to_owned()) {
            let left_behind = self.session.cache::<K, V>(name).await.expect("a cache opens");
            left_behind.destroy().await.expect("a cache can be destroyed");
        }
        self.session.cache(name).await.expect("a cache opens")
    }

    async fn backend(&self, name: &str) -> Arc<dyn CacheBackend> {
        self.open::<Value, Value>(name).await.backend().clone()
    }

    async fn pass_time(&self, _by: Duration) {}

    async fn deadline(&self, after: Duration) {
        tokio::time::sleep(after).await;
    }

    async fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) -> T
    where
        T: Send + 'static,
    {
        spawn(task).await.expect("a task of the suite does not panic")
    }
}

/// Runs a task beside the test.
#[expect(clippy::disallowed_methods, reason = "tests have no supervisor")]
pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}
