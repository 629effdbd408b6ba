//! The HTTP edge over a view that a test decides.

use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{Applied, CacheError};
use grid_member::cache::CacheInfo;
use grid_server::cluster_view::{
    ChangeError, ChangeFuture, ClusterFigures, ClusterInfo, ClusterView, Health, IndexInfo, LookError,
    MemberDetail, PartitionsInfo, Rebalance, ServiceDetail, StatusHa,
};
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
    fn cluster(&self) -> Option<ClusterInfo> {
        let partitions = PartitionsInfo {
            count: 257,
            unassigned: 0,
            endangered: 0,
            moving: 0,
        };
        let name = "girih".to_owned();
        Some(ClusterInfo {
            name,
            members: Vec::new(),
            partitions,
            status_ha: StatusHa::NodeSafe,
            leader: Some(1),
            epoch: 1,
        })
    }

    fn figures(&self) -> ClusterFigures {
        ClusterFigures::default()
    }

    fn members(&self) -> Vec<MemberDetail> {
        Vec::new()
    }

    fn partitions(&self) -> Vec<ServiceDetail> {
        Vec::new()
    }

    fn rebalance(&self) -> Rebalance {
        Rebalance::default()
    }

    fn hand_over(&self) -> ChangeFuture<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn drain(&self, member: u64) -> ChangeFuture<'_, ()> {
        Box::pin(ready(match member {
            1 => Ok(()),
            2 => Err(ChangeError::NotAgreed(CacheError::Deadline {
                after: Duration::from_secs(1),
                applied: Applied::Unknown,
            })),
            3 => Err(ChangeError::NotAgreed(CacheError::ShuttingDown)),
            4 => Err(ChangeError::Refused("not now".to_owned())),
            _ => Err(ChangeError::NotFound("there is no such member".to_owned())),
        }))
    }

    fn accept_loss(&self, service: String, partitions: Option<Vec<usize>>) -> ChangeFuture<'_, Vec<usize>> {
        assert_eq!(service, "partitioned-1");
        Box::pin(ready(Ok(partitions.unwrap_or_else(|| vec![7, 8]))))
    }

    fn caches(&self) -> Vec<CacheInfo> {
        // The sender is dropped at the end of the test at the latest.
        let _ = self.released.lock().unwrap().recv();
        Vec::new()
    }

    fn caches_elsewhere(&self) -> BoxFuture<'_, Vec<Vec<CacheInfo>>> {
        futures::future::ready(Vec::new()).boxed()
    }

    fn indexes(
        &self,
        cache: Option<String>,
        check: bool,
    ) -> BoxFuture<'_, Result<Vec<IndexInfo>, LookError>> {
        Box::pin(ready(match cache.as_deref() {
            Some("people") if check => Err(LookError::Failed(CacheError::ShuttingDown)),
            None | Some("people") => Ok(Vec::new()),
            Some(name) => Err(LookError::NotFound(format!("there is no cache {name:?}"))),
        }))
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
        let metrics = Arc::new(Metrics::new(Arc::new(NoGrpc)));
        let edge = Self::with_state(Arc::new(HttpState::joining(metrics, config))).await;
        edge.state.joined(edge.view.clone());
        edge
    }

    /// An edge whose view is there and not shown yet.
    async fn with_state(state: Arc<HttpState>) -> Self {
        let (release, released) = channel();
        let view = Arc::new(View {
            safe: AtomicBool::new(true),
            released: Mutex::new(released),
        });
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

    /// The status and the body of the answer to a POST.
    async fn post(&self, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let len = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {len}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read(stream).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
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

#[tokio::test]
async fn a_member_that_joins_is_alive_and_not_ready() {
    let metrics = Arc::new(Metrics::new(Arc::new(NoGrpc)));
    let state = Arc::new(HttpState::joining(metrics, HttpConfig::default()));
    let edge = Edge::with_state(state).await;
    for (path, status) in [
        ("/health/started", "200"),
        ("/health/live", "200"),
        ("/health/ready", "503"),
        ("/health/safe", "503"),
        ("/cluster", "503"),
        ("/cluster/members", "503"),
        ("/caches", "503"),
        ("/metrics", "200"),
    ] {
        let answer = edge.get(path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {answer}"
        );
    }
    assert!(
        edge.get("/cluster")
            .await
            .contains("has not joined its cluster yet")
    );
    let (status, _) = edge.post("/cluster/drain?member=1", "", "").await;
    assert_eq!(status, 503);
    edge.state.joined(edge.view.clone());
    assert!(edge.get("/health/ready").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn indexes_are_answered_with_what_there_is() {
    let edge = Edge::start(HttpConfig::default()).await;
    for (asked, status, part) in [
        ("", "200", "[]"),
        ("?cache=people", "200", "[]"),
        ("?check=true", "200", "[]"),
        ("?cache=people&check=true", "503", "shutting down"),
        ("?cache=a%20b", "404", "there is no cache \\\"a b\\\""),
        ("?check=1", "400", "/caches/indexes?cache=NAME&check=true"),
        ("?name=people", "400", "/caches/indexes?cache=NAME&check=true"),
    ] {
        let answer = edge.get(&format!("/caches/indexes{asked}")).await;
        let head = format!("HTTP/1.1 {status} ");
        assert!(
            answer.starts_with(&head) && answer.contains(part),
            "{asked}: {answer}"
        );
    }
}

#[tokio::test]
async fn changes_are_answered_with_what_came_of_them() {
    let edge = Edge::start(HttpConfig::default()).await;
    for (member, status, part) in [
        ("1", 200, "{\"member\":1}"),
        ("2", 504, "\"applied\":\"unknown\""),
        ("3", 503, "\"applied\":\"no\""),
        ("4", 409, "not now"),
        ("5", 404, "no such member"),
        ("x", 400, "/cluster/drain?member=2"),
    ] {
        let (given, body) = edge
            .post(&format!("/cluster/drain?member={member}"), "", "")
            .await;
        assert!(given == status && body.contains(part), "{member}: {given} {body}");
    }
    assert!(
        edge.get("/cluster/drain?member=1")
            .await
            .starts_with("HTTP/1.1 405 ")
    );
    let json = "content-type: application/json\r\n";
    for (headers, body, status, part) in [
        (json, "{\"service\":\"partitioned-1\"}", 200, "[7,8]"),
        (
            json,
            "{\"service\":\"partitioned-1\",\"partitions\":[8]}",
            200,
            "[8]",
        ),
        (json, "{\"partitions\":[8]}", 422, "send JSON like"),
        (
            json,
            "{\"service\":\"partitioned-1\",\"all\":true}",
            422,
            "send JSON like",
        ),
        (json, "{", 400, "send JSON like"),
        ("", "{\"service\":\"partitioned-1\"}", 415, "send JSON like"),
    ] {
        let (given, answer) = edge.post("/cluster/accept-loss", headers, body).await;
        assert!(
            given == status && answer.contains(part),
            "{body}: {given} {answer}"
        );
    }
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let edge = Edge::start(HttpConfig::default()).await;
    let own = "origin: http://here\r\n";
    assert_eq!(edge.post("/cluster/drain?member=1", own, "").await.0, 200);
    for other in [
        "origin: http://elsewhere\r\n",
        "origin: null\r\n",
        "origin: https://here\r\n",
    ] {
        assert_eq!(
            edge.post("/cluster/drain?member=1", other, "").await.0,
            403,
            "{other}"
        );
    }
}
