//! `grid cache indexes`.

use serde_json::Value;

use super::super::arguments::{ClientArguments, Output};
use super::super::error::CliError;
use super::super::http_request::get_json;
use super::super::output::{complain, print};
use super::super::table::{Column, table};

const COLUMNS: [Column; 10] = [
    ("CACHE", "cache"),
    ("INDEX", "index"),
    ("SORTED", "sorted"),
    ("CONDITION", "condition"),
    ("PARTITIONS", "partitions"),
    ("ENTRIES", "entries"),
    ("VALUES", "values"),
    ("WITHOUT", "without_value"),
    ("BYTES", "bytes"),
    ("RESULT", "result"),
];

pub(super) async fn run(client: &ClientArguments, name: Option<&str>, check: bool) -> Result<(), CliError> {
    let listed = get_json(client, &path(name, false)).await?;
    let mut indexes = rows_of(&listed).to_vec();
    if check {
        // One cache at a time, as each has the time of a request.
        let mut names: Vec<&str> = rows_of(&listed)
            .iter()
            .filter_map(|index| index["cache"].as_str())
            .collect();
        names.dedup();
        indexes.clear();
        for name in names {
            let checked = get_json(client, &path(Some(name), true)).await?;
            indexes.extend_from_slice(rows_of(&checked));
        }
    }
    match client.shown_as() {
        Output::Json => print(&Value::from(indexes.clone()).to_string())?,
        Output::Table => {
            let rows: Vec<Value> = indexes.iter().map(with_result).collect();
            print(&table(&COLUMNS, &rows))?;
        }
    }
    let wrong: Vec<&Value> = indexes
        .iter()
        .filter(|index| index["differences"].as_u64().is_some_and(|count| count > 0))
        .collect();
    for index in &wrong {
        for example in rows_of(&index["examples"]) {
            let cache = index["cache"].as_str().unwrap_or_default();
            complain(&format!("{cache}: {}", example.as_str().unwrap_or_default()));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(CliError::Found(format!(
        "{} of {} indexes differ from their entries; remove each and add it again to have it made anew",
        wrong.len(),
        indexes.len()
    )))
}

fn path(name: Option<&str>, check: bool) -> String {
    let mut path = "/caches/indexes".to_owned();
    let mut sign = '?';
    if let Some(name) = name {
        path.push_str("?cache=");
        path.extend(name.bytes().map(escaped));
        sign = '&';
    }
    if check {
        path.push(sign);
        path.push_str("check=true");
    }
    path
}

/// A byte as it may stand in a query of a URL.
fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
        return char::from(byte).to_string();
    }
    format!("%{byte:02X}")
}

fn with_result(index: &Value) -> Value {
    let mut row = index.clone();
    row["result"] = match index["differences"].as_u64() {
        None => Value::Null,
        Some(0) => "ok".into(),
        Some(1) => "1 difference".into(),
        Some(count) => format!("{count} differences").into(),
    };
    row
}

fn rows_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(path(None, false), "/caches/indexes");
        assert_eq!(path(None, true), "/caches/indexes?check=true");
        assert_eq!(
            path(Some("a:b c&\u{e9}"), true),
            "/caches/indexes?cache=a%3Ab%20c%26%C3%A9&check=true"
        );
    }

    #[test]
    fn the_result_says_how_many_differ() {
        let result = |differences: Value| {
            with_result(&serde_json::json!({ "differences": differences }))["result"].clone()
        };
        assert_eq!(result(Value::Null), Value::Null);
        assert_eq!(result(0.into()), "ok");
        assert_eq!(result(1.into()), "1 difference");
        assert_eq!(result(12.into()), "12 differences");
    }
}
