//! Indexes of vectors: what a search finds by them, against a naive reading of how it is found.

use std::num::NonZeroU32;
use std::sync::Arc;

use grid_core::query::{Aggregator, Distance, Filter, SimilarEntry, SimilaritySearch, Vector, field};
use grid_core::store::{
    CacheSettings, Command, EntryView, IndexDefinition, Partition, PreparedFilter, TimeToLive, Timestamp,
    Want,
};
use grid_core::value::{Binary, Format, Key, from_binary};
use proptest::prelude::*;
use serde_json::{Value as Json, json as json_of};

use crate::model::{CACHE, START, add, check, json, put};

type Found = Vec<SimilarEntry<u32, Json>>;

/// What a search finds in a partition that is asked with a filter, with the number of entries that it looked at.
fn ask(
    partition: &Partition,
    now: Timestamp,
    filter: &Filter,
    search: &Aggregator,
) -> Option<(Found, usize)> {
    let Aggregator::Similar(inner) = search else {
        panic!("a search")
    };
    let (prepared, mut accumulator, mut looked) = (PreparedFilter::new(filter), search.accumulator(), 0);
    let planned = partition.plan_query(CACHE, &prepared);
    let visited = planned.visit_similar(now, inner, |entry| {
        looked += 1;
        accumulator.accumulate(entry)
    });
    visited.ok()?;
    Some((from_binary(&accumulator.finish().unwrap()).unwrap(), looked))
}

/// As [`ask`], read naively: by the definition of the index.
fn expected(
    partition: &Partition,
    now: Timestamp,
    filter: &Filter,
    search: &SimilaritySearch,
    factor: usize,
) -> Option<Found> {
    let mut found = Vec::new();
    let mut failed = false;
    let signs = |vector: &Vector| match vector {
        Vector::Float32(numbers) => numbers.iter().map(|number| *number > 0.0).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let mut indexed = 0;
    partition.for_each(now, CACHE, |view: EntryView<'_>| {
        let entry = view.query_entry();
        let text = search
            .extractor
            .extract(&entry)
            .unwrap()
            .json()
            .unwrap()
            .into_owned();
        let selected = filter.evaluate(&entry).unwrap() && search.selects(&entry).unwrap();
        match Vector::read(&text) {
            Ok(None) => {}
            Ok(Some(vector)) => {
                indexed += 1;
                match search.distance.between(&search.vector, &vector) {
                    Ok(distance) if selected => {
                        let bits = signs(&vector).into_iter().zip(signs(&search.vector));
                        let bits = bits.filter(|(one, other)| one != other).count();
                        found.push((
                            bits,
                            SimilarEntry {
                                distance,
                                key: from_binary(&view.key_binary()).unwrap(),
                                value: from_binary(&view.value_binary()).unwrap(),
                            },
                        ));
                    }
                    Ok(_) => {}
                    Err(_) => failed |= selected,
                }
            }
            Err(_) => failed |= selected,
        }
    });
    if failed && search.results > 0 {
        return None;
    }
    let wanted = search.results * factor;
    found.sort_by_key(|(bits, _)| *bits);
    if !search.exact
        && indexed > wanted
        && let Some((last, _)) = wanted.checked_sub(1).and_then(|last| found.get(last))
    {
        let last = *last;
        found.retain(|(bits, _)| *bits <= last);
    }
    let mut found: Found = found.into_iter().map(|(_, entry)| entry).collect();
    found.sort_by(|one, other| {
        let keys = || one.key.to_string().cmp(&other.key.to_string());
        one.distance.total_cmp(&other.distance).then_with(keys)
    });
    found.truncate(search.results);
    Some(found)
}

#[derive(Clone, Debug)]
enum Step {
    Put(u32, Json, i64),
    Remove(u32),
    Pass(u64),
}

fn floats(count: usize) -> impl Strategy<Value = Vec<f32>> {
    let number = (-8..9_i8).prop_map(|number| f32::from(number) / 8.0);
    proptest::collection::vec(number, count)
}

fn step() -> impl Strategy<Value = Step> {
    let value = (
        prop_oneof![
            40 => floats(7).prop_map(|numbers| json_of!({"@class": "ai.Float32Vector", "array": numbers})),
            10 => floats(7).prop_map(|numbers| json_of!(numbers)),
            2 => Just(Json::Null),
        ],
        0..4_i8,
    );
    let value = value.prop_map(|(vector, n)| json_of!({"vector": vector, "n": n}));
    let ttl = prop_oneof![6 => Just(-1_i64), 1 => 1..3_000_i64];
    prop_oneof![
        20 => (0..64_u32, value, ttl).prop_map(|(key, value, ttl)| Step::Put(key, value, ttl)),
        4 => (0..64_u32).prop_map(Step::Remove),
        1 => (0..1_000_u64).prop_map(Step::Pass),
    ]
}

fn apply(partition: &mut Partition, now: Timestamp, key: u32, command: Command) {
    let key = Key::new(json(key.to_string())).unwrap();
    let settings = CacheSettings::default();
    partition
        .apply(now, CACHE, settings, &key, command, Want::NOTHING)
        .unwrap();
}

fn searching() -> impl Strategy<Value = (Aggregator, Filter)> {
    let filter = || {
        prop_oneof![
            3 => Just(Filter::Always),
            1 => Just(field("n").eq(1)),
            1 => Just(field("n").ge(2)),
            1 => Just(Filter::Never),
        ]
    };
    let distance = proptest::sample::select(Distance::ALL.to_vec());
    (floats(7), 0..8_usize, distance, any::<bool>(), filter(), filter()).prop_map(
        |(vector, results, distance, exact, inner, outer)| {
            let search = Aggregator::similar(field("vector"), vector, results).by_distance(distance);
            let search = search.among(inner);
            (if exact { search.exactly() } else { search }, outer)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn searches_find_by_an_index_what_it_is_defined_to_find(
        steps in proptest::collection::vec(step(), 1..120),
        before in 0..120_usize,
        factor in 1..4_u32,
        searches in proptest::collection::vec(searching(), 1..12),
    ) {
        let mut partition = Partition::new();
        let mut now = START;
        let factor = NonZeroU32::new(factor).unwrap();
        let definition = IndexDefinition::of_vectors(field("vector")).oversampling(factor);
        for (number, step) in steps.into_iter().enumerate() {
            if number == before {
                add(&mut partition, definition.clone());
            }
            match step {
                Step::Put(key, value, ttl) => {
                    let (value, ttl) = (json(value.to_string()), TimeToLive::from_wire_ms(ttl).unwrap());
                    apply(&mut partition, now, key, Command::Put { value, ttl });
                }
                Step::Remove(key) => apply(&mut partition, now, key, Command::Remove),
                Step::Pass(ms) => now = now.after_ms(ms),
            }
            check(&partition);
        }
        let has_index = !partition.indexes(CACHE).is_empty();
        // An entry whose time is over is in the index until it is swept.
        partition.expire(now, usize::MAX, |_cache| Want::NOTHING);
        check(&partition);
        for (search, filter) in searches {
            let Aggregator::Similar(inner) = &search else { panic!("a search") };
            let factor = if has_index { factor.get() as usize } else { usize::MAX >> 8 };
            let expected = expected(&partition, now, &filter, inner, factor);
            let found = ask(&partition, now, &filter, &search).map(|(found, _)| found);
            prop_assert_eq!(found, expected, "{:?} {:?}", search, filter);
        }
    }
}

/// Entries with vectors of random directions.
fn random(entries: usize, dimensions: usize) -> Vec<Vec<f32>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut number = || {
        // Sums of a few are nearly normal.
        let mut sum = 0.0;
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sum += f32::from(u16::try_from(state >> 48).unwrap()) / 65_536.0 - 0.5;
        }
        sum
    };
    (0..entries)
        .map(|_| (0..dimensions).map(|_| number()).collect())
        .collect()
}

#[test]
fn an_index_finds_most_and_looks_at_few() {
    let vectors = random(2_000, 128);
    let mut partition = Partition::new();
    for (key, vector) in vectors.iter().enumerate() {
        put(
            &mut partition,
            &key.to_string(),
            &json_of!({ "v": vector }).to_string(),
        );
    }
    add(
        &mut partition,
        IndexDefinition::of_vectors(field("v")).oversampling(NonZeroU32::new(10).unwrap()),
    );
    let (mut same, mut looked_at) = (0, 0);
    for asked in vectors.iter().step_by(100) {
        // Near one of them.
        let asked: Vec<f32> = asked
            .iter()
            .zip(&vectors[1])
            .map(|(one, other)| one + other * 0.8)
            .collect();
        let search = Aggregator::similar(field("v"), asked, 10);
        let (found, looked) = ask(&partition, START, &Filter::Always, &search).unwrap();
        let (exact, all) = ask(&partition, START, &Filter::Always, &search.exactly()).unwrap();
        assert_eq!((found.len(), all), (10, 2_000));
        assert_eq!(found[..2], exact[..2], "what is very close is found");
        looked_at += looked;
        same += exact.iter().filter(|entry| found.contains(entry)).count();
    }
    assert!(looked_at < 20 * 170, "{looked_at} looked at");
    // The others are hardly closer than any: half of them is more than the twentieth part that is looked at.
    assert!(same > 200 * 4 / 10, "{same} of 200 found");
    let info = partition.indexes(CACHE).remove(0);
    assert_eq!(
        (info.entries, info.without_value, info.distinct_values),
        (2_000, 0, 2_000)
    );
    assert!(info.bytes < 2_000 * 2 * (16 + 14), "{} bytes", info.bytes);
}

#[test]
fn what_has_no_distance_is_an_error_by_an_index_too() {
    let mut partition = Partition::new();
    for key in 0..20 {
        put(
            &mut partition,
            &key.to_string(),
            &format!(r#"{{"v":[{key},1,-1],"n":1}}"#),
        );
    }
    add(
        &mut partition,
        IndexDefinition::of_vectors(field("v")).oversampling(NonZeroU32::MIN),
    );
    let search = Aggregator::similar(field("v"), [1.0, 1.0, 1.0], 1);
    assert!(ask(&partition, START, &Filter::Always, &search).is_some());
    for other in [
        "[1,2]",
        "7",
        r#"{"@class":"ai.BitVector","bits":"0x01"}"#,
        "[1e40,1,1]",
    ] {
        put(&mut partition, "99", &format!(r#"{{"v":{other},"n":2}}"#));
        check(&partition);
        assert!(
            ask(&partition, START, &Filter::Always, &search).is_none(),
            "{other}"
        );
        let others = ask(&partition, START, &field("n").eq(1), &search);
        assert!(others.is_some(), "a filter keeps {other} out");
    }
    put(&mut partition, "99", r#"{"n":2}"#);
    assert!(ask(&partition, START, &Filter::Always, &search).is_some());
}

#[test]
fn there_is_one_index_of_an_extractor_of_either_kind() {
    let mut partition = Partition::new();
    put(&mut partition, "1", r#"{"v":[1,2]}"#);
    let vectors = IndexDefinition::of_vectors(field("v"));
    add(&mut partition, vectors.clone());
    for other in [
        IndexDefinition::of("v"),
        vectors.clone().oversampling(NonZeroU32::MIN),
    ] {
        assert!(partition.add_index(CACHE, Arc::new(other)).is_err());
    }
    assert_eq!(partition.add_index(CACHE, Arc::new(vectors)), Ok(false));
    assert!(partition.remove_index(CACHE, &field("v").into()));
    assert_eq!(
        partition.add_index(CACHE, Arc::new(IndexDefinition::of("v"))),
        Ok(true)
    );
    let opaque = Binary::new(Format::POF, b"pof".as_slice().into());
    let key = Key::new(json("2")).unwrap();
    let put = Command::Put {
        value: opaque,
        ttl: TimeToLive::CacheDefault,
    };
    let settings = CacheSettings::default();
    partition
        .apply(START, CACHE, settings, &key, put, Want::NOTHING)
        .unwrap();
    let search = Aggregator::similar(field("v"), [1.0, 2.0], 1);
    assert!(
        ask(&partition, START, &Filter::Always, &search).is_none(),
        "it cannot be looked into"
    );
}
