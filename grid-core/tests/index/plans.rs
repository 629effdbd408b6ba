//! Which plans are made.

use std::sync::Arc;

use grid_core::query::{Extractor, Filter, IndexRecord, Operand, RecordKind, RecordStep, field, key};
use grid_core::store::{ELEMENTS_MAX, INDEXES_MAX, IndexDefinition, IndexError, Partition};

use crate::model::{CACHE, START, add, check, compare, compare_together, put};

const ENTRIES: usize = 1_000;

/// People of ages 0 to 99 in cities 0 to 9, with tags; a name for each.
fn people() -> Partition {
    let mut partition = Partition::new();
    for number in 0..ENTRIES {
        let (age, city) = (number % 100, number % 10);
        let value = format!(
            "{{\"age\":{age},\"city\":\"c{city}\",\"name\":\"n{number:04}\",\"tags\":[\"t{city}\",\"all\",{age}]}}"
        );
        put(&mut partition, &format!("\"{number}\""), &value);
    }
    partition
}

fn of(path: &str) -> IndexDefinition {
    IndexDefinition::new(Extractor::path(path))
}

/// How many entries are looked at; `None` for all.
fn looked_at(partition: &Partition, filter: &Filter) -> Option<usize> {
    compare(partition, START, filter, 50);
    let steps = partition
        .explain(START, CACHE, filter, RecordKind::Trace)
        .unwrap();
    assert_eq!(steps.len(), 2);
    let left = usize::try_from(steps[0].keys_after).unwrap();
    (steps[0].keys_after < steps[0].keys_before).then_some(left)
}

/// People with the indexes that the filters of the tests are served by.
fn indexed_people() -> Partition {
    let mut partition = people();
    add(&mut partition, of("city"));
    add(&mut partition, of("age").sorted());
    add(&mut partition, of("name").sorted());
    add(&mut partition, of("tags"));
    partition
}

#[test]
fn values_are_found_in_several_partitions_at_once() {
    let mut partitions = [people(), people(), Partition::new(), people(), people()];
    for (number, partition) in partitions.iter_mut().enumerate() {
        // One has no index, one an index in order, one has fewer values than the others, and one entries without a value.
        match number {
            0 => {}
            1 => add(partition, of("age").sorted()),
            _ => add(partition, of("age")),
        }
        if number == 3 {
            for name in 10..ENTRIES {
                put(partition, &format!("\"{name}\""), "{\"age\":7}");
            }
        }
        if number == 4 {
            put(partition, "\"opaque\"", "{\"age\":1e99999999999999999999}");
        }
    }
    let partitions = partitions.each_ref();
    let age = || field("age");
    for filter in [
        age().eq(5),
        age().eq(7),
        age().eq(500),
        age().eq("5"),
        age().eq(99),
    ] {
        compare_together(&partitions, START, &filter);
    }
    for values in [
        vec![1, 2],
        vec![300, 400],
        vec![7, 8, 400],
        (0..90).collect(),
        Vec::new(),
    ] {
        compare_together(&partitions, START, &age().one_of(values));
    }
    for filter in [
        age().lt(3),
        age().is_null(),
        !age().eq(3),
        field("city").eq("c1"),
        key().eq("1"),
    ] {
        compare_together(&partitions, START, &filter);
    }
    compare_together(&[], START, &age().eq(5));
}

#[test]
fn each_filter_is_served_by_an_index_that_can() {
    let partition = indexed_people();
    let age = || field("age");
    let served: Vec<(Filter, usize)> = vec![
        (age().eq(5), 10),
        (age().eq(500), 0),
        (age().is_null(), 0),
        (age().lt(5), 50),
        (age().le(5), 60),
        (age().gt(95), 40),
        (age().ge(95), 50),
        (age().between(10, 19), 100),
        (age().one_of([1, 2, 3, 777]), 30),
        (!age().ge(5), 50),
        (!age().between(5, 94), 120),
        (field("city").eq("c1"), 100),
        (field("city").like("c1"), 100),
        (field("city").gt("c7"), 200),
        (field("city").matches("c[12]").unwrap(), 200),
        (field("name").like("n00%"), 100),
        (field("name").like("n%7").and(age().eq(7)), 10),
        (field("tags").contains("t3"), 100),
        (field("tags").contains(99), 10),
        (field("tags").contains_any(["t3", "t4"]), 200),
        (field("tags").contains_all(["t3", "all"]), 100),
        (field("city").eq("c1").and(age().gt(90)), 10),
        (field("city").eq("c1").and(age().gt(1)), 100),
        (field("city").eq("c1").or(age().eq(2)), 110),
        (field("city").eq("c1").and(field("missing").eq(1)), 100),
        (age().eq(1).xor(age().eq(2)).and(age().lt(3)), 30),
        (key().eq("17"), 1),
        (key().one_of(["1", "2", "none"]), 2),
        (
            Filter::InKeySet(Box::new(age().ge(0)), ["1", "2", "none"].into_iter().collect()),
            2,
        ),
        (
            Filter::Predicate(Extractor::path("age"), Box::new(field("").eq(5))),
            10,
        ),
        (Filter::KeyAssociated(Box::new(age().eq(5)), Operand::from(1)), 10),
        (Filter::Never, 0),
        (Filter::Never.and(field("missing").eq(1)), 0),
    ];
    for (filter, count) in served {
        assert_eq!(looked_at(&partition, &filter), Some(count), "{filter:?}");
    }
}

#[test]
fn what_is_asked_of_one_index_is_one_range_wherever_it_stands() {
    let partition = indexed_people();
    let age = || field("age");
    let served: Vec<(Filter, usize)> = vec![
        (age().gt(9).and(age().lt(20)), 100),
        (age().gt(9).and(field("missing").eq(1).and(age().lt(20))), 100),
        (!age().le(9).or(age().ge(20)), 100),
        (age().gt(9).and(!age().ge(20)), 100),
        (age().ge(10).and(age().le(99)).and(age().between(0, 19)), 100),
        (age().gt(9).and(age().one_of([1, 2, 11, 12])), 20),
        (age().gt(20).and(age().lt(10)), 0),
        (age().gt(9).and(age().lt(20)).or(age().eq(99)), 110),
        (age().eq(1).or(age().gt(97)).and(age().lt(99)), 30),
        (field("city").gt("c1").and(field("city").lt("c4")), 200),
        (field("name").like("n00%").and(field("name").ge("n0050")), 50),
        // Going through all names for the first pattern is more than looking at the entries that the second leaves.
        (field("name").like("n%7").and(field("name").like("n00%")), 100),
        (
            Filter::Predicate(
                Extractor::path("age"),
                Box::new(field("").gt(9).and(field("").lt(20))),
            ),
            100,
        ),
        (
            Filter::Predicate(Extractor::path("age"), Box::new(field("").gt(9))).and(age().lt(20)),
            200,
        ),
        (field("tags").contains(99).and(field("tags").contains("t9")), 10),
    ];
    for (filter, count) in served {
        assert_eq!(looked_at(&partition, &filter), Some(count), "{filter:?}");
    }
}

#[test]
fn what_no_index_narrows_is_looked_at_whole() {
    let partition = indexed_people();
    let age = || field("age");
    let scanned = [
        Filter::Always,
        age().ge(1),
        age().ne(1),
        field("tags").contains("all"),
        field("city").eq("c1").or(field("missing").eq(1)),
        age().eq(1).xor(age().eq(2)),
        field("missing").eq(1),
        !field("tags").contains("t3"),
        age().gt(9).or(age().lt(20)),
    ];
    for filter in scanned {
        assert_eq!(looked_at(&partition, &filter), None, "{filter:?}");
    }
}

#[test]
fn errors_are_as_without_an_index() {
    let mut partition = people();
    add(&mut partition, of("age").sorted());
    put(&mut partition, "\"odd\"", "{\"age\":\"old\",\"city\":\"x\"}");
    put(&mut partition, "\"null\"", "{\"age\":null}");
    check(&partition);
    for filter in [
        field("age").gt(95),
        field("age").between(10, 12),
        field("age").gt("x"),
        field("age").lt(1.5),
    ] {
        compare(&partition, START, &filter, 7);
        assert!(partition.select(START, CACHE, &filter, |_entry| Ok(())).is_err());
    }
    // The other part decides.
    let decided = field("age").gt(95).and(field("city").eq("c1"));
    compare(&partition, START, &decided, 7);
    assert_eq!(looked_at(&partition, &decided), Some(41));
    put(&mut partition, "\"number\"", "7");
    compare(&partition, START, &field("age").eq(1), 7);
    assert!(
        partition
            .select(START, CACHE, &field("age").eq(1), |_entry| Ok(()))
            .is_err()
    );
    assert_eq!(partition.indexes(CACHE)[0].without_value, 1);
}

#[test]
fn an_index_with_a_condition_is_used_only_where_it_may() {
    let mut partition = people();
    put(&mut partition, "\"none\"", "{\"city\":\"c1\"}");
    add(&mut partition, of("city").only(field("age").lt(50)));
    let city = || field("city").eq("c1");
    assert_eq!(partition.indexes(CACHE)[0].entries, 500);
    assert_eq!(looked_at(&partition, &city()), None);
    assert_eq!(looked_at(&partition, &city().and(field("age").lt(60))), None);
    assert_eq!(
        looked_at(
            &partition,
            &city().and(field("age").lt(50)).and(field("name").ne("x"))
        ),
        Some(50)
    );
    assert_eq!(
        looked_at(
            &partition,
            &city().and(field("age").lt(20)).and(field("name").ne("x"))
        ),
        Some(50)
    );
    assert_eq!(looked_at(&partition, &city().or(field("age").lt(50))), None);
    assert_eq!(looked_at(&partition, &!city().and(field("age").lt(50))), None);
    add(&mut partition, of("age").only(field("age").is_not_null()));
    assert_eq!(looked_at(&partition, &field("age").eq(3)), Some(10));
    assert_eq!(looked_at(&partition, &field("age").is_null()), None);
    let nested = city()
        .or(field("name").eq("x").and(city()))
        .and(field("age").lt(50));
    assert_eq!(looked_at(&partition, &nested), Some(50));
}

#[test]
fn an_index_is_known_by_its_extractor() {
    let mut partition = people();
    add(&mut partition, of("age"));
    assert_eq!(partition.add_index(CACHE, Arc::new(of("age"))), Ok(false));
    let different = partition
        .add_index(CACHE, Arc::new(of("age").sorted()))
        .unwrap_err();
    assert!(matches!(different, IndexError::Different { .. }), "{different}");
    assert!(partition.remove_index(CACHE, &Extractor::path("age")));
    assert!(!partition.remove_index(CACHE, &Extractor::path("age")));
    assert!(partition.indexes(CACHE).is_empty());
    for number in 0..INDEXES_MAX {
        add(&mut partition, of(&format!("p{number}")));
    }
    let refused = partition.add_index(CACHE, Arc::new(of("one.more")));
    assert_eq!(refused, Err(IndexError::TooMany { max: INDEXES_MAX }));
}

#[test]
fn definitions_stay_without_entries_and_go_with_the_cache() {
    let mut partition = people();
    add(&mut partition, of("age"));
    partition.truncate(CACHE);
    check(&partition);
    let info = &partition.indexes(CACHE)[0];
    assert_eq!((info.entries, info.distinct_values), (0, 0));
    put(&mut partition, "1", "{\"age\":1}");
    check(&partition);
    assert_eq!(partition.indexes(CACHE)[0].entries, 1);
    partition.drop_cache(CACHE);
    assert!(partition.indexes(CACHE).is_empty());
    assert_eq!(partition.memory().query_index_bytes, 0);
}

#[test]
fn long_arrays_and_values_are_looked_at() {
    let mut partition = people();
    add(&mut partition, of("tags"));
    add(&mut partition, of("name").sorted());
    let many: Vec<_> = (1_000..=1_000 + ELEMENTS_MAX)
        .map(|number| number.to_string())
        .collect();
    let long = "n".repeat(200);
    let value = |end: &str| format!("{{\"tags\":[{}],\"name\":\"{long}{end}\"}}", many.join(","));
    put(&mut partition, "\"a\"", &value("a"));
    put(&mut partition, "\"b\"", &value("b"));
    check(&partition);
    assert_eq!(partition.indexes(CACHE)[0].without_value, 2);
    assert_eq!(looked_at(&partition, &field("tags").contains(1_000)), Some(2));
    assert_eq!(looked_at(&partition, &field("tags").contains(99)), Some(12));
    let name = |end: &str| Operand::from(format!("{long}{end}"));
    for end in ["a", "b", "c"] {
        assert_eq!(looked_at(&partition, &field("name").eq(name(end))), Some(2));
        assert_eq!(looked_at(&partition, &field("name").gt(name(end))), Some(2));
        compare(&partition, START, &field("name").ne(name(end)), 100);
        compare(&partition, START, &!field("name").gt(name(end)), 100);
        compare(
            &partition,
            START,
            &field("name").like(&format!("{long}{end}%")),
            100,
        );
    }
}

#[test]
fn a_plan_is_explained() {
    let mut partition = people();
    let filter = field("age").gt(95).and(field("name").eq("n0099"));
    let explain = |partition: &Partition| {
        let steps = partition
            .explain(START, CACHE, &filter, RecordKind::Explain)
            .unwrap();
        assert_eq!(steps.len(), 1);
        steps[0].clone()
    };
    let count = i64::try_from(ENTRIES).unwrap();
    assert_eq!(explain(&partition), RecordStep::without_index(&filter, count));
    add(&mut partition, of("age").sorted());
    let info = &partition.indexes(CACHE)[0];
    let bytes = i64::try_from(info.bytes).unwrap();
    let step = explain(&partition);
    assert_eq!(step.efficiency, 40);
    assert_eq!(step.steps[0].efficiency, 40);
    assert_eq!(step.steps[0].keys_before, count);
    assert_eq!(
        step.steps[0].indexes,
        [IndexRecord::of("age".to_owned(), true, bytes, 100)]
    );
    assert_eq!(
        step.steps[1],
        RecordStep::without_index(&field("name").eq("n0099"), count)
    );
    let trace = partition
        .explain(START, CACHE, &filter, RecordKind::Trace)
        .unwrap();
    let sizes: Vec<_> = trace
        .iter()
        .map(|step| (step.keys_before, step.keys_after))
        .collect();
    assert_eq!(sizes, [(count, 40), (40, 1)]);
    let empty = Partition::new()
        .explain(START, CACHE, &filter, RecordKind::Trace)
        .unwrap();
    let nothing = || RecordStep::without_index(&filter, 0);
    assert_eq!(empty, [nothing(), nothing()]);
}

#[test]
fn what_is_explained_has_bounds() {
    let mut partition = people();
    add(&mut partition, of("age").sorted());
    let long = "x".repeat(10_000);
    let many = Filter::Any((0..3_000).map(|number| field("age").eq(number)).collect());
    for filter in [many.clone(), Filter::All(vec![many, field("name").eq(long)])] {
        for explained in [
            RecordStep::without_index(&filter, 1),
            partition
                .explain(START, CACHE, &filter, RecordKind::Explain)
                .unwrap()
                .remove(0),
        ] {
            let (mut steps, mut bytes, mut open) = (0, 0, vec![&explained]);
            while let Some(step) = open.pop() {
                steps += 1;
                bytes += step.filter.len();
                open.extend(&step.steps);
            }
            assert_eq!(steps, 1_000);
            assert!(bytes < 70_000, "{bytes} bytes");
        }
    }
    let step = RecordStep::without_index(&field("name").eq("x".repeat(10_000)), 1);
    assert!(step.filter.len() < 5_000 && step.filter.ends_with('…'));
}
