//! A server that runs.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grid_member::Grid;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster_view::ClusterView;
use crate::http::HttpState;

use super::lookout::Lookout;

/// How a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request under way was answered.
    Drained,
    /// The time to drain ran out, and the requests that were left were cut off.
    CutOff,
}

/// A member that runs with its edges. When it is dropped, the edges end at once.
pub struct RunningServer {
    pub(super) grid: Grid,
    pub(super) view: Arc<dyn ClusterView>,
    pub(super) lookout: Option<Lookout>,
    pub(super) state: Arc<HttpState>,
    pub(super) grpc_address: SocketAddr,
    pub(super) http_address: SocketAddr,
    pub(super) grpc: JoinSet<()>,
    pub(super) http: JoinSet<()>,
    pub(super) grpc_stop: CancellationToken,
    pub(super) http_stop: CancellationToken,
    pub(super) hand_over_timeout: Duration,
    pub(super) drain_timeout: Duration,
}

impl RunningServer {
    /// Where other members connect; `None` when they cannot.
    #[must_use]
    pub fn listen_address(&self) -> Option<SocketAddr> {
        self.grid.cluster().map(grid_member::cluster::Cluster::local_addr)
    }

    /// Where gRPC clients connect.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Where HTTP clients connect.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// The member.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Resolves when the server cannot go on: an edge has ended, or a task that the member needs has failed. The
    /// log says why.
    pub async fn failed(&mut self) {
        tokio::select! {
            biased;
            _ended = self.grpc.join_next() => {}
            _ended = self.http.join_next() => {}
            () = self.grid.supervisor().stopped() => {}
        }
    }

    /// Stops: it is not ready any more, hands its partitions over to other members, takes no new request, answers those
    /// under way, closes its listeners, and leaves the cluster. Health and metrics are answered until the gRPC edge has
    /// drained. Takes at most `member.hand-over-timeout` and `member.drain-timeout`.
    pub async fn shutdown(mut self) -> Stopped {
        self.state.begin_draining();
        let handed_over = self.hand_over().await;
        let (mut grpc, mut http) = (std::mem::take(&mut self.grpc), std::mem::take(&mut self.http));
        let drain = async {
            self.grpc_stop.cancel();
            while grpc.join_next().await.is_some() {}
            self.http_stop.cancel();
            while http.join_next().await.is_some() {}
        };
        let drained = tokio::time::timeout(self.drain_timeout, drain).await;
        self.http_stop.cancel();
        grpc.shutdown().await;
        http.shutdown().await;
        if let Some(lookout) = self.lookout.take() {
            lookout.stop().await;
        }
        // Others must not take a member for gone that has what they lack: then it leaves without a word.
        if handed_over {
            self.view.leave().await;
        }
        self.grid.shutdown().await;
        if drained.is_ok() {
            Stopped::Drained
        } else {
            Stopped::CutOff
        }
    }

    /// Whether nothing depends on this member any more.
    async fn hand_over(&self) -> bool {
        match tokio::time::timeout(self.hand_over_timeout, self.view.hand_over()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::warn!(%error, "not every partition was handed over"),
            Err(_elapsed) => tracing::warn!(
                timeout = ?self.hand_over_timeout,
                "not every partition was handed over within member.hand-over-timeout"
            ),
        }
        false
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.grpc_stop.cancel();
        self.http_stop.cancel();
        self.grid.supervisor().token().cancel();
    }
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer")
            .field("grid", &self.grid)
            .field("grpc_address", &self.grpc_address)
            .field("http_address", &self.http_address)
            .finish_non_exhaustive()
    }
}
