//! The server: a member of the grid with its edges.

mod bind;
mod grpc_edge;
mod identity;
mod running;
mod start_error;

pub use running::{RunningServer, Stopped};
pub use start_error::StartError;

use std::num::NonZeroU64;
use std::sync::Arc;

use grid_member::Grid;
use grid_member::cache::{CacheLimits, CacheRule};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster_view::{ClusterView, MemberIdentity, SingleMember};
use crate::config::{CacheConfig, Config};
use crate::http::{self, HttpState};
use crate::metrics::Metrics;

use bind::{Listen, bind, refuse_exposure};
use identity::{host_name, member_name};

/// Starts servers.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    /// Starts a member and its edges. When the future is ready, they take requests.
    ///
    /// # Errors
    /// When an address cannot be listened on, or would be open to other machines without `security.insecure`.
    pub async fn start(config: Config) -> Result<RunningServer, StartError> {
        let insecure = config.security.insecure;
        refuse_exposure(Listen::MEMBERS, &config.member.listen, insecure).await?;
        let grpc_listener = bind(Listen::GRPC, &config.grpc.address, insecure).await?;
        let http_listener = bind(Listen::HTTP, &config.http.address, insecure).await?;
        let address_of = |listener: &tokio::net::TcpListener, listen| {
            listener
                .local_addr()
                .map_err(|error| StartError::unusable(listen, &error))
        };
        let grpc_address = address_of(&grpc_listener, Listen::GRPC)?;
        let http_address = address_of(&http_listener, Listen::HTTP)?;

        let grid = build_grid(&config).await?;
        let text = |label: &Option<crate::config::Label>| label.as_ref().map(ToString::to_string);
        let view: Arc<dyn ClusterView> = Arc::new(SingleMember::new(
            grid.clone(),
            MemberIdentity {
                address: grpc_address.to_string(),
                zone: text(&config.member.zone).unwrap_or_default(),
                machine: text(&config.member.machine).unwrap_or_else(host_name),
            },
        ));
        let (grpc_stop, http_stop) = (CancellationToken::new(), CancellationToken::new());
        let edge = grpc_edge::GrpcEdge::new(&config);
        let metrics = Arc::new(Metrics::new(edge.counts()));
        let state = Arc::new(HttpState::new(view, metrics, config.http.clone()));
        let (mut grpc, mut http) = (JoinSet::new(), JoinSet::new());
        grpc.spawn(edge.serve(grpc_listener, grid.clone(), grpc_stop.clone()));
        http.spawn(http::serve(http_listener, state.clone(), http_stop.clone()));
        Ok(RunningServer {
            grid,
            state,
            grpc_address,
            http_address,
            grpc,
            http,
            grpc_stop,
            http_stop,
            drain_timeout: config.member.drain_timeout,
        })
    }
}

async fn build_grid(config: &Config) -> Result<Grid, StartError> {
    let limits = CacheLimits {
        caches_max: config.limits.caches_max,
        event_queue_len_max: config.limits.event_queue_len_max,
        event_queue_bytes_max: config.limits.event_queue_bytes_max.0,
    };
    let name = config
        .member
        .name
        .as_ref()
        .map_or_else(member_name, ToString::to_string);
    let builder = Grid::builder()
        .cluster_name(config.cluster.name.as_str())
        .member_name(&name)
        .limits(limits);
    let rules = config.caches.iter().map(rule_of);
    Ok(rules
        .fold(builder, grid_member::GridBuilder::cache_rule)
        .build()
        .await?)
}

fn rule_of(cache: &CacheConfig) -> CacheRule {
    let ttl_ms = cache
        .ttl
        .and_then(|ttl| NonZeroU64::new(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
    CacheRule {
        pattern: cache.name.0.clone(),
        kind: cache.kind,
        ttl_ms,
        backups: None,
    }
}
