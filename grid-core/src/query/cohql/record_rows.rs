//! Records of queries into rows.

use super::rows::{AnswerError, Rows};
use crate::query::QueryError;
use crate::value::{Binary, Format, Object, Value};

/// The columns, and the members of a step that they show as they are.
const COLUMNS: [&str; 6] = [
    "filter",
    "index",
    "efficiency",
    "keys before",
    "keys after",
    "millis",
];
const NUMBERS: [&str; 4] = ["efficiency", "keySetSizePre", "keySetSizePost", "millis"];

/// How many spaces a filter within another one is indented by.
const INDENT: usize = 2;

impl Rows {
    /// The rows for a record of how a query is answered: one for each step of each member, in order, the filter
    /// indented by its place in others. The column `index` has what the index is, or null.
    ///
    /// # Errors
    /// When the answer is no record of a query.
    pub fn of_record(answer: &Binary) -> Result<Self, AnswerError> {
        let format = answer.format();
        if format != Format::JSON {
            return Err(QueryError::Opaque { format }.into());
        }
        let record = Value::from_binary(answer).map_err(QueryError::from)?;
        let Value::Object(record) = &record else {
            return Err(unexpected());
        };
        let mut rows = Vec::new();
        for result in objects(record, "results")? {
            for step in objects(result, "steps")? {
                add_step(step, 0, &mut rows)?;
            }
        }
        let columns = COLUMNS.map(str::to_owned).to_vec();
        Ok(Rows { columns, rows })
    }
}

/// Adds a step and those in it. Values that were read are not deeper than JSON may be.
fn add_step(step: &Object, level: usize, rows: &mut Vec<Vec<Value>>) -> Result<(), AnswerError> {
    let Some(Value::String(filter)) = step.get("filter") else {
        return Err(unexpected());
    };
    let index = objects(step, "indexLookupRecords")?;
    let index = index.first().and_then(|lookup| lookup.get("index").cloned());
    let mut row = vec![
        Value::String(format!("{:width$}{filter}", "", width = level * INDENT)),
        index.unwrap_or(Value::Null),
    ];
    row.extend(NUMBERS.map(|name| step.get(name).cloned().unwrap_or(Value::Null)));
    rows.push(row);
    for inner in objects(step, "subSteps")? {
        add_step(inner, level + 1, rows)?;
    }
    Ok(())
}

/// The objects in an array that is a member; none when there is no such member.
fn objects<'o>(object: &'o Object, name: &str) -> Result<Vec<&'o Object>, AnswerError> {
    let elements = match object.get(name) {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(Value::Null) | None => &[],
        Some(_) => return Err(unexpected()),
    };
    let objects = elements.iter().map(|element| match element {
        Value::Object(object) => Ok(object),
        _ => Err(unexpected()),
    });
    objects.collect()
}

fn unexpected() -> AnswerError {
    let expected = "a record of a query, an object with results and their steps";
    AnswerError::Unexpected { expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{PartitionRecord, QueryRecord, RecordKind, RecordStep, field};

    fn rows(json: &[u8]) -> Result<Rows, AnswerError> {
        Rows::of_record(&Binary::new(Format::JSON, json.to_vec().into()))
    }

    #[test]
    fn steps_are_rows() {
        let filter = field("age").gt(25).and(!field("name").like("A%"));
        let partition = PartitionRecord {
            partition_count: 1,
            partitions: vec![0],
            steps: vec![RecordStep::without_index(&filter, 10)],
        };
        let record = QueryRecord {
            kind: RecordKind::Explain,
            results: vec![partition.clone(), partition],
        };
        let rows = rows(&record.to_json()).unwrap();
        assert_eq!(rows.columns(), COLUMNS);
        assert_eq!(rows.len(), 8);
        let filters: Vec<_> = (0..4).filter_map(|row| rows.get(row, "filter")).collect();
        let expected = ["AllFilter", "  age > 25", "  NotFilter", "    name like \"A%\""];
        assert_eq!(filters, expected.map(Value::from).iter().collect::<Vec<_>>());
        assert_eq!(rows.get(1, "efficiency"), Some(&Value::from(10_000)));
        assert_eq!(rows.get(1, "index"), Some(&Value::Null));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert!(rows(b"{}").unwrap().is_empty());
        for text in [
            "7",
            r#"{"results":7}"#,
            r#"{"results":[7]}"#,
            r#"{"results":[{"steps":[{}]}]}"#,
            "[",
        ] {
            assert!(rows(text.as_bytes()).is_err(), "{text}");
        }
    }
}
