//! What it costs to look into an entry: filters on properties of a JSON object, without and with others beside them.
#![expect(
    missing_docs,
    reason = "the macros of criterion make public items without docs"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use grid_core::processor::{EntryView, Processor};
use grid_core::query::{
    Aggregator, Extractor, Filter, Manipulator, NumberOperation, Operand, QueryEntry, field,
};
use grid_core::value::{Binary, Format};

const PERSON: &[u8] = br#"{"id":4711,"name":"Ada Lovelace","age":36,"score":12.25,"active":true,"tags":["red","green","blue"],"address":{"city":"Oslo","zip":150,"street":"Karl Johans gate 1"},"note":"a longer text that is of no interest to any of the filters here","big":9007199254740991}"#;

fn filters(criterion: &mut Criterion) {
    let cases: [(&str, Filter); 7] = [
        ("first property", field("id").eq(4711)),
        ("last property", field("big").gt(5)),
        ("missing property", field("missing").is_null()),
        ("nested property", field("address.city").eq("Oslo")),
        (
            "three properties",
            field("age")
                .gt(25)
                .and(field("name").like("A%"))
                .and(field("active").eq(true)),
        ),
        ("element of a list", field("tags").contains("blue")),
        (
            "expression",
            field("name").matches("A[a-z]+ L.*").unwrap_or(Filter::Never),
        ),
    ];
    let mut group = criterion.benchmark_group("filter");
    for (name, filter) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&filter).evaluate(&QueryEntry::of_value(black_box(PERSON))));
        });
    }
    group.finish();
}

fn others(criterion: &mut Criterion) {
    let sum = Aggregator::Number(NumberOperation::DecimalSum, Extractor::path("age"));
    let mut accumulator = sum.accumulator();
    criterion.bench_function("sum of integers", |bencher| {
        bencher.iter(|| accumulator.accumulate(&QueryEntry::of_value(black_box(PERSON))));
    });
    let key = Binary::new(Format::JSON, (&b"1"[..]).into());
    let value = Binary::new(Format::JSON, PERSON.into());
    let increment = Processor::Increment {
        manipulator: Manipulator::path("age"),
        by: Operand::from(1),
        answers_old: false,
    };
    criterion.bench_function("increment", |bencher| {
        bencher.iter(|| increment.process(&mut EntryView::new(black_box(&key), Some(black_box(&value)))));
    });
}

criterion_group!(benches, filters, others);
criterion_main!(benches);
