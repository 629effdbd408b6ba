//! Tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

/// A column: its title, and the field of each row that it shows.
pub(super) type Column = (&'static str, &'static str);

/// A table of JSON objects. Numbers stand to the right.
pub(super) fn table(columns: &[Column], rows: &[Value]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for row in rows {
        table.add_row(columns.iter().map(|(_, field)| text_of(&row[*field])));
    }
    for (at, (_, field)) in columns.iter().enumerate() {
        let numbers = rows.first().is_some_and(|row| row[*field].is_number());
        let Some(column) = table.column_mut(at) else {
            continue;
        };
        column.set_padding((0, 2));
        if numbers {
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
