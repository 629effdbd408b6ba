//! Listeners that are told what a transformer makes of the values.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::cache::Events;
use crate::event::CacheEvent;
use crate::event::EntryEventKind::{Delete, Insert, Update};
use crate::query::{EventFilter, EventTransformer, Extractor, field};

use super::wait::{EVENT_BOUND, Heard, caused, within};
use super::{Fixture, NamedCache};

fn aged(age: u32) -> Value {
    json!({ "age": age, "name": "Ada" })
}

/// Ages, of the values before and after.
fn ages() -> EventTransformer {
    let age = Some(Extractor::path("age"));
    EventTransformer::Extract {
        old: age.clone(),
        new: age,
    }
}

/// Beside a listener whose events are transformed, those for everything and for the key hear of each change once, with the
/// values as they are.
pub async fn a_transformer_is_heard_by_its_listener_alone<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-transformed-beside").await;
    let mut all = Heard::new(fixture, cache.listen().await.expect("listen"));
    let mut one = Heard::new(fixture, cache.listen_key(&1).await.expect("listen_key"));
    let filter = EventFilter::all().transformed(ages());
    let events: Events<u32, u32> = cache.listen_where_as(filter).await.expect("listen_where_as");
    let mut of_ages = Heard::new(fixture, events);
    cache.insert(&1, &aged(20)).await.expect("insert");
    cache.insert(&1, &aged(21)).await.expect("insert");
    cache.remove(&1).await.expect("remove");
    for heard in [&mut all, &mut one] {
        for expected in [
            caused(Insert, 1, None, Some(aged(20))),
            caused(Update, 1, Some(aged(20)), Some(aged(21))),
            caused(Delete, 1, Some(aged(21)), None),
        ] {
            assert_eq!(heard.entry("the values as they are").await, expected);
        }
    }
    for expected in [
        caused(Insert, 1, None, Some(20)),
        caused(Update, 1, Some(20), Some(21)),
        caused(Delete, 1, Some(21), None),
    ] {
        assert_eq!(of_ages.entry("what is taken from the values").await, expected);
    }
}

/// What is told may have another type than the values, and be of what a filter selects alone.
pub async fn values_of_another_type_are_told<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-transformed-type").await;
    let filter = EventFilter::new(field("age").ge(18)).transformed(ages());
    let events: Events<u32, u32> = cache.listen_where_as(filter).await.expect("listen_where_as");
    let mut heard = Heard::new(fixture, events);
    for age in [10, 20, 30, 11, 12] {
        cache.insert(&1, &aged(age)).await.expect("insert");
    }
    for expected in [
        caused(Update, 1, Some(10), Some(20)),
        caused(Update, 1, Some(20), Some(30)),
        caused(Update, 1, Some(30), Some(11)),
    ] {
        assert_eq!(heard.entry("what the filter selects").await, expected);
    }
}

/// A value that the transformer has no extractor for is none, and so is one of which nothing is taken.
pub async fn a_value_that_is_left_out_is_none<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Value>("conformance-transformed-none").await;
    let of_new = EventTransformer::Extract {
        old: None,
        new: Some(Extractor::path("age")),
    };
    let filter = EventFilter::all().transformed(of_new);
    let events: Events<u32, u32> = cache.listen_where_as(filter).await.expect("listen_where_as");
    let mut heard = Heard::new(fixture, events);
    let nameless = json!({ "name": "Ada" });
    for value in [&aged(20), &aged(21), &nameless] {
        cache.insert(&1, value).await.expect("insert");
    }
    for expected in [
        caused(Insert, 1, None, Some(20)),
        caused(Update, 1, None, Some(21)),
        caused(Update, 1, None, None),
    ] {
        assert_eq!(heard.entry("the new age").await, expected);
    }
}

/// The new value alone, and what is taken from values, come with numbers too.
pub async fn what_is_transformed_is_numbered<F: Fixture>(fixture: &F) {
    let cache = fixture
        .open::<u32, Value>("conformance-transformed-numbered")
        .await;
    let new_alone = EventFilter::all().transformed(EventTransformer::SemiLite);
    let mut plain = Heard::new(
        fixture,
        cache.listen_where(&new_alone).await.expect("listen_where"),
    );
    let mut numbered = cache.listen_from(&new_alone, None).await.expect("listen_from");
    let filter = EventFilter::all().transformed(ages());
    let mut of_ages = cache
        .listen_from_as::<u32>(filter, None)
        .await
        .expect("listen_from_as");
    for age in [20, 21] {
        cache.insert(&1, &aged(age)).await.expect("insert");
    }
    cache.remove(&1).await.expect("remove");
    let expected = [
        (Insert, Some(aged(20)), None, Some(20)),
        (Update, Some(aged(21)), Some(20), Some(21)),
        (Delete, None, Some(21), None),
    ];
    for (kind, new, old_age, new_age) in expected {
        let heard = plain.entry("the new value").await;
        assert_eq!(heard, caused(kind, 1, None, new.clone()));
        let next = within(fixture, EVENT_BOUND, "a numbered event", numbered.next()).await;
        let Some(Ok(CacheEvent::Entry(event))) = next else {
            panic!("{next:?} instead of a numbered event")
        };
        assert!(event.number.is_some());
        assert_eq!((event.kind, event.old, event.new), (kind, None, new));
        let next = within(fixture, EVENT_BOUND, "a numbered event", of_ages.next()).await;
        let Some(Ok(CacheEvent::Entry(event))) = next else {
            panic!("{next:?} instead of a numbered event")
        };
        assert_eq!((event.kind, event.old, event.new), (kind, old_age, new_age));
    }
}
