//! What it takes to plan with large filters: no more than what looking at the entries takes.

use std::time::Duration;

use grid_core::query::{Extractor, Filter, RecordKind, field};
use grid_core::store::{IndexDefinition, Partition, PreparedFilter};

use crate::model::{CACHE, START, add, put};
use crate::processor_time::processor_time;

const ENTRIES: usize = 40_000;
const PARTS: usize = 80_000;

fn numbers(count: usize) -> Partition {
    let mut partition = Partition::new();
    for number in 0..count {
        let value = format!("{{\"n\":{number},\"c\":{},\"d\":{number}}}", number % 10);
        put(&mut partition, &number.to_string(), &value);
    }
    partition
}

fn time(run: impl FnOnce()) -> Duration {
    let before = processor_time();
    run();
    processor_time() - before
}

/// How long it takes to look at all entries with one condition.
fn scan(partition: &Partition) -> Duration {
    time(|| {
        let missing = field("missing").eq(1);
        partition.select(START, CACHE, &missing, |_entry| Ok(())).unwrap();
    })
}

/// Plans and explains, a hundred times faster than without a bound.
fn bounded(partition: &Partition, filter: &Filter) {
    let prepared = PreparedFilter::new(filter);
    let bound = 10 * scan(partition) + Duration::from_millis(300);
    let planning = time(|| {
        let (entries, _) = partition.plan_query(CACHE, &prepared).looks_at();
        assert!(entries <= ENTRIES);
    });
    assert!(planning < bound, "planned in {planning:?}, bound {bound:?}");
    let explaining = time(|| {
        let steps = partition.explain(START, CACHE, filter, RecordKind::Explain);
        assert_eq!(steps.unwrap().len(), 1);
    });
    assert!(
        explaining < 3 * bound,
        "explained in {explaining:?}, bound {bound:?}"
    );
}

#[test]
fn many_ranges_are_planned_within_bounds() {
    let mut partition = numbers(ENTRIES);
    let index = |path| IndexDefinition::new(Extractor::path(path));
    add(&mut partition, index("n").sorted());
    add(&mut partition, index("c").sorted());
    add(&mut partition, index("d"));
    add(&mut partition, index("d.e").only(field("n").ge(5)));
    let numbers = || (0..PARTS).map(|part| i64::try_from(part % 20_000).unwrap());
    bounded(
        &partition,
        &Filter::All(numbers().map(|from| field("n").gt(12_000 + from)).collect()),
    );
    bounded(
        &partition,
        &Filter::Any(numbers().map(|to| field("n").between(5, 30 + to)).collect()),
    );
    bounded(
        &partition,
        &Filter::All(numbers().map(|from| field("d").gt(from)).collect()),
    );
    // Of two sets each, that have a tenth of the entries.
    let pairs = numbers().map(|number| field("c").eq(number % 10).and(field("n").lt(4_000)));
    bounded(&partition, &Filter::Any(pairs.take(PARTS / 2).collect()));
    // The condition is held against all parts for each part.
    bounded(
        &partition,
        &Filter::All(numbers().map(|number| field("d.e").eq(number)).collect()),
    );
}

#[test]
fn more_values_than_entries_are_not_made_ready() {
    let mut partition = numbers(100);
    add(&mut partition, IndexDefinition::new(Extractor::path("n")));
    let filter = field("n").one_of((0..200_000).collect::<Vec<i64>>());
    let prepared = PreparedFilter::new(&filter);
    let once = time(|| drop(filter.evaluate(&grid_core::query::QueryEntry::of_value(b"{\"n\":1}"))));
    let planning = time(|| {
        for _ in 0..1_000 {
            assert_eq!(partition.plan_query(CACHE, &prepared).looks_at().0, 100);
        }
    });
    assert!(
        planning < Duration::from_secs(1) + 1_000 * once,
        "planned in {planning:?}"
    );
    // As many as there are entries are asked for.
    let filter = field("n").one_of((90..190).collect::<Vec<i64>>());
    let prepared = PreparedFilter::new(&filter);
    assert_eq!(partition.plan_query(CACHE, &prepared).looks_at().0, 10);
}
