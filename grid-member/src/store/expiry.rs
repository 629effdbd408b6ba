//! Expiry on its own: entries whose time is over go, and their listeners hear of it.

use std::sync::Weak;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cache::CacheRegistry;

/// How often partitions are looked at. An entry's end is told within this, and the wheel's tick, of its deadline.
const INTERVAL: Duration = Duration::from_millis(100);

/// Expires entries until the token is cancelled, or nobody has the registry any more: neither a member nor a handle on
/// one of its caches.
pub async fn drive_expiry(registry: Weak<CacheRegistry>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        while let Some(registry) = registry.upgrade() {
            if !registry.expire_due() {
                break;
            }
            // Other tasks get their turn between two batches.
            drop(registry);
            tokio::task::yield_now().await;
        }
        if registry.strong_count() == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use grid_core::partition::PartitionCount;
    use grid_core::processor::own::OwnAgents;
    use tokio::runtime::Handle;

    use super::*;
    use crate::cache::{CacheKind, CacheLimits};
    use crate::clock::ManualClock;
    use crate::own::OwnRunner;
    use crate::replication::Replicas;
    use crate::task::Supervisor;

    const BOUND: Duration = Duration::from_secs(20);

    fn registry() -> Arc<CacheRegistry> {
        let replicas = Replicas::alone(PartitionCount::ONE, Arc::new(ManualClock::default()));
        let limits = CacheLimits::default();
        let own = OwnRunner::new(
            "member",
            OwnAgents::new(),
            limits,
            (Supervisor::new(), Handle::current()),
        );
        CacheRegistry::alone(CacheKind::Local, Arc::new(replicas), limits, Arc::new(own))
    }

    #[tokio::test]
    async fn it_ends_with_the_last_handle() {
        let registry = registry();
        let expiry = drive_expiry(Arc::downgrade(&registry), CancellationToken::new());
        drop(registry);
        tokio::time::timeout(BOUND, expiry).await.unwrap();
    }

    #[tokio::test]
    async fn it_ends_when_it_is_told_to() {
        let registry = registry();
        let stop = CancellationToken::new();
        let expiry = drive_expiry(Arc::downgrade(&registry), stop.clone());
        stop.cancel();
        tokio::time::timeout(BOUND, expiry).await.unwrap();
    }
}
