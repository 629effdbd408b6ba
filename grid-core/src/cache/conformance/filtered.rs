//! Listeners with filters, and listeners that begin with what is there.

use serde_json::{Value, json};

use crate::event::EntryEventKind::{Delete, Insert, Update};
use crate::query::{EventFilter, EventKinds, Extractor, field};

use super::wait::{Heard, caused};
use super::{Fixture, NamedCache};

fn aged(age: u32) -> Value {
    json!({ "age": age })
}

/// An entry is told while the filter selects it before or after the change.
pub async fn a_filter_selects_events<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-filtered").await;
    let adults = field("age").ge(18);
    let mut heard = Heard::new(fixture, cache.listen_where(&adults).await.expect("listen_where"));
    for age in [10, 17, 18, 19, 5, 6] {
        cache.insert(&1, &aged(age)).await.expect("insert");
    }
    cache.remove(&1).await.expect("remove");
    cache.insert(&2, &aged(30)).await.expect("insert");
    cache.remove(&2).await.expect("remove");
    for expected in [
        caused(Update, 1, Some(aged(17)), Some(aged(18))),
        caused(Update, 1, Some(aged(18)), Some(aged(19))),
        caused(Update, 1, Some(aged(19)), Some(aged(5))),
        caused(Insert, 2, None, Some(aged(30))),
        caused(Delete, 2, Some(aged(30)), None),
    ] {
        assert_eq!(heard.entry("what concerns adults").await, expected);
    }
}

/// Updates are told that change something of the value, and no other events.
pub async fn changes_of_a_property_are_told<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-filtered-changes").await;
    let changes = EventFilter::of_changes(Extractor::path("age"));
    let events = cache.listen_where(changes).await.expect("listen_where");
    let mut heard = Heard::new(fixture, events);
    let named = |age: u32, name: &str| json!({ "age": age, "name": name });
    for (age, name) in [(1, "a"), (1, "b"), (2, "b"), (2, "c")] {
        cache.insert(&1, &named(age, name)).await.expect("insert");
    }
    cache.remove(&1).await.expect("remove");
    cache.insert(&2, &aged(1)).await.expect("insert");
    cache.insert(&2, &aged(5)).await.expect("insert");
    for expected in [
        caused(Update, 1, Some(named(1, "b")), Some(named(2, "b"))),
        caused(Update, 2, Some(aged(1)), Some(aged(5))),
    ] {
        assert_eq!(heard.entry("a change of the age").await, expected);
    }
}

/// Kinds of events are told apart: entered, left, within, and the plain ones.
pub async fn kinds_of_events_are_told_apart<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-filtered-kinds").await;
    let adults = EventFilter::new(field("age").ge(18));
    let mut heard = Vec::new();
    for kinds in [
        EventKinds::ENTERED,
        EventKinds::LEFT,
        EventKinds::WITHIN,
        EventKinds::INSERTED,
        EventKinds::DELETED,
    ] {
        let events = cache
            .listen_where(adults.clone().of_kinds(kinds))
            .await
            .expect("listen_where");
        heard.push(Heard::new(fixture, events));
    }
    let all = EventFilter::all().of_kinds(EventKinds::DELETED);
    heard.push(Heard::new(
        fixture,
        cache.listen_where(all).await.expect("listen_where"),
    ));
    for age in [10, 20, 21, 9] {
        cache.insert(&1, &aged(age)).await.expect("insert");
    }
    cache.remove(&1).await.expect("remove");
    cache.insert(&2, &aged(50)).await.expect("insert");
    cache.remove(&2).await.expect("remove");
    let expected = [
        vec![caused(Update, 1, Some(aged(10)), Some(aged(20)))],
        vec![caused(Update, 1, Some(aged(21)), Some(aged(9)))],
        vec![caused(Update, 1, Some(aged(20)), Some(aged(21)))],
        vec![caused(Insert, 2, None, Some(aged(50)))],
        vec![caused(Delete, 2, Some(aged(50)), None)],
        vec![
            caused(Delete, 1, Some(aged(9)), None),
            caused(Delete, 2, Some(aged(50)), None),
        ],
    ];
    for (heard, expected) in heard.iter_mut().zip(expected) {
        for expected in expected {
            assert_eq!(heard.entry("the kind that is listened to").await, expected);
        }
    }
}

/// Without values the filter is asked all the same; beside others that want values, too.
pub async fn a_filter_looks_at_values_that_are_not_told<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-filtered-lite").await;
    let adults = field("age").ge(18);
    let mut lite = Heard::new(
        fixture,
        cache.listen_where_lite(&adults).await.expect("listen_where_lite"),
    );
    for round in 0..2 {
        let full = if round == 1 {
            Some(cache.listen_where(&adults).await.expect("listen_where"))
        } else {
            None
        };
        for age in [10, 20] {
            cache.insert(&1, &aged(age)).await.expect("insert");
        }
        cache.remove(&1).await.expect("remove");
        for kind in [Update, Delete] {
            assert_eq!(lite.entry("a lite event").await, caused(kind, 1, None, None));
        }
        if let Some(full) = full {
            let mut full = Heard::new(fixture, full);
            assert_eq!(
                full.entry("an update").await,
                caused(Update, 1, Some(aged(10)), Some(aged(20)))
            );
        }
    }
}

/// Listeners with filters, for keys and for everything hear each what they asked for.
pub async fn listeners_of_all_sorts_stand_side_by_side<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-filtered-beside").await;
    let mut all = Heard::new(fixture, cache.listen().await.expect("listen"));
    let mut one = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    let mut old = Heard::new(
        fixture,
        cache
            .listen_where(field("age").ge(60))
            .await
            .expect("listen_where"),
    );
    let mut young = Heard::new(
        fixture,
        cache
            .listen_where(field("age").lt(60))
            .await
            .expect("listen_where"),
    );
    let dropped = cache
        .listen_where(field("age").lt(70))
        .await
        .expect("listen_where");
    for (key, age) in [(1, 30), (2, 80), (3, 40)] {
        cache.insert(&key, &aged(age)).await.expect("insert");
    }
    drop(dropped);
    cache.insert(&1, &aged(90)).await.expect("insert");
    let inserted = |key, age| caused(Insert, key, None, Some(aged(age)));
    let last = caused(Update, 1, Some(aged(30)), Some(aged(90)));
    for expected in [inserted(1, 30), inserted(2, 80), inserted(3, 40), last.clone()] {
        assert_eq!(all.entry("everything").await, expected);
    }
    for expected in [inserted(1, 30), last.clone()] {
        assert_eq!(one.entry("the key").await, expected);
    }
    for expected in [inserted(2, 80), last.clone()] {
        assert_eq!(old.entry("the old").await, expected);
    }
    for expected in [inserted(1, 30), inserted(3, 40), last] {
        assert_eq!(young.entry("the young").await, expected);
    }
}

/// An entry that the filter cannot be evaluated on is not selected: it leaves.
pub async fn what_cannot_be_evaluated_leaves<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-filtered-error").await;
    let mut heard = Heard::new(
        fixture,
        cache
            .listen_where(field("age").ge(18))
            .await
            .expect("listen_where"),
    );
    let bad = json!({"age": "old"});
    cache.insert(&1, &aged(20)).await.expect("insert");
    cache.insert(&1, &bad).await.expect("insert");
    cache.insert(&1, &aged(21)).await.expect("insert");
    for expected in [
        caused(Insert, 1, None, Some(aged(20))),
        caused(Update, 1, Some(aged(20)), Some(bad.clone())),
        caused(Update, 1, Some(bad), Some(aged(21))),
    ] {
        assert_eq!(heard.entry("an entry that was or is selected").await, expected);
    }
}

/// A listener that is primed begins with what is there, and goes on with what changes.
pub async fn a_primed_listener_begins_with_what_is_there<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-primed").await;
    cache.insert(&1, &10).await.expect("insert");
    let mut there = Heard::new(
        fixture,
        cache.listen_key_primed(&1).await.expect("listen_key_primed"),
    );
    let mut absent = Heard::new(
        fixture,
        cache.listen_key_primed(&2).await.expect("listen_key_primed"),
    );
    let event = there.entry("the value that is there").await;
    assert_eq!((event.kind, event.new, event.synthetic), (Insert, Some(10), true));
    let event = absent.entry("that there is none").await;
    assert_eq!((event.kind, event.new, event.synthetic), (Delete, None, true));
    cache.insert(&1, &11).await.expect("insert");
    cache.insert(&2, &20).await.expect("insert");
    assert_eq!(
        there.entry("the update").await,
        caused(Update, 1, Some(10), Some(11))
    );
    assert_eq!(
        absent.entry("the insert").await,
        caused(Insert, 2, None, Some(20))
    );
}
