//! Answers into rows.

use std::borrow::Cow;

use indexmap::IndexSet;

use super::query::{Query, Selection};
use crate::query::comparator::{Order, SortKey};
use crate::query::parts::find_member;
use crate::query::{Datum, Elements, QueryEntry, QueryError, form};
use crate::value::{Binary, Format, Object, Value};

/// Rows of columns with names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// An answer that is not one to the query. What was asked was asked; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The answer is of another kind.
    #[error("the answer to this query must be {expected}; give the answer of the query's own aggregator")]
    Unexpected {
        /// What it must be.
        expected: &'static str,
    },
    /// Something in the answer cannot be read, or the rows have no order.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Rows {
    /// The names of the columns, in order. Two may be equal.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in order, each as long as there are columns.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[Value]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// Rows of one column, a row for each line of a text.
    pub(crate) fn of_lines(column: &str, text: &str) -> Self {
        let rows = text.lines().map(|line| vec![Value::from(line)]).collect();
        let columns = vec![column.to_owned()];
        Rows { columns, rows }
    }

    /// Leaves the rows beyond so many out.
    pub fn truncate(&mut self, len: usize) {
        self.rows.truncate(len);
    }

    /// A row as an object: the columns are its members. Of columns with equal names the first counts.
    #[must_use]
    pub fn object(&self, row: &[Value]) -> Object {
        let mut object = Object::new();
        for (name, value) in self.columns.iter().zip(row) {
            if object.get(name).is_none() {
                object.insert(name.clone(), value.clone());
            }
        }
        object
    }

    /// The value in a row, by the number of the row from 0 and the name of the column; the first of several.
    #[must_use]
    pub fn get(&self, row: usize, column: &str) -> Option<&Value> {
        let column = self.columns.iter().position(|name| name == column)?;
        self.rows.get(row)?.get(column)
    }
}

impl IntoIterator for Rows {
    type Item = Vec<Value>;
    type IntoIter = std::vec::IntoIter<Vec<Value>>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// The JSON texts of all that is extracted and computed for a row.
type Record<'a> = Vec<Cow<'a, [u8]>>;

/// The JSON texts of the key and the value of an entry of a map.
type MapEntry<'a> = (&'a [u8], &'a [u8]);

const NULL: &[u8] = b"null";

impl Query {
    /// The rows for what the cache answered to the query's filter and [`aggregator`](Query::aggregator).
    ///
    /// # Errors
    /// When the answer is none of that aggregator, or the query asks for whole entries; when values have no order
    /// between them that the query wants.
    pub fn rows_of_answer(&self, answer: &Binary) -> Result<Rows, AnswerError> {
        let format = answer.format();
        if format != Format::JSON {
            return Err(QueryError::Opaque { format }.into());
        }
        let records = match self.selection() {
            Selection::Entries => {
                let expected = "the entries themselves";
                return Err(AnswerError::Unexpected { expected });
            }
            Selection::Aggregates => self.records_of_groups(answer.bytes())?,
            _ if self.is_distinct() => self.records_of_list(answer.bytes())?,
            _ => self.records_of_map(answer.bytes())?,
        };
        self.rows(records)
    }

    /// The rows for entries that the query's filter selected; it is not looked at again.
    ///
    /// # Errors
    /// When something cannot be extracted or computed, or has no order that the query wants.
    pub fn rows_of_entries<'e>(
        &self,
        entries: impl IntoIterator<Item = (&'e Binary, &'e Binary)>,
    ) -> Result<Rows, AnswerError> {
        let mut entries = entries
            .into_iter()
            .map(|(key, value)| QueryEntry::of(key, Some(value)));
        if let Some(aggregator) = self.aggregator().filter(|_| !self.reads_entries()) {
            return self.rows_of_answer(&aggregator.aggregate(entries)?);
        }
        let mut collected = self.collect();
        entries.try_for_each(|entry| collected.take(&entry))?;
        collected.rows()
    }

    /// Rows of entries that come some at a time, for a query that [`reads_entries`](Query::reads_entries).
    #[must_use]
    pub fn collect(&self) -> EntryRows<'_> {
        EntryRows {
            query: self,
            records: Vec::new(),
            bytes: 0,
        }
    }

    /// The rows for entries that are all here: what a cache of nothing else would answer.
    ///
    /// # Errors
    /// As [`Query::rows_of_entries`], and when the filter cannot be evaluated.
    pub fn evaluate<'e>(
        &self,
        entries: impl IntoIterator<Item = (&'e Binary, &'e Binary)>,
    ) -> Result<Rows, AnswerError> {
        let mut selected = Vec::new();
        for (key, value) in entries {
            if self.filter().evaluate(&QueryEntry::of(key, Some(value)))? {
                selected.push((key, value));
            }
        }
        self.rows_of_entries(selected)
    }

    /// The answer of a reducer: what was extracted, by keys, which nobody asked for.
    fn records_of_map<'a>(&self, answer: &'a [u8]) -> Result<Vec<Record<'a>>, AnswerError> {
        let mut records = Vec::new();
        for (_key, value) in map_entries(answer)? {
            records.push(parts(value, self.width())?);
        }
        Ok(records)
    }

    /// The answer of distinct values.
    fn records_of_list<'a>(&self, answer: &'a [u8]) -> Result<Vec<Record<'a>>, AnswerError> {
        let mut records = Vec::new();
        for value in elements(answer, "an array of values")? {
            records.push(parts(value, self.width())?);
        }
        Ok(records)
    }

    /// The answer of aggregators, for each group or once.
    fn records_of_groups<'a>(&self, answer: &'a [u8]) -> Result<Vec<Record<'a>>, AnswerError> {
        let (groups, computed) = (self.extractors.len(), self.aggregators.len());
        if groups == 0 {
            return Ok(vec![parts(answer, computed)?]);
        }
        let mut records = Vec::new();
        for (group, value) in map_entries(answer)? {
            let mut record = parts(group, groups)?;
            if computed > 0 {
                record.extend(parts(value, computed)?);
            }
            records.push(record);
        }
        Ok(records)
    }

    fn rows(&self, mut records: Vec<Record<'_>>) -> Result<Rows, AnswerError> {
        self.sort(&mut records)?;
        // Where nothing is computed, the cache has left equal ones out.
        let is_distinct = self.is_distinct() && self.selection() == Selection::Aggregates;
        let mut seen = IndexSet::new();
        let mut rows = Vec::with_capacity(records.len());
        for record in &records {
            let texts = || {
                let texts = self.columns.iter().map(|column| record.get(column.index));
                texts.map(|text| text.map_or(NULL, AsRef::as_ref))
            };
            if is_distinct {
                let forms: Result<Vec<_>, _> = texts().map(|text| form(text).map(Cow::into_owned)).collect();
                if !seen.insert(forms?) {
                    continue;
                }
            }
            let values: Result<Vec<_>, _> = texts().map(value_of).collect();
            rows.push(values?);
        }
        Ok(Rows {
            columns: self.column_names().map(str::to_owned).collect(),
            rows,
        })
    }

    /// Brings records into the order of the query. Those that are equal in it stay as they come.
    fn sort(&self, records: &mut Vec<Record<'_>>) -> Result<(), QueryError> {
        if self.sorts.is_empty() || records.len() < 2 {
            return Ok(());
        }
        let order = Order::of_directions(self.sorts.iter().map(|sort| sort.descending));
        let mut kinds = order.kinds();
        let mut keyed = Vec::with_capacity(records.len());
        for record in records.drain(..) {
            let mut data = Vec::with_capacity(self.sorts.len());
            for sort in &self.sorts {
                let text = record.get(sort.index).map_or(NULL, AsRef::as_ref);
                data.push(Datum::read(text)?.into_owned());
            }
            let key = SortKey::of(data);
            kinds.admit(&key)?;
            keyed.push((key, record));
        }
        keyed.sort_by(|(left, _), (right, _)| order.compare(left, right));
        records.extend(keyed.into_iter().map(|(_, record)| record));
        Ok(())
    }
}

/// Rows of entries that come some at a time: of each entry only what the query takes from it is kept.
#[derive(Debug)]
pub struct EntryRows<'q> {
    query: &'q Query,
    records: Vec<Record<'static>>,
    bytes: usize,
}

impl EntryRows<'_> {
    /// Takes what the query wants of an entry that its filter selected.
    ///
    /// # Errors
    /// When something cannot be extracted.
    pub fn take(&mut self, entry: &QueryEntry<'_>) -> Result<(), AnswerError> {
        let mut record = Vec::with_capacity(self.query.width());
        for extractor in &self.query.extractors {
            let text = extractor.extract(entry)?.json()?.into_owned();
            self.bytes = self.bytes.saturating_add(text.len() + size_of::<Cow<'_, [u8]>>());
            record.push(Cow::Owned(text));
        }
        self.records.push(record);
        Ok(())
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// About how many bytes are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows, in the order of the query.
    ///
    /// # Errors
    /// When values have no order that the query wants.
    pub fn rows(self) -> Result<Rows, AnswerError> {
        self.query.rows(self.records)
    }
}

fn value_of(text: &[u8]) -> Result<Value, QueryError> {
    Ok(Value::from_binary(&Binary::new(
        Format::JSON,
        text.to_vec().into(),
    ))?)
}

/// The parts of a text: itself when there is one, the elements of an array when there are several.
fn parts(text: &[u8], width: usize) -> Result<Record<'_>, AnswerError> {
    if width == 1 {
        return Ok(vec![Cow::Borrowed(text)]);
    }
    let expected = "arrays with a value for each column";
    let parts = elements(text, expected)?;
    if parts.len() != width {
        return Err(AnswerError::Unexpected { expected });
    }
    Ok(parts.into_iter().map(Cow::Borrowed).collect())
}

fn elements<'a>(text: &'a [u8], expected: &'static str) -> Result<Vec<&'a [u8]>, AnswerError> {
    if !text.trim_ascii_start().starts_with(b"[") {
        return Err(AnswerError::Unexpected { expected });
    }
    let elements: Result<Vec<_>, _> = Elements::new(text).collect();
    Ok(elements.map_err(QueryError::from)?)
}

/// The keys and values of a map that is spelled with its entries. What is missing in one of them is null.
fn map_entries(text: &[u8]) -> Result<Vec<MapEntry<'_>>, AnswerError> {
    let expected = "a map, an object with its entries";
    let unexpected = AnswerError::Unexpected { expected };
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(unexpected);
    }
    let entries = find_member(text, "entries").map_err(QueryError::from)?;
    let mut found = Vec::new();
    for entry in elements(entries.ok_or(unexpected.clone())?.value, expected)? {
        if !entry.starts_with(b"{") {
            return Err(unexpected);
        }
        let member = |name| {
            let member = find_member(entry, name).map_err(QueryError::from)?;
            Ok::<_, QueryError>(member.map_or(NULL, |member| member.value))
        };
        found.push((member("key")?, member("value")?));
    }
    Ok(found)
}
