//! A server that runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grid_member::Grid;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::HttpState;

/// How a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request under way was answered.
    Drained,
    /// The time to drain ran out, and the requests that were left were cut off.
    CutOff,
}

/// A member that runs with its edges. When it is dropped, the edges end at once.
#[derive(Debug)]
pub struct RunningServer {
    pub(super) grid: Grid,
    pub(super) state: Arc<HttpState>,
    pub(super) grpc_address: SocketAddr,
    pub(super) http_address: SocketAddr,
    pub(super) grpc: JoinSet<()>,
    pub(super) http: JoinSet<()>,
    pub(super) grpc_stop: CancellationToken,
    pub(super) http_stop: CancellationToken,
    pub(super) drain_timeout: Duration,
}

impl RunningServer {
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

    /// Stops: it is not ready any more, takes no new request, answers those under way, closes its listeners, and
    /// stops the member. Health and metrics are answered until the gRPC edge has drained. Takes at most
    /// `member.drain-timeout`.
    pub async fn shutdown(mut self) -> Stopped {
        self.state.begin_draining();
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
        self.grid.shutdown().await;
        if drained.is_ok() {
            Stopped::Drained
        } else {
            Stopped::CutOff
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.grpc_stop.cancel();
        self.http_stop.cancel();
        self.grid.supervisor().token().cancel();
    }
}
