//! Rows as texts.

use grid_core::query::cohql::Rows;
use grid_core::value::Value;

use super::super::arguments::RowFormat;
use super::super::error::CliError;
use super::super::table::table_of;

/// Rows in a format, with a line break at the end of each.
pub(super) fn rows(rows: &Rows, format: RowFormat) -> Result<Vec<u8>, CliError> {
    match format {
        RowFormat::Table => Ok(table(rows).into_bytes()),
        RowFormat::Json => json(rows),
        RowFormat::Csv => csv(rows),
    }
}

fn table(rows: &Rows) -> String {
    let is_number = |value: &Value| {
        matches!(
            value,
            Value::Int(_) | Value::BigInt(_) | Value::Double(_) | Value::Decimal(_)
        )
    };
    let is_right = |at: usize| {
        let mut values = rows.iter().filter_map(|row| row.get(at));
        values.any(is_number)
            && rows
                .iter()
                .filter_map(|row| row.get(at))
                .all(|value| is_number(value) || value.is_null())
    };
    let titles = rows.columns().iter().enumerate();
    let titles = titles.map(|(at, title)| (plain(title), is_right(at))).collect();
    let cell = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        value => plain(&text(value)),
    };
    let mut table = table_of(titles, rows.iter().map(|row| row.iter().map(cell).collect()));
    table.push('\n');
    table
}

/// Whole lines, for a terminal: what would move its cursor is shown as a replacement.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn json(rows: &Rows) -> Result<Vec<u8>, CliError> {
    let mut lines = Vec::new();
    for row in rows.iter() {
        let object = Value::Object(rows.object(row)).to_binary();
        let object = object.map_err(|error| CliError::Data(format!("a row cannot be shown: {error}")))?;
        lines.extend_from_slice(object.bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}

fn csv(rows: &Rows) -> Result<Vec<u8>, CliError> {
    let failed = |error: csv::Error| CliError::Data(format!("a row cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(rows.columns()).map_err(failed)?;
    for row in rows.iter() {
        let fields = row.iter().map(|value| match value {
            Value::Null => String::new(),
            value => text(value),
        });
        writer.write_record(fields).map_err(failed)?;
    }
    let written = writer.into_inner();
    written.map_err(|error| CliError::Data(format!("a row cannot be written: {error}")))
}

/// A value as people write it: strings without quotes, big numbers as numbers, the rest as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::BigInt(number) => number.to_string(),
        Value::Decimal(number) => number.to_plain_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use grid_core::query::cohql::{Bindings, Statement};
    use grid_core::value::{Binary, Format};

    use super::*;

    fn answer(statement: &str, format: RowFormat) -> String {
        let entry = |key: &'static str, value: &'static str| {
            let json = |text: &'static str| Binary::new(Format::JSON, text.as_bytes().into());
            (json(key), json(value))
        };
        let people = [
            entry("1", r#"{"name":"Ada, \"Countess\"","age":36,"pay":12.50}"#),
            entry("2", r#"{"name":"Bob\n","age":null,"tags":["a"]}"#),
        ];
        let statement = Statement::parse(statement, &Bindings::new()).unwrap();
        let people = people.iter().map(|(key, value)| (key, value));
        let found = statement.query().evaluate(people).unwrap();
        String::from_utf8(rows(&found, format).unwrap()).unwrap()
    }

    const ALL: &str = "select key(), name, age, tags from people order by key()";

    #[test]
    fn rows_are_tables() {
        let expected = "key()  name             age  tags\n    1  Ada, \"Countess\"   36  -\n    2  Bob\u{fffd}               -  [\"a\"]\n";
        assert_eq!(answer(ALL, RowFormat::Table), expected);
        assert_eq!(
            answer("select name from people where age > 99", RowFormat::Table),
            "name\n"
        );
    }

    #[test]
    fn rows_are_lines_of_json() {
        assert_eq!(
            answer(ALL, RowFormat::Json),
            "{\"key()\":1,\"name\":\"Ada, \\\"Countess\\\"\",\"age\":36,\"tags\":null}\n\
             {\"key()\":2,\"name\":\"Bob\\n\",\"age\":null,\"tags\":[\"a\"]}\n"
        );
    }

    #[test]
    fn rows_are_comma_separated_values() {
        assert_eq!(
            answer(ALL, RowFormat::Csv),
            "key(),name,age,tags\n1,\"Ada, \"\"Countess\"\"\",36,\n2,\"Bob\n\",,\"[\"\"a\"\"]\"\n"
        );
        assert_eq!(
            answer("select bd_sum(pay) from people", RowFormat::Csv),
            "bd_sum(pay)\n12.5\n"
        );
    }
}
