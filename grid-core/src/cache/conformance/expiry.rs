//! Times to live.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::cache::{Applied, CacheError};
use crate::event::EntryEventKind;

use super::wait::{Heard, caused, expired};
use super::{Fixture, NamedCache};

/// Over a network, where time passes by itself, a case waits this long.
const SHORT: Duration = Duration::from_millis(500);
/// Longer than any run of the suite.
const LONG: Duration = Duration::from_secs(3_600);

/// When its time is over an entry is told of without anyone asking, and no operation finds it.
pub async fn an_expired_entry_is_gone_and_told_on_its_own<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-ttl").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    let value = || "brief".to_owned();
    assert_eq!(
        cache
            .put_with_ttl(&1, &value(), SHORT)
            .await
            .expect("put_with_ttl"),
        None
    );
    let insert = caused(EntryEventKind::Insert, 1, None, Some(value()));
    assert_eq!(heard.entry("the insert").await, insert);
    fixture.pass_time(SHORT).await;
    assert_eq!(heard.entry("the expiry").await, expired(1, Some(value())));
    assert_eq!(cache.get(&1).await.expect("get"), None);
    assert_eq!(cache.get_all(&[1]).await.expect("get_all"), HashMap::new());
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    assert!(!cache.contains_value(&value()).await.expect("contains_value"));
    assert_eq!(cache.size().await.expect("size"), 0);
    assert!(cache.is_empty().await.expect("is_empty"));
    assert_eq!(cache.remove(&1).await.expect("remove"), None);
    assert_eq!(cache.replace(&1, &value()).await.expect("replace"), None);
    assert!(
        !cache
            .replace_if_equal(&1, &value(), &value())
            .await
            .expect("replace_if_equal")
    );
}

/// An insert's time to live counts as a put's does.
pub async fn insert_with_ttl_expires<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-insert-ttl").await;
    let mut heard = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    cache
        .insert_with_ttl(&1, &10, SHORT)
        .await
        .expect("insert_with_ttl");
    assert_eq!(
        heard.entry("the insert").await,
        caused(EntryEventKind::Insert, 1, None, Some(10))
    );
    fixture.pass_time(SHORT).await;
    assert_eq!(heard.entry("the expiry").await, expired(1, Some(10)));
    assert_eq!(cache.get(&1).await.expect("get"), None);
}

/// Every entry of a batch expires.
pub async fn put_all_with_ttl_expires<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-put-all-ttl").await;
    cache.put(&1_000, &0).await.expect("put");
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    let entries: HashMap<u32, u32> = (0..100).map(|n| (n, n * 2)).collect();
    cache
        .put_all_with_ttl(&entries, SHORT)
        .await
        .expect("put_all_with_ttl");
    fixture.pass_time(SHORT).await;
    let mut gone = HashSet::new();
    while gone.len() < entries.len() {
        let event = heard.entry("the insert or the expiry of each entry").await;
        if event.kind == EntryEventKind::Delete {
            assert_eq!(event, expired(event.key, Some(event.key * 2)));
            assert!(gone.insert(event.key), "the key {} expired twice", event.key);
        }
    }
    assert_eq!(cache.size().await.expect("size"), 1);
    assert_eq!(cache.get(&1_000).await.expect("get"), Some(0));
}

/// Any put without a time to live makes the entry stay.
pub async fn a_put_without_ttl_resets_it<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-ttl-reset").await;
    for key in 1..=3 {
        cache.put_with_ttl(&key, &key, LONG).await.expect("put_with_ttl");
    }
    // The times to live that must be forgotten are as short as the one that is waited for.
    for key in 1..=3 {
        cache.put_with_ttl(&key, &key, SHORT).await.expect("put_with_ttl");
        match key {
            1 => cache.put(&key, &10).await.map(|_old| ()).expect("put"),
            2 => cache.insert(&key, &20).await.expect("insert"),
            _ => cache.put_all(&HashMap::from([(key, 30)])).await.expect("put_all"),
        }
    }
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    cache.put_with_ttl(&9, &9, SHORT).await.expect("put_with_ttl");
    assert_eq!(heard.entry("the insert").await.key, 9);
    fixture.pass_time(SHORT).await;
    assert_eq!(heard.entry("the expiry").await, expired(9, Some(9)));
    let left = cache.get_all(&[1, 2, 3]).await.expect("get_all");
    assert_eq!(left, HashMap::from([(1, 10), (2, 20), (3, 30)]));
}

/// A second put's time to live holds, be it longer or shorter.
pub async fn a_later_ttl_replaces_an_earlier_one<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-ttl-again").await;
    cache.put_with_ttl(&1, &10, SHORT).await.expect("put_with_ttl");
    cache.put_with_ttl(&1, &11, LONG).await.expect("put_with_ttl");
    cache.put_with_ttl(&2, &20, LONG).await.expect("put_with_ttl");
    let mut heard = Heard::new(fixture, cache.listen_key(&2).await.expect("listen_key"));
    cache.put_with_ttl(&2, &21, SHORT).await.expect("put_with_ttl");
    assert_eq!(
        heard.entry("the update").await,
        caused(EntryEventKind::Update, 2, Some(20), Some(21))
    );
    fixture.pass_time(SHORT).await;
    assert_eq!(heard.entry("the expiry").await, expired(2, Some(21)));
    assert_eq!(cache.get(&1).await.expect("get"), Some(11));
}

/// A time to live of nothing has no meaning: it is refused, and nothing is written.
pub async fn a_ttl_below_a_millisecond_is_refused<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-ttl-zero").await;
    for ttl in [Duration::ZERO, Duration::from_micros(999)] {
        let put = cache.put_with_ttl(&1, &1, ttl).await.map(|_old| ());
        let insert = cache.insert_with_ttl(&1, &1, ttl).await;
        let put_all = cache.put_all_with_ttl(&HashMap::from([(1, 1)]), ttl).await;
        for result in [put, insert, put_all] {
            let error = result.expect_err("a time to live below a millisecond is refused");
            assert!(matches!(error, CacheError::Invalid { .. }), "{error:?}");
            assert_eq!(error.applied(), Applied::No);
        }
    }
    assert!(cache.is_empty().await.expect("is_empty"));
}

/// An entry that has time left is as present as any.
pub async fn a_long_ttl_does_not_hide_the_entry<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-ttl-long").await;
    cache.put_with_ttl(&1, &10, LONG).await.expect("put_with_ttl");
    fixture.pass_time(SHORT).await;
    assert_eq!(cache.get(&1).await.expect("get"), Some(10));
    assert_eq!(cache.size().await.expect("size"), 1);
    assert!(cache.contains_value(&10).await.expect("contains_value"));
    assert_eq!(
        cache.put_if_absent(&1, &11).await.expect("put_if_absent"),
        Some(10)
    );
}

/// After an entry expired, its key is absent for every condition, and its next value is an insert.
pub async fn an_expired_key_is_free_again<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-ttl-free").await;
    let mut heard = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    cache.put_with_ttl(&1, &10, SHORT).await.expect("put_with_ttl");
    assert_eq!(heard.entry("the insert").await.new, Some(10));
    fixture.pass_time(SHORT).await;
    assert_eq!(heard.entry("the expiry").await, expired(1, Some(10)));
    assert_eq!(cache.put_if_absent(&1, &11).await.expect("put_if_absent"), None);
    assert_eq!(
        heard.entry("the second insert").await,
        caused(EntryEventKind::Insert, 1, None, Some(11))
    );
}
