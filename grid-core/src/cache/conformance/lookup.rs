//! Reading without a change.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Fixture, NamedCache};

/// A key finds its value, and no other.
pub async fn get_finds_what_was_put<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-get").await;
    assert_eq!(cache.get(&1).await.expect("get"), None);
    cache.put(&1, &"one".to_owned()).await.expect("put");
    assert_eq!(cache.get(&1).await.expect("get"), Some("one".to_owned()));
    assert_eq!(cache.get(&2).await.expect("get"), None);
}

/// Missing keys are left out, and a key that is asked for twice is there once.
pub async fn get_all_leaves_out_the_missing<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<String, u32>("conformance-get-all").await;
    let nothing: [&str; 0] = [];
    assert_eq!(
        cache.get_all(nothing).await.expect("get_all of nothing"),
        HashMap::new()
    );
    cache.put(&"a".to_owned(), &1).await.expect("put");
    cache.put(&"b".to_owned(), &2).await.expect("put");
    let found = cache.get_all(["a", "missing", "b", "a"]).await.expect("get_all");
    assert_eq!(found, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
    assert_eq!(cache.get_all(["missing"]).await.expect("get_all"), HashMap::new());
}

/// Several thousand keys in one request, half of them missing.
pub async fn get_all_of_many_keys<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-get-all-many").await;
    let entries: HashMap<u32, u32> = (0..3_000).map(|n| (n, n * 3)).collect();
    cache.put_all(&entries).await.expect("put_all");
    let keys: Vec<u32> = (0..6_000).collect();
    assert_eq!(cache.get_all(&keys).await.expect("get_all"), entries);
}

/// The default is returned, and not put.
pub async fn get_or_does_not_write<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-get-or").await;
    assert_eq!(cache.get_or(&1, 7).await.expect("get_or"), 7);
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    cache.put(&1, &8).await.expect("put");
    assert_eq!(cache.get_or(&1, 7).await.expect("get_or"), 8);
}

/// A key is present from its put to its removal.
pub async fn contains_key_tells_presence<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-contains-key").await;
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    cache.put(&1, &1).await.expect("put");
    assert!(cache.contains_key(&1).await.expect("contains_key"));
    assert!(!cache.contains_key(&2).await.expect("contains_key"));
    cache.remove(&1).await.expect("remove");
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
}

#[derive(Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Serialize, Deserialize)]
struct Turned {
    y: i32,
    x: i32,
}

/// A value is found by what it means: the order of its fields does not count, every other difference does.
pub async fn contains_value_compares_by_meaning<F: Fixture>(fixture: &F) {
    let name = "conformance-contains-value";
    let cache = fixture.open::<u32, Point>(name).await;
    assert!(
        !cache
            .contains_value(&Point { x: 1, y: 2 })
            .await
            .expect("contains_value")
    );
    cache.insert(&1, &Point { x: 1, y: 2 }).await.expect("insert");
    cache.insert(&2, &Point { x: 3, y: 4 }).await.expect("insert");
    assert!(
        cache
            .contains_value(&Point { x: 3, y: 4 })
            .await
            .expect("contains_value")
    );
    assert!(
        !cache
            .contains_value(&Point { x: 4, y: 3 })
            .await
            .expect("contains_value")
    );
    let turned = fixture.open::<u32, Turned>(name).await;
    assert!(
        turned
            .contains_value(&Turned { x: 1, y: 2 })
            .await
            .expect("contains_value")
    );
    assert!(
        !turned
            .contains_value(&Turned { x: 2, y: 1 })
            .await
            .expect("contains_value")
    );
}

/// `&str` is as good a key as the `String` that it was put with, in every operation that takes a borrowed key.
pub async fn a_borrowed_key_finds_its_entry<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<String, u32>("conformance-borrowed-key").await;
    cache.put(&"key".to_owned(), &1).await.expect("put");
    assert_eq!(cache.get("key").await.expect("get"), Some(1));
    assert!(cache.contains_key("key").await.expect("contains_key"));
    assert_eq!(cache.get_or("key", 9).await.expect("get_or"), 1);
    assert!(!cache.remove_if_equal("key", &2).await.expect("remove_if_equal"));
    assert_eq!(cache.remove("key").await.expect("remove"), Some(1));
}
