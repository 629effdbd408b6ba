//! Searches for similar entries.

use serde::{Deserialize, Serialize};

use crate::query::{Aggregator, Distance, SimilarEntry, Vector, field};
use crate::store::IndexDefinition;

use super::{Fixture, NamedCache};

/// Something with a vector of length 1, a little more turned for each number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Turned {
    half: u32,
    vector: Vector,
}

type Found = Vec<SimilarEntry<u32, Turned>>;

const COUNT: u32 = 40;

fn turned(number: u32) -> [f32; 2] {
    let angle = number as f32 / 15.0;
    [angle.cos(), angle.sin()]
}

impl Turned {
    fn of(number: u32) -> Self {
        Turned {
            half: number % 2,
            vector: turned(number).into(),
        }
    }
}

async fn filled<F: Fixture>(fixture: &F, name: &str) -> F::Cache<u32, Turned> {
    let cache = fixture.open::<u32, Turned>(name).await;
    for number in 0..COUNT {
        cache.insert(&number, &Turned::of(number)).await.expect("insert");
    }
    cache
}

/// A little after a number, so that no two are as far.
fn near(number: u32) -> [f32; 2] {
    let angle = (number as f32 + 0.2) / 15.0;
    [angle.cos(), angle.sin()]
}

fn keys(found: &Found) -> Vec<u32> {
    assert!(found.is_sorted_by(|one, other| one.distance <= other.distance));
    found.iter().map(|entry| entry.key).collect()
}

/// The closest come first, with their distances and values.
pub async fn the_closest_come_in_order<F: Fixture>(fixture: &F) {
    let cache = filled(fixture, "conformance-vectors").await;
    for distance in Distance::ALL {
        let search = Aggregator::similar(field("vector"), near(7), 4).by_distance(distance);
        let found: Found = cache.aggregate(&search).await.expect("a search");
        assert_eq!(keys(&found), [7, 8, 6, 9]);
        let first = found.first().expect("one");
        assert_eq!(first.value, Turned::of(7));
        assert!((0.0..0.001).contains(&first.distance), "{}", first.distance);
    }
    for (results, expected) in [(0, 0), (1, 1), (i32::MAX, 40)] {
        let results = usize::try_from(results).expect("a number");
        let search = Aggregator::similar(field("vector"), near(0), results);
        let found: Found = cache.aggregate(&search).await.expect("a search");
        assert_eq!(found.len(), expected);
    }
}

/// A filter of the search, a filter beside it and keys each leave others out.
pub async fn what_is_searched_is_selected<F: Fixture>(fixture: &F) {
    let cache = filled(fixture, "conformance-vectors-selected").await;
    let search = Aggregator::similar(field("vector"), near(7), 3);
    let odd = search.clone().among(field("half").eq(1));
    let found: Found = cache.aggregate(&odd).await.expect("a search");
    assert_eq!(keys(&found), [7, 9, 5]);
    let found = cache.aggregate_where(&field("half").eq(0), &search).await;
    assert_eq!(keys(&found.expect("a search")), [8, 6, 10]);
    let found = cache.aggregate_where(&field("half").eq(0), &odd).await;
    assert!(keys(&found.expect("a search")).is_empty());
    let found = cache.aggregate_keys::<Found, u32>(&[30, 20, 100], &search).await;
    assert_eq!(keys(&found.expect("a search")), [20, 30]);
}

/// Vectors of another length or kind are told, and kept out by a filter.
pub async fn other_vectors_are_errors<F: Fixture>(fixture: &F) {
    let cache = filled(fixture, "conformance-vectors-others").await;
    let others: [Vector; 2] = [[1.0; 3].into(), Vector::Int8([1, 2].into())];
    for vector in others {
        let search = Aggregator::similar(field("vector"), vector, 3);
        assert!(cache.aggregate::<Found>(&search).await.is_err());
    }
    let vector = [1.0; 3].into();
    let other = Turned { half: 7, vector };
    cache.insert(&100, &other).await.expect("insert");
    let search = Aggregator::similar(field("vector"), near(7), 3);
    assert!(cache.aggregate::<Found>(&search).await.is_err());
    let found = cache.aggregate_where(&field("half").lt(2), &search).await;
    assert_eq!(keys(&found.expect("a search")), [7, 8, 6]);
}

/// By an index what is alike is found, and exactly all that is closest; it follows what changes.
pub async fn an_index_of_vectors_finds_what_is_alike<F: Fixture>(fixture: &F) {
    let cache = filled(fixture, "conformance-vectors-index").await;
    let index = IndexDefinition::of_vectors(field("vector"));
    for _ in 0..2 {
        cache.add_index(&index).await.expect("add_index");
    }
    let search = |number| Aggregator::similar(field("vector"), near(number), 1);
    for number in 1..COUNT {
        let found: Found = cache.aggregate(&search(number)).await.expect("a search");
        assert_eq!(keys(&found), [number]);
    }
    let all = Aggregator::similar(field("vector"), near(7), 4).exactly();
    let found: Found = cache.aggregate(&all).await.expect("a search");
    assert_eq!(keys(&found), [7, 8, 6, 9]);
    cache.remove(&7).await.expect("remove");
    cache.insert(&50, &Turned::of(7)).await.expect("insert");
    cache.insert(&20, &Turned::of(8)).await.expect("insert");
    let found: Found = cache.aggregate(&search(7)).await.expect("a search");
    assert_eq!(keys(&found), [50]);
    let found: Found = cache.aggregate(&search(20)).await.expect("a search");
    assert_eq!(keys(&found), [21]);
    cache
        .remove_index(&field("vector").into())
        .await
        .expect("remove_index");
    let found: Found = cache.aggregate(&search(7)).await.expect("a search");
    assert_eq!(keys(&found), [50]);
}
