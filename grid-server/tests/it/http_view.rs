//! The HTTP edge over a view that a test decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grid_member::cache::CacheInfo;
use grid_server::cluster_view::{ClusterInfo, ClusterView, Health, PartitionsInfo, StatusHa};
use grid_server::config::HttpConfig;
use grid_server::http::{HttpState, serve};
use grid_server::metrics::{GrpcCounts, GrpcFigures, Metrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct NoGrpc;

impl GrpcCounts for NoGrpc {
    fn figures(&self) -> GrpcFigures {
        GrpcFigures::default()
    }
}

struct View {
    safe: AtomicBool,
    /// Caches are told when this has said so.
    released: Mutex<Receiver<()>>,
}

impl ClusterView for View {
    fn cluster(&self) -> ClusterInfo {
        let partitions = PartitionsInfo {
            count: 257,
            unassigned: 0,
            endangered: 0,
            moving: 0,
        };
        let name = "girih".to_owned();
        ClusterInfo {
            name,
            members: Vec::new(),
            partitions,
            status_ha: StatusHa::NodeSafe,
            leader: 1,
            epoch: 1,
        }
    }

    fn caches(&self) -> Vec<CacheInfo> {
        // The sender is dropped at the end of the test at the latest.
        let _ = self.released.lock().unwrap().recv();
        Vec::new()
    }

    fn health(&self) -> Health {
        Health {
            started: true,
            live: true,
            ready: true,
            safe: self.safe.load(Ordering::SeqCst),
        }
    }
}

struct Edge {
    view: Arc<View>,
    state: Arc<HttpState>,
    address: std::net::SocketAddr,
    release: Sender<()>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Edge {
    async fn start(config: HttpConfig) -> Self {
        let (release, released) = channel();
        let view = Arc::new(View {
            safe: AtomicBool::new(true),
            released: Mutex::new(released),
        });
        let metrics = Arc::new(Metrics::new(Arc::new(NoGrpc)));
        let state = Arc::new(HttpState::new(view.clone(), metrics, config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(serve(listener, state.clone(), stop.clone()));
        Edge {
            view,
            state,
            address,
            release,
            stop,
            tasks,
        }
    }

    async fn send(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn get(&self, path: &str) -> String {
        read(self.send(path).await).await
    }
}

async fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn each_probe_tells_its_own_part() {
    let edge = Edge::start(HttpConfig::default()).await;
    assert!(edge.get("/health/safe").await.starts_with("HTTP/1.1 200 "));
    edge.view.safe.store(false, Ordering::SeqCst);
    assert!(edge.get("/health/safe").await.starts_with("HTTP/1.1 503 "));
    assert!(edge.get("/health/ready").await.starts_with("HTTP/1.1 200 "));
    edge.state.begin_draining();
    assert!(edge.get("/health/ready").await.starts_with("HTTP/1.1 503 "));
    assert!(edge.get("/health/live").await.starts_with("HTTP/1.1 200 "));
    assert!(edge.get("/cluster").await.contains("\"status_ha\":\"NODE-SAFE\""));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_503() {
    let edge = Edge::start(HttpConfig {
        request_timeout: Duration::from_millis(100),
        ..HttpConfig::default()
    })
    .await;
    let answer = edge.get("/caches").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("no answer within 100ms"),
        "{answer}"
    );
    drop(edge.release);
}

#[tokio::test]
async fn a_stop_waits_for_the_request_under_way() {
    let mut edge = Edge::start(HttpConfig::default()).await;
    let stream = edge.send("/caches").await;
    // The request is under way once the server knows of its connection.
    while !edge.get("/health/live").await.starts_with("HTTP/1.1 200") || edge.view.released.try_lock().is_ok()
    {
    }
    edge.stop.cancel();
    edge.release.send(()).unwrap();
    assert!(read(stream).await.ends_with("\r\n\r\n[]"));
    edge.tasks.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(edge.address).await.is_err());
}
