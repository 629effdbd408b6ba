//! The HTTP edge, over a real connection to a server in this process.

use std::net::SocketAddr;

use grid_core::cache::NamedCache;
use grid_server::config::Layers;
use grid_server::server::{RunningServer, Server, Stopped};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn server_with(http: &str) -> RunningServer {
    let file = format!(
        "member = {{ name = 'm1', zone = 'z1', machine = 'host-1', listen = '127.0.0.1:0' }}\ngrpc.address = '127.0.0.1:0'\n\
         [http]\naddress = '127.0.0.1:0'\n{http}\n[[cache]]\nname = 'local-*'\nkind = 'local'\n"
    );
    Server::start(Layers::new().file("test.toml", &file).load().unwrap().config)
        .await
        .unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A server that refuses may reset the connection after its answer.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer but {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

async fn get(server: &RunningServer, path: &str) -> Answer {
    let address = server.http_address();
    send(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn health_is_200_with_no_body() {
    let server = server_with("").await;
    for path in ["/health/started", "/health/live", "/health/ready", "/health/safe"] {
        let answer = get(&server, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
    assert_eq!(server.shutdown().await, Stopped::Drained);
}

#[tokio::test]
async fn health_follows_the_member() {
    let server = server_with("").await;
    server.grid().shutdown().await;
    for (path, status) in [("started", 200), ("live", 503), ("ready", 503), ("safe", 503)] {
        let answer = get(&server, &format!("/health/{path}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{path}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn the_cluster_has_the_documented_shape() {
    let server = server_with("").await;
    let answer = get(&server, "/cluster").await;
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
    let mut cluster: Value = serde_json::from_str(&answer.body).unwrap();
    // It grows with everything that is agreed, also alone.
    assert!(cluster["epoch"].take().as_u64().unwrap() > 0);
    let expected = json!({
        "name": "girih",
        "members": [{
            "id": 1, "name": "m1", "address": server.listen_address().unwrap().to_string(), "zone": "z1",
            "machine": "host-1", "state": "active", "storage": true,
        }],
        "partitions": { "count": 257, "unassigned": 0, "endangered": 0, "moving": 0 },
        "status_ha": "ENDANGERED",
        "leader": 1,
        "epoch": null,
    });
    assert_eq!(cluster, expected);
    for (path, part) in [
        ("/cluster/members", "\"primaries\":257,\"backups\":0"),
        (
            "/cluster/partitions",
            "{\"service\":\"partitioned-1\",\"backups\":1,",
        ),
        ("/cluster/rebalance", "{\"done\":true,\"moves_left\":0,"),
    ] {
        let body = get(&server, path).await.body;
        assert!(body.contains(part), "{part} is missing in {body}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn caches_and_metrics_follow_what_is_done() {
    let server = server_with("").await;
    assert_eq!(get(&server, "/caches").await.body, "[]");
    let stock = server.grid().cache::<String, u32>("stock").await.unwrap();
    server.grid().cache::<String, u32>("local-x").await.unwrap();
    stock.insert(&"apples".to_owned(), &3).await.unwrap();
    stock.insert(&"pears".to_owned(), &5).await.unwrap();
    assert_eq!(stock.get("apples").await.unwrap(), Some(3));
    assert_eq!(stock.get("plums").await.unwrap(), None);
    stock.remove("pears").await.unwrap();
    let expected = json!([
        {
            "name": "local-x", "kind": "local", "entries": 0, "bytes": 0, "index_bytes": 0,
            "hits": 0, "misses": 0, "puts": 0, "removes": 0,
        },
        {
            "name": "stock", "kind": "partitioned", "entries": 1, "bytes": 9, "index_bytes": 0,
            "hits": 1, "misses": 1, "puts": 2, "removes": 1,
        },
    ]);
    let caches = get(&server, "/caches").await.body;
    assert_eq!(serde_json::from_str::<Value>(&caches).unwrap(), expected);
    let metrics = get(&server, "/metrics").await;
    assert!(
        metrics.head.contains("content-type: text/plain; version=0.0.4"),
        "{}",
        metrics.head
    );
    for line in [
        "grid_cache_entries{cache=\"stock\",kind=\"partitioned\"} 1",
        "grid_cache_puts_total{cache=\"stock\",kind=\"partitioned\"} 2",
        "grid_connections_open{edge=\"http\"} 1",
        "grid_partitions_count 257",
    ] {
        assert!(
            metrics.body.lines().any(|given| given == line),
            "{line:?} is missing in\n{}",
            metrics.body
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_allowed() {
    let server = server_with("").await;
    let address = server.http_address();
    let answer = get(&server, "/nothing").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (404, r#"{"error":"there is no /nothing"}"#)
    );
    assert_eq!(get(&server, "/health/nothing").await.status, 404);
    for path in ["/cluster", "/health/live"] {
        let post =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let answer = send(address, &post).await;
        assert_eq!(answer.status, 405);
        assert_eq!(
            answer.body,
            format!("{{\"error\":\"POST is not allowed at {path}; use GET\"}}")
        );
        assert!(answer.head.contains("allow: get"), "{}", answer.head);
    }
    assert_eq!(send(address, "nonsense\r\n\r\n").await.status, 400);
    server.shutdown().await;
}

#[tokio::test]
async fn requests_have_limits() {
    let server = server_with("headers-len-max = '8KiB'\nbody-len-max = '10B'").await;
    let address = server.http_address();
    let body =
        "GET /cluster HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\nconnection: close\r\n\r\n01234567890";
    let answer = send(address, body).await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("10B"), "{}", answer.body);
    let long = format!(
        "GET /cluster HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n",
        "x".repeat(9_000)
    );
    assert_eq!(send(address, &long).await.status, 431);
    let many = format!("GET /cluster HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
    assert_eq!(send(address, &many).await.status, 431);
    server.shutdown().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let server = server_with("connections-max = 1").await;
    let address = server.http_address();
    let mut first = TcpStream::connect(address).await.unwrap();
    first
        .write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(read(&mut second).await.status, 503);
    drop(first);
    // The place is free again as soon as the server has seen that the first has left.
    loop {
        let metrics = get_or_refused(address, "/metrics").await;
        if metrics.status == 200 {
            assert!(
                metrics
                    .body
                    .contains("grid_connections_refused_total{edge=\"http\"}"),
                "{}",
                metrics.body
            );
            break;
        }
    }
    server.shutdown().await;
}

async fn get_or_refused(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    // A refused connection may be closed before the request is written.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or(("HTTP/1.1 503 reset", ""));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let server = server_with("header-timeout = '100ms'").await;
    let mut stream = TcpStream::connect(server.http_address()).await.unwrap();
    stream.write_all(b"GET /clu").await.unwrap();
    let mut bytes = Vec::new();
    // The test hangs here when the server waits for ever.
    let _ = stream.read_to_end(&mut bytes).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_stop_closes_connections_that_wait_for_nothing() {
    let server = server_with("").await;
    let address = server.http_address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    idle.read_exact(&mut byte).await.unwrap();
    assert_eq!(server.shutdown().await, Stopped::Drained);
    assert!(TcpStream::connect(address).await.is_err());
}
