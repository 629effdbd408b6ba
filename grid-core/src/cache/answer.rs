//! Answers of aggregators and processors, read as Rust types.

use serde::de::DeserializeOwned;

use crate::value::{self, Binary, Object, Value, ValueError};

/// The class of the maps that aggregators answer with.
const MAP_CLASS: &str = "util.LiteMap";

/// Reads an answer.
///
/// A type that has no place for them gets the maps of aggregators as objects, and decimals as the integers or doubles that
/// are nearest: `HashMap<String, u64>` for groups, `f64` for a mean.
pub(super) fn read_answer<R: DeserializeOwned>(answer: &Binary) -> Result<R, ValueError> {
    value::from_binary(answer).or_else(|error| {
        let plain = Value::from_binary(answer).ok().and_then(plain);
        let plain = plain.and_then(|plain| plain.to_binary().ok());
        plain.ok_or(error).and_then(|plain| value::from_binary(&plain))
    })
}

/// The value without what only dynamic values can say.
fn plain(value: Value) -> Option<Value> {
    Some(match value {
        Value::Array(values) => Value::Array(values.into_iter().map(plain).collect::<Option<_>>()?),
        Value::Decimal(number) => {
            let text = number.normalized().to_plain_string();
            match text.parse::<i64>() {
                Ok(whole) => Value::Int(whole),
                Err(_not_whole) => Value::Double(text.parse().ok()?),
            }
        }
        Value::Object(object) if object.class() == Some(MAP_CLASS) => {
            let Some(Value::Array(entries)) = object.get("entries") else {
                return None;
            };
            let mut members = Object::new();
            for entry in entries {
                let Value::Object(entry) = entry else { return None };
                let name = name_of(entry.get("key").unwrap_or(&Value::Null))?;
                members.insert(name, plain(entry.get("value").cloned().unwrap_or_default())?);
            }
            Value::Object(members)
        }
        other => other,
    })
}

/// A key as the name of a member.
fn name_of(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        key => {
            let text = key.to_binary().ok()?;
            String::from_utf8(text.bytes().to_vec()).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::query::{Aggregator, QueryEntry};

    fn asked<R: DeserializeOwned>(aggregator: &Aggregator, entries: &[&str]) -> R {
        let entries = entries.iter().map(|text| QueryEntry::of_value(text.as_bytes()));
        read_answer(&aggregator.aggregate(entries).unwrap()).unwrap()
    }

    const PEOPLE: [&str; 3] = [
        r#"{"age":36,"city":"Oslo"}"#,
        r#"{"age":41,"city":"Rome"}"#,
        r#"{"age":20,"city":"Oslo"}"#,
    ];

    #[test]
    fn answers_are_read_as_what_they_are_asked_for() {
        assert_eq!(asked::<u64>(&Aggregator::count(), &PEOPLE), 3);
        assert_eq!(asked::<i64>(&Aggregator::sum("age"), &PEOPLE), 97);
        let mean: f64 = asked(&Aggregator::average("age"), &PEOPLE);
        assert!((mean - 97.0 / 3.0).abs() < 1e-6, "{mean}");
        assert_eq!(asked::<Option<f64>>(&Aggregator::average("age"), &[]), None);
        let cities: HashMap<String, u64> = asked(&Aggregator::count().by("city"), &PEOPLE);
        assert_eq!(
            cities,
            HashMap::from([("Oslo".to_owned(), 2), ("Rome".to_owned(), 1)])
        );
        let ages: HashMap<u32, HashMap<String, i64>> =
            asked(&Aggregator::sum("age").by("city").by("age"), &PEOPLE);
        assert_eq!(ages[&36], HashMap::from([("Oslo".to_owned(), 36)]));
    }

    #[test]
    fn what_is_of_no_such_type_is_an_error() {
        let answer = Aggregator::count()
            .by("city")
            .aggregate([QueryEntry::of_value(b"{}")]);
        assert!(read_answer::<bool>(&answer.unwrap()).is_err());
    }
}
