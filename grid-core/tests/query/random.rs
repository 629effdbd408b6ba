//! Random values, paths and filters.

use grid_core::query::{Field, Filter, Operand, field, key};
use grid_core::value::{Object, Value, to_binary};
use proptest::prelude::*;

/// Names that are often equal.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]",
        1 => Just("\"q\\".to_owned()),
        1 => Just("é😀".to_owned()),
        1 => Just("size".to_owned()),
        1 => Just("value".to_owned()),
    ]
}

/// Scalars that are often equal, and of all types.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        3 => (-2..3_i64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        2 => (-2..3_i32).prop_map(|half| Value::from(f64::from(half) / 2.0 + 0.25)),
        3 => "[aB%_.]{0,3}".prop_map(Value::from),
        1 => ".{0,4}".prop_map(Value::from),
        1 => (-200..200_i64, 0..3_i64)
            .prop_map(|(number, scale)| Value::Decimal(bigdecimal::BigDecimal::new(number.into(), scale))),
        1 => any::<i128>().prop_map(|number| Value::BigInt(number.into())),
    ]
}

/// Values with objects and arrays in each other.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            3 => proptest::collection::vec((name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Object>())),
        ]
    })
}

/// A value that is an object.
pub(crate) fn object() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), value()), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Object>()))
}

/// A JSON text of a value, with spaces.
pub(crate) fn spaced(value: &Value) -> Vec<u8> {
    let text = to_binary(value).unwrap();
    let mut out = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        if !quoted && matches!(byte, b',' | b':' | b'}' | b']') {
            out.extend_from_slice(b" \n");
        }
        out.push(*byte);
        if !quoted && matches!(byte, b',' | b':' | b'{' | b'[') {
            out.push(b'\t');
        }
        if *byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && !escaped && *byte == b'\\';
    }
    out
}

/// What a filter looks at: the name of a property, or the value itself.
pub(crate) fn any_field() -> impl Strategy<Value = Field> {
    prop_oneof![
        5 => name().prop_map(|name| Field::of(grid_core::query::Extractor::Property(name))),
        1 => Just(field("")),
        1 => Just(field("a.b")),
        1 => Just(key()),
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![4 => scalar(), 1 => value()].prop_map(|value| Operand::of(&value).unwrap())
}

/// Filters in each other.
pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        Just(Filter::Always),
        Just(Filter::Never),
        Just(Filter::Present),
        (any_field(), operand(), 0..6).prop_map(|(field, value, test)| match test {
            0 => field.eq(value),
            1 => field.ne(value),
            2 => field.lt(value),
            3 => field.le(value),
            4 => field.gt(value),
            _ => field.ge(value),
        }),
        (any_field(), operand(), operand()).prop_map(|(field, from, to)| field.between(from, to)),
        (any_field(), proptest::collection::vec(operand(), 0..4))
            .prop_map(|(field, values)| field.one_of(values)),
        (any_field(), operand()).prop_map(|(field, value)| field.contains(value)),
        (any_field(), proptest::collection::vec(operand(), 0..3))
            .prop_map(|(field, values)| field.contains_all(values)),
        (any_field(), proptest::collection::vec(operand(), 0..3))
            .prop_map(|(field, values)| field.contains_any(values)),
        (any_field(), "[aB%_.]{0,4}").prop_map(|(field, pattern)| field.like(&pattern)),
        (any_field(), "[aB.]{0,2}[.][*]?").prop_map(|(field, pattern)| field.matches(&pattern).unwrap()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::all),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::any),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| left.xor(right)),
            inner.prop_map(|filter| !filter),
        ]
    })
}
