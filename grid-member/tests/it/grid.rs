//! The member itself: rules, names, time, and its end.

use std::num::NonZeroU64;
use std::time::Duration;

use futures::StreamExt;
use grid_core::cache::conformance::Fixture;
use grid_core::cache::{CacheError, CacheName, NamedCache};
use grid_core::event::{CacheEvent, EntryEventKind};
use grid_member::cache::{CacheKind, CacheRule, ReadFrom};
use grid_member::{BuildError, Grid};

use crate::fixture::{Embedded, bounded, fill};

#[tokio::test]
async fn an_entry_is_not_seen_from_its_deadline_on() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("deadline").await;
    cache
        .put_with_ttl(&1, &10, Duration::from_millis(500))
        .await
        .unwrap();
    fixture.clock.advance_ms(499);
    assert_eq!(cache.get(&1).await.unwrap(), Some(10));
    fixture.clock.advance_ms(1);
    // The task that sweeps cannot run here: one thread, and nothing was awaited that was not ready.
    assert_eq!(cache.get(&1).await.unwrap(), None);
    assert!(!cache.contains_key(&1).await.unwrap());
    assert_eq!(cache.size().await.unwrap(), 0);
    assert!(cache.is_empty().await.unwrap());
    assert_eq!(cache.keys().count().await, 0);
    let mut events = cache.listen().await.unwrap();
    assert_eq!(cache.put_if_absent(&1, &11).await.unwrap(), None);
    let mut next = async || events.next().await.unwrap().unwrap().entry().unwrap();
    let gone = bounded("the expiry", next()).await;
    assert!(
        gone.expired && gone.synthetic && gone.kind == EntryEventKind::Delete,
        "{gone:?}"
    );
    let put = bounded("the insert", next()).await;
    assert_eq!(
        (put.kind, put.old, put.new),
        (EntryEventKind::Insert, None, Some(11))
    );
}

#[tokio::test]
async fn a_rule_gives_kind_and_default_time_to_live() {
    let rule = |pattern: &str, kind, ttl_ms| CacheRule {
        pattern: pattern.to_owned(),
        kind,
        ttl_ms: NonZeroU64::new(ttl_ms),
        backups: None,
        read_from: ReadFrom::Primary,
    };
    let builder = Grid::builder()
        .cache_rule(rule("session-*", CacheKind::Local, 2_000))
        .cache_rule(rule("price", CacheKind::Partitioned, 1_000));
    let fixture = Embedded::build(CacheKind::Partitioned, builder).await;
    let sessions = fixture.open::<u32, u32>("session-1").await;
    let prices = fixture.open::<u32, u32>("price").await;
    let plain = fixture.open::<u32, u32>("orders").await;
    for cache in [&sessions, &prices, &plain] {
        cache.put(&1, &1).await.unwrap();
        cache
            .put_with_ttl(&2, &2, Duration::from_secs(3_600))
            .await
            .unwrap();
    }
    let kinds: Vec<_> = fixture
        .grid
        .caches()
        .into_iter()
        .map(|info| (info.name, info.kind))
        .collect();
    let expected = [
        ("orders".to_owned(), CacheKind::Partitioned),
        ("price".to_owned(), CacheKind::Partitioned),
        ("session-1".to_owned(), CacheKind::Local),
    ];
    assert_eq!(kinds, expected);
    fixture.clock.advance_ms(1_000);
    assert_eq!(prices.get(&1).await.unwrap(), None);
    assert_eq!(sessions.get(&1).await.unwrap(), Some(1));
    fixture.clock.advance_ms(1_000);
    assert_eq!(sessions.get(&1).await.unwrap(), None);
    assert_eq!(plain.get(&1).await.unwrap(), Some(1));
    for cache in [&sessions, &prices, &plain] {
        assert_eq!(
            cache.get(&2).await.unwrap(),
            Some(2),
            "a time to live of its own is no default"
        );
    }
}

#[tokio::test]
async fn figures_count_what_was_done() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("figures").await;
    fill(&cache, 10).await;
    cache.get(&1).await.unwrap();
    cache.get_all(&[2, 3, 99]).await.unwrap();
    cache.remove(&0).await.unwrap();
    cache.remove(&99).await.unwrap();
    let info = fixture.grid.caches().remove(0);
    assert_eq!(
        (info.entries, info.bytes),
        (9, 18),
        "nine keys and values of one digit each"
    );
    assert_eq!((info.hits, info.misses, info.puts, info.removes), (3, 1, 10, 1));
}

#[tokio::test]
async fn scopes_keep_caches_apart() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let name = CacheName::new("scoped").unwrap();
    let one = fixture.grid.open("one", &name).await.unwrap();
    let two = fixture.grid.open("two", &name).await.unwrap();
    assert_ne!(one.id(), two.id());
    fixture.grid.destroy(&one).await.unwrap();
    assert!(one.is_destroyed() && !two.is_destroyed());
    assert!(matches!(
        fixture.grid.destroy(&one).await,
        Err(CacheError::Destroyed { .. })
    ));
    let names: Vec<_> = fixture.grid.caches().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["two:scoped"]);
}

#[tokio::test]
async fn shutdown_ends_the_tasks_and_opens_nothing_more() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    fixture.open::<u32, u32>("before").await;
    bounded("the end of the tasks", fixture.grid.shutdown()).await;
    assert!(fixture.grid.supervisor().token().is_cancelled());
    let after = fixture.grid.cache::<u32, u32>("after").await;
    assert!(matches!(after, Err(CacheError::ShuttingDown)), "{after:?}");
    bounded("a second shutdown", fixture.grid.shutdown()).await;
}

#[tokio::test]
async fn a_handle_keeps_expiry_going_without_the_grid() {
    let Embedded { grid, clock, .. } = Embedded::of(CacheKind::Partitioned).await;
    let cache = grid.cache::<u32, u32>("alone").await.unwrap();
    drop(grid);
    let mut events = cache.listen().await.unwrap();
    cache
        .insert_with_ttl(&1, &1, Duration::from_secs(1))
        .await
        .unwrap();
    bounded("the insert", events.next()).await;
    clock.advance_ms(2_000);
    match bounded("the expiry", events.next()).await {
        Some(Ok(CacheEvent::Entry(event))) => assert!(event.expired, "{event:?}"),
        other => panic!("{other:?} instead of the expiry"),
    }
}

#[tokio::test]
async fn names_are_checked() {
    let empty = Grid::builder().member_name("").build().await;
    assert!(
        matches!(
            empty,
            Err(BuildError::Name {
                what: "member",
                len: 0
            })
        ),
        "{empty:?}"
    );
    let long = Grid::builder().cluster_name(&"x".repeat(256)).build().await;
    assert!(
        matches!(
            long,
            Err(BuildError::Name {
                what: "cluster",
                len: 256
            })
        ),
        "{long:?}"
    );
    let grid = Grid::builder()
        .cluster_name("c")
        .member_name("m")
        .build()
        .await
        .unwrap();
    assert_eq!(
        (grid.cluster_name(), grid.member_name(), grid.partition_count()),
        ("c", "m", 257)
    );
    let none = grid.cache::<u32, u32>("").await;
    assert!(matches!(none, Err(CacheError::Name(_))), "{none:?}");
    let none = grid.local_cache::<u32, u32>("a\nb");
    assert!(matches!(none, Err(CacheError::Name(_))), "{none:?}");
}

#[test]
fn a_member_needs_a_runtime() {
    let build = Grid::builder().build();
    let result = futures::FutureExt::now_or_never(build).unwrap();
    assert!(matches!(result, Err(BuildError::NoRuntime)), "{result:?}");
}
