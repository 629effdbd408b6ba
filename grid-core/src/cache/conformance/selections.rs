//! Selections that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;

use crate::cache::selections::{SelectionLimits, Selections};
use crate::cache::{View, ViewPlan};
use crate::query::{Extractor, Filter, field};

use super::queries::{Person, people};
use super::wait::{EVENT_BOUND, within};
use super::{Fixture, NamedCache};

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn registry(&self, limits: SelectionLimits) -> Selections {
        let Clock(seconds) = self.clone();
        Selections::new(limits, move || {
            Duration::from_secs(seconds.load(Ordering::Relaxed))
        })
    }
}

/// Waits until a view has so many entries.
async fn has<F: Fixture, W>(fixture: &F, view: &View<u32, W>, len: usize) {
    let mut events = view.listen();
    let until = async {
        while view.len() != len {
            events.next().await.expect("the view goes on");
        }
    };
    within(fixture, EVENT_BOUND, "so many entries", until).await;
}

/// What is asked for again is answered from the copy, which follows the cache and says how current it is.
pub async fn what_is_asked_for_again_is_answered_from_the_copy<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-selections", 30).await;
    let selections = Clock::default().registry(SelectionLimits::default());
    let kept = selections.of(cache.clone());
    let oslo = field("city").eq("Oslo");
    for _ in 0..3 {
        let values = kept.values_where(&oslo).await.expect("values_where");
        assert_eq!(values.len(), 10);
        assert!(values.iter().all(|person| person.city == "Oslo"));
    }
    let entries = kept.entries_where(&oslo).await.expect("entries_where");
    assert!(entries.iter().all(|(key, person)| **person == Person::of(**key)));
    assert_eq!(kept.keys_where(&oslo).await.expect("keys_where").len(), 10);
    assert_eq!(kept.count(&oslo).await.expect("count"), 10);
    let figures = selections.figures();
    assert_eq!((figures.misses, figures.hits, figures.passed_on), (1, 5, 0));
    assert_eq!((figures.selections, figures.entries), (1, 10));
    assert!(figures.bytes > 10 * 20, "{figures:?}");
    let view = kept.get(&oslo).await.expect("get");
    cache.insert(&3_000, &Person::of(3_000)).await.expect("insert");
    has(fixture, &view, 11).await;
    assert_eq!(kept.count(&oslo).await.expect("count"), 11);
    let reports = selections.list();
    let [report] = &reports[..] else {
        panic!("{reports:?} instead of one selection")
    };
    assert_eq!((report.cache.as_str(), report.entries), (cache.name(), 11));
    assert_eq!(report.current_to.is_some(), view.current_to().is_some());
}

/// Filters, what is had of each entry, and types are told apart; a selection of keys alone is one of its own.
pub async fn selections_are_told_apart<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-selections-apart", 30).await;
    let selections = Clock::default().registry(SelectionLimits::default());
    let kept = selections.of(cache.clone());
    let (oslo, rome) = (field("city").eq("Oslo"), field("city").eq("Rome"));
    assert_eq!(kept.count(&oslo).await.expect("count"), 10);
    assert_eq!(kept.count(&rome).await.expect("count"), 10);
    assert_eq!(kept.keys_where(&oslo).await.expect("keys_where").len(), 10);
    assert_eq!(kept.values_where(&oslo).await.expect("values_where").len(), 10);
    let names = ViewPlan::new(oslo.clone()).extracting(Extractor::path("name"));
    let ages = ViewPlan::new(oslo.clone()).extracting(Extractor::path("age"));
    let by_name: View<u32, String> = kept.get_of(names.clone()).await.expect("get_of");
    let by_age: View<u32, u32> = kept.get_of(ages).await.expect("get_of");
    assert_eq!(
        by_name.get(&3).expect("get").as_deref().map(String::as_str),
        Some("person 3")
    );
    assert_eq!(by_age.get(&3).expect("get").as_deref(), Some(&3));
    let again: View<u32, String> = kept.get_of(names).await.expect("get_of");
    assert_eq!(again.len(), 10);
    let figures = selections.figures();
    assert_eq!((figures.selections, figures.misses, figures.hits), (5, 5, 2));
    let keys_alone = selections
        .list()
        .into_iter()
        .filter(|report| report.contents == "key");
    assert_eq!(keys_alone.count(), 2);
}

/// Beyond the limits those go that were asked for the longest ago, and what nobody asks for goes in time. Who has a view
/// goes on with it.
pub async fn what_is_beyond_the_limits_is_let_go<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-selections-limits", 30).await;
    let clock = Clock::default();
    let limits = SelectionLimits {
        selections_max: 2,
        entries_max: 25,
        bytes_max: 1 << 20,
        idle_max: Duration::from_secs(60),
    };
    let selections = clock.registry(limits);
    let kept = selections.of(cache.clone());
    let cities = ["Oslo", "Rome", "Lima"].map(|city| field("city").eq(city));
    let first = kept.get(&cities[0]).await.expect("get");
    for city in &cities[1..] {
        clock.pass(1);
        kept.get(city).await.expect("get");
    }
    let figures = selections.figures();
    assert_eq!((figures.selections, figures.entries, figures.let_go), (2, 20, 1));
    clock.pass(59);
    kept.get(&cities[2]).await.expect("get");
    clock.pass(1);
    selections.sweep();
    assert_eq!(
        selections.figures().selections,
        1,
        "one was not asked for in time"
    );
    // The first view was let go, and goes on.
    cache.insert(&3_000, &Person::of(3_000)).await.expect("insert");
    has(fixture, &first, 11).await;
    let error = kept
        .get(&Filter::Always)
        .await
        .expect_err("it alone is too large");
    assert!(error.to_string().contains("entries_max"), "{error}");
    assert_eq!(selections.figures().selections, 1);
    selections.clear();
    assert_eq!(selections.figures().selections, 0);
}

/// Those who ask for a selection while it is opened share it.
pub async fn one_opens_for_all_who_ask<F: Fixture>(fixture: &F) {
    const ASKING: usize = 8;
    let cache = people(fixture, "conformance-selections-together", 300).await;
    let selections = Clock::default().registry(SelectionLimits::default());
    let asking = (0..ASKING).map(|_| {
        let kept = selections.of::<u32, Person, _>(cache.clone());
        fixture.spawn(async move { kept.values_where(&field("city").eq("Oslo")).await })
    });
    for values in join_all(asking).await {
        assert_eq!(values.expect("values_where").len(), 100);
    }
    let figures = selections.figures();
    assert_eq!((figures.selections, figures.misses), (1, 1));
}

/// A selection whose cache was destroyed is read anew from the next one of the name.
pub async fn what_has_ended_is_made_anew<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-selections-ended", 30).await;
    let selections = Clock::default().registry(SelectionLimits::default());
    let kept = selections.of(cache.clone());
    let view = kept.get(&Filter::Always).await.expect("get");
    let mut events = view.listen();
    cache.destroy().await.expect("destroy");
    let until = async { while events.next().await.is_some() {} };
    within(fixture, EVENT_BOUND, "the end of the view", until).await;
    let next = people(fixture, "conformance-selections-ended", 3).await;
    let kept = selections.of(next);
    assert_eq!(
        kept.values_where(&Filter::Always)
            .await
            .expect("values_where")
            .len(),
        3
    );
}
