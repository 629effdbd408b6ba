//! Random entries that mostly agree in their types, and random comparators and aggregators of what they have.

use std::ops::Range;

use grid_core::query::{
    Aggregator, Comparator, Distance, Extractor, Filter, NumberOperation, Operand, Vector, field,
};
use grid_core::value::{Object, Value, to_binary};
use proptest::prelude::*;

use crate::random::{filter, object, spaced, value};

/// The text of an object whose properties have one type each, where they are there: those that random filters ask for.
pub(crate) fn record() -> impl Strategy<Value = Vec<u8>> {
    let integer = || prop_oneof![9 => (-2..3_i64).prop_map(Value::from), 1 => Just(Value::Null)];
    let decimal = (-200..200_i64, 0..3_i64);
    let decimal =
        decimal.prop_map(|(number, scale)| Value::Decimal(bigdecimal::BigDecimal::new(number.into(), scale)));
    let quarter = (-8..8_i32).prop_map(|number| Value::from(f64::from(number) / 4.0));
    let elements = proptest::collection::vec(prop_oneof![integer(), "[aB]".prop_map(Value::from)], 0..4);
    let inner = (integer(), "[aB]{0,2}").prop_map(|(number, text)| {
        let members = [("a".to_owned(), number), ("b".to_owned(), Value::from(text))];
        Value::Object(members.into_iter().collect::<Object>())
    });
    let members = (
        often(integer()),
        often("[aB%_.]{0,3}".prop_map(Value::from)),
        often(quarter),
        often(decimal),
        often(elements.prop_map(Value::Array)),
        often(inner),
        often(vector()),
    );
    members.prop_map(|(a, b, size, value, elements, inner, vector)| {
        let names = ["a", "b", "size", "value", "é😀", "\"q\\", "vector"];
        let members = names
            .into_iter()
            .zip([a, b, size, value, elements, inner, vector]);
        let members = members.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        spaced(&Value::Object(members.collect::<Object>()))
    })
}

/// Three quarters of which sums are exact, seldom something else.
pub(crate) fn floats() -> impl Strategy<Value = [f32; 3]> {
    [-4..5_i8, -4..5_i8, -4..5_i8].prop_map(|numbers| numbers.map(|number| f32::from(number) / 4.0))
}

/// Vectors of one kind as they are stored, seldom others.
fn vector() -> impl Strategy<Value = Value> {
    let array = |numbers: Vec<f32>| {
        let numbers = numbers.into_iter().map(|number| Value::from(f64::from(number)));
        Value::Array(numbers.collect())
    };
    let object = |class: &str, name: &str, value: Value| {
        let members = [
            ("@class".to_owned(), Value::from(class)),
            (name.to_owned(), value),
        ];
        Value::Object(members.into_iter().collect::<Object>())
    };
    prop_oneof![
        20 => floats().prop_map(move |numbers| array(numbers.to_vec())),
        20 => floats().prop_map(move |numbers| object("ai.Float32Vector", "array", array(numbers.to_vec()))),
        2 => Just(Value::Null),
        1 => "0x([0-9a-f]{2}){0,4}".prop_map(move |bits| object("ai.BitVector", "bits", Value::from(bits))),
    ]
}

fn similar() -> impl Strategy<Value = Aggregator> {
    let vector = prop_oneof![
        12 => floats().prop_map(Vector::from),
        1 => proptest::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Vector::Bits(bytes.into())),
    ];
    let distance = proptest::sample::select(Distance::ALL.to_vec());
    let filter = proptest::option::weighted(0.2, filter());
    (vector, 0..6_usize, distance, filter, any::<bool>()).prop_map(
        |(vector, results, distance, filter, exact)| {
            let similar = Aggregator::similar(field("vector"), vector, results).by_distance(distance);
            let similar = filter.into_iter().fold(similar, Aggregator::among);
            if exact { similar.exactly() } else { similar }
        },
    )
}

fn often(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    proptest::option::weighted(0.85, value)
}

/// The text of any value: a record, seldom another object or value.
pub(crate) fn stored() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        60 => record(),
        1 => object().prop_map(|value| spaced(&value)),
        1 => value().prop_map(|value| spaced(&value)),
    ]
}

/// Keys of two kinds.
fn key_of(number: u8) -> Value {
    match number % 2 {
        0 => Value::from(i64::from(number)),
        _ => Value::from(format!("k{number}")),
    }
}

/// The text of the key of a number.
pub(crate) fn key_text(number: u8) -> Vec<u8> {
    to_binary(&key_of(number)).unwrap().bytes().to_vec()
}

/// What records have.
pub(crate) fn taken() -> impl Strategy<Value = Extractor> {
    let property = |name: &str| Just(Extractor::Property(name.to_owned()));
    let inner = Extractor::Chained(vec![
        Extractor::Property("\"q\\".to_owned()),
        Extractor::Property("a".to_owned()),
    ]);
    let several = Extractor::Multi(vec![Extractor::path("a"), Extractor::path("b")]);
    prop_oneof![
        4 => property("a"),
        4 => property("b"),
        3 => property("size"),
        3 => property("value"),
        1 => property("é😀"),
        2 => Just(inner),
        1 => Just(several),
        1 => Just(Extractor::Identity),
        1 => Just(Extractor::Key(Box::new(Extractor::Identity))),
    ]
}

/// What records have that has an order.
fn ordered() -> impl Strategy<Value = Extractor> {
    let property = |name: &str| Just(Extractor::Property(name.to_owned()));
    prop_oneof![12 => prop_oneof![property("a"), property("b"), property("size"), property("value")], 1 => taken()]
}

/// Orders of entries.
pub(crate) fn comparator() -> impl Strategy<Value = Comparator> {
    let key = Extractor::Key(Box::new(Extractor::Identity));
    let of_key = Extractor::Key(Box::new(Extractor::path("a")));
    let leaf = prop_oneof![
        1 => Just(Comparator::Natural),
        12 => ordered().prop_map(Comparator::Extractor),
        2 => proptest::sample::select(vec![key, of_key]).prop_map(Comparator::Extractor),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Comparator::inverse),
            inner.clone().prop_map(|inner| Comparator::Safe(Box::new(inner))),
            proptest::collection::vec(inner, 1..4).prop_map(Comparator::Chained),
        ]
    })
}

/// Aggregators in each other.
pub(crate) fn aggregator() -> impl Strategy<Value = Aggregator> {
    let number = prop_oneof![Just("a"), Just("size"), Just("value")];
    let leaf = prop_oneof![
        1 => Just(Aggregator::Count),
        6 => (proptest::sample::select(NumberOperation::ALL.to_vec()), number)
            .prop_map(|(operation, name)| Aggregator::Number(operation, Extractor::path(name))),
        1 => ordered().prop_map(Aggregator::Min),
        1 => ordered().prop_map(Aggregator::Max),
        2 => taken().prop_map(Aggregator::Distinct),
        1 => taken().prop_map(Aggregator::Reducer),
        2 => (0..5_usize, ordered(), any::<bool>()).prop_map(|(results, extractor, least)| Aggregator::Top {
            results,
            extractor,
            comparator: if least { Comparator::Natural.inverse() } else { Comparator::Natural },
        }),
        4 => similar(),
        1 => (0..5_usize, comparator()).prop_map(|(results, comparator)| Aggregator::Top {
            results,
            extractor: Extractor::Identity,
            comparator,
        }),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let filter = proptest::option::of(prop_oneof![
            Just(field("").is_not_null()),
            Just(field("").one_of([0, 1, 2])),
            filter(),
        ]);
        prop_oneof![
            (taken(), inner.clone(), filter).prop_map(|(extractor, aggregator, filter)| Aggregator::Group {
                extractor,
                aggregator: Box::new(aggregator),
                filter: filter.map(Box::new),
            }),
            proptest::collection::vec(inner, 0..4).prop_map(Aggregator::Composite),
        ]
    })
}

/// Filters of entries: those of values, and those that a predicate or the keys of some of these numbers have added.
pub(crate) fn entry_filter(numbers: Range<u8>) -> impl Strategy<Value = Filter> {
    let key = numbers.prop_map(|number| Operand::of(&key_of(number)).unwrap());
    let keys = proptest::collection::vec(key, 0..6);
    prop_oneof![
        6 => filter(),
        1 => (taken(), filter()).prop_map(|(extractor, filter)| Filter::Predicate(extractor, Box::new(filter))),
        1 => (filter(), keys).prop_map(|(filter, keys)| Filter::InKeySet(Box::new(filter), keys.into_iter().collect())),
    ]
}
