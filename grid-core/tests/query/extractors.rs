//! Extractors, against recorded answers.

use bytes::Bytes;
use grid_core::query::{Extractor, QueryEntry};
use grid_core::value::json::drop_null_members;
use grid_core::value::{Format, same_value};

use crate::recorded::{is_refusal, lines, optional, text};

const RECORDED: &str = include_str!("reference/extractors.jsonl");

/// The reference drops null members when it answers.
fn without_null_members(json: &[u8]) -> Bytes {
    drop_null_members(&Bytes::copy_from_slice(json))
}

/// Why an answer differs from the recorded one on purpose.
fn differs(agent: &str, value: &str) -> Option<&'static str> {
    let has = |part: &str| agent.contains(part);
    if has("hashCode()") && value.starts_with(['[', '{']) {
        return Some("of lists, objects and big numbers it says nothing outside of Java");
    }
    if has(r#""name":"size""#) || has(r#""name":"class""#) || has("getClass()") || has(r#""name":"getX""#) {
        return Some("a member comes before a method; there are no classes");
    }
    if has("keySet()") || has("values()") {
        return Some("the reference cannot send the result");
    }
    if has(r#"{"@class":"extractor.ChainedExtractor","extractors":[]}"#) {
        return Some("a chain of nothing is the value itself");
    }
    if has("floatValue()") {
        return Some("the digits of Java before version 19 are not the shortest");
    }
    if has("compareTo()") && has("[3]") {
        return Some("integers of all sizes are one type");
    }
    if has(r#""name":"k""#) && has("size()") {
        return Some("@version is a member like others");
    }
    if has("toString()") {
        return Some("a map of entries is an object like others");
    }
    None
}

#[test]
fn extractors_answer_as_the_reference() {
    let mut wrong = Vec::new();
    for row in lines(RECORDED) {
        let (value, agent) = (text(&row[0]), text(&row[1]));
        let entry = QueryEntry::new((Format::JSON, b"1"), Some((Format::JSON, value.as_bytes())));
        let found = Extractor::from_json(agent.as_bytes())
            .map_err(|error| error.to_string())
            .and_then(|extractor| {
                let extracted = extractor.extract(&entry).map_err(|error| error.to_string())?;
                let json = extracted.json().map_err(|error| error.to_string())?;
                Ok(without_null_members(&json))
            });
        let same = match (&found, is_refusal(&row[2])) {
            (Ok(found), false) => {
                let expected = optional(&row[2]).unwrap_or("null");
                same_value(Format::JSON, found, Format::JSON, expected.as_bytes())
            }
            (Err(_), true) => true,
            _ => false,
        };
        if !same && differs(agent, value).is_none() {
            wrong.push(format!("{agent} of {value}: {found:?}, not {}", row[2]));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
