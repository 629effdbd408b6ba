//! The memory of indexes.

use grid_core::query::Extractor;
use grid_core::store::{IndexDefinition, Partition};

use crate::model::{CACHE, add, check, put};

const ENTRIES: usize = 4_000;

/// The bytes that an index takes for each entry.
fn bytes_an_entry(sorted: bool, value: impl Fn(usize) -> String) -> f64 {
    let mut partition = Partition::new();
    let definition = IndexDefinition::new(Extractor::path("v"));
    add(&mut partition, IndexDefinition { sorted, ..definition });
    for number in 0..ENTRIES {
        // In no order.
        let number = number * 1_237 % ENTRIES;
        put(
            &mut partition,
            &number.to_string(),
            &format!("{{\"v\":{}}}", value(number)),
        );
    }
    check(&partition);
    let info = &partition.indexes(CACHE)[0];
    assert_eq!(info.entries, ENTRIES);
    let memory = partition.memory();
    assert!(memory.query_index_bytes >= info.bytes && memory.query_index_bytes < info.bytes + 1_000);
    assert!(memory.total_bytes() > memory.query_index_bytes);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let (bytes, entries) = (info.bytes as f64, ENTRIES as f64);
    bytes / entries
}

#[test]
fn an_entry_takes_little() {
    let few = |number: usize| (number % 10).to_string();
    let groups = |number: usize| (number / 8).to_string();
    let unique = |number: usize| number.to_string();
    let names = |number: usize| format!("\"a name of length {number:04}\"");
    let cases: [(&str, bool, f64); 8] = [
        ("few", true, bytes_an_entry(true, few)),
        ("few", false, bytes_an_entry(false, few)),
        ("groups of 8", true, bytes_an_entry(true, groups)),
        ("groups of 8", false, bytes_an_entry(false, groups)),
        ("unique", true, bytes_an_entry(true, unique)),
        ("unique", false, bytes_an_entry(false, unique)),
        ("names", true, bytes_an_entry(true, names)),
        ("names", false, bytes_an_entry(false, names)),
    ];
    for (values, sorted, bytes) in cases {
        println!("{values}, sorted {sorted}: {bytes:.1} bytes an entry");
        let most = match (values, sorted) {
            ("few", _) => 6.0,
            ("groups of 8", true) => 26.0,
            (_, true) => 50.0,
            (_, false) => 90.0,
        };
        assert!(bytes < most, "{values}, sorted {sorted}: {bytes} bytes an entry");
    }
}

#[test]
fn memory_is_given_back() {
    let mut partition = Partition::new();
    add(
        &mut partition,
        IndexDefinition::new(Extractor::path("v")).sorted(),
    );
    add(&mut partition, IndexDefinition::new(Extractor::path("w")));
    let empty = partition.memory().query_index_bytes;
    for round in 0..3 {
        for number in 0..2_000 {
            let value = format!(
                "{{\"v\":{},\"w\":[\"{}\",{round}]}}",
                number % 50,
                "x".repeat(number % 90)
            );
            put(&mut partition, &number.to_string(), &value);
        }
        check(&partition);
        assert!(partition.memory().query_index_bytes > empty + 10_000);
        if round == 0 {
            partition.truncate(CACHE);
        } else {
            let swept = partition.clear(
                crate::model::START,
                CACHE,
                usize::MAX,
                grid_core::store::Want::NOTHING,
            );
            assert!(swept.done);
        }
        check(&partition);
        let left = partition.memory().query_index_bytes;
        assert!(left < empty + 500, "{left} bytes are left, {empty} at first");
    }
}
