//! Becoming a member of the cluster.

use std::num::NonZeroU64;
use std::sync::Arc;

use grid_core::processor::own::OwnAgents;
use grid_member::Grid;
use grid_member::cache::{CacheLimits, CacheRule};
use grid_member::clock::{Clock, SystemClock};
use grid_member::cluster::ClusterSettings;

use crate::cluster_view::{ClusterView, ClusteredMember, GridSource};
use crate::config::{CacheConfig, Config};

use super::StartError;
use super::lookout::Lookout;

/// A member that has joined its cluster.
pub(super) struct Membership {
    pub(super) grid: Grid,
    pub(super) view: Arc<dyn ClusterView>,
    pub(super) lookout: Option<Lookout>,
}

/// Joins the cluster, or starts it; takes as long as that takes.
///
/// # Errors
/// When the member cannot be made.
pub(super) async fn join(
    config: &Config,
    agents: OwnAgents,
    mut settings: ClusterSettings,
) -> Result<Membership, StartError> {
    let lookout = Lookout::start(config, &settings)?;
    settings.found = lookout.as_ref().map(Lookout::found);
    let limits = CacheLimits {
        caches_max: config.limits.caches_max,
        event_queue_len_max: config.limits.event_queue_len_max,
        event_queue_bytes_max: config.limits.event_queue_bytes_max.0,
        event_log_bytes_max: config.limits.event_log_bytes_max.0,
        event_log_linger: config.limits.event_log_linger,
        processor_time_limit: config.limits.processor_time_limit,
        processor_threads_max: config.limits.processor_threads_max,
        aggregation_bytes_max: config.limits.aggregation_bytes_max.0,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let builder = Grid::builder()
        .cluster_name(&settings.cluster_name)
        .member_name(&settings.member_name)
        .backups(settings.backups)
        .clock(clock.clone())
        .limits(limits)
        .own_agents(agents)
        .cluster(settings);
    let rules = config.caches.iter().map(rule_of);
    let grid = rules
        .fold(builder, grid_member::GridBuilder::cache_rule)
        .build()
        .await?;
    // Whoever does not wait for the end wants no member.
    let unless_joined = grid.supervisor().token().clone().drop_guard();
    grid.joined().await.map_err(StartError::Joining)?;
    unless_joined.disarm();
    if let Some(lookout) = &lookout {
        let cluster = grid
            .cluster()
            .and_then(|cluster| cluster.view().read(|state| state.identity().id));
        lookout.joined(cluster);
    }
    let view = Arc::new(ClusteredMember::new(
        grid.clone(),
        GridSource::new(grid.clone()),
        clock,
    ));
    Ok(Membership { grid, view, lookout })
}

fn rule_of(cache: &CacheConfig) -> CacheRule {
    let ttl_ms = cache
        .ttl
        .and_then(|ttl| NonZeroU64::new(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
    CacheRule {
        pattern: cache.name.0.clone(),
        kind: cache.kind,
        ttl_ms,
        backups: cache.backups,
        read_from: cache.read_from,
    }
}
