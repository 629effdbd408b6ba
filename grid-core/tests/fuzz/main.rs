//! Fuzzing of queries: agents in JSON and statements, each read and then run on values, entries, and small stores with
//! indexes and without.
//!
//! Under `cargo test` some thousand inputs are run. For a search, with so many inputs for each target:
//!
//! ```text
//! BOLERO_RANDOM_ITERATIONS=2500000 cargo test --profile fuzz -p grid-core --test fuzz
//! ```
//!
//! The profile is optimized and has its assertions and checks for overflow. An input that takes more than a second, or
//! more than 256 MiB, fails as one that panics does. A failure prints its seed, by which `BOLERO_RANDOM_SEED` repeats it.
//! `cargo bolero test -p grid-core --sanitizer NONE --profile fuzz -T 60s json_agents` searches with coverage.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod classes;
#[path = "../index/model.rs"]
#[cfg(test)]
mod model;
#[cfg(test)]
mod processor_time;
#[cfg(test)]
mod source;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod values;
#[cfg(test)]
mod watch;

use std::panic::{AssertUnwindSafe, RefUnwindSafe};

use bolero::{ValueGenerator, produce};
use grid_core::value::Binary;

use agents::agent;
use bench::Bench;
use classes::Kind;
use source::Source;
use watch::Watch;

/// What each of these tests runs under `cargo test`.
const ITERATIONS: usize = 2_000;

/// Inputs of up to so many bytes.
fn bytes(len_max: usize) -> impl ValueGenerator<Output = Vec<u8>> {
    produce::<Vec<u8>>().with().len(0..=len_max)
}

/// Watches what a function makes of inputs.
fn target(feed: impl Fn(&Watch, &Bench, &[u8])) -> impl Fn(&Vec<u8>) + RefUnwindSafe {
    let state = AssertUnwindSafe((Watch::new(), Bench::new(), feed));
    move |input: &Vec<u8>| {
        let AssertUnwindSafe((watch, bench, feed)) = &state;
        feed(watch, bench, input);
    }
}

/// Some values to run an agent on beside those that are always there.
fn others(source: &mut Source<'_>) -> Vec<Binary> {
    let mut values = vec![bench::opaque()];
    for _ in 0..source.below(4) {
        let mut text = Vec::new();
        values::value(source, 0, &mut text);
        values.push(model::json(text));
    }
    values
}

fn json_agent(watch: &Watch, bench: &Bench, input: &[u8]) {
    let mut source = Source::new(input);
    let kinds = [
        Kind::Filter,
        Kind::Extractor,
        Kind::Comparator,
        Kind::Aggregator,
        Kind::Processor,
        Kind::Index,
    ];
    let kind = kinds[source.below(kinds.len())];
    let values = others(&mut source);
    let text = agent(&mut source, kind);
    watch.run(&text, || match kind {
        Kind::Filter => bench.filter(&text, &values),
        Kind::Extractor => bench.extractor(&text, &values),
        Kind::Comparator => bench.comparator(&text, &values),
        Kind::Aggregator => bench.aggregator(&text, &values),
        Kind::Processor => bench.processor(&text, &values),
        _ => bench.definition(&text),
    });
}

#[test]
fn json_agents() {
    bolero::check!()
        .with_iterations(ITERATIONS)
        .with_generator(bytes(1_500))
        .for_each(target(json_agent));
}

#[test]
fn bytes_as_agents() {
    bolero::check!()
        .with_iterations(ITERATIONS)
        .with_generator(bytes(300))
        .for_each(target(|watch, bench, input| {
            watch.run(input, || bench.any_agent(input));
        }));
}

#[test]
fn statements_of_words() {
    bolero::check!()
        .with_iterations(ITERATIONS)
        .with_generator(bytes(400))
        .for_each(target(|watch, bench, input| {
            let text = statements::statement(&mut Source::new(input));
            watch.run(text.as_bytes(), || bench.statement(&text));
        }));
}

#[test]
fn bytes_as_statements() {
    bolero::check!()
        .with_iterations(ITERATIONS)
        .with_generator(bytes(200))
        .for_each(target(|watch, bench, input| {
            let text = String::from_utf8_lossy(input);
            watch.run(input, || bench.statement(&text));
        }));
}
