//! What queries answer, and what a naive reading of them does: with indexes and without, of one partition and of two.

use std::cell::Cell;

use grid_core::query::{Aggregator, Comparator, Filter, QueryEntry, QueryError, field};
use grid_core::store::{IndexDefinition, Partition};
use grid_core::value::{Binary, Format};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::model::{CACHE, START, add, json, put};
use crate::oracle::{self, Answers, Entry};
use crate::properties::any_definition;
use crate::random::{filter, object, spaced, value};
use crate::random_agents::{aggregator, comparator, entry_filter, key_text, stored};

/// The texts of a key and a value.
type Texts = (Vec<u8>, Vec<u8>);

/// A case of a test.
#[derive(Clone, Debug)]
struct Case {
    entries: Vec<(u8, Vec<u8>)>,
    indexes: Vec<IndexDefinition>,
    filter: Filter,
    comparator: Comparator,
    aggregator: Aggregator,
}

fn case() -> impl Strategy<Value = Case> {
    (
        proptest::collection::btree_map(0..20_u8, stored(), 0..14),
        proptest::collection::vec(any_definition(), 1..5),
        entry_filter(0..20),
        comparator(),
        aggregator(),
    )
        .prop_map(|(entries, indexes, filter, comparator, aggregator)| Case {
            entries: entries.into_iter().collect(),
            indexes,
            filter,
            comparator,
            aggregator,
        })
}

impl Case {
    /// Two partitions that share the entries.
    fn partitions(&self, indexes: &[IndexDefinition]) -> [Partition; 2] {
        let mut partitions = [Partition::new(), Partition::new()];
        for (number, value) in &self.entries {
            let key = String::from_utf8(key_text(*number)).unwrap();
            let value = String::from_utf8(value.clone()).unwrap();
            put(&mut partitions[usize::from(number / 2 % 2)], &key, &value);
        }
        for partition in &mut partitions {
            let mut known: Vec<&IndexDefinition> = Vec::new();
            for definition in indexes {
                if !known.iter().any(|known| known.is_of(&definition.extractor)) {
                    add(partition, definition.clone());
                    known.push(definition);
                }
            }
        }
        partitions
    }

    /// What is selected, as texts of keys and values in order.
    fn selected(&self, partitions: &[Partition]) -> Result<Vec<Texts>, QueryError> {
        let mut selected = Vec::new();
        for partition in partitions {
            partition.select(START, CACHE, &self.filter, |entry| {
                let value = entry.value()?.unwrap_or_default();
                selected.push((entry.key()?.to_vec(), value.to_vec()));
                Ok(())
            })?;
        }
        selected.sort();
        Ok(selected)
    }

    fn aggregated(&self, partitions: &[Partition]) -> Result<Binary, QueryError> {
        let mut parts = Vec::new();
        for partition in partitions {
            let mut accumulator = self.aggregator.accumulator();
            partition.select(START, CACHE, &self.filter, |entry| accumulator.accumulate(entry))?;
            parts.push(accumulator.partial()?);
        }
        self.aggregator.combine(parts.iter().map(Vec::as_slice))
    }
}

/// Compares all answers; whether the filter, the order and the aggregator had one.
fn compare(case: &Case) -> [bool; 3] {
    let texts: Vec<_> = case
        .entries
        .iter()
        .map(|(number, value)| (key_text(*number), value))
        .collect();
    let entries: Vec<_> = texts.iter().map(|(key, value)| Entry::new(key, value)).collect();
    let filter = oracle::read(&case.filter.to_json().unwrap());
    let comparator = oracle::read(&case.comparator.to_json().unwrap());
    let aggregator = oracle::read(&case.aggregator.to_json().unwrap());

    let expected = Answers::of(&filter, &aggregator, &entries);
    let mut had = [expected.keys.is_some(), false, expected.aggregated.is_some()];
    for indexes in [&[][..], &case.indexes] {
        let partitions = case.partitions(indexes);
        let found = case.selected(&partitions);
        let found_keys = found
            .as_ref()
            .ok()
            .map(|found| oracle::texts(found.iter().map(|(key, _)| oracle::read(key))));
        assert_eq!(found_keys, expected.keys, "{found:?}");

        if let Ok(found) = found {
            let mut sorted_entries = found.clone();
            let sorted = case.comparator.sort(&mut sorted_entries, |(key, value)| {
                QueryEntry::new((Format::JSON, key), Some((Format::JSON, value)))
            });
            let after: Vec<_> = sorted_entries
                .iter()
                .map(|(key, value)| Entry::new(key, value))
                .collect();
            match oracle::is_in_order(&comparator, &after) {
                Some(in_order) => {
                    assert!(sorted.is_ok() && in_order, "{sorted:?}");
                    had[1] = true;
                }
                None => assert!(sorted.is_err() && sorted_entries == found, "{sorted:?}"),
            }
        }

        let answer = case.aggregated(&partitions);
        match (&expected.aggregated, &answer) {
            (Some(expected), Ok(answer)) => {
                let answer = oracle::read(answer.bytes());
                assert!(
                    oracle::same_answer(&aggregator, expected, &answer),
                    "{answer} instead of {expected}"
                );
            }
            (expected, answer) => assert!(
                expected.is_none() && answer.is_err(),
                "{answer:?} instead of {expected:?}"
            ),
        }
    }
    had
}

#[test]
fn queries_answer_what_a_naive_reading_does() {
    const CASES: u32 = 600;
    let had = Cell::new([0_u32; 3]);
    let config = ProptestConfig::with_cases(CASES);
    let ran = TestRunner::new(config).run(&case(), |case| {
        let mut counts = had.get();
        for (count, had) in counts.iter_mut().zip(compare(&case)) {
            *count += u32::from(had);
        }
        had.set(counts);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    let [filters, orders, aggregators] = had.get();
    assert!(
        filters > CASES / 3 && orders > CASES / 4 && aggregators > CASES / 5,
        "few had an answer: {:?}",
        had.get()
    );
}

#[test]
fn a_naive_reading_knows_what_is_an_error() {
    let (key, value) = (
        json("1"),
        json(r#"{"a":"x","b":[1,{"@class":"math.BigDec","value":"1.50"}]}"#),
    );
    for (filter, expected) in [
        (field("a").gt(1), None),
        (field("a").gt(1).and(Filter::Never), Some(false)),
        (field("a").gt(1).or(Filter::Always), Some(true)),
        (field("a").gt("w"), Some(true)),
        (field("b").contains(1), Some(true)),
        (field("b").contains(1.0), Some(false)),
        (field("b").like("[1, 1.5_]"), Some(true)),
        (grid_core::query::key().eq(1), Some(true)),
        (field("b.size").eq(2), Some(true)),
        (field("a.size").eq(2), None),
    ] {
        let read = oracle::read(&filter.to_json().unwrap());
        let entry = Entry::new(key.bytes(), value.bytes());
        assert_eq!(oracle::selects(&read, &entry), expected, "{filter}");
        assert_eq!(
            filter.evaluate(&QueryEntry::of(&key, Some(&value))).ok(),
            expected,
            "{filter}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn filters_say_what_a_naive_reading_says(filter in filter(), value in prop_oneof![3 => object(), 1 => value()]) {
        let (key, value) = (json("\"key\""), json(spaced(&value)));
        let read = oracle::read(&filter.to_json().unwrap());
        let expected = oracle::selects(&read, &Entry::new(key.bytes(), value.bytes()));
        let entry = QueryEntry::of(&key, Some(&value));
        prop_assert_eq!(filter.evaluate(&entry).ok(), expected, "{} of {:?}", filter, value);
    }
}
