//! Orders found in parts, wherever the entries are, against sorting all of them; and what aggregators may keep.

use std::num::NonZeroUsize;

use grid_core::query::{
    Aggregator, Comparator, Extractor, Keeping, QueryEntry, QueryError, SortedPart, SortedPlace, SortedRun,
};
use grid_core::value::{Binary, Format};
use proptest::prelude::*;

/// The key and the value of an entry.
type Entry = (String, String);

fn comparator() -> Comparator {
    Comparator::Chained(vec![Comparator::by("a"), Comparator::by("b").inverse()])
}

fn part(entries_max: usize, bytes_max: usize, after: Option<SortedPlace>) -> Aggregator {
    let part = Aggregator::Sorted(Box::new(SortedPart {
        comparator: comparator(),
        entries_max: NonZeroUsize::new(entries_max).unwrap(),
        bytes_max: NonZeroUsize::new(bytes_max).unwrap(),
        after,
    }));
    let read = Aggregator::from_json(&part.to_json().unwrap()).unwrap();
    assert_eq!(read, part);
    read
}

/// What comes of entries in partitions, of which each member has some.
fn run(aggregator: &Aggregator, members: &[Vec<Vec<Entry>>]) -> Result<SortedRun, QueryError> {
    let keeping = Keeping::new(64 << 20);
    let mut of_members = Vec::new();
    for partitions in members {
        let mut partials = Vec::new();
        for entries in partitions {
            let mut accumulator = aggregator.accumulator_within(&keeping);
            for (key, value) in entries {
                let key = (Format::JSON, key.as_bytes());
                accumulator.accumulate(&QueryEntry::new(key, Some((Format::JSON, value.as_bytes()))))?;
            }
            partials.push(accumulator.partial()?);
        }
        of_members.push(aggregator.merge(partials.iter().map(Vec::as_slice), &keeping)?);
    }
    let answer = aggregator.combine_within(of_members.iter().map(Vec::as_slice), &keeping)?;
    assert_eq!(keeping.kept(), 0);
    SortedRun::read(&answer)
}

fn json(text: &str) -> Binary {
    Binary::new(Format::JSON, text.as_bytes().to_vec().into())
}

/// The keys in order, and among equals by their texts.
fn sorted(members: &[Vec<Vec<Entry>>]) -> Vec<String> {
    let mut all: Vec<&Entry> = members.iter().flatten().flatten().collect();
    all.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
    comparator()
        .sort(&mut all, |(_, value)| QueryEntry::of_value(value.as_bytes()))
        .unwrap();
    all.into_iter().map(|(key, _)| key.clone()).collect()
}

fn members() -> impl Strategy<Value = Vec<Vec<Vec<Entry>>>> {
    let value = (0..6_i64, proptest::option::of("[xy]{0,2}")).prop_map(|(a, b)| match (a, b) {
        (5, b) => serde_json::json!({ "b": b }).to_string(),
        (a, Some(b)) => serde_json::json!({ "a": a, "b": b }).to_string(),
        (a, None) => format!(r#"{{"a": {a}}}"#),
    });
    let entries = proptest::collection::vec(value, 0..90);
    (entries, 1..5_usize, 1..4_usize).prop_map(|(values, partitions, members)| {
        let mut all = vec![vec![Vec::new(); partitions]; members];
        for (number, value) in values.into_iter().enumerate() {
            let key = if number % 3 == 0 {
                format!("\"k{number}\"")
            } else {
                number.to_string()
            };
            all[number % members][number / 7 % partitions].push((key, value));
        }
        all
    })
}

proptest! {
    #[test]
    fn parts_of_an_order_are_the_order(all in members(), entries_max in 1..40_usize, bytes_max in 1..20_000_usize) {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let run = run(&part(entries_max, bytes_max, after.take()), &all).unwrap();
            prop_assert!(run.entries.len() <= entries_max);
            for entry in &run.entries {
                let text = String::from_utf8(entry.key.bytes().to_vec()).unwrap();
                let value = all.iter().flatten().flatten().find(|(key, _)| *key == text);
                prop_assert_eq!(entry.value_len, value.unwrap().1.len());
                found.push(text);
            }
            // It goes on, however little fits.
            prop_assert!(run.next.is_none() || !run.entries.is_empty());
            after = run.next;
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(found, sorted(&all));
    }
}

fn in_parts(values: &[&[&str]]) -> Result<SortedRun, QueryError> {
    let entry = |(number, value): (usize, &&str)| (number.to_string(), (*value).to_owned());
    let entries = |values: &&[&str]| values.iter().enumerate().map(entry).collect::<Vec<Entry>>();
    let members: Vec<_> = values.iter().map(|values| vec![entries(values)]).collect();
    run(&part(1, 1, None), &members)
}

/// The only value needs no order; of two, wherever they are and whether they are wanted or not, each needs one with the
/// other.
#[test]
fn values_without_an_order_are_an_error_wherever_they_are() {
    let list = r#"{"a":[1]}"#;
    let (one, two, text) = (r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":"x"}"#);
    assert_eq!(in_parts(&[&[], &[list], &[]]).unwrap().entries.len(), 1);
    assert!(in_parts(&[&[one, two], &[], &[one]]).is_ok());
    assert!(in_parts(&[&["{}", "null"], &[one]]).is_ok());
    for values in [
        &[&[one, list][..]][..],
        &[&[list], &[one]],
        &[&[one, two], &[list]],
        &[&[list], &[], &[one, two]],
        &[&[one, two], &[text]],
        &[&[one, one], &[text, text]],
        &[&["{}"], &[list]],
    ] {
        assert!(in_parts(values).is_err(), "{values:?}");
    }
}

#[test]
fn keys_of_any_format_and_depth_come_back() {
    let deep = format!("{}1{}", "[".repeat(900), "]".repeat(900));
    let keys = [(Format::JSON, deep.as_bytes()), (Format::POF, &b"\x01\xff\""[..])];
    let aggregator = part(10, 1 << 20, None);
    let mut accumulator = aggregator.accumulator();
    for key in keys {
        let value = (Format::JSON, &br#"{"a":1}"#[..]);
        accumulator
            .accumulate(&QueryEntry::new(key, Some(value)))
            .unwrap();
    }
    let partial = accumulator.partial().unwrap();
    let run = SortedRun::read(&aggregator.combine([&partial[..]]).unwrap()).unwrap();
    let found = run
        .entries
        .iter()
        .map(|entry| (entry.key.format(), &entry.key.bytes()[..]));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(format, _)| format.id());
    assert_eq!(found, keys);
}

/// What is summed up needs no room; what is not ends where it is too much, in one partition and where it is put together.
#[test]
fn aggregators_keep_no_more_than_they_may() {
    const ENTRIES: usize = 2_000;
    let group = |aggregator| Aggregator::Group {
        extractor: Extractor::Identity,
        aggregator: Box::new(aggregator),
        filter: None,
    };
    let top = |results| Aggregator::Top {
        results,
        extractor: Extractor::Identity,
        comparator: Comparator::Natural,
    };
    let first = |results| {
        Aggregator::Sorted(Box::new(SortedPart {
            comparator: Comparator::Natural,
            entries_max: NonZeroUsize::new(results).unwrap(),
            bytes_max: NonZeroUsize::MAX,
            after: None,
        }))
    };
    let much = [
        Aggregator::Distinct(Extractor::Identity),
        Aggregator::Reducer(Extractor::Identity),
        Aggregator::Composite(vec![Aggregator::Count, Aggregator::Reducer(Extractor::Identity)]),
        group(Aggregator::Count),
        top(usize::MAX),
        top(ENTRIES),
        first(ENTRIES),
    ];
    let little = [
        Aggregator::Count,
        Aggregator::Max(Extractor::Identity),
        top(10),
        first(10),
    ];
    let aggregate = |aggregator: &Aggregator, entries: std::ops::Range<usize>, keeping: &Keeping| {
        let mut accumulator = aggregator.accumulator_within(keeping);
        for number in entries {
            let text = number.to_string();
            let json = (Format::JSON, text.as_bytes());
            accumulator.accumulate(&QueryEntry::new(json, Some(json)))?;
        }
        accumulator.partial()
    };
    let bytes_max = 100_000;
    let refused = QueryError::TooMuch { bytes_max };
    for aggregator in &much {
        let keeping = Keeping::new(bytes_max);
        assert_eq!(aggregate(aggregator, 0..ENTRIES, &keeping), Err(refused.clone()));
        assert_eq!(keeping.kept(), 0);
        let partials: Vec<_> = (0..ENTRIES)
            .step_by(100)
            .map(|first| aggregate(aggregator, first..first + 100, &keeping).unwrap())
            .collect();
        let combined = aggregator.combine_within(partials.iter().map(Vec::as_slice), &keeping);
        assert_eq!(combined.unwrap_err(), refused);
        assert_eq!(keeping.kept(), 0);
    }
    for aggregator in &little {
        let keeping = Keeping::new(bytes_max);
        assert!(aggregate(aggregator, 0..ENTRIES, &keeping).is_ok());
        assert_eq!(keeping.kept(), 0);
    }
}

#[test]
fn what_is_no_answer_is_told() {
    for text in [
        "",
        "{}",
        "[]",
        "[1,true,[]]",
        r#"[1,true,[],[[1]]]"#,
        r#"[1,true,[],[[[1],-1,"k"]]]"#,
    ] {
        assert!(SortedRun::read(&json(text)).is_err(), "{text}");
        assert!(part(1, 1, None).combine([text.as_bytes()]).is_err(), "{text}");
    }
    let answer = part(1, 1, None).combine([]).unwrap();
    let run = SortedRun::read(&answer).unwrap();
    assert!(run.entries.is_empty() && run.next.is_none());
}
