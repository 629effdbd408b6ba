//! Entry processors.

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt;
use futures::future::join_all;

use crate::cache::Applied;
use crate::event::EntryEventKind::{Delete, Insert, Update};
use crate::processor::Processor;
use crate::query::{Filter, field};

use super::queries::{Person, people};
use super::wait::{Heard, caused};
use super::{Fixture, NamedCache};

/// A processor changes an entry where it lies, and answers; and is told as any other change.
pub async fn a_processor_changes_and_answers<F: Fixture>(fixture: &F) {
    let cache = fixture
        .open::<String, serde_json::Value>("conformance-invoke")
        .await;
    let person = |age: u32| serde_json::json!({"name": "Ada", "age": age});
    let ada = "ada".to_owned();
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    cache.insert(&ada, &person(36)).await.expect("insert");
    let age: u32 = cache
        .invoke("ada", &Processor::increment("age", 1))
        .await
        .expect("increment");
    assert_eq!(age, 37);
    assert_eq!(cache.get("ada").await.expect("get"), Some(person(37)));
    let name: String = cache
        .invoke("ada", &Processor::extract("name"))
        .await
        .expect("extract");
    assert_eq!(name, "Ada");
    let is_set: bool = cache
        .invoke("ada", &Processor::set("age", 40))
        .await
        .expect("set");
    assert!(is_set);
    let is_set: bool = cache
        .invoke("ada", &Processor::set("age", 40))
        .await
        .expect("set to what it is, which nobody is told of");
    assert!(is_set);
    let () = cache.invoke("ada", &Processor::remove()).await.expect("remove");
    assert_eq!(cache.get("ada").await.expect("get"), None);
    for (kind, old, new) in [
        (Insert, None, Some(36)),
        (Update, Some(36), Some(37)),
        (Update, Some(37), Some(40)),
        (Delete, Some(40), None),
    ] {
        let event = heard.entry("what each processor did").await;
        assert_eq!(event, caused(kind, ada.clone(), old.map(person), new.map(person)));
    }
}

/// A processor sees that there is no entry, and may make one.
pub async fn an_absent_entry_is_seen<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-invoke-absent").await;
    let none: Option<u32> = cache.invoke(&1, &Processor::extract("")).await.expect("extract");
    assert_eq!(none, None);
    let before: Option<u32> = cache.invoke(&1, &Processor::put_if_absent(7)).await.expect("put");
    assert_eq!(before, None);
    let before: Option<u32> = cache.invoke(&1, &Processor::put_if_absent(8)).await.expect("put");
    assert_eq!(before, Some(7));
    assert_eq!(cache.get(&1).await.expect("get"), Some(7));
}

/// Two processors in one: both are done, or none.
pub async fn one_that_fails_changes_nothing<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-invoke-failure", 1).await;
    let both = Processor::increment("age", 1).and_then(Processor::increment("name", 1));
    let error = cache
        .invoke::<Vec<u32>, _>(&0, &both)
        .await
        .expect_err("a name is no number");
    assert_eq!(error.applied(), Applied::No, "{error}");
    assert_eq!(cache.get(&0).await.expect("get"), Some(Person::of(0)));
    let both = Processor::increment("age", 1).and_then(Processor::extract("name"));
    let answer: (u32, String) = cache.invoke(&0, &both).await.expect("both");
    assert_eq!(answer, (1, "person 0".to_owned()));
}

/// No increment is lost, whoever else increments.
pub async fn processors_lose_no_increment<F: Fixture>(fixture: &F) {
    const EACH: i64 = 100;
    let cache = fixture
        .open::<u32, serde_json::Value>("conformance-invoke-atomic")
        .await;
    cache
        .insert(&1, &serde_json::json!({"n": 0}))
        .await
        .expect("insert");
    let workers = (0..4).map(|_| {
        let cache = cache.clone();
        fixture.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..EACH {
                let n: i64 = cache
                    .invoke(&1, &Processor::increment("n", 1))
                    .await
                    .expect("increment");
                seen.push(n);
            }
            seen
        })
    });
    let seen: HashSet<i64> = join_all(workers).await.into_iter().flatten().collect();
    assert_eq!(
        seen,
        (1..=4 * EACH).collect(),
        "each increment has an answer of its own"
    );
}

/// On several keys, each has an answer, or an error, of its own.
pub async fn each_key_has_its_answer<F: Fixture>(fixture: &F) {
    let cache = fixture
        .open::<u32, serde_json::Value>("conformance-invoke-keys")
        .await;
    for key in 0..200 {
        let value = if key == 13 {
            serde_json::json!("no object")
        } else {
            serde_json::json!({"n": key})
        };
        cache.insert(&key, &value).await.expect("insert");
    }
    let keys: Vec<u32> = (0..201).chain([5, 5]).collect();
    let work = cache.invoke_all::<Option<u32>, u32>(&keys, &Processor::increment("n", 1));
    let done: Vec<_> = work.try_collect().await.expect("invoke_all");
    assert_eq!(done.len(), 201, "each key comes once");
    for done in done {
        match (done.key, done.answer) {
            (13, answer) => assert!(answer.is_err(), "{answer:?}"),
            (200, answer) => assert_eq!(answer.expect("an absent key"), None),
            (key, answer) => assert_eq!(answer.expect("a number"), Some(key + 1)),
        }
    }
    let five: u32 = cache.invoke(&5, &Processor::extract("n")).await.expect("extract");
    assert_eq!(five, 6, "it was done once");
}

/// On what a filter selects: each of those entries is worked on, and no other.
pub async fn what_a_filter_selects_is_worked_on<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-invoke-filter", 3_000).await;
    let filter = field("city").eq("Lima").and(field("age").lt(50));
    let work = cache.invoke_where::<u32>(&filter, &Processor::increment("age", 1_000));
    let done: HashMap<u32, u32> = work
        .map_ok(|done| done.into_pair().expect("an answer"))
        .try_collect()
        .await
        .expect("invoke_where");
    let expected = |n: u32| n % 3 == 2 && n % 100 < 50;
    assert_eq!(done.len(), (0..3_000).filter(|n| expected(*n)).count());
    assert!(
        done.iter()
            .all(|(key, age)| expected(*key) && *age == key % 100 + 1_000)
    );
    let all: Vec<(u32, Person)> = cache
        .entries_where(&Filter::Always)
        .try_collect()
        .await
        .expect("entries");
    assert_eq!(all.len(), 3_000);
    for (key, person) in all {
        assert_eq!(person.age >= 1_000, expected(key), "the entry {key}");
    }
}

/// Entries are worked on that have nothing to answer, and those that are gone are not made again.
pub async fn removing_by_filter<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-invoke-remove", 300).await;
    let work = cache.invoke_where::<()>(&field("city").eq("Oslo"), &Processor::remove());
    let done: Vec<_> = work.try_collect().await.expect("invoke_where");
    assert_eq!(done.len(), 100, "each that was removed has an answer");
    assert_eq!(cache.size().await.expect("size"), 200);
}
