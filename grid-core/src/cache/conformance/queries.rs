//! Queries.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::query::{Comparator, Filter, field, key};

use super::{Fixture, NamedCache};

/// A value with something to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) city: String,
    pub(super) age: u32,
}

impl Person {
    pub(super) fn of(number: u32) -> Self {
        Person {
            name: format!("person {number}"),
            city: ["Oslo", "Rome", "Lima"][usize::try_from(number % 3).expect("a small number")].to_owned(),
            age: number % 100,
        }
    }
}

/// A cache with so many people.
pub(super) async fn people<F: Fixture>(fixture: &F, name: &str, count: u32) -> F::Cache<u32, Person> {
    let cache = fixture.open::<u32, Person>(name).await;
    fill(&cache, count).await;
    cache
}

/// Puts so many people, each under its number.
pub(super) async fn fill(cache: &impl NamedCache<u32, Person>, count: u32) {
    let people: Vec<_> = (0..count).map(|number| (number, Person::of(number))).collect();
    cache
        .put_all(people.iter().map(|(key, person)| (key, person)))
        .await
        .expect("put_all");
}

/// A filter selects keys, values and entries, each once.
pub async fn a_filter_selects<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-query", 1_000).await;
    let filter = field("age").ge(90).and(field("city").eq("Rome"));
    let expected: HashSet<u32> = (0..1_000).filter(|n| n % 100 >= 90 && n % 3 == 1).collect();
    let keys: Vec<u32> = cache.keys_where(&filter).try_collect().await.expect("keys_where");
    assert_eq!(keys.len(), expected.len(), "each comes once");
    assert_eq!(keys.into_iter().collect::<HashSet<_>>(), expected);
    let values: Vec<Person> = cache
        .values_where(&filter)
        .try_collect()
        .await
        .expect("values_where");
    assert_eq!(values.len(), expected.len());
    assert!(
        values
            .iter()
            .all(|person| person.age >= 90 && person.city == "Rome")
    );
    let entries: Vec<(u32, Person)> = cache
        .entries_where(&filter)
        .try_collect()
        .await
        .expect("entries_where");
    assert_eq!(entries.len(), expected.len());
    assert!(entries.iter().all(|(key, person)| *person == Person::of(*key)));
    let by_key: Vec<u32> = cache
        .keys_where(&key().lt(3))
        .try_collect()
        .await
        .expect("keys_where");
    assert_eq!(by_key.len(), 3);
}

/// A filter may select nothing, or everything.
pub async fn nothing_and_everything_are_selected<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Person>("conformance-query-extremes").await;
    assert_eq!(cache.keys_where(&Filter::Always).count().await, 0);
    fill(&cache, 300).await;
    assert_eq!(cache.keys_where(&Filter::Never).count().await, 0);
    let all: Vec<(u32, Person)> = cache
        .entries_where(&Filter::Always)
        .try_collect()
        .await
        .expect("entries_where");
    assert_eq!(all.len(), 300);
    assert_eq!(
        all.into_iter().map(|(key, _)| key).collect::<HashSet<_>>().len(),
        300
    );
}

/// Values and entries come in the order that is asked for.
pub async fn what_is_sorted_comes_in_order<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-query-sorted", 100).await;
    let filter = field("city").eq("Oslo");
    let by_age = Comparator::by("age");
    let values: Vec<Person> = cache
        .values_sorted(&filter, &by_age)
        .try_collect()
        .await
        .expect("values_sorted");
    assert_eq!(values.len(), 34);
    assert!(values.is_sorted_by_key(|person| person.age));
    let entries = cache.entries_sorted(&filter, &by_age.inverse());
    let entries: Vec<(u32, Person)> = entries.try_collect().await.expect("entries_sorted");
    assert_eq!(entries.len(), 34);
    assert!(entries.is_sorted_by_key(|(_, person)| std::cmp::Reverse(person.age)));
    assert!(entries.iter().all(|(key, person)| *person == Person::of(*key)));
}

/// Pages of a limit have no entry in common, and together all that the filter selects.
pub async fn pages_of_a_limit_are_parts_of_the_whole<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-query-pages", 100).await;
    let filter = field("city").eq("Oslo");
    let mut keys = HashSet::new();
    for page in 0..5 {
        let limit = Filter::Limit {
            filter: Box::new(filter.clone()),
            page_size: 10,
            page,
        };
        let found: Vec<u32> = cache.keys_where(&limit).try_collect().await.expect("keys_where");
        let expected = [10, 10, 10, 4, 0][page as usize];
        assert_eq!(found.len(), expected, "page {page}: {found:?}");
        keys.extend(found);
    }
    assert_eq!(keys.len(), 34);
    let selected: Vec<u32> = cache.keys_where(&filter).try_collect().await.expect("keys_where");
    assert_eq!(keys, selected.into_iter().collect());
}

/// While others come and go, an entry that stays and is selected all the while comes exactly once.
pub async fn what_stays_comes_once_under_change<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-query-change", 3_000).await;
    let mut seen = HashSet::new();
    let mut entries = cache.entries_where(&field("city").eq("Rome"));
    let mut step = 0;
    while let Some((key, _)) = entries.try_next().await.expect("entries_where") {
        assert!(seen.insert(key), "the key {key} came twice");
        step += 1;
        if step % 50 == 0 {
            // Those of Oslo move, and others come.
            let mut moved = Person::of(step / 50 * 3);
            moved.city = "Lima".to_owned();
            cache.insert(&(step / 50 * 3), &moved).await.expect("insert");
            cache
                .insert(&(10_000 + step), &Person::of(step))
                .await
                .expect("insert");
        }
    }
    let missing = (0..3_000)
        .filter(|n| n % 3 == 1)
        .filter(|n| !seen.contains(n))
        .count();
    assert_eq!(missing, 0, "entries that stayed did not come");
}

/// Answers that are larger than what waits for a reader come whole, while the reader takes its time and asks for other things
/// meanwhile; also two of them at a time.
pub async fn a_large_answer_waits_for_its_reader<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-query-large").await;
    let value = |n: u32| format!("{n:09}").repeat(20_000);
    for n in 0..60 {
        cache.insert(&n, &value(n)).await.expect("insert");
    }
    let mut first = cache.entries_where(&Filter::Always);
    let mut second = cache.values_where(&Filter::Always);
    let (mut seen, mut others) = (HashSet::new(), 0);
    while let Some((key, found)) = first.try_next().await.expect("entries_where") {
        assert!(found == value(key) && seen.insert(key), "the entry {key}");
        assert!(cache.contains_key(&key).await.expect("contains_key"));
        others += usize::from(second.try_next().await.expect("values_where").is_some());
    }
    others += second.count().await;
    assert_eq!((seen.len(), others), (60, 60));
}

/// A query that is dropped half-read leaves nothing behind that disturbs the next, nor other requests.
pub async fn a_query_can_be_left_early<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-query-left", 5_000).await;
    for _ in 0..20 {
        let some: Vec<_> = cache
            .entries_where(&Filter::Always)
            .take(10)
            .try_collect()
            .await
            .expect("entries_where");
        assert_eq!(some.len(), 10);
        drop(cache.keys_where(&Filter::Always));
        assert!(cache.contains_key(&1).await.expect("contains_key"));
    }
    assert_eq!(cache.keys_where(&Filter::Always).count().await, 5_000);
}

/// What cannot be asked of an entry is an error that says that nothing was changed.
pub async fn a_filter_that_cannot_be_evaluated_is_an_error<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-query-error", 10).await;
    let asked: Result<Vec<u32>, _> = cache.keys_where(&field("age").gt("old")).try_collect().await;
    let error = asked.expect_err("an integer has no order with a text");
    assert_eq!(error.applied(), crate::cache::Applied::No);
    assert_eq!(cache.size().await.expect("size"), 10);
}
