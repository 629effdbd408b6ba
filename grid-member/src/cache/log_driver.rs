//! Logs of caches are begun when other members want them, and forgotten when nobody does.

use std::collections::HashSet;
use std::sync::Weak;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::CacheRegistry;

/// How often caches are looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// So many logs are begun at a time.
const AT_ONCE: usize = 32;

/// Tends the logs of caches until the token is cancelled, or nobody has the registry any more.
pub async fn drive_logs(registry: Weak<CacheRegistry>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut under_way = HashSet::new();
    let mut beginnings = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(id) = beginnings.next() => {
                under_way.remove(&id);
                continue;
            }
            _ = interval.tick() => {}
        }
        let Some(registry) = registry.upgrade() else {
            return;
        };
        for (cache, begin) in registry.tend_logs(AT_ONCE.saturating_sub(under_way.len()), &under_way) {
            under_way.insert(cache);
            beginnings.push(async move {
                begin.await;
                cache
            });
        }
    }
}
