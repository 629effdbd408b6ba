//! The server: a member of the grid with its edges.

mod bind;
mod grpc_edge;
mod identity;
mod lookout;
mod member_tls;
mod membership;
mod running;
mod settings;
mod start_error;

pub use member_tls::MemberTlsError;
pub use running::{RunningServer, Stopped};
pub use start_error::StartError;

use std::sync::Arc;

use grid_core::processor::own::OwnAgents;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http::{self, HttpState};
use crate::metrics::Metrics;

use bind::{Listen, address_for_members, bind, resolve_one};
use membership::Membership;
use settings::{Addresses, cluster_settings};

/// Starts servers.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    /// Starts a member and its edges. When the future is ready, they take requests; until then the HTTP edge says that
    /// the member is not ready, and the gRPC edge that it is unavailable.
    ///
    /// # Errors
    /// When an address cannot be listened on, or would be open to other machines without `security.insecure`, TLS between
    /// members cannot be used as it is configured, or the member cannot be made.
    pub async fn start(config: Config) -> Result<RunningServer, StartError> {
        Self::start_with(config, OwnAgents::new()).await
    }

    /// As [`start`](Self::start), with processors and aggregators of one's own. Every member of the cluster needs the same.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(config: Config, agents: OwnAgents) -> Result<RunningServer, StartError> {
        let insecure = config.security.insecure;
        let listen = address_for_members(&config).await?;
        let advertise = match &config.member.advertise {
            Some(address) => Some(resolve_one(Listen::MEMBERS, address).await?),
            None => None,
        };
        let grpc_listener = bind(Listen::GRPC, &config.grpc.address, insecure).await?;
        let http_listener = bind(Listen::HTTP, &config.http.address, insecure).await?;
        let address_of = |listener: &TcpListener, listen| {
            listener
                .local_addr()
                .map_err(|error| StartError::unusable(listen, &error))
        };
        let addresses = Addresses {
            listen,
            advertise,
            grpc: address_of(&grpc_listener, Listen::GRPC)?,
            http: address_of(&http_listener, Listen::HTTP)?,
        };

        let mut member = cluster_settings(&config, addresses);
        member_tls::set_up(&config, &mut member)?;
        let (grpc_stop, http_stop) = (CancellationToken::new(), CancellationToken::new());
        let edge = grpc_edge::GrpcEdge::new(&config);
        let metrics = Arc::new(Metrics::new(edge.counts()));
        let state = Arc::new(HttpState::joining(metrics, config.http.clone()));
        let (mut grpc, mut http) = (JoinSet::new(), JoinSet::new());
        http.spawn(http::serve(http_listener, state.clone(), http_stop.clone()));

        let joining = membership::join(&config, agents, member);
        let (joined, grpc_listener) = edge.refuse_until(grpc_listener, joining).await;
        let Membership { grid, view, lookout } = joined?;
        grpc.spawn(edge.serve(grpc_listener, grid.clone(), grpc_stop.clone()));
        state.joined(view.clone());
        Ok(RunningServer {
            grid,
            view,
            lookout,
            state,
            grpc_address: addresses.grpc,
            http_address: addresses.http,
            grpc,
            http,
            grpc_stop,
            http_stop,
            hand_over_timeout: config.member.hand_over_timeout,
            drain_timeout: config.member.drain_timeout,
        })
    }
}
