//! Listeners.

use std::collections::{HashMap, HashSet};

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::event::EntryEventKind::{Delete, Insert, Update};

use super::wait::{Heard, caused};
use super::{Fixture, NamedCache};

/// Every way to write is told with its kind, and the values before and after.
pub async fn events_tell_what_happened<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-events").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    cache.put(&1, &10).await.expect("put");
    cache.put(&1, &10).await.expect("put of an equal value");
    cache.insert(&1, &11).await.expect("insert");
    cache.replace(&1, &12).await.expect("replace");
    cache
        .replace_if_equal(&1, &12, &13)
        .await
        .expect("replace_if_equal");
    cache.compute(&1, |n| n.map(|n| n + 1)).await.expect("compute");
    cache.remove(&1).await.expect("remove");
    cache.put_if_absent(&1, &20).await.expect("put_if_absent");
    cache.remove_if_equal(&1, &20).await.expect("remove_if_equal");
    let expected = [
        caused(Insert, 1, None, Some(10)),
        caused(Update, 1, Some(10), Some(10)),
        caused(Update, 1, Some(10), Some(11)),
        caused(Update, 1, Some(11), Some(12)),
        caused(Update, 1, Some(12), Some(13)),
        caused(Update, 1, Some(13), Some(14)),
        caused(Delete, 1, Some(14), None),
        caused(Insert, 1, None, Some(20)),
        caused(Delete, 1, Some(20), None),
    ];
    for expected in expected {
        assert_eq!(heard.entry("each of the changes").await, expected);
    }
}

/// The events of a key come in the order of its changes, also when several tasks write: each event's old value is the
/// new one of the event before.
pub async fn events_come_in_order<F: Fixture>(fixture: &F) {
    const WRITES: u32 = 100;
    let cache = fixture.open::<u32, u32>("conformance-event-order").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    let writers = (0..4).map(|writer| {
        let cache = cache.clone();
        fixture.spawn(async move {
            for n in 0..WRITES {
                cache
                    .insert(&(n % 3), &(writer * WRITES + n))
                    .await
                    .expect("insert");
            }
        })
    });
    join_all(writers).await;
    let mut last: HashMap<u32, u32> = HashMap::new();
    let mut by_writer = [0; 4];
    for _ in 0..4 * WRITES {
        let event = heard.entry("an event for each write").await;
        let new = event.new.expect("a write has a new value");
        let before = last.insert(event.key, new);
        assert_eq!(
            event.old, before,
            "an event of the key {} is out of order",
            event.key
        );
        assert_eq!(event.kind, if before.is_some() { Update } else { Insert });
        by_writer[usize::try_from(new / WRITES).expect("a small number")] += 1;
    }
    assert_eq!(by_writer, [WRITES; 4], "the events of each writer");
    for key in 0..3 {
        assert_eq!(
            cache.get(&key).await.expect("get"),
            last.get(&key).copied(),
            "the last event is the value"
        );
    }
}

/// Changes of other keys are not told.
pub async fn a_key_listener_hears_of_its_key_alone<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<String, u32>("conformance-key-listener").await;
    let mut heard = Heard::new(fixture, cache.listen_key("mine").await.expect("listen_key"));
    let (mine, other) = ("mine".to_owned(), "other".to_owned());
    for n in 0..3 {
        cache.put(&other, &n).await.expect("put");
        cache.put(&mine, &n).await.expect("put");
        cache.remove(&other).await.expect("remove");
    }
    cache.clear().await.expect("clear");
    assert_eq!(
        heard.entry("the insert").await,
        caused(Insert, mine.clone(), None, Some(0))
    );
    assert_eq!(
        heard.entry("an update").await,
        caused(Update, mine.clone(), Some(0), Some(1))
    );
    assert_eq!(
        heard.entry("an update").await,
        caused(Update, mine.clone(), Some(1), Some(2))
    );
    assert_eq!(
        heard.entry("the delete").await,
        caused(Delete, mine, Some(2), None)
    );
}

/// A key need not be present to be listened to, and stays listened to after it was removed.
pub async fn a_key_listener_hears_of_an_absent_key<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-key-listener-absent").await;
    let mut heard = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    assert!(
        !cache.contains_key(&1).await.expect("contains_key"),
        "listening made an entry"
    );
    for n in 0..3 {
        cache.put(&1, &n).await.expect("put");
        assert_eq!(heard.entry("the insert").await, caused(Insert, 1, None, Some(n)));
        cache.remove(&1).await.expect("remove");
        assert_eq!(heard.entry("the delete").await, caused(Delete, 1, Some(n), None));
    }
}

/// Lite listeners are told of the same changes without the values, also beside listeners that get them.
pub async fn lite_events_have_no_values<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-lite").await;
    let mut lite = Heard::new(fixture, cache.listen_lite().await.expect("listen_lite"));
    let mut key_lite = Heard::new(fixture, cache.listen_key_lite(&1).await.expect("listen_key_lite"));
    for round in 0..2 {
        // In the second round someone else wants values.
        let full = if round == 1 {
            Some(cache.listen().await.expect("listen"))
        } else {
            None
        };
        cache.put(&1, &1).await.expect("put");
        cache.put(&1, &2).await.expect("put");
        cache.remove(&1).await.expect("remove");
        for kind in [Insert, Update, Delete] {
            assert_eq!(lite.entry("a lite event").await, caused(kind, 1, None, None));
            assert_eq!(
                key_lite.entry("a lite event of the key").await,
                caused(kind, 1, None, None)
            );
        }
        if let Some(full) = full {
            let mut full = Heard::new(fixture, full);
            assert_eq!(full.entry("the insert").await, caused(Insert, 1, None, Some(1)));
            assert_eq!(
                full.entry("the update").await,
                caused(Update, 1, Some(1), Some(2))
            );
        }
    }
}

/// Any number of listeners, of one handle or of several, hear each change.
pub async fn several_listeners_hear_the_same<F: Fixture>(fixture: &F) {
    let name = "conformance-several-listeners";
    let cache = fixture.open::<u32, u32>(name).await;
    let other = fixture.open::<u32, u32>(name).await;
    let mut listeners = vec![
        Heard::new(fixture, cache.listen().await.expect("listen")),
        Heard::new(fixture, cache.listen().await.expect("listen")),
        Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key")),
        Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key")),
        Heard::new(fixture, other.listen().await.expect("listen")),
        Heard::new(fixture, other.listen_key(&1).await.expect("listen_key")),
    ];
    cache.put(&1, &1).await.expect("put");
    other.put(&1, &2).await.expect("put");
    for heard in &mut listeners {
        assert_eq!(heard.entry("the insert").await, caused(Insert, 1, None, Some(1)));
        assert_eq!(
            heard.entry("the update").await,
            caused(Update, 1, Some(1), Some(2))
        );
    }
}

/// Dropping a listener ends it alone, whatever it listened to; the same can be listened to again.
pub async fn a_dropped_listener_leaves_the_others<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-dropped-listener").await;
    let mut of_all = Heard::new(fixture, cache.listen().await.expect("listen"));
    let mut of_key = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    for n in 0..3 {
        let dropped_all = cache.listen().await.expect("listen");
        let dropped_key = cache.listen_key(&1).await.expect("listen_key");
        let dropped_lite = cache.listen_key_lite(&1).await.expect("listen_key_lite");
        drop((dropped_all, dropped_key, dropped_lite));
        cache.put(&1, &n).await.expect("put");
        assert_eq!(
            of_all.entry("an event for the listener that stays").await.new,
            Some(n)
        );
        assert_eq!(
            of_key.entry("an event for the key listener that stays").await.new,
            Some(n)
        );
    }
    drop((of_all, of_key));
    cache.put(&1, &3).await.expect("put that nobody hears of");
    let mut again = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    cache.put(&1, &4).await.expect("put");
    assert_eq!(
        again.entry("the event after listening again").await,
        caused(Update, 1, Some(3), Some(4))
    );
}

/// Reads, and writes whose condition fails, are no events.
pub async fn what_changes_nothing_is_not_told<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-no-event").await;
    cache.put(&1, &1).await.expect("put");
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    cache.get(&1).await.expect("get");
    cache.get_or(&2, 1).await.expect("get_or");
    cache.remove(&2).await.expect("remove");
    cache.replace(&2, &2).await.expect("replace");
    cache.put_if_absent(&1, &2).await.expect("put_if_absent");
    cache
        .replace_if_equal(&1, &9, &2)
        .await
        .expect("replace_if_equal");
    cache.remove_if_equal(&1, &9).await.expect("remove_if_equal");
    cache.compute(&2, |_| None).await.expect("compute");
    cache.put(&3, &3).await.expect("put");
    assert_eq!(
        heard.entry("the one change").await,
        caused(Insert, 3, None, Some(3))
    );
}

/// It does not matter which handle changed the entry.
pub async fn a_listener_hears_other_handles<F: Fixture>(fixture: &F) {
    let name = "conformance-other-handle";
    let listener = fixture.open::<u32, u32>(name).await;
    let mut heard = Heard::new(fixture, listener.listen().await.expect("listen"));
    let writer = fixture.open::<u32, u32>(name).await;
    writer.put(&1, &1).await.expect("put");
    assert_eq!(heard.entry("the insert").await, caused(Insert, 1, None, Some(1)));
}

/// The entries of a batch are told each by itself.
pub async fn bulk_writes_are_told_one_by_one<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-bulk-events").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    let entries: HashMap<u32, u32> = (0..2_000).map(|n| (n, n * 3)).collect();
    cache.put_all(&entries).await.expect("put_all");
    let mut told = HashSet::new();
    for _ in 0..entries.len() {
        let event = heard.entry("an insert for each entry").await;
        assert_eq!(event, caused(Insert, event.key, None, Some(event.key * 3)));
        assert!(told.insert(event.key), "the key {} was told twice", event.key);
    }
}

/// When `listen` is ready, the next change is heard, every time.
pub async fn every_change_after_listen_is_heard<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-listen-then-write").await;
    for n in 0..50 {
        let mut of_all = Heard::new(fixture, cache.listen().await.expect("listen"));
        let mut of_key = Heard::new(fixture, cache.listen_key(&n).await.expect("listen_key"));
        cache.put(&n, &n).await.expect("put");
        assert_eq!(of_all.entry("the put").await, caused(Insert, n, None, Some(n)));
        assert_eq!(of_key.entry("the put").await, caused(Insert, n, None, Some(n)));
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct LineKey {
    order: u32,
    line: u32,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct TurnedKey {
    line: u32,
    order: u32,
}

/// A key listener hears of its key however the writer spelled it.
pub async fn keys_are_told_in_any_spelling<F: Fixture>(fixture: &F) {
    let name = "conformance-key-spelling";
    let cache = fixture.open::<LineKey, u32>(name).await;
    let turned = fixture.open::<TurnedKey, u32>(name).await;
    let key = LineKey { order: 1, line: 2 };
    let mut heard = Heard::new(fixture, cache.listen_key(&key).await.expect("listen_key"));
    turned
        .put(&TurnedKey { line: 1, order: 2 }, &0)
        .await
        .expect("put of another key");
    turned
        .put(&TurnedKey { line: 2, order: 1 }, &7)
        .await
        .expect("put");
    assert_eq!(
        heard.entry("the insert").await,
        caused(Insert, key, None, Some(7))
    );
}
