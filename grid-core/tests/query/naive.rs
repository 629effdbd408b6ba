//! Filters as anyone would write them down, on values that were read as a whole.

use std::cmp::Ordering;

use grid_core::query::{
    Datum, Extractor, Filter, LikePattern, Operand, QueryEntry, RegexPattern, Test, ValueSet,
};
use grid_core::value::{Value, to_binary};

/// A property of a value.
fn naive_property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Null),
        Value::Object(object) => match (object.get(name), name) {
            (Some(member), _) => Some(member.clone()),
            (None, "size") => Some(Value::from(object.len())),
            (None, _) => Some(Value::Null),
        },
        Value::Array(elements) if name == "size" => Some(Value::from(elements.len())),
        _ => None,
    }
}

/// A property of a property; `None` where there is none.
pub(crate) fn naive_path(value: &Value, path: &[String]) -> Option<Value> {
    path.iter()
        .try_fold(value.clone(), |value, name| naive_property(&value, name))
}

/// The order of two values; `None` where they have none.
fn naive_compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Int(right)) => left.partial_cmp(right),
        (Value::BigInt(left), Value::BigInt(right)) => left.partial_cmp(right),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.partial_cmp(right),
        (Value::String(left), Value::String(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
        _ => None,
    }
}

/// Whether two values are equal.
pub(crate) fn naive_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Decimal(left), Value::Decimal(right)) => {
            left.fractional_digit_count() == right.fractional_digit_count() && left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| naive_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| naive_equal(left, right)))
        }
        _ => left == right,
    }
}

/// What SQL's LIKE means, unit by unit.
fn naive_like(text: &[u16], pattern: &[u16]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((percent, rest)) if *percent == u16::from(b'%') => {
            (0..=text.len()).any(|skipped| naive_like(&text[skipped..], rest))
        }
        Some((first, rest)) => text.split_first().is_some_and(|(unit, text)| {
            (*first == u16::from(b'_') || first == unit) && naive_like(text, rest)
        }),
    }
}

/// All of these: false where one is, then an error where one is.
fn every(answers: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let answers: Vec<_> = answers.into_iter().collect();
    if answers.contains(&Some(false)) {
        Some(false)
    } else if answers.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn given(operand: &Operand) -> Value {
    operand.datum().to_value().unwrap()
}

fn extract(extractor: &Extractor, value: &Value) -> Option<Value> {
    match extractor {
        Extractor::Identity => Some(value.clone()),
        Extractor::Key(_) => Some(Value::from("key")),
        other => {
            let path: Vec<_> = other
                .property_path()
                .unwrap()
                .into_iter()
                .map(str::to_owned)
                .collect();
            naive_path(value, &path)
        }
    }
}

fn holds(test: Test, left: &Value, right: &Value) -> Option<bool> {
    match test {
        Test::Equals => Some(naive_equal(left, right)),
        Test::NotEquals => Some(!naive_equal(left, right)),
        _ if left.is_null() || right.is_null() => Some(false),
        Test::Greater => naive_compare(left, right).map(Ordering::is_gt),
        Test::GreaterEquals => naive_compare(left, right).map(Ordering::is_ge),
        Test::Less => naive_compare(left, right).map(Ordering::is_lt),
        Test::LessEquals => naive_compare(left, right).map(Ordering::is_le),
    }
}

/// Of each of the wanted values whether it is an element; `None` where there is no array.
fn found_in(collection: &Value, wanted: &ValueSet) -> Option<Vec<bool>> {
    let Value::Array(elements) = collection else {
        return None;
    };
    let has = |wanted: &Operand| {
        elements
            .iter()
            .any(|element| naive_equal(element, &given(wanted)))
    };
    Some(wanted.iter().map(has).collect())
}

fn is_like(value: &Value, pattern: &LikePattern) -> bool {
    let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    match value {
        Value::Null => false,
        Value::String(text) => naive_like(&units(text), &units(pattern.pattern())),
        // What the text of anything else is, is tested against the reference.
        other => naive_like(&units(&text_of(other)), &units(pattern.pattern())),
    }
}

fn matches(value: &Value, pattern: &RegexPattern) -> bool {
    match value {
        Value::String(text) => pattern.matches(text),
        other => pattern.matches(&text_of(other)),
    }
}

/// The text of a value that is no string.
fn text_of(value: &Value) -> String {
    let text = to_binary(value).unwrap();
    let called = Extractor::method("toString", Vec::new());
    let called = called.extract(&QueryEntry::of_value(text.bytes())).unwrap();
    match called.into_datum().unwrap() {
        Datum::Text(text) => text.into_owned(),
        _ => "null".to_owned(),
    }
}

/// What a filter says of a value: true, false, or an error.
pub(crate) fn naive_filter(filter: &Filter, value: &Value) -> Option<bool> {
    let of = |extractor: &Extractor| extract(extractor, value);
    Some(match filter {
        Filter::Always | Filter::Present => true,
        Filter::Never => false,
        Filter::Compare {
            test,
            extractor,
            value,
        } => holds(*test, &of(extractor)?, &given(value))?,
        Filter::Between(between) => {
            let found = of(&between.extractor)?;
            every([
                holds(Test::GreaterEquals, &found, &given(&between.from)),
                holds(Test::LessEquals, &found, &given(&between.to)),
            ])?
        }
        Filter::In(extractor, values) => {
            let found = of(extractor)?;
            values.iter().any(|value| naive_equal(&found, &given(value)))
        }
        Filter::Contains(extractor, value) => {
            let wanted = ValueSet::new([value.clone()]);
            found_in(&of(extractor)?, &wanted).is_some_and(|found| found.contains(&true))
        }
        Filter::ContainsAll(extractor, values) => {
            found_in(&of(extractor)?, values).is_some_and(|found| !found.contains(&false))
        }
        Filter::ContainsAny(extractor, values) => {
            found_in(&of(extractor)?, values).is_some_and(|found| found.contains(&true))
        }
        Filter::Like(extractor, pattern) => is_like(&of(extractor)?, pattern),
        Filter::Regex(extractor, pattern) => matches(&of(extractor)?, pattern),
        Filter::All(filters) => every(filters.iter().map(|filter| naive_filter(filter, value)))?,
        Filter::Any(filters) => {
            let none = filters
                .iter()
                .map(|filter| naive_filter(filter, value).map(|answer| !answer));
            !every(none)?
        }
        Filter::Xor(filters) => naive_filter(&filters.0, value)? != naive_filter(&filters.1, value)?,
        Filter::Not(filter) => !naive_filter(filter, value)?,
        other => panic!("{other:?} is not made here"),
    })
}
