//! Partitions whose last copies are gone, and who is told.

use std::collections::BTreeSet;
use std::time::Duration;

use grid_core::cache::{Cache, CacheError, NamedCache, Unavailability};
use grid_core::control::Command;
use grid_core::event::CacheEvent;
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::BackupCount;
use grid_member::Grid;
use grid_member::cluster::{ClusterEvent, ClusterEvents, ClusterSettings};

use super::cluster::{described, joined, settings};
use super::fixture::{bounded, fill};

const ENTRIES: u32 = 400;

/// Three members without backups, each with a third of the entries, and the events that the first is told.
async fn three(accept_loss_after: Option<Duration>) -> ([Grid; 3], Cache<u32, u32>, ClusterEvents) {
    let build = |number: usize, join: Option<&Grid>| {
        let settings = ClusterSettings {
            accept_loss_after,
            ..settings(join)
        };
        let builder = described(number, join).cluster(settings);
        joined(builder.backups(BackupCount::new(0).unwrap()))
    };
    let first = build(1, None).await;
    let mut events = first.cluster().unwrap().events();
    let second = build(2, Some(&first)).await;
    let third = build(3, Some(&first)).await;
    for grid in [&second, &third] {
        let joined = ClusterEvent::MemberJoined(grid.cluster().unwrap().me().unwrap());
        assert_eq!(bounded("a member", events.next()).await, Some(joined));
    }
    let cache = first.cache("entries").await.unwrap();
    fill(&cache, ENTRIES).await;
    let mut news = first.cluster().unwrap().view().index();
    let even = news.wait_for(|_| held_by(&first, &third).len() > 80 && is_still(&first));
    bounded("a third of the partitions", even).await.unwrap();
    ([first, second, third], cache, events)
}

/// Whether no partition is on its way: while one is, it has two copies, and one member's end does not lose it.
fn is_still(seen_by: &Grid) -> bool {
    let view = seen_by.cluster().unwrap().view();
    let still = view.read(|state| {
        let table = state.service_named("partitioned-0").expect("the service");
        table.partitions().all(|(_, assignment)| {
            assignment.primary.is_some() && assignment.backups.is_empty() && assignment.joining.is_empty()
        })
    });
    still == Some(true)
}

/// The partitions that a member is primary of, as another one knows.
fn held_by(seen_by: &Grid, member: &Grid) -> BTreeSet<PartitionId> {
    let me = member.cluster().unwrap().me();
    let view = seen_by.cluster().unwrap().view();
    let held = view.read(|state| {
        let table = state.service_named("partitioned-0").expect("the service");
        let held = table
            .partitions()
            .filter(|(_, assignment)| assignment.primary == me);
        held.map(|(partition, _)| partition).collect()
    });
    held.unwrap_or_default()
}

/// The next event that tells of partitions.
async fn of_partitions(events: &mut ClusterEvents) -> ClusterEvent {
    loop {
        match bounded("an event", events.next())
            .await
            .expect("the member lives")
        {
            ClusterEvent::MemberJoined(_) | ClusterEvent::MemberLeft(_) => {}
            event => return event,
        }
    }
}

async fn missing(cache: &Cache<u32, u32>) -> usize {
    let mut missing = 0;
    for key in 0..ENTRIES {
        match cache.get(&key).await {
            Ok(Some(value)) => assert_eq!(value, key),
            Ok(None) => missing += 1,
            Err(error) => panic!("{key}: {error}"),
        }
    }
    missing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_is_told_refused_and_empty_once_an_operator_accepts_it() {
    let ([first, second, third], cache, mut events) = three(None).await;
    let mut listener = cache.listen().await.unwrap();
    let (gone, lost) = (third.cluster().unwrap().me().unwrap(), held_by(&first, &third));
    third.shutdown().await;
    let left: Option<MemberId> = loop {
        match bounded("an event", events.next()).await.unwrap() {
            ClusterEvent::MemberLeft(member) => break Some(member),
            ClusterEvent::PartitionsBack { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(left, Some(gone));
    let ClusterEvent::PartitionsLost { service, partitions } = of_partitions(&mut events).await else {
        panic!("the partitions are lost");
    };
    assert_eq!(service, "partitioned-0");
    assert_eq!(partitions.iter().copied().collect::<BTreeSet<_>>(), lost);
    let mut refused = 0;
    for key in 0..ENTRIES {
        match cache.get(&key).await {
            Ok(value) => assert_eq!(value, Some(key)),
            Err(CacheError::Unavailable { reason, .. }) => {
                assert_eq!(reason, Unavailability::Lost);
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 50, "{refused}");

    // Of another epoch nothing is given up.
    let cluster = first.cluster().unwrap();
    let (id, epochs): (_, Vec<_>) = cluster
        .view()
        .read(|state| {
            let table = state.service_named("partitioned-0").unwrap();
            let lost = table.partitions().filter(|(_, assignment)| assignment.lost);
            (
                table.id,
                lost.map(|(partition, assignment)| (partition, assignment.epoch))
                    .collect(),
            )
        })
        .unwrap();
    let accept = |partitions| Command::AcceptLoss {
        service: id,
        partitions,
    };
    let later = epochs.iter().map(|(partition, epoch)| (*partition, epoch.next()));
    cluster.agree(&accept(later.collect())).await.unwrap();
    let still = cluster.view().read(|state| {
        let table = state.service_named("partitioned-0").unwrap();
        table
            .partitions()
            .filter(|(_, assignment)| assignment.lost)
            .count()
    });
    assert_eq!(still, Some(epochs.len()));
    cluster.agree(&accept(epochs)).await.unwrap();
    let accepted = of_partitions(&mut events).await;
    assert_eq!(accepted, ClusterEvent::LossAccepted { service, partitions });
    let told = bounded("word of the gap", futures::StreamExt::next(&mut listener)).await;
    assert!(matches!(told, Some(Ok(CacheEvent::Resync))), "{told:?}");
    assert_eq!(missing(&cache).await, refused);
    fill(&cache, ENTRIES).await;
    assert_eq!(missing(&cache).await, 0);
    second.shutdown().await;
    first.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_gives_lost_partitions_up() {
    let ([first, second, third], cache, mut events) = three(Some(Duration::from_millis(300))).await;
    third.shutdown().await;
    let ClusterEvent::PartitionsLost { service, partitions } = of_partitions(&mut events).await else {
        panic!("the partitions are lost");
    };
    let accepted = of_partitions(&mut events).await;
    assert_eq!(accepted, ClusterEvent::LossAccepted { service, partitions });
    let gone = missing(&cache).await;
    assert!(gone > 50, "{gone}");
    second.shutdown().await;
    first.shutdown().await;
}
