//! Views.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;

use crate::cache::view::{ViewEvent, ViewEvents, ViewPhase};
use crate::cache::{View, ViewPlan};
use crate::processor::Processor;
use crate::query::{EventFilter, EventKinds, EventTransformer, Extractor, Filter, field};

use super::queries::{Person, people};
use super::wait::{EVENT_BOUND, within};
use super::{Fixture, Item, NamedCache};

/// The next event of a view.
async fn next<F: Fixture, K, V>(fixture: &F, events: &mut ViewEvents<K, V>) -> ViewEvent<K, V> {
    let next = within(fixture, EVENT_BOUND, "an event of the view", events.next()).await;
    next.expect("the view goes on")
}

/// Waits until a view shows what it must.
async fn shows<F: Fixture, K: Item, V: Item>(
    fixture: &F,
    view: &View<K, V>,
    what: &str,
    is_so: impl Fn(&View<K, V>) -> bool,
) {
    let mut events = view.listen();
    let until = async {
        while !is_so(view) {
            if let Some(ViewEvent::Ended(error)) = events.next().await {
                panic!("the view ended before {what}: {error}");
            }
        }
    };
    within(fixture, EVENT_BOUND, what, until).await;
}

fn content(view: &View<u32, Person>) -> BTreeMap<u32, Person> {
    let entries = view.entries();
    let content: BTreeMap<u32, Person> = entries.iter().map(|(k, v)| (**k, (**v).clone())).collect();
    assert_eq!(content.len(), entries.len());
    content
}

/// A view has what its filter selects when it is opened, and follows every change.
pub async fn a_view_follows_its_cache<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view", 300).await;
    let view = cache.view(&field("city").eq("Oslo")).await.expect("view");
    assert!(view.is_current());
    assert_eq!(view.len(), 100);
    assert_eq!(view.get(&3).expect("get").as_deref(), Some(&Person::of(3)));
    assert!(view.get(&1).expect("get").is_none() && !view.contains_key(&1).expect("contains_key"));
    let (entries, mut events) = view.follow();
    assert_eq!(entries.len(), 100);
    // One comes, one changes, one leaves, one enters, one goes, and one is none of the view's.
    cache.insert(&3_000, &Person::of(3_000)).await.expect("insert");
    cache
        .invoke::<u32, _>(&3, &Processor::set("age", 7))
        .await
        .map(drop)
        .expect_err("the answer is no number");
    cache
        .invoke::<bool, _>(&6, &Processor::set("city", "Rome"))
        .await
        .expect("set");
    cache
        .invoke::<bool, _>(&1, &Processor::set("city", "Oslo"))
        .await
        .expect("set");
    cache.remove(&9).await.expect("remove");
    cache.remove(&2).await.expect("remove");
    cache.remove(&3_000).await.expect("remove");
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Inserted { key, .. } if *key == 3_000));
    let updated = next(fixture, &mut events).await;
    assert!(
        matches!(&updated, ViewEvent::Updated { key, old, new } if **key == 3 && old.age == 3 && new.age == 7),
        "{updated:?}"
    );
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Deleted { key, .. } if *key == 6));
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Inserted { key, .. } if *key == 1));
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Deleted { key, .. } if *key == 9));
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Deleted { key, .. } if *key == 3_000));
    assert_eq!(view.len(), 99);
    assert_eq!(view.get(&3).expect("get").map(|person| person.age), Some(7));
}

/// A view shows what an extractor takes from the values, and tells only of what changes in that.
pub async fn a_view_of_what_is_extracted<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view-extracted", 30).await;
    let plan = ViewPlan::new(Filter::Always).extracting(Extractor::path("city"));
    let view: View<u32, String> = cache.view_of(plan).await.expect("view_of");
    assert_eq!(view.len(), 30);
    assert_eq!(
        view.get(&1).expect("get").as_deref().map(String::as_str),
        Some("Rome")
    );
    let mut events = view.listen();
    cache
        .invoke::<bool, _>(&1, &Processor::set("age", 70))
        .await
        .expect("set");
    cache
        .invoke::<bool, _>(&1, &Processor::set("city", "Lima"))
        .await
        .expect("set");
    let updated = next(fixture, &mut events).await;
    assert!(matches!(updated, ViewEvent::Updated { old, new, .. } if *old == "Rome" && *new == "Lima"));
}

/// A view of keys alone knows which entries are selected, and is told only of those that come and go.
pub async fn a_view_of_keys_alone<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view-keys", 30).await;
    let view: View<u32, ()> = cache
        .view_of(ViewPlan::new(field("city").eq("Oslo")).keys_only())
        .await
        .expect("view_of");
    assert_eq!(view.len(), 10);
    assert!(view.contains_key(&3).expect("contains_key") && !view.contains_key(&1).expect("contains_key"));
    let mut events = view.listen();
    for (key, person) in [
        (3, Person::of(6)),
        (6, Person::of(1)),
        (1, Person::of(3)),
        (9, Person::of(12)),
    ] {
        cache.insert(&key, &person).await.expect("insert");
    }
    cache.insert(&3_000, &Person::of(3_000)).await.expect("insert");
    cache.insert(&3_001, &Person::of(3_001)).await.expect("insert");
    cache.remove(&9).await.expect("remove");
    cache.remove(&2).await.expect("remove");
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Deleted { key, .. } if *key == 6));
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Inserted { key, .. } if *key == 1));
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Inserted { key, .. } if *key == 3_000));
    assert!(matches!(next(fixture, &mut events).await, ViewEvent::Deleted { key, .. } if *key == 9));
    let mut keys: Vec<u32> = view.keys().iter().map(|key| **key).collect();
    keys.sort_unstable();
    assert_eq!(keys, [0, 1, 3, 12, 15, 18, 21, 24, 27, 3_000]);
    let nulls: u64 = 10 * 4;
    assert!(
        view.bytes() > nulls && view.bytes() < 100,
        "{} bytes",
        view.bytes()
    );
}

/// A view of what is extracted follows entries that the filter selects, and selects no more.
pub async fn what_is_extracted_enters_and_leaves<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view-extracted-moves", 30).await;
    let plan = ViewPlan::new(field("city").eq("Oslo")).extracting(Extractor::path("age"));
    let view: View<u32, u32> = cache.view_of(plan).await.expect("view_of");
    let mut events = view.listen();
    for (key, person) in [(1, Person::of(33)), (1, Person::of(66)), (3, Person::of(1))] {
        cache.insert(&key, &person).await.expect("insert");
    }
    cache.remove(&1).await.expect("remove");
    let inserted = next(fixture, &mut events).await;
    assert!(
        matches!(&inserted, ViewEvent::Inserted { key, new } if **key == 1 && **new == 33),
        "{inserted:?}"
    );
    let updated = next(fixture, &mut events).await;
    assert!(
        matches!(&updated, ViewEvent::Updated { old, new, .. } if **old == 33 && **new == 66),
        "{updated:?}"
    );
    let left = next(fixture, &mut events).await;
    assert!(
        matches!(&left, ViewEvent::Deleted { key, old } if **key == 3 && **old == 3),
        "{left:?}"
    );
    let deleted = next(fixture, &mut events).await;
    assert!(
        matches!(&deleted, ViewEvent::Deleted { key, old } if **key == 1 && **old == 66),
        "{deleted:?}"
    );
    assert_eq!(view.len(), 9);
}

/// Those who listen to a view hear of a key, of kinds of changes, or of what a filter selects of it, as they asked.
pub async fn who_listens_to_a_view_hears_what_it_asked_for<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view-listening", 30).await;
    let view = cache.view(&field("city").eq("Oslo")).await.expect("view");
    let mut of_key = view.listen_key(&3).expect("listen_key");
    let mut gone = view.listen_kinds(EventKinds::DELETED);
    let old = EventFilter::new(field("age").ge(60));
    let mut gets_old = view
        .listen_where(old.clone().of_kinds(EventKinds::INSERTED | EventKinds::ENTERED))
        .expect("listen_where");
    let mut of_old = view.listen_where(old.clone()).expect("listen_where");
    let transformed = old.transformed(EventTransformer::SemiLite);
    assert!(
        view.listen_where(transformed).is_err(),
        "events have the types of the view"
    );
    // One gets old, one comes old, one leaves the view, and one that is none of the view's gets old.
    for (key, person) in [
        (3, Person::of(63)),
        (1, Person::of(66)),
        (3, Person::of(1)),
        (2, Person::of(62)),
    ] {
        cache.insert(&key, &person).await.expect("insert");
    }
    assert!(matches!(next(fixture, &mut of_key).await, ViewEvent::Updated { new, .. } if new.age == 63));
    assert!(matches!(next(fixture, &mut of_key).await, ViewEvent::Deleted { old, .. } if old.age == 63));
    assert!(matches!(next(fixture, &mut gone).await, ViewEvent::Deleted { key, .. } if *key == 3));
    assert!(matches!(next(fixture, &mut gets_old).await, ViewEvent::Updated { key, .. } if *key == 3));
    assert!(matches!(next(fixture, &mut gets_old).await, ViewEvent::Inserted { key, .. } if *key == 1));
    assert!(matches!(next(fixture, &mut of_old).await, ViewEvent::Updated { key, .. } if *key == 3));
    assert!(matches!(next(fixture, &mut of_old).await, ViewEvent::Inserted { key, .. } if *key == 1));
    assert!(matches!(next(fixture, &mut of_old).await, ViewEvent::Deleted { key, .. } if *key == 3));
    cache.destroy().await.expect("destroy");
    for events in [&mut of_key, &mut gone, &mut gets_old, &mut of_old] {
        while !matches!(next(fixture, events).await, ViewEvent::Ended(_)) {}
    }
}

/// While others write as fast as they can, a view is opened again and again; when they are done, each comes to what
/// there is, and its events lead from what it had to what it has.
pub async fn views_under_writers_come_to_what_there_is<F: Fixture>(fixture: &F) {
    const KEYS: u32 = 40;
    let cache = fixture.open::<u32, Person>("conformance-view-writers").await;
    let filter = field("city").eq("Oslo");
    let writers = (0..4_u32).map(|writer| {
        let cache = cache.clone();
        fixture.spawn(async move {
            for step in 0..300_u32 {
                let key = (step * 7 + writer * 11) % KEYS;
                match (step + writer) % 5 {
                    0 => drop(cache.remove(&key).await.expect("remove")),
                    _ => {
                        let person = Person::of(step.wrapping_mul(31) + writer);
                        cache.insert(&key, &person).await.expect("insert");
                    }
                }
            }
        })
    });
    let opener = {
        let (cache, filter) = (cache.clone(), filter.clone());
        fixture.spawn(async move {
            let mut views = Vec::new();
            for _ in 0..12 {
                let view = cache.view(&filter).await.expect("view");
                let (entries, events) = view.follow();
                let had: BTreeMap<u32, Person> = entries.iter().map(|(k, v)| (**k, (**v).clone())).collect();
                views.push((view, had, events));
            }
            views
        })
    };
    let (_, views) = futures::join!(join_all(writers), opener);
    // A last change of each key, so that it is known when a view has seen it all.
    let mut expected = BTreeMap::new();
    for key in 0..KEYS {
        let person = Person::of(key + 3_000);
        cache.insert(&key, &person).await.expect("insert");
        if person.city == "Oslo" {
            expected.insert(key, person);
        }
    }
    for (view, mut had, mut events) in views {
        shows(fixture, &view, "the last changes", |view| {
            content(view) == expected
        })
        .await;
        while had != expected {
            match next(fixture, &mut events).await {
                ViewEvent::Inserted { key, new } => assert_eq!(had.insert(*key, (*new).clone()), None),
                ViewEvent::Updated { key, old, new } => {
                    assert_eq!(had.insert(*key, (*new).clone()), Some((*old).clone()));
                }
                ViewEvent::Deleted { key, old } => assert_eq!(had.remove(&*key), Some((*old).clone())),
                other => panic!("{other:?} instead of a change"),
            }
        }
    }
}

/// A truncated cache leaves the view empty, and it goes on.
pub async fn a_view_outlives_a_truncation<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view-truncated", 30).await;
    let view = cache.view(&Filter::Always).await.expect("view");
    assert_eq!(view.len(), 30);
    cache.truncate().await.expect("truncate");
    shows(fixture, &view, "that all are gone", View::is_empty).await;
    cache.insert(&1, &Person::of(1)).await.expect("insert");
    shows(fixture, &view, "the entry that came after", |view| {
        view.len() == 1
    })
    .await;
}

/// A view has a limit, and says so; it knows when its cache is destroyed.
pub async fn a_view_says_why_it_ends<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-view-ends", 30).await;
    let small = ViewPlan::new(Filter::Always).entries_max(20);
    let error = cache
        .view_of::<Person>(small)
        .await
        .expect_err("it would have more than it may");
    assert!(error.to_string().contains("entries_max"), "{error}");
    let small = ViewPlan::new(field("city").eq("Oslo")).entries_max(10);
    let view: View<u32, Person> = cache.view_of(small).await.expect("view_of");
    let mut events = view.listen();
    cache.insert(&3_000, &Person::of(3_000)).await.expect("insert");
    let ended = next(fixture, &mut events).await;
    assert!(matches!(ended, ViewEvent::Ended(_)), "{ended:?}");
    assert!(matches!(view.status().phase, ViewPhase::Ended(_)));
    assert_eq!(view.len(), 10, "it shows what it has");
    let view = cache.view(&Filter::Always).await.expect("view");
    let mut events = view.listen();
    cache.destroy().await.expect("destroy");
    let end = async {
        loop {
            if let ViewEvent::Ended(error) = next(fixture, &mut events).await {
                break error;
            }
        }
    };
    let error: Arc<crate::cache::CacheError> = within(fixture, EVENT_BOUND, "the end of the view", end).await;
    assert!(
        matches!(*error, crate::cache::CacheError::Destroyed { .. }),
        "{error}"
    );
}
