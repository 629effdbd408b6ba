//! Brings what the server reports in line with who listens, when nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::CacheState;

/// The pause after a cache could not be brought in line, so that a server that fails is not asked without end.
const PAUSE: Duration = Duration::from_millis(100);

/// The caches of one lane whose listeners need something of the server.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Every cache that had a listener and may have one still.
    listening: Vec<Arc<CacheState>>,
    due: Vec<Arc<CacheState>>,
}

fn add(caches: &mut Vec<Arc<CacheState>>, cache: &Arc<CacheState>) {
    if !caches.iter().any(|present| Arc::ptr_eq(present, cache)) {
        caches.push(cache.clone());
    }
}

impl Keeper {
    /// The cache has a listener: each new life of the connection has to hear of it.
    pub(super) fn watch(&self, cache: &Arc<CacheState>) {
        add(&mut self.state.lock().listening, cache);
    }

    /// The cache has lost a listener.
    pub(super) fn ask(&self, cache: &Arc<CacheState>) {
        add(&mut self.state.lock().due, cache);
        self.bell.notify_one();
    }

    /// A new life of the connection began.
    pub(crate) fn renew(&self) {
        {
            let mut state = self.state.lock();
            state.listening.retain(|cache| cache.has_listeners());
            let State { listening, due } = &mut *state;
            for cache in listening.iter() {
                add(due, cache);
            }
        }
        self.bell.notify_one();
    }

    /// Works until the token says to stop.
    pub(crate) async fn run(&self, token: &CancellationToken) {
        let work = async {
            loop {
                self.bell.notified().await;
                loop {
                    let next = self.state.lock().due.pop();
                    let Some(cache) = next else { break };
                    if let Err(error) = cache.sync().await
                        && error.is_transient()
                    {
                        tracing::debug!(cache = %cache.name(), %error, "listeners are not renewed yet");
                        self.ask(&cache);
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        // The work itself never ends.
        let _cancelled: Option<()> = token.run_until_cancelled(work).await;
        *self.state.lock() = State::default();
    }
}
