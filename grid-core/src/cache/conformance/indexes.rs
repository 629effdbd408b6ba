//! Indexes.

use std::collections::HashSet;

use futures::TryStreamExt;

use crate::query::{Comparator, Extractor, Filter, field, key};
use crate::store::IndexDefinition;

use super::queries::{Person, fill, people};
use super::{Fixture, NamedCache};

/// What is asked with and without indexes.
fn filters() -> Vec<Filter> {
    vec![
        field("age").eq(7),
        field("age").gt(30).and(field("age").le(60)),
        field("age").lt(3).or(field("city").eq("Rome")),
        !field("age").ge(10),
        field("name").like("person 1%"),
        field("city").one_of(["Oslo", "Lima"]).and(field("age").ge(90)),
        key().lt(50).and(field("age").gt(20)),
        field("missing").is_null().and(field("age").eq(1)),
    ]
}

async fn selected(cache: &impl NamedCache<u32, Person>) -> Vec<HashSet<u32>> {
    let mut all = Vec::new();
    for filter in filters() {
        let keys: HashSet<u32> = cache.keys_where(&filter).try_collect().await.expect("keys_where");
        all.push(keys);
    }
    all
}

/// Indexes change no answer: added before and after the entries, followed through changes, and taken away.
pub async fn an_index_changes_no_answer<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Person>("conformance-indexes").await;
    cache
        .add_index(&IndexDefinition::of("city"))
        .await
        .expect("add_index");
    fill(&cache, 500).await;
    let expected: Vec<HashSet<u32>> = selected(&cache).await;
    assert!(expected.iter().all(|keys| !keys.is_empty()));
    let of_age = IndexDefinition::of("age").sorted();
    let of_name = IndexDefinition::of("name").sorted();
    for index in [&of_age, &of_name] {
        cache.add_index(index).await.expect("add_index");
        cache
            .add_index(index)
            .await
            .expect("add_index of one that is there");
    }
    assert_eq!(selected(&cache).await, expected);
    // The indexes follow what changes.
    for number in 0..50 {
        let mut moved = Person::of(number);
        moved.age = 99;
        cache.insert(&number, &moved).await.expect("insert");
        cache.remove(&(number + 100)).await.expect("remove");
    }
    let changed = selected(&cache).await;
    assert_ne!(changed, expected);
    for path in ["age", "name", "city", "never added"] {
        cache
            .remove_index(&Extractor::path(path))
            .await
            .expect("remove_index");
    }
    assert_eq!(selected(&cache).await, changed);
}

/// A condition of an index changes no answer either: filters that select other entries too do without it.
pub async fn a_condition_of_an_index_changes_no_answer<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-indexes-condition", 300).await;
    let expected: Vec<HashSet<u32>> = selected(&cache).await;
    let some = field("age").lt(90);
    for index in [
        IndexDefinition::of("name").sorted(),
        IndexDefinition::of("age").sorted(),
        IndexDefinition::of("city"),
    ] {
        cache
            .add_index(&index.only(some.clone()))
            .await
            .expect("add_index");
    }
    assert_eq!(selected(&cache).await, expected);
}

/// Nor does an order of an index.
pub async fn an_order_of_an_index_changes_no_answer<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-indexes-order", 300).await;
    let expected: Vec<HashSet<u32>> = selected(&cache).await;
    let of_age = IndexDefinition::of("age").ordered_by(Comparator::Natural.inverse());
    cache.add_index(&of_age).await.expect("add_index");
    assert_eq!(selected(&cache).await, expected);
}

/// The indexes that there are are told with their sizes, by any handle.
pub async fn indexes_are_told<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Person>("conformance-indexes-told").await;
    let other = fixture.open::<u32, Person>("conformance-indexes-told").await;
    assert_eq!(cache.indexes().await.expect("indexes"), []);
    let of_age = IndexDefinition::of("age")
        .ordered_by(Comparator::Natural.inverse())
        .only(field("age").lt(50));
    let of_city = IndexDefinition::of("city");
    for index in [&of_city, &of_age] {
        cache.add_index(index).await.expect("add_index");
    }
    fill(&cache, 200).await;
    let told = other.indexes().await.expect("indexes");
    let [age, city] = told.as_slice() else {
        panic!("two indexes are told: {told:?}");
    };
    assert_eq!((&age.definition, &city.definition), (&of_age, &of_city));
    assert_eq!(
        (age.entries, city.entries),
        (100, 200),
        "a condition leaves entries out"
    );
    assert!(age.partitions > 0 && age.partitions == city.partitions);
    assert!(age.distinct_values >= 50 && city.distinct_values >= 3);
    assert_eq!((age.without_value, age.differences), (0, None));
    let empty = city.bytes;
    fill(&cache, 2_000).await;
    let told = other.indexes().await.expect("indexes");
    assert!(told.iter().all(|index| index.bytes > empty), "{told:?}");
    cache
        .remove_index(&Extractor::path("age"))
        .await
        .expect("remove_index");
    let left = other.indexes().await.expect("indexes");
    assert_eq!(left.len(), 1);
}

/// Indexes are compared with the entries, and say what these say, also after changes.
pub async fn indexes_are_checked<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Person>("conformance-indexes-checked").await;
    cache
        .add_index(&IndexDefinition::of("age").sorted())
        .await
        .expect("add_index");
    cache
        .add_index(&IndexDefinition::of("name").only(field("age").lt(50)))
        .await
        .expect("add_index");
    fill(&cache, 1_000).await;
    for number in 0..300 {
        cache
            .insert(&number, &Person::of(number * 7 + 1))
            .await
            .expect("insert");
        cache.remove(&(number + 500)).await.expect("remove");
    }
    let checked = cache.check_indexes().await.expect("check_indexes");
    assert_eq!(checked.len(), 2);
    for index in checked {
        assert_eq!(index.differences, Some(0), "{:?}", index.examples);
    }
}

/// A cache has one index of an extractor: another one is refused, and the one that is there stays.
pub async fn another_index_of_an_extractor_is_refused<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Person>("conformance-indexes-another").await;
    let of_age = IndexDefinition::of("age").sorted();
    cache.add_index(&of_age).await.expect("add_index");
    for other in [
        IndexDefinition::of("age"),
        of_age.clone().only(field("age").gt(1)),
        of_age.clone().ordered_by(Comparator::Natural.inverse()),
    ] {
        let error = cache.add_index(&other).await.expect_err("it is another index");
        assert!(error.to_string().contains("age"), "{error}");
    }
    let told = cache.indexes().await.expect("indexes");
    assert_eq!(
        told.iter().map(|index| &index.definition).collect::<Vec<_>>(),
        [&of_age]
    );
}
