//! Lists of addresses.

use grid_discovery::Discovery;

use crate::neighbours::{announcement, settings, until, until_members};

#[tokio::test]
async fn every_address_of_every_name_is_given() {
    let settings = settings([
        "static:localhost:7001,127.0.0.1:7002,[::1]:7003",
        "static:no-such-host.invalid:1",
    ]);
    let discovery = Discovery::start(&settings, None).unwrap();
    let found = until(&discovery, |found| found.peers.len() >= 3).await;
    let addresses: Vec<_> = found
        .member_addresses()
        .map(|address| address.to_string())
        .collect();
    let of_localhost = tokio::net::lookup_host("localhost:7001").await.unwrap();
    for expected in of_localhost.map(|address| address.to_string()) {
        assert!(addresses.contains(&expected), "{expected}: {addresses:?}");
    }
    assert!(addresses.contains(&"127.0.0.1:7002".to_owned()));
    assert!(addresses.contains(&"[::1]:7003".to_owned()));
    assert!(found.peers.iter().all(|peer| peer.announcement.is_none()));
    assert_eq!(found.grpc_addresses(), []);
    discovery.stop().await;
}

#[tokio::test]
async fn the_own_address_is_not_found() {
    let own = tokio::sync::watch::Sender::new(announcement(1));
    let settings = settings(["static:127.0.0.1:7001,127.0.0.1:7002"]);
    let discovery = Discovery::start(&settings, Some(own.subscribe())).unwrap();
    until_members(&discovery, &[2]).await;
}

#[tokio::test]
async fn bad_settings_start_nothing() {
    let mut settings = settings(["multicast"]);
    settings.cluster = "a b".into();
    let error = Discovery::start(&settings, None).unwrap_err().to_string();
    assert!(error.contains("no name of a cluster"), "{error}");
}
