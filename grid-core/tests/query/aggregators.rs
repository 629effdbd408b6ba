//! Aggregators and orders, against recorded answers, in one partition and in several.

use bytes::Bytes;
use grid_core::query::{Aggregator, Comparator, QueryEntry};
use grid_core::value::json::drop_null_members;
use grid_core::value::{Format, Object, Value, from_binary};

use crate::recorded::{is_refusal, lines, table, text};

const RECORDED: &str = include_str!("reference/aggregators.jsonl");

/// A value in which lists that may come in any order are sorted, wherever they are.
fn in_order(value: Value, any_order: bool) -> Value {
    match value {
        Value::Array(elements) => {
            let mut elements: Vec<_> = elements
                .into_iter()
                .map(|inner| in_order(inner, any_order))
                .collect();
            if any_order {
                elements.sort_by_key(ToString::to_string);
            }
            Value::Array(elements)
        }
        Value::Object(object) => {
            let is_map = object.contains("entries");
            let members = object
                .into_iter()
                .map(|(name, value)| (name, in_order(value, any_order || is_map)));
            Value::Object(members.collect::<Object>())
        }
        other => other,
    }
}

fn read(json: &[u8]) -> Value {
    let json = drop_null_members(&Bytes::copy_from_slice(json));
    from_binary(&grid_core::value::Binary::new(Format::JSON, json)).unwrap()
}

/// The answer for values that lie in so many partitions.
fn answer(agent: &str, values: &[String], partitions: usize) -> Result<Vec<u8>, String> {
    let aggregator = Aggregator::from_json(agent.as_bytes()).map_err(|error| error.to_string())?;
    let again = Aggregator::from_json(&aggregator.to_json().unwrap()).unwrap();
    assert_eq!(aggregator, again);
    let keys: Vec<_> = (0..values.len()).map(|key| key.to_string()).collect();
    let mut accumulators: Vec<_> = (0..partitions).map(|_| aggregator.accumulator()).collect();
    for (index, value) in values.iter().enumerate() {
        let key = (Format::JSON, keys[index].as_bytes());
        let entry = QueryEntry::new(key, Some((Format::JSON, value.as_bytes())));
        accumulators[index % partitions]
            .accumulate(&entry)
            .map_err(|error| error.to_string())?;
    }
    let partials: Result<Vec<_>, _> = accumulators
        .into_iter()
        .map(|accumulator| accumulator.partial())
        .collect();
    let partials = partials.map_err(|error| error.to_string())?;
    let partials = partials.iter().map(Vec::as_slice);
    let answer = aggregator.combine(partials).map_err(|error| error.to_string())?;
    Ok(answer.into_bytes().to_vec())
}

/// Why an answer differs from the recorded one on purpose.
fn differs(agent: &str, values: &[String], expected: &str) -> Option<&'static str> {
    if expected.contains("Failed to serialize") || expected == "!Failed" {
        return Some("the reference cannot send an empty result");
    }
    if agent.contains("compositeAggregator") {
        return Some("the name of the client of Go is read");
    }
    if agent.contains("Comparable") && values.iter().any(|value| value.contains("1099511627776")) {
        return Some("integers of all sizes are one type");
    }
    let zeros = |value: &String| value.contains("0.0");
    if values.iter().any(zeros)
        && (agent.contains("Group") || agent.contains("Distinct") || agent.contains("Reducer"))
    {
        return Some("groups are told apart by the canonical form, in which zero has no sign");
    }
    if agent.contains("BigDecimal") && values.iter().any(|value| value.contains("9223372036854775807")) {
        return Some("the reference takes large integers for doubles, which they are not");
    }
    if agent.contains("Comparable") && values.iter().any(|value| value.contains(r#""1.0""#)) {
        return Some("of equal decimals any is the extreme");
    }
    None
}

#[test]
fn aggregators_answer_as_the_reference() {
    let mut wrong = Vec::new();
    for row in lines(RECORDED) {
        let (values, agent) = (table(row[0].as_array().unwrap()), text(&row[1]));
        let expected = row[2].as_str().unwrap_or("null");
        if agent.starts_with("sort ") || differs(agent, &values, expected).is_some() {
            continue;
        }
        let any_order = agent.contains("DistinctValues");
        for partitions in 1..4 {
            let found = answer(agent, &values, partitions);
            let same = match &found {
                Ok(found) if !is_refusal(&row[2]) => {
                    let (found, expected) = (read(found), read(expected.as_bytes()));
                    in_order(found, any_order).to_string() == in_order(expected, any_order).to_string()
                }
                Ok(_) => false,
                Err(_) => is_refusal(&row[2]),
            };
            if !same {
                let found = found.map(|found| String::from_utf8(found).unwrap());
                wrong.push(format!("{agent} of {values:?}: {found:?}, not {expected}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn orders_are_those_of_the_reference() {
    let mut wrong = Vec::new();
    for row in lines(RECORDED) {
        let Some(agent) = text(&row[1])
            .strip_prefix("sort ")
            .filter(|agent| *agent != "null")
        else {
            continue;
        };
        if agent.contains("EntryComparator") {
            continue;
        }
        let mut values = table(row[0].as_array().unwrap());
        let comparator = Comparator::from_json(agent.as_bytes()).unwrap();
        assert_eq!(
            Comparator::from_json(&comparator.to_json().unwrap()).unwrap(),
            comparator
        );
        let sorted = comparator.sort(&mut values, |value| QueryEntry::of_value(value.as_bytes()));
        let same = match (&sorted, row[2].as_array()) {
            (Ok(()), Some(expected)) => {
                let read = |value: &String| read(value.as_bytes()).to_string();
                let without_names = |text: String| text.replace(r#","n":"#, r#", "n":"#);
                let found: Vec<_> = values.iter().map(|value| without_names(read(value))).collect();
                let expected: Vec<_> = table(expected)
                    .iter()
                    .map(|value| without_names(read(value)))
                    .collect();
                found == expected
            }
            (Err(_), None) => true,
            _ => false,
        };
        if !same {
            wrong.push(format!("{agent}: {sorted:?} {values:?}, not {}", row[2]));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
