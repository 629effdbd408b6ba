//! The name service over TCP: our client with our server, and with Coherence CE where the environment names one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use grid_core::membership::{HostId, Location, Member, MemberId, MemberInfo, MemberPhase, ProcessId};
use grid_discovery::HostPort;
use grid_discovery::name_service::{Facts, LookupConnection, LookupError, grpc_addresses, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::neighbours::PATIENCE;

fn facts(port: u16) -> Facts {
    let info = MemberInfo {
        process: ProcessId::new(1),
        host: HostId::new(1),
        name: "one".into(),
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        grpc: Some(SocketAddr::from(([127, 0, 0, 1], 1_408))),
        http: None,
        location: Location::default(),
        role: String::new(),
        storage: true,
        weight: 100,
        version: "0.1.0".into(),
    };
    Facts {
        cluster: "girih".into(),
        process: ProcessId::new(1),
        port,
        members: vec![Member {
            id: MemberId::FIRST,
            info,
            phase: MemberPhase::Ready,
        }],
    }
}

/// A name service that runs beside the test, until that ends.
async fn name_service() -> HostPort {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accept = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // One after the other will do for a test.
            serve(stream, Bytes::new(), || facts(port)).await.unwrap();
        }
    };
    #[expect(clippy::disallowed_methods, reason = "tests have no supervisor")]
    tokio::spawn(accept);
    HostPort::new("127.0.0.1", port).unwrap()
}

#[tokio::test]
async fn our_client_finds_grpc_by_our_name_service() {
    let address = name_service().await;
    for cluster in [None, Some("girih")] {
        let found = grpc_addresses(&address, cluster, PATIENCE).await.unwrap();
        assert_eq!(found, ["127.0.0.1:1408".parse().unwrap()]);
    }
    let error = grpc_addresses(&address, Some("other"), PATIENCE)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, LookupError::NoCluster { own, .. } if own == "girih"),
        "{error}"
    );
    let mut connection = LookupConnection::open(&address, PATIENCE).await.unwrap();
    assert_eq!(
        connection.text("Cluster/name").await.unwrap().as_deref(),
        Some("girih")
    );
    assert_eq!(connection.text("no such name").await.unwrap(), None);
    let info = connection.text("Cluster/info").await.unwrap().unwrap();
    assert!(info.contains("Name=girih"), "{info}");
}

#[tokio::test]
async fn what_is_no_name_service_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: HostPort = listener.local_addr().unwrap().to_string().parse().unwrap();
    let answer = async |bytes: &[u8]| {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    };
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n and more that nobody asked for, to fill a message";
    let (error, _stream) = tokio::join!(grpc_addresses(&address, None, PATIENCE), answer(http));
    assert!(matches!(error, Err(LookupError::Protocol { .. })), "{error:?}");
    let limit = Duration::from_millis(50);
    let (error, _stream) = tokio::join!(grpc_addresses(&address, None, limit), answer(b""));
    assert!(matches!(error, Err(LookupError::Late { .. })), "{error:?}");
    drop(listener);
    let error = grpc_addresses(&address, None, PATIENCE).await;
    assert!(matches!(error, Err(LookupError::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn our_client_finds_grpc_by_the_name_service_of_coherence() {
    let Ok(address) = std::env::var("COHERENCE_NAME_SERVICE") else {
        println!("not asked for: set COHERENCE_NAME_SERVICE to the host:port of a cluster of Coherence CE");
        return;
    };
    let address: HostPort = address.parse().unwrap();
    let found = grpc_addresses(&address, None, PATIENCE).await.unwrap();
    assert!(!found.is_empty());
    let mut connection = LookupConnection::open(&address, PATIENCE).await.unwrap();
    let name = connection.text("Cluster/name").await.unwrap().unwrap();
    assert_eq!(
        grpc_addresses(&address, Some(&name), PATIENCE).await.unwrap(),
        found
    );
    assert_eq!(connection.text("no such name").await.unwrap(), None);
    let list = connection.text("$GRPC:GrpcProxy").await;
    assert!(
        matches!(list, Err(LookupError::Protocol { .. })),
        "a list is no text: {list:?}"
    );
}
