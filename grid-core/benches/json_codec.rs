//! What it costs to take values off the wire, to read them and to write them.
#![expect(
    missing_docs,
    reason = "the macros of criterion make public items without docs"
)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use grid_core::value::json::{Limits, class_of, drop_null_members, scan};
use grid_core::value::{Binary, Format, FormatRegistry, Value, WireRules, from_binary, to_binary};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Line {
    product: u32,
    name: String,
    quantity: u16,
    price: f64,
    discount: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: String,
    country: String,
    lines: Vec<Line>,
}

/// About 1 KiB of JSON.
fn order() -> Order {
    let line = |number: u32| Line {
        product: number,
        name: format!("Jack's New England Clam Chowder {number}"),
        quantity: 12,
        price: 9.65,
        discount: Some(0.15),
    };
    let lines = (1..10).map(line).collect();
    Order {
        id: 10_248,
        customer: "VINET".to_owned(),
        country: "France".to_owned(),
        lines,
    }
}

fn wire_of(text: &[u8]) -> Bytes {
    Bytes::from([b"\x15", text].concat())
}

fn len_of(bytes: &Bytes) -> Throughput {
    Throughput::Bytes(u64::try_from(bytes.len()).expect("a length fits 64 bits"))
}

fn from_wire(criterion: &mut Criterion) {
    let registry = FormatRegistry::new();
    let object = to_binary(&order()).expect("an order is JSON");
    let null_member = [
        object.bytes().strip_suffix(b"}").expect("an object"),
        br#","note":null}"#,
    ]
    .concat();
    let cases = [
        (
            "string of 1 KiB",
            wire_of(format!("\"{}\"", "x".repeat(1022)).as_bytes()),
        ),
        (
            "non-ASCII string of 1 KiB",
            wire_of(format!("\"{}\"", "é".repeat(511)).as_bytes()),
        ),
        ("object of 1 KiB", wire_of(object.bytes())),
        ("object of 1 KiB with a null member", wire_of(&null_member)),
        ("integer", wire_of(b"10248")),
    ];
    let mut group = criterion.benchmark_group("from_wire");
    for (name, wire) in cases {
        group.throughput(len_of(&wire));
        group.bench_function(name, |bencher| {
            bencher.iter(|| registry.from_wire(Format::JSON, black_box(wire.clone()), &WireRules::new()));
        });
    }
    group.finish();
}

fn text(criterion: &mut Criterion) {
    let object = to_binary(&order()).expect("an order is JSON");
    let bytes = object.bytes().clone();
    let value: Value = from_binary(&object).expect("it was written here");
    let mut group = criterion.benchmark_group("json");
    group.throughput(len_of(&bytes));
    group.bench_function("scan", |bencher| {
        bencher.iter(|| scan(black_box(&bytes), Limits::new()))
    });
    group.bench_function("class_of", |bencher| {
        bencher.iter(|| class_of(black_box(&bytes)).is_some())
    });
    group.bench_function("drop_null_members", |bencher| {
        bencher.iter(|| drop_null_members(black_box(&bytes)))
    });
    group.bench_function("read struct", |bencher| {
        bencher.iter(|| from_binary::<Order>(black_box(&object)))
    });
    group.bench_function("read struct, serde_json", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Order>(black_box(&bytes)));
    });
    group.bench_function("read Value", |bencher| {
        bencher.iter(|| from_binary::<Value>(black_box(&object)))
    });
    let order = order();
    group.bench_function("write struct", |bencher| {
        bencher.iter(|| to_binary(black_box(&order)))
    });
    group.bench_function("write struct, serde_json", |bencher| {
        bencher.iter(|| serde_json::to_vec(black_box(&order)));
    });
    group.bench_function("write Value", |bencher| bencher.iter(|| value.to_binary()));
    let spaced = Binary::new(Format::JSON, Bytes::from([b" ", &bytes[..]].concat()));
    group.bench_function("same_value, other spacing", |bencher| {
        bencher.iter(|| object.same_value(black_box(&spaced)))
    });
    group.finish();
}

criterion_group!(benches, from_wire, text);
criterion_main!(benches);
