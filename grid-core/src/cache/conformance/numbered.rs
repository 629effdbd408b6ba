//! Changes with numbers.

use std::fmt::Debug;

use futures::StreamExt;

use crate::cache::{FollowedEvents, View};
use crate::event::{CacheEvent, EntryEvent, EventPositions};
use crate::query::{EventFilter, Filter, field};

use super::queries::{Person, fill, people};
use super::wait::{EVENT_BOUND, within};
use super::{Fixture, Item, NamedCache};

async fn event<F: Fixture, K: Item + Debug, V: Item + Debug>(
    fixture: &F,
    events: &mut FollowedEvents<K, V>,
) -> CacheEvent<K, V> {
    let next = within(fixture, EVENT_BOUND, "a numbered event", events.next()).await;
    next.expect("the events go on").expect("no error")
}

async fn entry<F: Fixture, K: Item + Debug, V: Item + Debug>(
    fixture: &F,
    events: &mut FollowedEvents<K, V>,
) -> EntryEvent<K, V> {
    match event(fixture, events).await {
        CacheEvent::Entry(event) => event,
        other => panic!("{other:?} instead of a numbered event"),
    }
}

/// A listener that stops and comes back with its positions is told of every change after them once.
pub async fn who_comes_back_is_told_what_it_missed<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-numbered").await;
    cache.insert(&1, &1).await.expect("insert");
    let mut events = cache
        .listen_from(EventFilter::all(), None)
        .await
        .expect("listen_from");
    for round in 2..6 {
        cache.insert(&1, &round).await.expect("insert");
        let heard = entry(fixture, &mut events).await;
        assert_eq!((heard.old, heard.new), (Some(round - 1), Some(round)));
        let number = heard.number.expect("it has a number");
        assert!(!events.positions().is_before(number), "it was told");
        let kept = events.positions().to_bytes();
        drop(events);
        for key in 10..40 {
            cache.insert(&key, &round).await.expect("insert");
        }
        cache.remove(&10).await.expect("remove");
        let positions = EventPositions::from_bytes(&kept).expect("positions");
        events = cache
            .listen_from(EventFilter::all(), Some(positions))
            .await
            .expect("listen_from");
        let mut keys = Vec::new();
        for _ in 0..31 {
            let missed = entry(fixture, &mut events).await;
            assert!(events.positions().of(missed.number.expect("a number").partition) > Default::default());
            keys.push(missed.key);
        }
        keys.sort_unstable();
        let expected: Vec<u32> = [10].into_iter().chain(10..40).collect();
        assert_eq!(keys, expected);
    }
    cache.truncate().await.expect("truncate");
    assert_eq!(event(fixture, &mut events).await, CacheEvent::Truncated);
}

/// What a filter leaves out is not told when a listener comes back, either.
pub async fn what_a_filter_leaves_out_is_passed<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-numbered-filter", 30).await;
    let oslo = field("city").eq("Oslo");
    let before = cache.entries_where(&oslo).count().await;
    let mut events = cache.listen_from(&oslo, None).await.expect("listen_from");
    cache.clear().await.expect("clear");
    for _ in 0..before {
        let heard = entry(fixture, &mut events).await;
        assert_eq!(heard.old.map(|person| person.city).as_deref(), Some("Oslo"));
    }
    let positions = events.positions().clone();
    drop(events);
    fill(&cache, 30).await;
    let mut events = cache
        .listen_from(&oslo, Some(positions))
        .await
        .expect("listen_from");
    let mut heard = 0;
    while heard < before {
        let event = entry(fixture, &mut events).await;
        // The positions may be before those of entries that went and are not of the city.
        assert!(event.new.is_some_and(|person| person.city == "Oslo"));
        heard += 1;
    }
}

/// One who follows a key hears of its changes alone, and of those while it was away.
pub async fn a_key_is_followed_alone<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-numbered-key").await;
    let mut events = cache.listen_key_from(&1, None).await.expect("listen_key_from");
    for key in 0..5 {
        cache.insert(&key, &10).await.expect("insert");
    }
    let heard = entry(fixture, &mut events).await;
    assert_eq!((heard.key, heard.old, heard.new), (1, None, Some(10)));
    let positions = events.positions().clone();
    drop(events);
    for key in 0..5 {
        cache.remove(&key).await.expect("remove");
    }
    let mut events = cache
        .listen_key_from(&1, Some(positions))
        .await
        .expect("listen_key_from");
    let heard = entry(fixture, &mut events).await;
    assert_eq!((heard.key, heard.old, heard.new), (1, Some(10), None));
}

/// Without values only keys are told, and the filter is asked all the same.
pub async fn who_follows_without_values_gets_none<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-numbered-lite", 0).await;
    let oslo = field("city").eq("Oslo");
    let mut events = cache
        .listen_from_lite(&oslo, None)
        .await
        .expect("listen_from_lite");
    fill(&cache, 10).await;
    for _ in 0..4 {
        let heard = entry(fixture, &mut events).await;
        assert_eq!((heard.key % 3, &heard.old, &heard.new), (0, &None, &None));
        assert!(heard.number.is_some());
    }
}

/// A view knows how far it is, and gets as far as any listener.
pub async fn a_view_says_how_far_it_is<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-numbered-view", 20).await;
    let mut events = cache
        .listen_from(EventFilter::all(), None)
        .await
        .expect("listen_from");
    let view: View<u32, Person> = cache.view(&Filter::Always).await.expect("view");
    let at_first = view.current_to().expect("changes are numbered");
    assert!(at_first.covers(events.positions()));
    let mut shown = view.listen();
    for key in 0..20 {
        cache.remove(&key).await.expect("remove");
        entry(fixture, &mut events).await;
    }
    let until = async {
        while !view
            .current_to()
            .is_some_and(|current| current.covers(events.positions()))
        {
            shown.next().await.expect("the view goes on");
        }
    };
    within(
        fixture,
        EVENT_BOUND,
        "the view to be as far as the listener",
        until,
    )
    .await;
    assert!(view.is_empty());
    assert_eq!(view.status().readings, 1);
}
