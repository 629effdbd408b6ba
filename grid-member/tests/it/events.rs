//! Listeners as the member keeps them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use futures::StreamExt;
use futures::executor::block_on;
use grid_core::cache::conformance::Fixture;
use grid_core::cache::{CacheError, CacheName, NamedCache};
use grid_core::event::{CacheEvent, EntryEventKind};
use grid_member::Grid;
use grid_member::cache::{CacheKind, CacheLimits};

use crate::fixture::{Embedded, bounded};

#[tokio::test]
async fn a_dropped_stream_leaves_nothing_behind() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("dropped").await;
    let hub = fixture
        .grid
        .open("", &CacheName::new("dropped").unwrap())
        .await
        .unwrap()
        .listeners()
        .clone();
    let streams = (
        cache.listen().await.unwrap(),
        cache.listen_lite().await.unwrap(),
        cache.listen_key(&1).await.unwrap(),
        cache.listen_key_lite(&1).await.unwrap(),
    );
    assert_eq!(hub.sink_count(), 4);
    let want = hub.want(false);
    assert!(want.change && want.old_value && want.new_value, "{want:?}");
    cache.put(&1, &1).await.unwrap();
    let (all, lite, key, key_lite) = streams;
    drop((all, key));
    let want = hub.want(false);
    assert!(
        want.change && !want.old_value && !want.new_value,
        "nobody wants values any more: {want:?}"
    );
    drop((lite, key_lite));
    assert_eq!(hub.sink_count(), 0);
    assert!(!hub.want(false).change, "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_key_chain_under_many_writers() {
    const WRITERS: u32 = 4;
    const WRITES: u32 = 2_000;
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    let cache = fixture.open::<u32, u32>("chain").await;
    let mut events = cache.listen().await.unwrap();
    let threads: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let cache = cache.clone();
            thread::spawn(move || {
                for n in 0..WRITES {
                    let (key, value) = (n % 5, writer * WRITES + n);
                    if n % 7 == 6 {
                        block_on(cache.remove(&key)).unwrap();
                    } else {
                        block_on(cache.insert(&key, &value)).unwrap();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    cache.insert(&99, &0).await.unwrap();
    let mut last: HashMap<u32, u32> = HashMap::new();
    loop {
        let event = bounded("an event", events.next())
            .await
            .unwrap()
            .unwrap()
            .entry()
            .unwrap();
        if event.key == 99 {
            break;
        }
        let before = last.get(&event.key).copied();
        assert_eq!(event.old, before, "an event is out of order: {event:?}");
        let kind = match (before, event.new) {
            (None, Some(_)) => EntryEventKind::Insert,
            (Some(_), Some(_)) => EntryEventKind::Update,
            _ => EntryEventKind::Delete,
        };
        assert_eq!(event.kind, kind);
        match event.new {
            Some(new) => last.insert(event.key, new),
            None => last.remove(&event.key),
        };
    }
    for key in 0..5 {
        assert_eq!(
            cache.get(&key).await.unwrap(),
            last.get(&key).copied(),
            "the events lead to the value"
        );
    }
}

/// A reader that listens and then reads knows everything: what it does not read, it hears of, and with values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listen_then_read_never_misses() {
    // The writer never waits for the reader, which must not be told to start anew here.
    let limits = CacheLimits {
        event_queue_len_max: 10_000_000,
        event_queue_bytes_max: 2_000_000_000,
        ..CacheLimits::default()
    };
    let builder = Grid::builder().limits(limits);
    let fixture = Embedded::build(CacheKind::Partitioned, builder).await;
    let cache = fixture.open::<u32, u32>("listen-then-read").await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (cache, stop) = (cache.clone(), stop.clone());
        thread::spawn(move || {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                block_on(cache.insert(&1, &n)).unwrap();
            }
            n
        })
    };
    for round in 0..500 {
        // In every other round somebody wants events without values, so that the writers' interest changes twice.
        let lite = if round % 2 == 0 {
            Some(cache.listen_lite().await.unwrap())
        } else {
            None
        };
        let mut events = cache.listen_key(&1).await.unwrap();
        let read = cache.get(&1).await.unwrap().unwrap_or(0);
        drop(lite);
        let mut known = None;
        // What was read follows from the events, and the next event follows what was read.
        while known.is_none_or(|known| known <= read) {
            let event = bounded("the next change", events.next())
                .await
                .unwrap()
                .unwrap()
                .entry()
                .unwrap();
            let (old, new) = (
                event.old.unwrap_or(0),
                event.new.expect("a listener that wants values gets them"),
            );
            assert_eq!(old + 1, new, "the writer counts in steps of one");
            assert!(
                known.map_or(old <= read, |known| known == old),
                "missed {known:?} or {read} to {old}"
            );
            known = Some(new);
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.join().unwrap() > 0);
}

/// Whoever starts to listen while the cache is destroyed is refused or told, and never left waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_races_the_end_is_told() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    for _ in 0..300 {
        let cache = fixture.open::<u32, u32>("race").await;
        let both = Arc::new(Barrier::new(2));
        let end = {
            let (cache, both) = (cache.clone(), both.clone());
            thread::spawn(move || {
                both.wait();
                block_on(cache.destroy()).unwrap();
            })
        };
        both.wait();
        match cache.listen().await {
            Ok(mut events) => {
                let first = bounded("the end of the cache", events.next()).await;
                assert!(matches!(first, Some(Ok(CacheEvent::Destroyed))), "{first:?}");
                assert!(bounded("the end of the stream", events.next()).await.is_none());
            }
            Err(CacheError::Destroyed { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
        end.join().unwrap();
    }
}
