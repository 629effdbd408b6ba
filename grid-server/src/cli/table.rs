//! Tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

/// A column: its title, and the field of each row that it shows.
pub(super) type Column = (&'static str, &'static str);

/// A table of JSON objects. Numbers stand to the right.
pub(super) fn table(columns: &[Column], rows: &[Value]) -> String {
    let numbers = |(_, field): &Column| rows.first().is_some_and(|row| row[*field].is_number());
    let titles = columns
        .iter()
        .map(|column| (column.0.to_owned(), numbers(column)))
        .collect();
    let cells = |row: &Value| columns.iter().map(|(_, field)| text_of(&row[*field])).collect();
    table_of(titles, rows.iter().map(cells))
}

/// A table of texts, with the titles of its columns and whether each stands to the right.
pub(super) fn table_of(titles: Vec<(String, bool)>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles.iter().map(|(title, _)| title.as_str()));
    for row in rows {
        table.add_row(row);
    }
    for (at, (_, right)) in titles.iter().enumerate() {
        let Some(column) = table.column_mut(at) else {
            continue;
        };
        column.set_padding((0, 2));
        if *right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A field as people read it.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect(),
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}
