//! What it costs to make a key of its spelling.
#![expect(
    missing_docs,
    reason = "the macros of criterion make public items without docs"
)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use grid_core::value::{Binary, Format, Key};

fn keys(criterion: &mut Criterion) {
    let cases: [(&str, &'static [u8]); 8] = [
        ("short integer", b"10248"),
        ("plain string", br#""customer-ALFKI""#),
        ("string with escapes", br#""caf\u00e9 \"x\"""#),
        ("canonical object", br#"{"order":10248,"product":11}"#),
        ("unsorted object", br#"{"product": 11, "order": 10248}"#),
        ("double", b"1234.5"),
        ("decimal beyond a double", b"0.12345678901234567890123"),
        (
            "nested object",
            br#"{"z":{"b":[1,2,{"y":1,"x":2}],"a":"t"},"a":{"d":null,"c":true}}"#,
        ),
    ];
    let mut group = criterion.benchmark_group("canonical_key");
    for (name, text) in cases {
        let spelling = Binary::new(Format::JSON, Bytes::from_static(text));
        group.bench_function(name, |bencher| {
            bencher.iter(|| Key::new(black_box(spelling.clone())))
        });
    }
    let opaque = Binary::new(Format::POF, Bytes::from_static(b"\x15\x4e\x0ccustomer-ALF"));
    group.bench_function("opaque", |bencher| {
        bencher.iter(|| Key::new(black_box(opaque.clone())))
    });
    group.finish();
}

criterion_group!(benches, keys);
criterion_main!(benches);
