//! Expiry on its own: entries whose time is over go, and their listeners hear of it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cache::CacheRegistry;

/// How often partitions are looked at. An entry's end is told within this, and the wheel's tick, of its deadline.
const INTERVAL: Duration = Duration::from_millis(100);

/// Expires entries until the token is cancelled.
pub async fn drive_expiry(registry: Arc<CacheRegistry>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        while registry.expire_due() {
            // Other tasks get their turn between two batches.
            tokio::task::yield_now().await;
        }
    }
}
