//! Filters on one partition of 4,000 entries, as many as each of 257 has of a million: without an index, and with some.
//! What indexes cost a write, and how much memory they take.

#![expect(
    missing_docs,
    reason = "the macros of the bench harness make undocumented items"
)]
#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grid_core::query::{Extractor, Filter, field};
use grid_core::store::{
    CacheId, CacheSettings, Command, IndexDefinition, PageContent, PageLimits, Partition, TimeToLive,
    Timestamp, Want,
};
use grid_core::value::{Binary, Format, Key};

const ENTRIES: usize = 4_000;
const CACHE: CacheId = CacheId::new(1);
const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

fn json(text: String) -> Binary {
    Binary::new(Format::JSON, Bytes::from(text))
}

fn person(number: usize) -> Binary {
    let (age, city) = (number * 7 % 90, number * 31 % 200);
    json(format!(
        r#"{{"id":{number},"name":"name {number:06}","age":{age},"score":{age}.25,"active":true,"tags":["t{}","t{}"],"address":{{"city":"city {city}","zip":{city}}},"note":"a longer text that is of no interest to any of the filters here"}}"#,
        number % 50,
        number % 70,
    ))
}

fn put(partition: &mut Partition, key: &Key, value: Binary) {
    let ttl = TimeToLive::CacheDefault;
    let command = Command::Put { value, ttl };
    let applied = partition.apply(NOW, CACHE, CacheSettings::default(), key, command, Want::NOTHING);
    black_box(applied.expect("there is room"));
}

fn keys() -> Vec<Key> {
    let key = |number: usize| Key::new(json(number.to_string())).expect("a number is a key");
    (0..ENTRIES).map(key).collect()
}

fn people(keys: &[Key], definitions: &[IndexDefinition]) -> Partition {
    let mut partition = Partition::new();
    for definition in definitions {
        let added = partition.add_index(CACHE, Arc::new(definition.clone()));
        assert_eq!(added, Ok(true));
    }
    for (number, key) in keys.iter().enumerate() {
        put(&mut partition, key, person(number));
    }
    partition
}

fn definitions() -> Vec<IndexDefinition> {
    let of = |path| IndexDefinition::new(Extractor::path(path));
    vec![
        of("age").sorted(),
        of("address.city"),
        of("name").sorted(),
        of("tags"),
        of("id"),
    ]
}

fn queries(criterion: &mut Criterion) {
    let keys = keys();
    let plain = people(&keys, &[]);
    let indexed = people(&keys, &definitions());
    for info in indexed.indexes(CACHE) {
        println!(
            "index of {}: {} entries, {} values, {} bytes, {:.1} an entry",
            info.definition.extractor,
            info.entries,
            info.distinct_values,
            info.bytes,
            info.bytes as f64 / info.entries as f64,
        );
    }
    let filters: [(&str, Filter); 8] = [
        ("one of 4000", field("id").eq(1234)),
        ("one city of 200", field("address.city").eq("city 7")),
        ("range of a tenth", field("age").between(20, 28)),
        ("half", field("age").lt(45)),
        ("nearly all", field("age").gt(5)),
        ("prefix", field("name").like("name 0012%")),
        ("element", field("tags").contains("t17")),
        (
            "city, age and name",
            field("address.city")
                .eq("city 7")
                .and(field("age").gt(30))
                .and(field("name").like("%7")),
        ),
    ];
    let mut group = criterion.benchmark_group("select");
    for (name, filter) in &filters {
        for (kind, partition) in [("scan", &plain), ("index", &indexed)] {
            group.bench_function(BenchmarkId::new(*name, kind), |bencher| {
                bencher.iter(|| {
                    let mut count = 0;
                    let selected = partition.select(NOW, CACHE, black_box(filter), |_entry| {
                        count += 1;
                        Ok(())
                    });
                    selected.expect("all values have these properties");
                    count
                });
            });
        }
    }
    group.finish();
    let limits = PageLimits {
        entries_max: NonZeroUsize::new(100).expect("not zero"),
        bytes_max: NonZeroUsize::MAX,
    };
    let filter = field("address.city").eq("city 7");
    for (kind, partition) in [("scan", &plain), ("index", &indexed)] {
        criterion.bench_function(&format!("page of one city, {kind}"), |bencher| {
            bencher.iter(|| partition.query(NOW, CACHE, &filter, (None, limits, PageContent::Keys)));
        });
    }
}

fn writes(criterion: &mut Criterion) {
    let keys = keys();
    let mut group = criterion.benchmark_group("replace");
    for count in [0, 1, 5] {
        let mut partition = people(&keys, definitions().get(..count).unwrap_or_default());
        let values: Vec<_> = (0..ENTRIES).map(|number| person(number + 1)).collect();
        let mut at = 0;
        group.bench_function(BenchmarkId::new("indexes", count), |bencher| {
            bencher.iter(|| {
                // Another value for another key each time.
                at = (at + 7_919) % (ENTRIES * (ENTRIES - 1));
                put(
                    &mut partition,
                    &keys[at % ENTRIES],
                    values[at / ENTRIES % ENTRIES].clone(),
                );
            });
        });
    }
    group.finish();
}

criterion_group!(benches, queries, writes);
criterion_main!(benches);
