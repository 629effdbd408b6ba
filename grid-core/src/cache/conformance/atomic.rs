//! Changes that depend on the present value.

use futures::future::join_all;

use super::{Fixture, NamedCache};

const TASKS: u32 = 8;
const INCREMENTS: u32 = 50;

/// What the function makes of the value is the value; `None` removes it or leaves it away.
pub async fn compute_inserts_updates_and_removes<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-compute").await;
    let computed = cache
        .compute(&1, |before| {
            assert_eq!(before, None);
            None
        })
        .await;
    assert_eq!(computed.expect("compute"), None);
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    let computed = cache
        .compute(&1, |before| {
            assert_eq!(before, None);
            Some(10)
        })
        .await;
    assert_eq!(computed.expect("compute"), Some(10));
    let computed = cache.compute(&1, |before| before.map(|n| n + 1)).await;
    assert_eq!(computed.expect("compute"), Some(11));
    assert_eq!(cache.get(&1).await.expect("get"), Some(11));
    assert_eq!(cache.compute(&1, |_| None).await.expect("compute"), None);
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
}

/// Increments of one entry by several tasks all count.
pub async fn compute_loses_no_increment<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<String, u32>("conformance-compute-race").await;
    let tasks = (0..TASKS).map(|_| {
        let cache = cache.clone();
        fixture.spawn(async move {
            for _ in 0..INCREMENTS {
                let next = |n: Option<u32>| Some(n.unwrap_or(0) + 1);
                cache.compute(&"counter".to_owned(), next).await.expect("compute");
            }
        })
    });
    join_all(tasks).await;
    assert_eq!(cache.get("counter").await.expect("get"), Some(TASKS * INCREMENTS));
}

/// Without a value the given one is put; with one both are joined; `None` removes.
pub async fn merge_inserts_joins_and_removes<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-merge").await;
    let join = |present: String, value: &String| Some(present + value);
    let (a, b) = ("a".to_owned(), "b".to_owned());
    assert_eq!(cache.merge(&1, &a, join).await.expect("merge"), Some(a));
    assert_eq!(
        cache.merge(&1, &b, join).await.expect("merge"),
        Some("ab".to_owned())
    );
    assert_eq!(cache.get(&1).await.expect("get"), Some("ab".to_owned()));
    assert_eq!(cache.merge(&1, &b, |_, _| None).await.expect("merge"), None);
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
}

/// Sums that several tasks make of one entry, which they also remove now and then, leave nothing out.
pub async fn merge_loses_no_increment<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-merge-race").await;
    let tasks = (0..TASKS).map(|_| {
        let cache = cache.clone();
        fixture.spawn(async move {
            let mut taken = 0;
            for n in 0..INCREMENTS {
                cache
                    .merge(&1, &1, |present, more| Some(present + more))
                    .await
                    .expect("merge");
                if n % 10 == 9 {
                    taken += cache.remove(&1).await.expect("remove").unwrap_or(0);
                }
            }
            taken
        })
    });
    let taken: u32 = join_all(tasks).await.into_iter().sum();
    let left = cache.get(&1).await.expect("get").unwrap_or(0);
    assert_eq!(taken + left, TASKS * INCREMENTS);
}
