//! Those who follow a cache, and come back: at the same member and at another.

use std::collections::HashMap;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use grid_core::cache::conformance::Fixture;
use grid_core::cache::{Cache, CacheError, FollowedEvents, NamedCache, View};
use grid_core::event::{CacheEvent, EntryEvent, EventPositions};
use grid_core::query::{EventFilter, field};
use grid_member::Grid;
use grid_member::cache::{CacheKind, CacheLimits};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cluster::{end, member_of_few, settled, three};
use crate::fixture::{Embedded, bounded, opened, wait_until};
use crate::listening::{Chain, caches, more, serves, write_until};

async fn next<V>(events: &mut FollowedEvents<u32, V>) -> CacheEvent<u32, V>
where
    V: serde::de::DeserializeOwned,
{
    bounded("an event", events.next()).await.unwrap().unwrap()
}

async fn entry(events: &mut FollowedEvents<u32, u32>) -> EntryEvent<u32, u32> {
    match next(events).await {
        CacheEvent::Entry(event) => event,
        other => panic!("{other:?} instead of an event"),
    }
}

/// Takes events until every key has its last value, each of which follows the one before.
async fn until(chain: &mut Chain, events: &mut FollowedEvents<u32, u32>, last: &HashMap<u32, u32>) {
    while chain.values != *last {
        chain.add(&entry(events).await);
    }
    let more = events.next().now_or_never();
    assert!(more.is_none(), "an event too many: {more:?}");
}

/// Waits until a member keeps a log of a cache.
async fn keeps_log(grid: &Grid, name: &str) {
    let cache = opened(grid, name).await;
    wait_until("the log at another member", || cache.keeps_log()).await;
}

/// Takes events until a member's log, which is kept, knows of all that follow: it cannot tell what was before it began.
async fn known_at(cache: &Cache<u32, u32>, chain: &mut Chain, events: &mut FollowedEvents<u32, u32>) {
    let there = cache.listen_from(EventFilter::all(), None).await.unwrap();
    while !events.positions().covers(there.positions()) {
        chain.add(&entry(events).await);
    }
}

#[tokio::test]
async fn who_comes_back_is_told_what_it_missed_once() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("back").await;
    cache.insert(&1, &1).await.unwrap();
    let mut events = cache.listen_from(EventFilter::all(), None).await.unwrap();
    cache.insert(&1, &2).await.unwrap();
    let first = entry(&mut events).await;
    assert_eq!((first.old, first.new), (Some(1), Some(2)));
    let number = first.number.unwrap();
    assert!(!events.positions().is_before(number));
    cache.insert(&2, &1).await.unwrap();
    // What it did not read it was not told.
    let kept = events.positions().to_bytes();
    drop(events);
    cache.remove(&1).await.unwrap();
    cache.truncate().await.unwrap();
    cache.insert(&3, &1).await.unwrap();
    let positions = EventPositions::from_bytes(&kept).unwrap();
    let mut events = cache
        .listen_from(EventFilter::all(), Some(positions))
        .await
        .unwrap();
    assert_eq!(entry(&mut events).await.key, 2);
    let removed = entry(&mut events).await;
    assert_eq!((removed.key, removed.old), (1, Some(2)));
    assert_eq!(next(&mut events).await, CacheEvent::Truncated);
    assert_eq!(entry(&mut events).await.key, 3);
    assert!(events.next().now_or_never().is_none());
    // The cache of the same name is another one.
    let positions = events.positions().clone();
    cache.destroy().await.unwrap();
    assert_eq!(next(&mut events).await, CacheEvent::Destroyed);
    assert!(bounded("the end", events.next()).await.is_none());
    let cache = fixture.grid.cache::<u32, u32>("back").await.unwrap();
    let mut events = cache
        .listen_from(EventFilter::all(), Some(positions))
        .await
        .unwrap();
    assert_eq!(next(&mut events).await, CacheEvent::Resync);
    cache.insert(&9, &9).await.unwrap();
    assert_eq!(entry(&mut events).await.key, 9);
}

#[tokio::test]
async fn the_log_is_bounded_and_forgotten() {
    let limits = CacheLimits {
        event_log_bytes_max: 10_000,
        event_log_linger: Duration::from_millis(50),
        ..CacheLimits::default()
    };
    let fixture = Embedded::build(CacheKind::Partitioned, Grid::builder().limits(limits)).await;
    let cache = fixture.open::<u32, u32>("bounded").await;
    let mut slow = cache.listen_from(EventFilter::all(), None).await.unwrap();
    let positions = slow.positions().clone();
    for key in 0..1_000 {
        cache.insert(&key, &key).await.unwrap();
    }
    assert_eq!(next(&mut slow).await, CacheEvent::Resync, "one that is too slow");
    assert!(slow.next().now_or_never().is_none());
    cache.insert(&7, &0).await.unwrap();
    assert_eq!(entry(&mut slow).await.key, 7);
    let mut late = cache
        .listen_from(EventFilter::all(), Some(positions))
        .await
        .unwrap();
    assert_eq!(
        next(&mut late).await,
        CacheEvent::Resync,
        "one that comes too late"
    );
    drop((slow, late));
    let open = opened(&fixture.grid, "bounded").await;
    wait_until("the log to be forgotten", || {
        fixture.clock.advance_ms(10);
        open.listeners().sink_count() == 0
    })
    .await;
    assert!(!open.keeps_log() && !open.listeners().want(false).change);
}

#[tokio::test]
async fn where_nothing_is_kept_nobody_follows_and_a_view_listens() {
    let limits = CacheLimits {
        event_log_bytes_max: 0,
        ..CacheLimits::default()
    };
    let fixture = Embedded::build(CacheKind::Partitioned, Grid::builder().limits(limits)).await;
    let cache = fixture.open::<u32, u32>("nothing").await;
    let refused = cache.listen_from(EventFilter::all(), None).await;
    assert!(
        matches!(refused, Err(CacheError::Unsupported { .. })),
        "{refused:?}"
    );
    let view = cache.view(&grid_core::query::Filter::Always).await.unwrap();
    for key in 0..100 {
        cache.insert(&key, &key).await.unwrap();
        wait_until("the change in the view", || view.contains_key(&key).unwrap()).await;
    }
    assert_eq!(view.status().readings, 1, "it read nothing anew");
}

#[tokio::test]
async fn the_log_of_a_cache_goes_with_the_cache() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("goes").await;
    let open = opened(&fixture.grid, "goes").await;
    let mut events = cache.listen_from(EventFilter::all(), None).await.unwrap();
    cache.insert(&1, &1).await.unwrap();
    assert_eq!(open.listeners().sink_count(), 2, "the log, and who wants it");
    cache.destroy().await.unwrap();
    assert_eq!(entry(&mut events).await.key, 1);
    assert_eq!(next(&mut events).await, CacheEvent::Destroyed);
    assert!(bounded("the end", events.next()).await.is_none());
    drop(events);
    assert!(!open.keeps_log());
    assert_eq!(open.listeners().sink_count(), 0);
}

#[tokio::test]
async fn what_a_filter_leaves_out_counts_as_told() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, serde_json::Value>("filter").await;
    let filter = field("n").gt(10);
    let mut events = cache.listen_from(&filter, None).await.unwrap();
    let view = cache.view(&filter).await.unwrap();
    assert!(view.current_to().unwrap().covers(events.positions()));
    for n in [1, 20, 2] {
        cache.insert(&1, &serde_json::json!({ "n": n })).await.unwrap();
    }
    let entered = next(&mut events).await.entry().unwrap();
    assert_eq!(entered.new.unwrap()["n"], 20);
    let left = next(&mut events).await.entry().unwrap();
    assert_eq!(left.new.unwrap()["n"], 2);
    cache.insert(&1, &serde_json::json!({ "n": 3 })).await.unwrap();
    assert!(events.next().now_or_never().is_none());
    let left = left.number.unwrap();
    assert!(events.positions().of(left.partition) > left.place());
    current(&view, events.positions()).await;
    assert!(view.is_empty());
}

/// Waits until a view is current to these positions.
async fn current<V>(view: &View<u32, V>, positions: &EventPositions)
where
    V: serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let is_current = || view.current_to().is_some_and(|current| current.covers(positions));
    wait_until("the view to be current", is_current).await;
}

/// Follows at one member until it goes, and then at another, while all is written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_goes_on_at_another_member_when_its_own_dies() {
    let grids = three().await;
    let caches = caches(&grids, "dies").await;
    let (enough, written) = (CancellationToken::new(), watch::Sender::new(0));
    let mut events = caches[2].listen_from(EventFilter::all(), None).await.unwrap();
    let follow = async {
        let mut chain = Chain::default();
        keeps_log(&grids[0], "dies").await;
        keeps_log(&grids[1], "dies").await;
        known_at(&caches[0], &mut chain, &mut events).await;
        for _ in 0..200 {
            chain.add(&entry(&mut events).await);
        }
        let positions = events.positions().clone();
        drop(events);
        // It takes no leave.
        grids[2].shutdown().await;
        settled(&[&grids[0], &grids[1]]).await;
        more(&written, 20).await;
        let again = caches[0].listen_from(EventFilter::all(), Some(positions)).await;
        let mut events = again.unwrap();
        for _ in 0..200 {
            chain.add(&entry(&mut events).await);
        }
        enough.cancel();
        (chain, events)
    };
    let writing = write_until(&caches[..2], &enough, &written);
    let both = async { tokio::join!(follow, writing) };
    let ((mut chain, mut events), last) = bounded("all", Box::pin(both)).await;
    until(&mut chain, &mut events, &last).await;
    drop(events);
    let [first, second, _] = grids;
    end([first, second]).await;
}

/// Goes from member to member again and again, while partitions move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_from_member_to_member_while_partitions_move_is_told_of_each_change_once() {
    let grids = three().await;
    let caches = caches(&grids, "moves").await;
    let (enough, written) = (CancellationToken::new(), watch::Sender::new(0));
    let mut events = caches[0].listen_from(EventFilter::all(), None).await.unwrap();
    let follow = async {
        let mut chain = Chain::default();
        keeps_log(&grids[0], "moves").await;
        keeps_log(&grids[1], "moves").await;
        known_at(&caches[1], &mut chain, &mut events).await;
        let moved = CancellationToken::new();
        let wander = async {
            for turn in 1_usize.. {
                for _ in 0..100 {
                    chain.add(&entry(&mut events).await);
                }
                // One that stays behind would need more than is kept.
                while let Some(Some(event)) = events.next().now_or_never() {
                    chain.add(&event.unwrap().entry().unwrap());
                }
                if moved.is_cancelled() {
                    break;
                }
                let positions = Some(events.positions().clone());
                let at: &Cache<u32, u32> = &caches[turn % 2];
                events = at.listen_from(EventFilter::all(), positions).await.unwrap();
            }
            (chain, events)
        };
        let moving = async {
            let fourth = member_of_few(4, Some(&grids[0])).await;
            bounded("partitions of the fourth member", serves(&fourth)).await;
            bounded("a member leaving", grids[2].drain()).await.unwrap();
            grids[2].shutdown().await;
            settled(&[&grids[0], &grids[1], &fourth]).await;
            moved.cancel();
            fourth
        };
        let (fourth, (chain, events)) = tokio::join!(moving, wander);
        enough.cancel();
        (fourth, chain, events)
    };
    let writing = write_until(&caches[..2], &enough, &written);
    let both = async { tokio::join!(follow, writing) };
    let ((fourth, mut chain, mut events), last) = bounded("all", Box::pin(both)).await;
    until(&mut chain, &mut events, &last).await;
    drop(events);
    fourth.shutdown().await;
    let [first, second, _] = grids;
    end([first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_at_all_members_are_current_to_what_was_acknowledged() {
    let grids = three().await;
    let caches = caches(&grids, "views").await;
    let mut events = caches[0].listen_from(EventFilter::all(), None).await.unwrap();
    let mut views = Vec::new();
    for cache in &caches {
        views.push(cache.view(&grid_core::query::Filter::Always).await.unwrap());
    }
    for key in 0..200_u32 {
        caches[key as usize % 3].insert(&key, &key).await.unwrap();
    }
    for _ in 0..200 {
        entry(&mut events).await;
    }
    for view in &views {
        current(view, events.positions()).await;
        assert_eq!(view.len(), 200);
        assert!(view.is_current());
        assert_eq!(view.status().readings, 1);
    }
    drop((views, events));
    end(grids).await;
}
