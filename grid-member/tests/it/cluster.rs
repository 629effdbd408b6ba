//! Several members in one process.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use futures::FutureExt;
use grid_core::cache::{CacheError, NamedCache};
use grid_core::partition::PartitionCount;
use grid_core::partition::assignment::{StatusHa, status_ha};
use grid_member::cache::{CacheInfo, CacheKind, CacheRule, ReadFrom};
use grid_member::cluster::ClusterSettings;
use grid_member::{Grid, GridBuilder};

/// How long a cluster may take for what must come.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// So few that they are soon where they belong.
pub(crate) const FEW_PARTITIONS: NonZeroU16 = NonZeroU16::new(31).expect("31 is not zero");

/// Shows the log of a test that fails when `RUST_LOG` says so.
fn log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    // Another test may have begun to show it.
    let _once = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_test_writer()
        .try_init();
}

/// Settings of a member of a cluster of tests: on any free port, and without another to join one that starts the cluster.
pub(crate) fn settings(join: Option<&Grid>) -> ClusterSettings {
    ClusterSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        join: join.map(|other| vec![address(other).to_string()]),
        ..ClusterSettings::default()
    }
}

/// A member with these settings, to be built.
pub(crate) fn described(number: usize, join: Option<&Grid>) -> GridBuilder {
    log();
    Grid::builder()
        .cluster_name("test")
        .member_name(&format!("member-{number}"))
        .cluster(settings(join))
}

async fn member(number: usize, join: Option<&Grid>) -> Grid {
    described(number, join).build().await.expect("a member listens")
}

/// Builds a member, and waits until it has joined.
pub(crate) async fn joined(builder: GridBuilder) -> Grid {
    let grid = builder.build().await.expect("a member listens");
    let joined = tokio::time::timeout(BOUND, grid.joined()).await;
    joined.expect("it joins in time").expect("it joins");
    grid
}

/// A member that has joined a cluster of few partitions.
pub(crate) async fn member_of_few(number: usize, join: Option<&Grid>) -> Grid {
    joined(described(number, join).partition_count(PartitionCount::new(FEW_PARTITIONS))).await
}

/// Three members with all of few partitions where they belong.
pub(crate) async fn three() -> [Grid; 3] {
    let first = member_of_few(1, None).await;
    let second = member_of_few(2, Some(&first)).await;
    let third = member_of_few(3, Some(&first)).await;
    settled(&[&first, &second, &third]).await;
    [first, second, third]
}

/// Has a member leave its cluster for good.
pub(crate) async fn leave(grid: Grid) {
    grid.cluster().expect("a member of a cluster").leave().await;
    grid.shutdown().await;
}

pub(crate) async fn end(grids: impl IntoIterator<Item = Grid>) {
    for grid in grids {
        grid.shutdown().await;
    }
}

pub(crate) fn address(grid: &Grid) -> SocketAddr {
    grid.cluster().expect("a member of a cluster").local_addr()
}

/// What a member knows, for the message of a test that fails.
fn summary(grid: &Grid) -> String {
    let cluster = grid.cluster().expect("a member of a cluster");
    let state = cluster.view().read(|state| {
        let mut text = format!("index {} members", state.index());
        for member in state.members().values() {
            text += &format!(" {}={:?}", member.id, member.phase);
        }
        for service in state.services().values() {
            let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
            for assignment in &service.assignments {
                let backups = assignment.backups.len();
                let joining = assignment.joining.len();
                let kind = format!("{:?}+{backups}+{joining}", assignment.primary);
                *kinds.entry(kind).or_default() += 1;
            }
            text += &format!("; {}: {kinds:?}", service.name);
        }
        text
    });
    format!(
        "{:?} serves {} leader {:?}: {state:?}",
        cluster.me(),
        cluster.may_serve(),
        cluster.leader()
    )
}

/// Waits until every member sees this many members, all partitions at their goal.
pub(crate) async fn settled(grids: &[&Grid]) {
    let waits = async {
        for grid in grids {
            let cluster = grid.cluster().expect("a member of a cluster");
            let mut news = cluster.view().index();
            let wanted = if grids.len() > 1 {
                StatusHa::NodeSafe
            } else {
                StatusHa::Endangered
            };
            news.wait_for(|_| {
                let safe = cluster.view().read(|state| {
                    let safe = status_ha(state.services().values(), state.members());
                    state.members().len() == grids.len() && safe >= wanted
                });
                safe == Some(true)
            })
            .await
            .expect("the member lives");
        }
    };
    if tokio::time::timeout(BOUND, waits).await.is_err() {
        let states: Vec<String> = grids.iter().map(|grid| summary(grid)).collect();
        panic!("the cluster does not settle:\n{}", states.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_alone_serves() {
    let grid = joined(described(1, None)).await;
    let cache = grid.cache::<u32, String>("orders").await.unwrap();
    cache.insert(&1, &"one".to_owned()).await.unwrap();
    assert_eq!(cache.get(&1).await.unwrap().as_deref(), Some("one"));
    assert_eq!(cache.size().await.unwrap(), 1);
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_share_their_entries() {
    let first = joined(described(1, None)).await;
    let cache = first.cache::<u32, String>("orders").await.unwrap();
    for key in 0..500 {
        cache.insert(&key, &format!("value {key}")).await.unwrap();
    }
    let second = joined(described(2, Some(&first))).await;
    let third = joined(described(3, Some(&first))).await;
    settled(&[&first, &second, &third]).await;
    for grid in [&first, &second, &third] {
        let cache = grid.cache::<u32, String>("orders").await.unwrap();
        assert_eq!(cache.size().await.unwrap(), 500);
        for key in (0..500).step_by(7) {
            assert_eq!(cache.get(&key).await.unwrap(), Some(format!("value {key}")));
        }
        cache.insert(&1, &"changed".to_owned()).await.unwrap();
    }
    first.drain().await.unwrap();
    first.shutdown().await;
    settled(&[&second, &third]).await;
    let cache = third.cache::<u32, String>("orders").await.unwrap();
    assert_eq!(cache.size().await.unwrap(), 500);
    assert_eq!(cache.get(&1).await.unwrap().as_deref(), Some("changed"));
    second.shutdown().await;
    third.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_members_is_refused_and_what_is_not_is_kept() {
    const MIB: usize = 1 << 20;
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    let caches = [
        first.cache::<u32, String>("large").await.unwrap(),
        second.cache::<u32, String>("large").await.unwrap(),
    ];
    let large = "x".repeat(16 * MIB);
    for (key, cache) in (0..).zip(&caches) {
        // With the value before, which goes to the backup with the new one.
        cache.put(&key, &large).await.unwrap();
        assert_eq!(
            cache.put(&key, &large).await.unwrap().map(|value| value.len()),
            Some(16 * MIB)
        );
    }
    for cache in &caches {
        assert_eq!(
            cache.get(&0).await.unwrap().map(|value| value.len()),
            Some(16 * MIB)
        );
        let refused = cache.put(&2, &"x".repeat(33 * MIB)).await;
        let Err(error @ CacheError::Invalid { .. }) = refused else {
            panic!("{refused:?}");
        };
        // It would be too large the next time too.
        assert!(!error.is_transient());
        let what = error.to_string();
        assert!(what.contains("split it"), "{what}");
        assert_eq!(cache.size().await.unwrap(), 2);
    }
    // Enough that one member has more of them than fits, whoever has which.
    for key in 2..12 {
        caches[0].insert(&key, &large).await.unwrap();
    }
    let all: Vec<u32> = (0..12).collect();
    let mut refused = 0;
    for cache in &caches {
        match cache.get_all(&all).await {
            Ok(found) => assert_eq!(found.len(), 12),
            Err(CacheError::Overloaded { what }) => {
                assert!(what.contains("fewer entries at once"), "{what}");
                refused += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused > 0, "one of the two asks for more than fits");
    let entries: HashMap<u32, String> = all.iter().map(|key| (*key, large.clone())).collect();
    for cache in &caches {
        match cache.put_all(&entries).await {
            Ok(()) => {}
            // One part is refused; what the asked member keeps itself was put.
            Err(CacheError::InDoubt { what, .. }) => assert!(what.contains("less at once"), "{what}"),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(caches[0].size().await.unwrap(), 12);
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_from_the_closest_copy_need_no_other_member() {
    async fn closest(number: usize, join: Option<&Grid>) -> Grid {
        let builder = described(number, join).cache_rule(CacheRule {
            pattern: "near-by".to_owned(),
            kind: CacheKind::Partitioned,
            ttl_ms: None,
            backups: None,
            read_from: ReadFrom::Closest,
        });
        builder.build().await.expect("a member listens")
    }
    let first = closest(1, None).await;
    let second = closest(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    let caches = [
        first.cache::<u32, u32>("near-by").await.unwrap(),
        second.cache::<u32, u32>("near-by").await.unwrap(),
    ];
    let keys: Vec<u32> = (0..200).collect();
    for key in &keys {
        caches[0].insert(key, &(key + 1)).await.unwrap();
    }
    // Backups learn of the end of it within moments.
    for cache in &caches {
        while cache.get_all(&keys).await.unwrap().len() < keys.len() {
            tokio::task::yield_now().await;
        }
    }
    // Each has a copy of everything, so nothing has to be waited for.
    for cache in &caches {
        for key in &keys {
            let got = cache.get(key).now_or_never();
            assert_eq!(got.map(Result::unwrap), Some(Some(key + 1)), "{key}");
            let there = cache.contains_key(key).now_or_never();
            assert_eq!(there.map(Result::unwrap), Some(true));
        }
        assert_eq!(cache.get(&1_000).now_or_never().map(Result::unwrap), Some(None));
    }
    // Where reads go to primaries, half of them have to be waited for.
    let far = second.cache::<u32, u32>("elsewhere").await.unwrap();
    far.insert(&1, &1).await.unwrap();
    let waits = keys.iter().filter(|key| far.get(*key).now_or_never().is_none());
    assert!(waits.count() > 50);
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_of_all_members_add_up() {
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    let third = member(3, Some(&first)).await;
    let grids = [&first, &second, &third];
    settled(&grids).await;
    // Opened at one member alone.
    let cache = first.cache::<u32, u32>("figures").await.unwrap();
    for key in 0..300 {
        cache.insert(&key, &key).await.unwrap();
    }
    for grid in grids {
        let elsewhere = grid.cluster().unwrap().caches_elsewhere().await;
        assert_eq!(elsewhere.len(), 2);
        let sums = CacheInfo::sums(elsewhere.into_iter().chain([grid.caches()]));
        let [info] = sums.as_slice() else {
            panic!("{sums:?}")
        };
        assert_eq!(
            (info.name.as_str(), info.entries, info.puts),
            ("figures", 300, 300)
        );
    }
    end([third, second, first]).await;
}
