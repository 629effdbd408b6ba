//! Aggregation.

use std::collections::HashMap;

use crate::query::{Aggregator, field};

use super::queries::{Person, people};
use super::{Fixture, NamedCache};

/// Aggregators answer as the types that are asked for.
pub async fn answers_are_of_the_type_asked_for<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-aggregate", 1_000).await;
    let count: u64 = cache.aggregate(&Aggregator::count()).await.expect("a count");
    assert_eq!(count, 1_000);
    let sum: i64 = cache.aggregate(&Aggregator::sum("age")).await.expect("a sum");
    assert_eq!(sum, 49_500);
    let mean: f64 = cache
        .aggregate(&Aggregator::average("age"))
        .await
        .expect("a mean");
    assert!((mean - 49.5).abs() < 1e-9, "{mean}");
    let (min, max) = (Aggregator::min("age"), Aggregator::max("age"));
    assert_eq!(cache.aggregate::<u32>(&min).await.expect("the least"), 0);
    assert_eq!(cache.aggregate::<u32>(&max).await.expect("the greatest"), 99);
    let mut cities: Vec<String> = cache
        .aggregate(&Aggregator::distinct("city"))
        .await
        .expect("cities");
    cities.sort();
    assert_eq!(cities, ["Lima", "Oslo", "Rome"]);
    let by_city: HashMap<String, u64> = cache
        .aggregate(&Aggregator::count().by("city"))
        .await
        .expect("groups");
    assert_eq!(by_city.values().sum::<u64>(), 1_000);
    assert_eq!(by_city["Oslo"], 334);
}

/// Of the entries that a filter selects alone, or of those with some keys.
pub async fn some_entries_are_aggregated<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-aggregate-some", 300).await;
    let count = Aggregator::count();
    let filter = field("city").eq("Rome");
    assert_eq!(
        cache
            .aggregate_where::<u64>(&filter, &count)
            .await
            .expect("a count"),
        100
    );
    let keys = [1, 2, 3, 100_000];
    assert_eq!(
        cache
            .aggregate_keys::<u64, u32>(&keys, &count)
            .await
            .expect("a count"),
        3
    );
    let sum: u64 = cache
        .aggregate_keys(&keys, &Aggregator::sum("age"))
        .await
        .expect("a sum");
    assert_eq!(sum, 6);
}

/// Of nothing there is no mean, and the count is zero.
pub async fn nothing_is_aggregated<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Person>("conformance-aggregate-none").await;
    let count: u64 = cache.aggregate(&Aggregator::count()).await.expect("a count");
    let mean: Option<f64> = cache
        .aggregate(&Aggregator::average("age"))
        .await
        .expect("no mean");
    let max: Option<u32> = cache
        .aggregate(&Aggregator::max("age"))
        .await
        .expect("no greatest");
    assert_eq!((count, mean, max), (0, None, None));
}

/// What is of another type, or of no number, is an error.
pub async fn a_wrong_type_is_an_error<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-aggregate-error", 10).await;
    let names = Aggregator::distinct("name");
    assert!(cache.aggregate::<u32>(&names).await.is_err());
    assert!(cache.aggregate::<f64>(&Aggregator::sum("name")).await.is_err());
}
