//! The timing wheel with 100,000 armed items.

#![expect(
    missing_docs,
    reason = "the macros of the bench harness make undocumented items"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use grid_core::store::Timestamp;
use grid_core::store::wheel::{TimingWheel, Token};

const ITEMS: u64 = 100_000;
const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// Deadlines spread over an hour.
fn deadline(number: u64) -> Timestamp {
    NOW.after_ms(number.wrapping_mul(7_919) % 3_600_000)
}

fn armed() -> (TimingWheel<u64>, Vec<Token>) {
    let mut wheel = TimingWheel::new();
    let arm = |number| {
        wheel
            .arm(NOW, deadline(number), number)
            .expect("the wheel is not full")
    };
    let tokens = (0..ITEMS).map(arm).collect();
    (wheel, tokens)
}

fn timing_wheel(criterion: &mut Criterion) {
    let (mut wheel, tokens) = armed();
    let mut number = 0;
    criterion.bench_function("arm and cancel", |bench| {
        bench.iter(|| {
            number += 1;
            let token = wheel
                .arm(NOW, deadline(number), number)
                .expect("the wheel is not full");
            wheel.cancel(black_box(token))
        });
    });
    criterion.bench_function("rearm", |bench| {
        bench.iter(|| {
            number += 1;
            let token = tokens[usize::try_from(number % ITEMS).expect("an index")];
            wheel.rearm(token, deadline(number));
        });
    });
    criterion.bench_function("next deadline", |bench| bench.iter(|| wheel.next_deadline()));
    criterion.bench_function("fire 100,000 over an hour", |bench| {
        bench.iter_batched(
            || armed().0,
            |mut wheel| wheel.advance(NOW.after_ms(3_600_064), usize::MAX).expired.len(),
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, timing_wheel);
criterion_main!(benches);
