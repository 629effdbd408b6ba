//! What must hold while several threads write.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use futures::StreamExt;
use futures::executor::block_on;
use grid_core::cache::conformance::Fixture;
use grid_core::cache::{Cache, CacheError, NamedCache};
use grid_core::event::{CacheEvent, EntryEventKind};
use grid_member::cache::CacheKind;

use crate::fixture::{Embedded, bounded, fill};

const KEYS: u32 = 50;
/// How much each thread writes: all of it together fits into a listener's queue.
const WRITES: u32 = 10_000;

/// Threads that write until they have written enough or the cache is destroyed; each gives the number of its writes.
fn writers(cache: &Cache<u32, u32>) -> Vec<JoinHandle<u32>> {
    let writer = |n: u32| {
        let cache = cache.clone();
        move || {
            let mut count = 0;
            while count < WRITES {
                match block_on(cache.insert(&((n + count) % KEYS), &count)) {
                    Ok(()) => count += 1,
                    Err(CacheError::Destroyed { .. }) => break,
                    Err(other) => panic!("{other:?}"),
                }
            }
            count
        }
    };
    (0..3).map(|n| thread::spawn(writer(n * 17))).collect()
}

/// A listener that applies events to a map has the cache's contents at every truncation and in the end: no event of
/// a change before the truncation comes after it, and none of a later one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncation_is_one_point_in_the_order_of_events() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("truncate").await;
    let mut events = cache.listen().await.unwrap();
    let threads = writers(&cache);
    let mut contents: HashMap<u32, u32> = HashMap::new();
    let mut marked = false;
    let mut truncations = 0;
    while threads.iter().any(|thread| !thread.is_finished()) {
        cache.truncate().await.unwrap();
        truncations += 1;
        apply(
            bounded("an event", events.next()).await.unwrap().unwrap(),
            &mut contents,
            &mut marked,
        );
    }
    assert!(
        truncations > 1,
        "the writers were done before anything was truncated"
    );
    for thread in threads {
        assert_eq!(thread.join().unwrap(), WRITES);
    }
    cache.insert(&KEYS, &0).await.unwrap();
    while !marked {
        apply(
            bounded("an event", events.next()).await.unwrap().unwrap(),
            &mut contents,
            &mut marked,
        );
    }
    let keys: Vec<u32> = (0..KEYS).collect();
    assert_eq!(cache.get_all(&keys).await.unwrap(), contents);
}

/// Applies an event, and checks that it follows from those before. The key `KEYS` marks the end.
fn apply(event: CacheEvent<u32, u32>, contents: &mut HashMap<u32, u32>, marked: &mut bool) {
    match event {
        CacheEvent::Truncated => contents.clear(),
        CacheEvent::Entry(event) if event.key == KEYS => *marked = true,
        CacheEvent::Entry(event) => {
            let before = contents.insert(event.key, event.new.expect("nothing is removed"));
            assert_eq!(
                event.old, before,
                "{event:?} does not follow the events before it"
            );
            let kind = if before.is_some() {
                EntryEventKind::Update
            } else {
                EntryEventKind::Insert
            };
            assert_eq!(event.kind, kind);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_after_the_end() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    for _ in 0..20 {
        let old = fixture.open::<u32, u32>("destroy").await;
        let mut events = old.listen().await.unwrap();
        let threads = writers(&old);
        bounded("the first write", events.next()).await.unwrap().unwrap();
        old.destroy().await.unwrap();
        let new = fixture.open::<u32, u32>("destroy").await;
        let mut told = 1;
        loop {
            match bounded("the end", events.next()).await {
                Some(Ok(CacheEvent::Entry(_))) => told += 1,
                Some(Ok(CacheEvent::Destroyed)) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(bounded("the end of the stream", events.next()).await.is_none());
        let written: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(
            told, written,
            "each write that was acknowledged was told before the end, and no other"
        );
        assert_eq!(
            new.size().await.unwrap(),
            0,
            "a write to the old cache is in the new one"
        );
        let info = fixture.grid.caches().remove(0);
        assert_eq!((info.entries, info.bytes), (0, 0));
        new.destroy().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paging_shows_what_stays_while_threads_change_the_rest() {
    const STABLE: u32 = 5_000;
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("paging").await;
    fill(&cache, STABLE).await;
    let stop = Arc::new(AtomicBool::new(false));
    let churn: Vec<_> = (1..=2)
        .map(|n| {
            let (cache, stop) = (cache.clone(), stop.clone());
            thread::spawn(move || {
                let mut step: u32 = 0;
                while !stop.load(Ordering::Relaxed) {
                    let volatile = n * 1_000_000 + step % 3_000;
                    block_on(cache.insert(&volatile, &step)).unwrap();
                    block_on(cache.insert(&(step % STABLE), &step)).unwrap();
                    block_on(cache.remove(&(volatile - volatile % 7))).unwrap();
                    step += 1;
                }
            })
        })
        .collect();
    for _ in 0..10 {
        let mut seen = HashSet::new();
        let mut entries = cache.entries();
        while let Some(entry) = entries.next().await {
            let (key, _) = entry.unwrap();
            assert!(
                key >= STABLE || seen.insert(key),
                "the stable key {key} came twice"
            );
        }
        assert_eq!(seen.len(), STABLE as usize, "stable keys are missing");
    }
    stop.store(true, Ordering::Relaxed);
    for thread in churn {
        thread.join().unwrap();
    }
}
