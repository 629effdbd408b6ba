//! Processors, against recorded answers.

use bytes::Bytes;
use grid_core::processor::{Change, EntryView, Processor};
use grid_core::value::json::drop_null_members;
use grid_core::value::{Binary, Format, same_value};

use crate::recorded::{is_refusal, lines, optional, text};

const RECORDED: &str = include_str!("reference/processors.jsonl");

fn json(text: &str) -> Binary {
    Binary::new(Format::JSON, Bytes::copy_from_slice(text.as_bytes()))
}

/// The answer and the value afterwards; no answer when the processor was refused or failed.
fn run(value: Option<&str>, agent: &str) -> (Option<Bytes>, Option<Bytes>) {
    let (key, value) = (json("1"), value.map(json));
    let mut view = EntryView::new(&key, value.as_ref());
    let answer = Processor::from_json(agent.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|processor| processor.process(&mut view).map_err(|error| error.to_string()));
    let after = match view.into_change() {
        Some(Change::Set(value, _)) => Some(value),
        Some(Change::Remove) => None,
        Some(Change::Touch) | None => value,
    };
    let clean = |binary: Binary| drop_null_members(binary.bytes());
    (answer.ok().map(clean), after.map(clean))
}

/// Why an answer differs from the recorded one on purpose.
fn differs(value: Option<&str>, agent: &str) -> Option<&'static str> {
    let has = |part: &str| agent.contains(part);
    let value = value.unwrap_or_default();
    let arithmetic = has("NumberIncrementor") || has("NumberMultiplier");
    if arithmetic
        && (has("1099511627776")
            || value.contains("2147483647")
            || value.contains("9223372036854775807")
            || has("1e10"))
    {
        return Some("integers have 64 bits and never wrap");
    }
    if arithmetic && value.contains("math.Big") {
        return Some("big numbers are computed with; the reference cannot");
    }
    if arithmetic && (has(r#""increment":null"#) || has(r#""multiplier":null"#)) {
        return Some("no number is refused when it is read");
    }
    if has("PropertyManipulator") {
        return Some("the reference reads no manipulator of any client");
    }
    if has("NumberIncrementor") && has("postIncrement") {
        return Some("the name of the client of JavaScript is read");
    }
    if has("MethodInvocationProcessor") {
        if has("hashCode") {
            return Some("says nothing outside of Java");
        }
        if has("keySet") || has("values") {
            return Some("the reference cannot send the result");
        }
        if !has(r#""args""#) {
            return Some("arguments that are missing are none");
        }
    }
    if has("Versioned") {
        if has("allowInsert\":true") {
            return Some("the name of the client of Python is read");
        }
        if value.contains("1.0") || value.contains("2147483647") || has("2147483647") {
            return Some("versions are integers of 64 bits");
        }
        if has(r#"{"y":3,"@version":1}"#) {
            return Some("the version is read wherever it stands");
        }
    }
    None
}

#[test]
fn processors_answer_as_the_reference() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for row in lines(RECORDED) {
        let (value, agent) = (optional(&row[0]), text(&row[1]));
        if differs(value, agent).is_some() {
            continue;
        }
        compared += 1;
        let (answer, after) = run(value, agent);
        let is = |found: Option<&Bytes>, expected: Option<&str>| match (found, expected) {
            (None, None) => true,
            (Some(found), Some(expected)) => {
                let expected = drop_null_members(&Bytes::copy_from_slice(expected.as_bytes()));
                same_value(Format::JSON, found, Format::JSON, &expected)
            }
            _ => false,
        };
        let same_answer = if is_refusal(&row[2]) {
            answer.is_none()
        } else {
            is(answer.as_ref(), optional(&row[2]).or(Some("null")))
        };
        if !same_answer || !is(after.as_ref(), optional(&row[3])) {
            wrong.push(format!(
                "{agent} on {value:?}: {answer:?}, {after:?}; not {}, {}",
                row[2], row[3]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 600, "{compared}");
}
