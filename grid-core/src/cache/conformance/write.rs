//! Plain writing.

use std::collections::HashMap;

use super::{Fixture, NamedCache};

/// A put answers with the value that it took the place of.
pub async fn put_returns_the_value_before<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-put").await;
    assert_eq!(cache.put(&1, &"a".to_owned()).await.expect("put"), None);
    assert_eq!(
        cache.put(&1, &"b".to_owned()).await.expect("put"),
        Some("a".to_owned())
    );
    assert_eq!(
        cache.put(&1, &"b".to_owned()).await.expect("put"),
        Some("b".to_owned())
    );
    assert_eq!(cache.get(&1).await.expect("get"), Some("b".to_owned()));
}

/// An insert writes over what is there, as a put does.
pub async fn insert_writes<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-insert").await;
    cache.insert(&1, &10).await.expect("insert");
    assert_eq!(cache.get(&1).await.expect("get"), Some(10));
    cache.insert(&1, &11).await.expect("insert");
    assert_eq!(cache.get(&1).await.expect("get"), Some(11));
    assert_eq!(cache.size().await.expect("size"), 1);
}

/// Every entry of a batch is there after it, new or over an old one.
pub async fn put_all_writes_every_entry<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-put-all").await;
    cache.put_all(&HashMap::new()).await.expect("put_all of nothing");
    assert!(cache.is_empty().await.expect("is_empty"));
    cache.put(&1, &0).await.expect("put");
    let entries: HashMap<u32, u32> = (0..1_000).map(|n| (n, n + 1)).collect();
    cache.put_all(&entries).await.expect("put_all");
    assert_eq!(cache.size().await.expect("size"), 1_000);
    let keys: Vec<u32> = (0..1_000).collect();
    assert_eq!(cache.get_all(&keys).await.expect("get_all"), entries);
}

/// What was removed is returned once and gone.
pub async fn remove_returns_the_value<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-remove").await;
    cache.put(&1, &10).await.expect("put");
    cache.put(&2, &20).await.expect("put");
    assert_eq!(cache.remove(&1).await.expect("remove"), Some(10));
    assert_eq!(cache.get(&1).await.expect("get"), None);
    assert_eq!(cache.remove(&1).await.expect("remove again"), None);
    assert_eq!(cache.get(&2).await.expect("get"), Some(20));
}

/// To remove what is not there is no error.
pub async fn a_missing_key_is_removed_without_harm<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<String, u32>("conformance-remove-missing").await;
    assert_eq!(cache.remove("nothing").await.expect("remove"), None);
    assert!(
        !cache
            .remove_if_equal("nothing", &1)
            .await
            .expect("remove_if_equal")
    );
    assert!(cache.is_empty().await.expect("is_empty"));
}

/// Two handles of one name are one cache.
pub async fn two_handles_share_the_entries<F: Fixture>(fixture: &F) {
    let name = "conformance-two-handles";
    let one = fixture.open::<u32, u32>(name).await;
    let two = fixture.open::<u32, u32>(name).await;
    one.put(&1, &10).await.expect("put");
    assert_eq!(two.get(&1).await.expect("get"), Some(10));
    assert_eq!(two.put(&1, &11).await.expect("put"), Some(10));
    assert_eq!(one.clone().get(&1).await.expect("get"), Some(11));
}

/// Names that differ, in whatever way, are different caches.
pub async fn two_names_are_two_caches<F: Fixture>(fixture: &F) {
    let names = ["conformance-name", "conformance-Name", "conformance-name-é"];
    for (n, name) in (0u32..).zip(names) {
        let cache = fixture.open::<u32, u32>(name).await;
        assert!(
            cache.is_empty().await.expect("is_empty"),
            "{name} has entries of another cache"
        );
        cache.put(&1, &n).await.expect("put");
    }
    for (n, name) in (0u32..).zip(names) {
        let cache = fixture.open::<u32, u32>(name).await;
        assert_eq!(cache.get(&1).await.expect("get"), Some(n), "{name}");
    }
}
