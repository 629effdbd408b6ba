//! Members that learn where others are while they look for them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use grid_core::membership::ClusterId;
use grid_discovery::{Found, Peer};
use grid_member::cluster::{ClusterSettings, StartError};
use grid_member::{BuildError, Grid};
use tokio::sync::watch;

use crate::cluster::{address, settled};

const BOUND: Duration = Duration::from_secs(30);

/// What was found at these addresses.
fn found(addresses: impl IntoIterator<Item = SocketAddr>) -> Found {
    let peer = |address| Peer {
        address,
        announcement: None,
        seen_ms: 0,
        sources: Vec::new(),
    };
    Found {
        peers: addresses.into_iter().map(peer).collect(),
    }
}

/// A member that is told where others are, now or later.
async fn seeker(name: &str, expect: usize, told: &watch::Sender<Found>) -> Result<Grid, BuildError> {
    let settings = ClusterSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        found: Some(told.subscribe()),
        expect: NonZeroUsize::new(expect),
        ..ClusterSettings::default()
    };
    let builder = Grid::builder().cluster_name("test").member_name(name);
    builder.cluster(settings).build().await
}

async fn joined(grid: &Grid) -> ClusterId {
    let joined = tokio::time::timeout(BOUND, grid.joined()).await;
    joined.expect("a cluster is found").expect("the member lives");
    let cluster = grid.cluster().expect("a member of a cluster");
    cluster.view().read(|state| state.identity().id).expect("a state")
}

/// An address of this machine where nobody listens.
fn nobody() -> SocketAddr {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_are_found_later_are_looked_at() {
    let (told, silence) = (watch::Sender::new(found([nobody()])), watch::Sender::default());
    let first = seeker("first", 2, &told).await.unwrap();
    let second = seeker("second", 2, &silence).await.unwrap();
    assert_eq!(
        (first.cluster().unwrap().me(), second.cluster().unwrap().me()),
        (None, None)
    );
    // One that hears of the other is enough. It may hear of itself, too.
    told.send_replace(found([address(&first), address(&second), nobody()]));
    assert_eq!(joined(&first).await, joined(&second).await);
    settled(&[&first, &second]).await;
    // Whoever comes later is told first of an address that is old, and then of one that is not.
    let third_told = watch::Sender::new(found([nobody()]));
    let third = seeker("third", 2, &third_told).await.unwrap();
    third_told.send_replace(found([address(&second)]));
    drop(third_told);
    assert_eq!(joined(&third).await, joined(&first).await);
    settled(&[&first, &second, &third]).await;
    for grid in [first, second, third] {
        grid.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_that_hear_of_each_other_late_start_one_cluster() {
    let told: Vec<_> = (0..5).map(|_| watch::Sender::new(Found::default())).collect();
    let mut grids = Vec::new();
    for (number, told) in told.iter().enumerate() {
        grids.push(seeker(&format!("member-{number}"), 5, told).await.unwrap());
    }
    let addresses: Vec<SocketAddr> = grids.iter().map(address).collect();
    // Two pairs meet, neither of them a majority; then each member hears of one more.
    for (at, other) in [(0, 1), (2, 3)] {
        told[at].send_replace(found([addresses[other]]));
    }
    for (at, told) in told.iter().enumerate() {
        told.send_replace(found([addresses[(at + 1) % 5]]));
    }
    let mut clusters = BTreeSet::new();
    for grid in &grids {
        clusters.insert(joined(grid).await);
    }
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    for grid in grids {
        grid.shutdown().await;
    }
}

#[tokio::test]
async fn who_looks_for_members_must_know_how_many_there_will_be() {
    let told = watch::Sender::default();
    for expect in [0, 1] {
        let refused = seeker("first", expect, &told).await.unwrap_err();
        assert!(
            matches!(refused, BuildError::Cluster(StartError::Expect)),
            "{refused}"
        );
        assert!(refused.to_string().contains("set `expect`"), "{refused}");
    }
}
