//! Connections of the HTTP edge.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster_view::{ClusterView, Health};
use crate::config::HttpConfig;
use crate::metrics::{ConnectionGuard, Metrics};

/// The most header lines of a request.
const HEADERS_MAX: usize = 64;

/// How long to wait when the system has no file handle or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The whole answer to one connection too many.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\nretry-after: 1\r\n\r\n";

/// What the HTTP edge answers from.
pub struct HttpState {
    /// The member, once it has joined its cluster.
    view: OnceLock<Arc<dyn ClusterView>>,
    /// What the server counts.
    pub metrics: Arc<Metrics>,
    /// Limits.
    pub config: HttpConfig,
    draining: AtomicBool,
    /// Who compares indexes with entries, which takes all processors: one at a time.
    pub(super) checking: Semaphore,
}

impl HttpState {
    /// A state of a member that still joins its cluster: it is started, alive, and not ready.
    #[must_use]
    pub fn joining(metrics: Arc<Metrics>, config: HttpConfig) -> Self {
        HttpState {
            view: OnceLock::new(),
            metrics,
            config,
            draining: AtomicBool::new(false),
            checking: Semaphore::new(1),
        }
    }

    /// A state of a member that has joined.
    #[must_use]
    pub fn new(view: Arc<dyn ClusterView>, metrics: Arc<Metrics>, config: HttpConfig) -> Self {
        let state = Self::joining(metrics, config);
        state.joined(view);
        state
    }

    /// The member has joined, and this is what it sees. Only the first view counts.
    pub fn joined(&self, view: Arc<dyn ClusterView>) {
        self.view.get_or_init(|| view);
    }

    /// From now on the member is not ready, so that load balancers send their requests elsewhere.
    pub fn begin_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// The member, if it has joined.
    pub(super) fn view(&self) -> Option<&Arc<dyn ClusterView>> {
        self.view.get()
    }

    pub(super) fn health(&self) -> Health {
        let joining = Health {
            started: true,
            live: true,
            ready: false,
            safe: false,
        };
        let health = self.view().map_or(joining, |view| view.health());
        Health {
            ready: health.ready && !self.draining.load(Ordering::Acquire),
            ..health
        }
    }
}

impl std::fmt::Debug for HttpState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpState")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Serves until `shutdown`; then takes no more connections and ends when the requests under way are answered.
pub async fn serve(listener: TcpListener, state: Arc<HttpState>, shutdown: CancellationToken) {
    let router = super::routes::router(state.clone());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if connections.len() >= state.config.connections_max {
            state.metrics.http_connections.refused();
            refuse(stream);
            continue;
        }
        let counted = state.metrics.http_connections.opened();
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(serve_connection(
            stream,
            service,
            state.clone(),
            shutdown.clone(),
            counted,
        ));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Says why, if the system takes the few bytes at once; nothing waits for a client that is refused.
fn refuse(stream: TcpStream) {
    // Tokio does not yet know that a new stream can be written to; the system does.
    let told = stream
        .into_std()
        .and_then(|mut stream| stream.write_all(TOO_MANY));
    if let Err(error) = told {
        tracing::debug!(%error, "a refused connection took no answer");
    }
}

async fn serve_connection(
    stream: TcpStream,
    service: TowerToHyperService<axum::Router>,
    state: Arc<HttpState>,
    shutdown: CancellationToken,
    _counted: ConnectionGuard,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let config = &state.config;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(config.headers_len_max.0)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        () = shutdown.cancelled() => None,
        () = tokio::time::sleep(config.connection_age_max) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            // A client that does not read its answer must not hold the connection.
            match tokio::time::timeout(config.request_timeout, connection).await {
                Ok(ended) => ended,
                Err(_elapsed) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
