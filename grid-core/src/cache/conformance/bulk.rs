//! Counting, and dropping everything.

use std::collections::{HashMap, HashSet};

use crate::event::{CacheEvent, EntryEventKind};

use super::wait::{Heard, caused};
use super::{Fixture, NamedCache};

fn entries(len: u32) -> HashMap<u32, u32> {
    (0..len).map(|n| (n, n + 1)).collect()
}

/// The size follows every change at once.
pub async fn size_counts_entries<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-size").await;
    assert!(cache.is_empty().await.expect("is_empty"));
    assert_eq!(cache.size().await.expect("size"), 0);
    cache.put_all(&entries(500)).await.expect("put_all");
    assert_eq!(cache.size().await.expect("size"), 500);
    assert!(!cache.is_empty().await.expect("is_empty"));
    cache.put(&0, &0).await.expect("put over an entry");
    assert_eq!(cache.size().await.expect("size"), 500);
    for key in 0..499 {
        cache.remove(&key).await.expect("remove");
    }
    assert_eq!(cache.size().await.expect("size"), 1);
    assert!(!cache.is_empty().await.expect("is_empty"));
    cache.remove(&499).await.expect("remove");
    assert_eq!(cache.size().await.expect("size"), 0);
    assert!(cache.is_empty().await.expect("is_empty"));
}

/// A clear removes every entry, and each removal is told with its old value, once.
pub async fn clear_tells_each_entry<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-clear").await;
    let other = fixture.open::<u32, u32>("conformance-clear-other").await;
    other.put(&1, &1).await.expect("put");
    cache.put_all(&entries(1_500)).await.expect("put_all");
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    cache.clear().await.expect("clear");
    assert!(cache.is_empty().await.expect("is_empty"));
    let mut gone = HashSet::new();
    while gone.len() < 1_500 {
        let event = heard.entry("a delete for each entry").await;
        assert_eq!(
            event,
            caused(EntryEventKind::Delete, event.key, Some(event.key + 1), None)
        );
        assert!(gone.insert(event.key), "the key {} was told twice", event.key);
    }
    cache.put(&9_999, &1).await.expect("put");
    assert_eq!(heard.entry("the put after the clear").await.key, 9_999);
    assert_eq!(
        other.get(&1).await.expect("get"),
        Some(1),
        "another cache was cleared too"
    );
}

/// A clear of nothing tells nothing.
pub async fn clear_of_an_empty_cache<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-clear-empty").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    cache.clear().await.expect("clear");
    cache.put(&1, &1).await.expect("put");
    assert_eq!(
        heard.entry("the put").await,
        caused(EntryEventKind::Insert, 1, None, Some(1))
    );
}

/// A truncation drops every entry with one event, for every listener.
pub async fn truncate_tells_once<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-truncate").await;
    let other = fixture.open::<u32, u32>("conformance-truncate-other").await;
    other.put(&1, &1).await.expect("put");
    cache.put_all(&entries(500)).await.expect("put_all");
    let mut of_all = Heard::new(fixture, cache.listen().await.expect("listen"));
    let mut of_key = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    cache.truncate().await.expect("truncate");
    assert_eq!(cache.size().await.expect("size"), 0);
    assert_eq!(cache.get(&1).await.expect("get"), None);
    cache.put(&1, &7).await.expect("put");
    for heard in [&mut of_all, &mut of_key] {
        assert_eq!(heard.event("the truncation").await, CacheEvent::Truncated);
        assert_eq!(
            heard.entry("the put").await,
            caused(EntryEventKind::Insert, 1, None, Some(7))
        );
    }
    assert_eq!(
        other.get(&1).await.expect("get"),
        Some(1),
        "another cache was truncated too"
    );
}

/// After a truncation, even of nothing, handles and listeners go on.
pub async fn the_cache_goes_on_after_truncate<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-truncate-on").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    for round in 0..3 {
        cache.truncate().await.expect("truncate");
        assert_eq!(heard.event("the truncation").await, CacheEvent::Truncated);
        assert_eq!(cache.put(&1, &round).await.expect("put"), None);
        assert_eq!(
            heard.entry("the insert").await,
            caused(EntryEventKind::Insert, 1, None, Some(round))
        );
        assert_eq!(cache.size().await.expect("size"), 1);
    }
}
