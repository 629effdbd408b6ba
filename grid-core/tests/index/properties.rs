//! Random changes through every path, random indexes, random filters.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use bytes::Bytes;
use grid_core::query::{Comparator, Extractor, Filter, KeySet, Operand, RecordKind, field, key};
use grid_core::store::{
    CacheId, CacheSettings, Change, Command, IndexDefinition, Partition, TimeToLive, Timestamp, Want,
};
use grid_core::value::{Binary, Format, Key};
use proptest::prelude::*;

use crate::model::{CACHE, START, check, compare, compare_together, json, naive};
use crate::random::{any_field, filter, object, scalar, spaced, value};

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Binary, i64),
    Remove(u8),
    Pass(u64),
    Expire(usize),
    Clear(usize),
    Truncate,
    Copy,
    Add(IndexDefinition),
    Drop(Extractor),
    Ask(Filter, usize),
}

fn stored() -> impl Strategy<Value = Binary> {
    prop_oneof![
        12 => object().prop_map(|value| json(spaced(&value))),
        4 => value().prop_map(|value| json(spaced(&value))),
        4 => proptest::collection::vec(-2..3_i8, 1..4).prop_map(|numbers| {
            json(format!("{{\"a\":{numbers:?},\"b\":{{\"@class\":\"ai.Float32Vector\",\"array\":{numbers:?}}}}}"))
        }),
        4 => (proptest::collection::vec(scalar(), 0..4), scalar()).prop_map(|(elements, scalar)| {
            let elements: Vec<_> = elements.iter().map(spaced).collect();
            let elements = elements.join(&b","[..]);
            json([&b"{\"a\":["[..], &elements, b"],\"b\":", &spaced(&scalar), b"}"].concat())
        }),
        // Longer than the slot before, so that entries move.
        1 => (0..200_usize).prop_map(|len| json(format!("{{\"b\":\"{}\",\"a\":1}}", "a".repeat(len)))),
        1 => (0..3_usize).prop_map(|which| {
            let long = ["1".repeat(10_002), "[1,2".to_owned(), "1e99999999999999999999".to_owned()];
            json(format!("{{\"a\":{}}}", long[which]))
        }),
        1 => Just(Binary::new(Format::POF, Bytes::from_static(b"\x15pof"))),
    ]
}

fn extractor() -> impl Strategy<Value = Extractor> {
    let property = |name: &str| Extractor::Property(name.to_owned());
    let multi = Extractor::Multi(vec![property("a"), property("b")]);
    let key = Extractor::Key(Box::new(Extractor::Identity));
    prop_oneof![
        4 => Just(property("a")),
        4 => Just(property("b")),
        1 => Just(property("size")),
        1 => Just(Extractor::Identity),
        1 => Just(Extractor::path("a.b")),
        1 => Just(Extractor::path("a.length()")),
        1 => Just(multi),
        1 => Just(key),
    ]
}

fn condition() -> impl Strategy<Value = Filter> {
    prop_oneof![
        Just(field("b").is_not_null()),
        Just(field("a").is_not_null()),
        Just(field("b").ge(0)),
        Just(field("a").lt("B")),
        Just(field("a").eq(1).or(field("b").eq(1))),
    ]
}

pub(crate) fn definition() -> impl Strategy<Value = IndexDefinition> {
    let condition = prop_oneof![3 => Just(None), 1 => condition().prop_map(Some)];
    let comparator = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Comparator::Natural.inverse())),
        1 => Just(Some(Comparator::by("b").inverse())),
        1 => Just(Some(Comparator::by("length()"))),
    ];
    (extractor(), any::<bool>(), condition, comparator).prop_map(|(extractor, sorted, filter, comparator)| {
        IndexDefinition {
            extractor,
            sorted,
            comparator,
            filter,
            oversampling: None,
        }
    })
}

/// Indexes of values, and of vectors.
pub(crate) fn any_definition() -> impl Strategy<Value = IndexDefinition> {
    let vectors =
        (extractor(), proptest::option::weighted(0.25, condition())).prop_map(|(extractor, filter)| {
            let vectors = IndexDefinition::of_vectors(extractor).oversampling(NonZeroU32::MIN);
            filter.into_iter().fold(vectors, IndexDefinition::only)
        });
    prop_oneof![4 => definition(), 1 => vectors]
}

fn keys() -> impl Strategy<Value = KeySet> {
    proptest::collection::vec(any::<u8>(), 0..4).prop_map(|numbers| {
        numbers
            .into_iter()
            .map(|number| Operand::new(key_text(number).as_bytes()).unwrap())
            .collect()
    })
}

/// Filters of what indexes know, and of keys.
fn asked() -> impl Strategy<Value = Filter> {
    let simple = prop_oneof![
        4 => filter(),
        2 => (extractor(), filter()).prop_map(|(extractor, filter)| Filter::Predicate(extractor, Box::new(filter))),
        2 => (filter(), keys()).prop_map(|(filter, keys)| Filter::InKeySet(Box::new(filter), keys)),
        1 => any::<u8>().prop_map(|number| key().eq(Operand::new(key_text(number).as_bytes()).unwrap())),
        1 => keys().prop_map(|keys| key().one_of(keys.iter().cloned().collect::<Vec<_>>())),
        1 => (any_field(), scalar()).prop_map(|(field, value)| !field.gt(Operand::of(&value).unwrap())),
        1 => filter().prop_map(|filter| Filter::KeyAssociated(Box::new(filter), Operand::from(1))),
        1 => filter().prop_map(|filter| Filter::Limit { filter: Box::new(filter), page_size: 3, page: 0 }),
    ];
    (
        simple,
        proptest::option::of(condition()),
        proptest::option::of(filter()),
    )
        .prop_map(|(filter, condition, other)| match (condition, other) {
            (None, None) => filter,
            (condition, other) => Filter::all(condition.into_iter().chain([filter]).chain(other)),
        })
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = prop_oneof![4 => Just(-1_i64), 1 => 1..3_000_i64];
    prop_oneof![
        24 => (any::<u8>(), stored(), ttl).prop_map(|(key, value, ttl)| Step::Put(key, value, ttl)),
        4 => any::<u8>().prop_map(Step::Remove),
        1 => (0..2_000_u64).prop_map(Step::Pass),
        1 => (0..20_usize).prop_map(Step::Expire),
        1 => (0..5_usize).prop_map(Step::Clear),
        1 => prop_oneof![4 => Just(Step::Copy), 1 => Just(Step::Truncate)],
        4 => any_definition().prop_map(Step::Add),
        1 => extractor().prop_map(Step::Drop),
        8 => (asked(), 1..6_usize).prop_map(|(filter, page)| Step::Ask(filter, page)),
    ]
}

/// Keys of several kinds and spellings.
fn key_text(number: u8) -> String {
    let number = number % 48;
    match number % 4 {
        0 => format!("{number}"),
        1 => format!("\"k{number}\""),
        2 => format!("{number}.50"),
        _ => format!("{{\"a\": {number}}}"),
    }
}

/// A partition and a copy of it that is told of every change.
struct Pair {
    now: Timestamp,
    primary: Partition,
    copy: Partition,
}

impl Pair {
    fn new() -> Self {
        Pair {
            now: START,
            primary: Partition::new(),
            copy: Partition::new(),
        }
    }

    fn replay(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.copy.replay(self.now, &change).unwrap();
        }
    }

    fn apply(&mut self, number: u8, command: Command) {
        // A cache beside it, with entries in the same arena and no index.
        let key = Key::new(json(key_text(number))).unwrap();
        let settings = CacheSettings::default();
        for cache in [CACHE, CacheId::new(3)] {
            let applied = self
                .primary
                .apply(self.now, cache, settings, &key, command.clone(), Want::ALL)
                .unwrap();
            self.replay(applied.expired);
            self.replay(applied.change);
        }
    }

    fn both(&mut self) -> [&mut Partition; 2] {
        [&mut self.primary, &mut self.copy]
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Put(key, value, ttl) => {
                let ttl = TimeToLive::from_wire_ms(ttl).unwrap();
                self.apply(key, Command::Put { value, ttl });
            }
            Step::Remove(key) => self.apply(key, Command::Remove),
            Step::Pass(ms) => self.now = self.now.after_ms(ms),
            Step::Expire(work) => {
                let swept = self.primary.expire(self.now, work, |_cache| Want::ALL);
                self.replay(swept.changes);
            }
            Step::Clear(most) => {
                let swept = self.primary.clear(self.now, CACHE, most, Want::ALL);
                self.replay(swept.changes);
            }
            Step::Truncate => {
                for partition in self.both() {
                    partition.truncate(CACHE);
                }
            }
            Step::Copy => self.copy_anew(),
            Step::Add(definition) => {
                let definition = Arc::new(definition);
                let [primary, copy] = self.both();
                let added = primary.add_index(CACHE, Arc::clone(&definition));
                assert_eq!(copy.add_index(CACHE, definition), added);
            }
            Step::Drop(extractor) => {
                let [primary, copy] = self.both();
                assert_eq!(
                    primary.remove_index(CACHE, &extractor),
                    copy.remove_index(CACHE, &extractor)
                );
            }
            Step::Ask(filter, page) => self.ask(&filter, page),
        }
        for partition in self.both() {
            check(partition);
        }
    }

    /// A new copy, with indexes before the entries come.
    fn copy_anew(&mut self) {
        let mut copy = Partition::new();
        for index in self.primary.indexes(CACHE) {
            copy.add_index(CACHE, index.definition).unwrap();
        }
        let (few, mut cursor) = (NonZeroUsize::new(7).unwrap(), None);
        loop {
            let copied = self.primary.copy_after(cursor, few, NonZeroUsize::MAX);
            for entry in &copied.entries {
                copy.take_copied(self.now, entry).unwrap();
            }
            match copied.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        copy.set_sequence(self.primary.sequence());
        self.copy = copy;
    }

    fn ask(&self, filter: &Filter, page: usize) {
        let empty = Partition::new();
        compare_together(&[&empty, &self.primary, &self.copy], self.now, filter);
        for partition in [&self.primary, &self.copy] {
            compare(partition, self.now, filter, page);
            let (selected, errors) = naive(partition, self.now, filter);
            let explained = partition.explain(self.now, CACHE, filter, RecordKind::Explain);
            assert_eq!(explained.unwrap().len(), 1);
            match partition.explain(self.now, CACHE, filter, RecordKind::Trace) {
                Ok(steps) => {
                    assert!(errors.is_empty());
                    let last = steps.last().unwrap();
                    assert_eq!(last.keys_after, i64::try_from(selected.len()).unwrap());
                }
                Err(error) => assert!(errors.contains(&error)),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn indexes_follow_and_change_no_answer(steps in proptest::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
        }
    }

    #[test]
    fn many_filters_on_many_indexes(
        entries in proptest::collection::vec((any::<u8>(), stored()), 1..60),
        definitions in proptest::collection::vec(any_definition(), 1..8),
        filters in proptest::collection::vec(asked(), 1..30),
    ) {
        let mut pair = Pair::new();
        for definition in definitions {
            pair.step(Step::Add(definition));
        }
        for (key, value) in entries {
            let ttl = TimeToLive::CacheDefault;
            pair.apply(key, Command::Put { value, ttl });
        }
        for filter in filters {
            pair.ask(&filter, 5);
        }
    }

    #[test]
    fn definitions_come_back_as_they_were_written(definition in any_definition()) {
        let text = definition.to_json().unwrap();
        prop_assert_eq!(IndexDefinition::from_json(&text), Ok(definition));
    }
}
