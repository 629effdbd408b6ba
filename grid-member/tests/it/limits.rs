//! What happens at the limits.

use futures::{FutureExt, StreamExt};
use grid_core::cache::conformance::Fixture;
use grid_core::cache::{Applied, CacheError, NamedCache};
use grid_core::event::CacheEvent;
use grid_member::Grid;
use grid_member::cache::{CacheKind, CacheLimits};

use crate::fixture::{Embedded, fill};

async fn limited(limits: CacheLimits) -> Embedded {
    Embedded::build(CacheKind::Partitioned, Grid::builder().limits(limits)).await
}

#[tokio::test]
async fn caches_over_the_limit_are_refused() {
    let fixture = limited(CacheLimits {
        caches_max: 2,
        ..CacheLimits::default()
    })
    .await;
    let first = fixture.open::<u32, u32>("first").await;
    fixture.open::<u32, u32>("second").await;
    let third = fixture.grid.cache::<u32, u32>("third").await.unwrap_err();
    assert!(matches!(third, CacheError::Overloaded { .. }), "{third:?}");
    assert_eq!((third.applied(), third.is_transient()), (Applied::No, true));
    fixture.open::<u32, u32>("second").await;
    first.destroy().await.unwrap();
    fixture.open::<u32, u32>("third").await;
}

/// Everything that is queued, without waiting for more.
fn queued<S: StreamExt + Unpin>(events: &mut S) -> Vec<S::Item> {
    std::iter::from_fn(|| events.next().now_or_never().flatten()).collect()
}

#[tokio::test]
async fn a_slow_listener_is_told_that_it_lost_events() {
    let fixture = limited(CacheLimits {
        event_queue_len_max: 100,
        ..CacheLimits::default()
    })
    .await;
    let cache = fixture.open::<u32, u32>("slow").await;
    let (mut slow, mut quick) = (cache.listen().await.unwrap(), cache.listen().await.unwrap());
    let mut heard = 0;
    for n in 0..1_050 {
        cache.insert(&n, &n).await.unwrap();
        heard += queued(&mut quick).len();
    }
    assert_eq!(
        heard, 1_050,
        "a listener that keeps up loses nothing through one that does not"
    );
    let events: Vec<_> = queued(&mut slow).into_iter().map(Result::unwrap).collect();
    assert!(events.len() <= 100, "{} events were queued", events.len());
    assert_eq!(events[0], CacheEvent::Resync);
    // After the gap nothing is missing up to the last change.
    let keys: Vec<u32> = events
        .into_iter()
        .skip(1)
        .map(|event| event.entry().unwrap().key)
        .collect();
    assert!(
        keys.last() == Some(&1_049) && keys.windows(2).all(|two| two[0] + 1 == two[1]),
        "{keys:?}"
    );
    cache.insert(&7, &8).await.unwrap();
    let events = queued(&mut slow);
    assert!(
        matches!(&events[..], [Ok(CacheEvent::Entry(event))] if event.key == 7),
        "{events:?}"
    );
}

#[tokio::test]
async fn large_events_are_limited_by_their_bytes() {
    let limits = CacheLimits {
        event_queue_bytes_max: 1 << 20,
        ..CacheLimits::default()
    };
    let fixture = limited(limits).await;
    let cache = fixture.open::<u32, String>("slow-bytes").await;
    let mut events = cache.listen().await.unwrap();
    let value = "x".repeat(100_000);
    for n in 0..100 {
        cache.insert(&n, &value).await.unwrap();
    }
    let events: Vec<_> = queued(&mut events).into_iter().map(Result::unwrap).collect();
    assert_eq!(events[0], CacheEvent::Resync);
    let bytes: usize = events
        .into_iter()
        .filter_map(CacheEvent::entry)
        .map(|e| e.new.unwrap().len())
        .sum();
    assert!(bytes <= 1 << 20, "{bytes} bytes of values were queued");
}

#[tokio::test]
async fn the_end_of_a_cache_is_told_to_a_listener_that_is_too_slow() {
    let fixture = limited(CacheLimits {
        event_queue_len_max: 5,
        ..CacheLimits::default()
    })
    .await;
    let cache = fixture.open::<u32, u32>("slow-end").await;
    let mut events = cache.listen().await.unwrap();
    fill(&cache, 5).await;
    cache.destroy().await.unwrap();
    let rest: Vec<_> = queued(&mut events).into_iter().map(Result::unwrap).collect();
    assert_eq!(rest, [CacheEvent::Resync, CacheEvent::Destroyed]);
    assert!(events.next().now_or_never().unwrap().is_none(), "the stream ends");
}
