//! Keys, values and entries as streams.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt, TryStreamExt};

use super::{Fixture, NamedCache};

/// More than any page holds.
const ENTRIES: u32 = 10_000;

async fn fill<C: NamedCache<u32, u32>>(cache: &C) {
    let entries: Vec<(u32, u32)> = (0..ENTRIES).map(|n| (n, n * 2)).collect();
    for batch in entries.chunks(1_000) {
        cache
            .put_all(batch.iter().map(|(key, value)| (key, value)))
            .await
            .expect("put_all");
    }
}

/// Nothing comes of nothing.
pub async fn keys_values_and_entries_of_an_empty_cache<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-paging-empty").await;
    assert_eq!(
        cache.keys().try_collect::<Vec<_>>().await.expect("keys"),
        [0_u32; 0]
    );
    assert_eq!(
        cache.values().try_collect::<Vec<_>>().await.expect("values"),
        [0_u32; 0]
    );
    assert_eq!(
        cache.entries().try_collect::<Vec<_>>().await.expect("entries"),
        []
    );
}

/// Every key of many pages, once.
pub async fn keys_come_once<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-paging-keys").await;
    fill(&cache).await;
    let mut keys: Vec<u32> = cache.keys().try_collect().await.expect("keys");
    keys.sort_unstable();
    assert!(
        keys.iter().copied().eq(0..ENTRIES),
        "{} keys, or not each of them once",
        keys.len()
    );
}

/// The value of every entry, once.
pub async fn values_come_once<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-paging-values").await;
    fill(&cache).await;
    let mut values: Vec<u32> = cache.values().try_collect().await.expect("values");
    values.sort_unstable();
    assert!(
        values.iter().copied().eq((0..ENTRIES).map(|n| n * 2)),
        "{} values, or not each once",
        values.len()
    );
}

/// Every entry with its own value, once.
pub async fn entries_come_once<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-paging-entries").await;
    fill(&cache).await;
    let mut entries: Vec<(u32, u32)> = cache.entries().try_collect().await.expect("entries");
    entries.sort_unstable();
    assert!(
        entries.iter().copied().eq((0..ENTRIES).map(|n| (n, n * 2))),
        "{} entries, or not each",
        entries.len()
    );
}

/// Pages are limited in bytes too, and an entry that is large for a page comes all the same.
pub async fn large_entries_come_once<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-paging-large").await;
    let value = |n: u32| format!("{n:09}").repeat(40_000);
    for n in 0..20 {
        cache.insert(&n, &value(n)).await.expect("insert");
    }
    let entries: Vec<(u32, String)> = cache.entries().try_collect().await.expect("entries");
    assert_eq!(entries.len(), 20);
    let entries: HashMap<u32, String> = entries.into_iter().collect();
    for n in 0..20 {
        assert!(
            entries.get(&n) == Some(&value(n)),
            "the entry {n} is missing or has another value"
        );
    }
}

/// While others come and go, an entry that stays comes exactly once, and none comes twice that does not return.
pub async fn a_stable_entry_comes_once_under_change<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-paging-change").await;
    fill(&cache).await;
    let mut seen = HashMap::new();
    let mut keys = cache.keys();
    let mut step = 0;
    while let Some(key) = keys.next().await {
        *seen.entry(key.expect("keys")).or_insert(0u32) += 1;
        step += 1;
        if step % 100 == 0 {
            // From the top entries go, beyond the end others come, and one that stays changes its value.
            let gone: u32 = ENTRIES - 1 - step / 2;
            cache.remove(&gone).await.expect("remove");
            cache.insert(&(ENTRIES + step), &0).await.expect("insert");
            cache.insert(&(step % 5_000), &1).await.expect("insert");
        }
    }
    let removed: HashSet<u32> = (1..=step / 100).map(|n| ENTRIES - 1 - n * 50).collect();
    for key in (0..ENTRIES).filter(|key| !removed.contains(key)) {
        assert_eq!(seen.get(&key), Some(&1), "how often the stable key {key} came");
    }
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        twice.is_empty(),
        "keys that came or went at most once came more than once: {twice:?}"
    );
}

/// A stream that is dropped half-read leaves nothing behind that disturbs the next.
pub async fn a_stream_can_be_left_early<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-paging-left").await;
    fill(&cache).await;
    for _ in 0..3 {
        let some: Vec<_> = cache.keys().take(10).try_collect().await.expect("keys");
        assert_eq!(some.len(), 10);
    }
    assert_eq!(cache.keys().count().await, 10_000);
}
