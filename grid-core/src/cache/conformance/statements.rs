//! Statements of the query language.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::cache::{AskError, CacheBackend, CacheError, Caches};
use crate::query::cohql::Rows;
use crate::store::IndexDefinition;
use crate::value::Value;

use super::queries::{Person, people};
use super::{Fixture, NamedCache};

/// The caches of a fixture by name.
struct Opened<'f, F>(&'f F);

impl<F: Fixture> Caches for Opened<'_, F> {
    fn backend_of<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<dyn CacheBackend>, CacheError>> {
        async { Ok(self.0.backend(name).await) }.boxed()
    }
}

async fn ask<F: Fixture>(fixture: &F, statement: &str) -> Rows {
    let asked = Opened(fixture).ask(statement).await;
    asked.unwrap_or_else(|error| panic!("{statement}: {error}"))
}

/// Columns are selected of entries, with bind variables, in order, and as many as are wanted.
pub async fn a_statement_gives_rows<F: Fixture>(fixture: &F) {
    let _open = people(fixture, "conformance-statements", 300).await;
    let caches = Opened(fixture);
    let statement = r#"select name, age from "conformance-statements" where age >= ?1 and city = :city
                       order by age desc, name"#;
    let asked = || caches.ask(statement).bind(97).bind_named("city", "Rome");
    let rows = asked().await.expect("rows");
    assert_eq!(rows.columns(), ["name", "age"]);
    let read: Vec<(String, u32)> = rows.read_tuples().expect("tuples");
    let mut expected: Vec<_> = (0..300)
        .map(Person::of)
        .filter(|person| person.age >= 97 && person.city == "Rome")
        .map(|person| (person.name, person.age))
        .collect();
    expected.sort_by(|(name, age), (other_name, other_age)| {
        other_age.cmp(age).then_with(|| name.cmp(other_name))
    });
    assert_eq!(read, expected);
    let first = asked().limit(1).await.expect("rows");
    assert_eq!(
        first.read_tuples::<(String, u32)>().expect("tuples"),
        expected[..1]
    );
}

/// Whole entries, keys and values are selected too.
pub async fn entries_keys_and_values_are_rows<F: Fixture>(fixture: &F) {
    let _open = people(fixture, "conformance-statements-whole", 200).await;
    let from = r#"from "conformance-statements-whole" where city = 'Lima'"#;
    let entries = ask(fixture, &format!("select * {from}")).await;
    let entries: Vec<(u32, Person)> = entries.read_tuples().expect("entries");
    assert_eq!(entries.len(), 66);
    assert!(entries.iter().all(|(key, person)| *person == Person::of(*key)));
    let keys = ask(fixture, &format!("select key() {from} order by age desc, key()")).await;
    let keys: Vec<u32> = keys.read_column().expect("keys");
    assert_eq!(keys.len(), 66);
    assert!(keys.is_sorted_by_key(|key| (std::cmp::Reverse(key % 100), *key)));
    let values = ask(fixture, &format!("select value() {from}")).await;
    assert_eq!(values.read_column::<Person>().expect("values").len(), 66);
    for what in ["*", "key()", "value()", "name, age"] {
        let statement = format!("select {what} {from}");
        let some = Opened(fixture).ask(&statement).limit(10).await.expect("rows");
        assert_eq!(some.len(), 10, "{statement}");
    }
    let none = Opened(fixture)
        .ask(&format!("select * {from}"))
        .limit(0)
        .await
        .expect("rows");
    assert!(none.is_empty());
}

/// Aggregates, groups and distinct values.
pub async fn aggregates_are_rows<F: Fixture>(fixture: &F) {
    let _open = people(fixture, "conformance-statements-aggregates", 300).await;
    let from = r#"from "conformance-statements-aggregates""#;
    let cities = ask(
        fixture,
        &format!("select city, count(), bd_sum(age) {from} group by city order by city"),
    )
    .await;
    let cities: Vec<(String, u32, u32)> = cities.read_tuples().expect("tuples");
    let sum = |city: &str| {
        (0..300)
            .map(Person::of)
            .filter(|person| person.city == city)
            .map(|person| person.age)
            .sum()
    };
    let expected = ["Lima", "Oslo", "Rome"].map(|city| (city.to_owned(), 100, sum(city)));
    assert_eq!(cities, expected);
    let count = ask(fixture, &format!("select count() {from} where age < 10")).await;
    assert_eq!(count.read_column::<u32>().expect("a count"), [30]);
    let distinct = ask(
        fixture,
        &format!("select distinct city {from} order by city desc"),
    )
    .await;
    assert_eq!(
        distinct.read_column::<String>().expect("cities"),
        ["Rome", "Oslo", "Lima"]
    );
    let named = ask(
        fixture,
        &format!("select city, count() {from} where age = 7 group by city"),
    )
    .await;
    let named: Vec<HashMap<String, Value>> = named.read().expect("objects");
    assert!(
        named
            .iter()
            .all(|row| row.len() == 2 && row["count()"] == Value::from(1))
    );
}

/// Aggregates that are computed as doubles, as those of the language are unless their names say otherwise.
pub async fn aggregates_of_doubles_are_rows<F: Fixture>(fixture: &F) {
    let _open = people(fixture, "conformance-statements-doubles", 200).await;
    let from = r#"from "conformance-statements-doubles""#;
    let all = ask(
        fixture,
        &format!("select min(age), max(age), sum(age), avg(age), long_max(age) {from}"),
    )
    .await;
    let all: Vec<(f64, f64, f64, f64, i64)> = all.read_tuples().expect("tuples");
    assert_eq!(all, [(0.0, 99.0, 9_900.0, 49.5, 99)]);
}

/// How a statement would be answered is told, with the index that serves it.
pub async fn plans_are_explained<F: Fixture>(fixture: &F) {
    let cache = people(fixture, "conformance-statements-plans", 200).await;
    let select = r#"select * from "conformance-statements-plans" where age > 90"#;
    let before = ask(fixture, &format!("explain plan for {select}")).await;
    assert!(!before.is_empty() && before.iter().all(|row| row.len() == before.columns().len()));
    assert_eq!(before.get(0, "index"), Some(&Value::Null));
    cache
        .add_index(&IndexDefinition::of("age").sorted())
        .await
        .expect("add_index");
    for kind in ["explain plan for", "trace"] {
        let after = ask(fixture, &format!("{kind} {select}")).await;
        let uses = |row: usize| matches!(after.get(row, "index"), Some(Value::String(_)));
        assert!((0..after.len()).any(uses), "{kind}: {after:?}");
    }
    let shown = ask(fixture, &format!("show plan {select}")).await;
    let shown: Vec<String> = shown.read_column().expect("lines");
    assert!(shown.iter().any(|line| line.contains("age > 90")), "{shown:?}");
}

/// What is wrong with a statement is told: where in the text, or what the cache says.
pub async fn a_wrong_statement_is_an_error<F: Fixture>(fixture: &F) {
    let _open = people(fixture, "conformance-statements-wrong", 100).await;
    let caches = Opened(fixture);
    let from = r#"from "conformance-statements-wrong""#;
    let wrong = caches.ask(&format!("select name {from} where age >")).await;
    let Err(AskError::Statement(error)) = wrong else {
        panic!("the text is no statement");
    };
    assert_eq!(error.line(), 1);
    let unbound = caches.ask(&format!("select name {from} where age > :age")).await;
    assert!(matches!(unbound, Err(AskError::Statement(_))));
    let no_order = caches.ask(&format!("select name {from} where age > 'old'")).await;
    assert!(matches!(no_order, Err(AskError::Cache(_))), "{no_order:?}");
    for columns in ["*", "name", "key()", "name, age"] {
        let large = caches.ask(&format!("select {columns} {from}"));
        let large = large.bytes_max(1_000).await;
        assert!(
            matches!(large, Err(AskError::TooLarge { bytes_max: 1_000 })),
            "{large:?}"
        );
    }
    assert_eq!(ask(fixture, &format!("select count() {from}")).await.len(), 1);
}
