//! Sessions that find their server by themselves.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use grid_client::discovery::name_service::{Facts, serve};
use grid_client::discovery::{Announcement, Discovery, Settings};
use grid_client::{ConnectError, Session, SessionBuilder};
use grid_core::cache::{Cache, NamedCache};
use grid_core::membership::{HostId, Location, Member, MemberId, MemberInfo, MemberPhase, ProcessId};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::fake::Fake;
use crate::fixture::spawn;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a member whose gRPC port is this says about itself.
fn announcement(grpc: SocketAddr) -> Announcement {
    Announcement {
        cluster: "girih".into(),
        cluster_id: None,
        process: ProcessId::new(grpc.port().into()),
        member_address: SocketAddr::from(([127, 0, 0, 1], 1)),
        grpc: Some(grpc),
        http: None,
        started: true,
    }
}

/// A member's side of a way to find it.
fn announce(way: &str, grpc: SocketAddr) -> (Discovery, watch::Sender<Announcement>) {
    let says = watch::Sender::new(announcement(grpc));
    let discovery = Discovery::start(&settings(way), Some(says.subscribe())).unwrap();
    (discovery, says)
}

fn settings(way: &str) -> Settings {
    let mut settings = Settings::parse("girih", [way]).unwrap();
    settings.timing.looking = Duration::from_millis(50);
    settings.timing.directory_beat = Duration::from_millis(50);
    settings.timing.steady = Duration::from_millis(50);
    settings
}

fn multicast() -> String {
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    format!("multicast:239.192.14.10:{port}?ttl=0&interface=127.0.0.1")
}

/// A name service that says that gRPC is served there. It runs until the test ends.
async fn name_service(grpc: watch::Receiver<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let facts = move || Facts {
        cluster: "girih".into(),
        process: ProcessId::new(1),
        port: address.port(),
        members: vec![Member {
            id: MemberId::FIRST,
            info: MemberInfo {
                process: ProcessId::new(1),
                host: HostId::new(1),
                name: "one".into(),
                address,
                grpc: Some(*grpc.borrow()),
                http: None,
                location: Location::default(),
                role: String::new(),
                storage: true,
                weight: 100,
                version: "0".into(),
            },
            phase: MemberPhase::Ready,
        }],
    };
    spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, Bytes::new(), &facts).await.unwrap();
        }
    });
    address
}

/// Uses a session, and ends it with all its tasks.
async fn works(builder: SessionBuilder) {
    let session = builder.connect_timeout(PATIENCE).connect().await.unwrap();
    let cache: Cache<String, u32> = session.cache("found").await.unwrap();
    cache.insert(&"a".to_owned(), &1).await.unwrap();
    assert_eq!(cache.get("a").await.unwrap(), Some(1));
    session.close().await;
    assert_eq!(session.running_tasks(), 0);
}

#[tokio::test]
async fn a_server_is_found_by_multicast_and_in_a_folder() {
    let server = Fake::start();
    let folder = tempfile::tempdir().unwrap();
    for way in [multicast(), format!("folder:{}", folder.path().display())] {
        let (discovery, _says) = announce(&way, server.address);
        works(Session::builder().discover(settings(&way))).await;
        discovery.stop().await;
    }
}

#[tokio::test]
async fn a_server_is_found_by_the_name_service_and_by_a_list_of_members() {
    let server = Fake::start();
    let grpc = watch::Sender::new(server.address);
    let members = name_service(grpc.subscribe()).await;
    works(Session::builder().name_service(&members.to_string())).await;
    works(Session::builder().name_service(&format!("{members}/girih"))).await;
    works(Session::builder().discover(settings(&format!("static:{members}")))).await;
    let both = Session::builder()
        .name_service("127.0.0.1:1")
        .discover(settings(&format!("static:{members}")));
    works(both).await;
}

#[tokio::test]
async fn a_server_that_comes_later_and_moves_is_followed() {
    let way = multicast();
    let session = spawn(
        Session::builder()
            .discover(settings(&way))
            .connect_timeout(PATIENCE)
            .connect(),
    );
    let server = Fake::start();
    let (_discovery, says) = announce(&way, server.address);
    let session = session.await.unwrap().unwrap();
    let cache: Cache<String, u32> = session.cache("found").await.unwrap();
    cache.insert(&"a".to_owned(), &1).await.unwrap();
    let (_gone, shared) = server.stop().await;
    let moved = Fake::start_at("127.0.0.1:0".parse().unwrap(), shared);
    says.send_replace(announcement(moved.address));
    assert_eq!(cache.get("a").await.unwrap(), Some(1));
    session.close().await;
    assert_eq!(session.running_tasks(), 0);
}

#[tokio::test]
async fn a_name_service_is_asked_again_when_the_server_moved() {
    let server = Fake::start();
    let grpc = watch::Sender::new(server.address);
    let members = name_service(grpc.subscribe()).await;
    let session = Session::builder()
        .name_service(&members.to_string())
        .connect()
        .await
        .unwrap();
    let cache: Cache<String, u32> = session.cache("found").await.unwrap();
    cache.insert(&"a".to_owned(), &1).await.unwrap();
    let (_gone, shared) = server.stop().await;
    let moved = Fake::start_at("127.0.0.1:0".parse().unwrap(), shared);
    grpc.send_replace(moved.address);
    assert_eq!(cache.get("a").await.unwrap(), Some(1));
    session.close().await;
}

#[tokio::test]
async fn when_nothing_is_found_the_error_says_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Session::builder()
        .discover(settings(&format!("folder:{}", folder.path().display())))
        .name_service("127.0.0.1:1")
        .connect_timeout(Duration::from_millis(200));
    let error = builder.connect().await.unwrap_err();
    assert!(matches!(&error, ConnectError::NothingFound { sources, .. } if sources.len() == 2));
    for words in [
        "no member was found within 200ms",
        "folder:",
        "name service 127.0.0.1:1",
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn addresses_that_were_given_come_first_and_what_is_found_helps() {
    let server = Fake::start();
    let way = multicast();
    let (_discovery, _says) = announce(&way, server.address);
    works(Session::builder().address("127.0.0.1:1").discover(settings(&way))).await;
}
