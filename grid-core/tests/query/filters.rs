//! Filters, against recorded answers.

use std::collections::BTreeSet;

use grid_core::query::{AgentError, Filter, PatternError, QueryEntry};
use grid_core::value::Format;

use crate::recorded::{lines, table, text};

const RECORDED: &str = include_str!("reference/filters.jsonl");

/// What a filter says of a value: true, false, an error, or that it is refused as such.
fn answer(filter: &str, value: &str, unsupported: &mut BTreeSet<&'static str>) -> char {
    let filter = match Filter::from_json(filter.as_bytes()) {
        Ok(filter) => filter,
        Err(AgentError::Pattern(PatternError::Unsupported { what, .. })) => {
            unsupported.insert(what);
            return 'U';
        }
        Err(_) => return '!',
    };
    let entry = QueryEntry::new((Format::JSON, b"1"), Some((Format::JSON, value.as_bytes())));
    match filter.evaluate(&entry) {
        Ok(true) => 'T',
        Ok(false) => 'F',
        Err(_) => '!',
    }
}

/// Why an answer differs from the recorded one on purpose.
fn differs(filter: &str, found: char, expected: char) -> Option<&'static str> {
    if found == 'U' {
        return Some("what a regular expression cannot have here");
    }
    if filter.contains("LikeFilter") && filter.contains(r#""value":"%"#) && expected == 'T' {
        return Some("the reference's queries take % for everything, without looking");
    }
    if filter.ends_with(r#""name":"v","params":null}}"#) && filter.contains("GreaterFilter") {
        return Some("the reference compares with null without looking");
    }
    if expected == '!' && found == 'T' {
        let reads_more = ["PredicateFilter", "ReflectionExtractor", r#"{"value":3"#];
        if reads_more.iter().any(|class| filter.contains(class)) {
            return Some("what the reference does not read, and we do");
        }
    }
    None
}

#[test]
fn filters_answer_as_the_reference() {
    let mut rows = lines(RECORDED);
    let values = table(&rows.next().unwrap());
    let mut wrong = Vec::new();
    let mut unsupported = BTreeSet::new();
    let mut compared = 0;
    for row in rows {
        let filter = text(&row[0]);
        for (value, expected) in values.iter().zip(text(&row[1]).chars()) {
            if expected == '-' {
                continue;
            }
            compared += 1;
            let found = answer(filter, value, &mut unsupported);
            if found != expected && differs(filter, found, expected).is_none() {
                wrong.push(format!("{filter} {value}: {found}, not {expected}"));
            }
        }
    }
    assert!(compared > 3_000);
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    let expected = [
        "a back-reference",
        "a block of Unicode",
        "a character by its name",
        "a grapheme",
        "a look-ahead",
        "a look-behind",
        "a possessive quantifier",
        "an atomic group",
        "multi-line mode",
    ];
    assert_eq!(unsupported.into_iter().collect::<Vec<_>>(), expected);
}
