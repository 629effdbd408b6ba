//! The end of caches and of handles.

use crate::cache::{Applied, CacheError};
use crate::event::CacheEvent;

use super::wait::Heard;
use super::{Fixture, NamedCache};

fn assert_destroyed<T>(result: Result<T, CacheError>) {
    match result {
        Ok(_) => panic!("a handle from before the end of its cache still works"),
        Err(CacheError::Destroyed { .. }) => {}
        Err(other) => panic!("{other:?} instead of the error that the cache was destroyed"),
    }
}

fn assert_released<T>(result: Result<T, CacheError>) {
    match result {
        Ok(_) => panic!("a released handle still works"),
        Err(error @ CacheError::Released { .. }) => assert_eq!(error.applied(), Applied::No),
        Err(other) => panic!("{other:?} instead of the error that the handle was released"),
    }
}

/// Listeners hear of the end as the last thing, and every handle from before is told of it.
pub async fn destroy_ends_streams_and_handles<F: Fixture>(fixture: &F) {
    let name = "conformance-destroy";
    let cache = fixture.open::<u32, u32>(name).await;
    let second = fixture.open::<u32, u32>(name).await;
    cache.put(&1, &1).await.expect("put");
    let mut of_all = Heard::new(fixture, cache.listen().await.expect("listen"));
    let mut of_key = Heard::new(fixture, second.listen_key(&1).await.expect("listen_key"));
    cache.destroy().await.expect("destroy");
    for heard in [&mut of_all, &mut of_key] {
        assert_eq!(heard.event("the end of the cache").await, CacheEvent::Destroyed);
        heard.end().await;
    }
    for handle in [&cache, &second, &cache.clone()] {
        assert_destroyed(handle.get(&1).await);
        assert_destroyed(handle.put(&1, &1).await);
        assert_destroyed(handle.size().await);
        assert_destroyed(handle.listen().await);
    }
}

/// The name is free again, for a cache without entries that old handles don't reach.
pub async fn a_destroyed_cache_opens_again_empty<F: Fixture>(fixture: &F) {
    let name = "conformance-destroy-reopen";
    let old = fixture.open::<u32, u32>(name).await;
    old.put(&1, &1).await.expect("put");
    let mut heard = Heard::new(fixture, old.listen().await.expect("listen"));
    old.destroy().await.expect("destroy");
    assert_eq!(heard.event("the end of the cache").await, CacheEvent::Destroyed);
    let new = fixture.open::<u32, u32>(name).await;
    assert!(new.is_empty().await.expect("is_empty"));
    assert_eq!(new.put(&1, &2).await.expect("put"), None);
    assert_destroyed(old.put(&1, &3).await);
    assert_destroyed(old.clear().await);
    assert_eq!(new.get(&1).await.expect("get"), Some(2));
}

/// The handle and its clones end; the entries and other handles stay.
pub async fn release_ends_the_handle_alone<F: Fixture>(fixture: &F) {
    let name = "conformance-release";
    let cache = fixture.open::<u32, u32>(name).await;
    let other = fixture.open::<u32, u32>(name).await;
    cache.put(&1, &1).await.expect("put");
    let clone = cache.clone();
    cache.release().await.expect("release");
    assert_released(cache.get(&1).await);
    assert_released(clone.put(&1, &2).await);
    assert_released(clone.listen().await);
    assert_eq!(other.get(&1).await.expect("get"), Some(1));
    let again = fixture.open::<u32, u32>(name).await;
    assert_eq!(again.get(&1).await.expect("get"), Some(1));
}

/// A handle knows its cache's name.
pub async fn the_name_is_the_one_opened<F: Fixture>(fixture: &F) {
    let name = "conformance-the-name";
    let cache = fixture.open::<u32, u32>(name).await;
    // A fixture may put something before the name, to keep one run apart from the next.
    assert!(cache.name().ends_with(name), "{:?}", cache.name());
}
