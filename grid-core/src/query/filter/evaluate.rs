//! What a filter says of an entry.

use std::borrow::Cow;

use super::{Between, Filter, Test};
use crate::query::java_text::java_text;
use crate::query::{Datum, Elements, Extracted, Extractor, Operand, QueryEntry, QueryError, compare, equal};

impl Filter {
    /// Whether the filter selects an entry.
    ///
    /// # Errors
    /// When something cannot be extracted or compared, and the rest of the filter does not decide without it.
    pub fn evaluate(&self, entry: &QueryEntry<'_>) -> Result<bool, QueryError> {
        match self {
            Filter::All(filters) => decide(filters, entry, false),
            Filter::Any(filters) => decide(filters, entry, true),
            Filter::Xor(filters) => Ok(filters.0.evaluate(entry)? != filters.1.evaluate(entry)?),
            Filter::Not(filter) => Ok(!filter.evaluate(entry)?),
            Filter::Predicate(extractor, filter) => filter.evaluate_taken(&extractor.extract(entry)?, entry),
            Filter::InKeySet(filter, keys) => Ok(keys.contains(entry.key()?)? && filter.evaluate(entry)?),
            Filter::KeyAssociated(filter, _) | Filter::Limit { filter, .. } => filter.evaluate(entry),
            leaf => leaf.evaluate_leaf(entry),
        }
    }

    /// A filter that has no other one in it. On its own, so that filters in filters take little stack.
    fn evaluate_leaf(&self, entry: &QueryEntry<'_>) -> Result<bool, QueryError> {
        match self {
            Filter::Never => Ok(false),
            Filter::Present => Ok(entry.is_present()),
            Filter::Compare {
                test,
                extractor,
                value,
            } => {
                let found = extractor.datum(entry)?;
                match test {
                    Test::Equals => Ok(value.equals(&found)),
                    Test::NotEquals => Ok(!value.equals(&found)),
                    _ => test.holds(&found, value.datum()),
                }
            }
            Filter::Between(between) => between.holds(&between.extractor.datum(entry)?),
            Filter::In(extractor, values) => values.contains(&extractor.extract(entry)?.json()?),
            Filter::Contains(extractor, value) => contains(&extractor.extract(entry)?, value),
            Filter::ContainsAll(extractor, values) => {
                let found = members(&extractor.extract(entry)?, values)?;
                Ok(found.is_some_and(|found| !found.contains(&false)))
            }
            Filter::ContainsAny(extractor, values) => {
                let found = members(&extractor.extract(entry)?, values)?;
                Ok(found.is_some_and(|found| found.contains(&true)))
            }
            Filter::Like(extractor, pattern) => match extractor.datum(entry)? {
                Datum::Null => Ok(false),
                datum => Ok(pattern.matches(&text(&datum)?)),
            },
            Filter::Regex(extractor, pattern) => Ok(pattern.matches(&text(&extractor.datum(entry)?)?)),
            Filter::Event(_) => Err(QueryError::OnlyEvents),
            _ => Ok(true),
        }
    }

    /// Whether the filter selects a value that has no key.
    ///
    /// # Errors
    /// As [`Filter::evaluate`], and when the filter wants the key.
    pub fn evaluate_extracted(&self, value: &Extracted<'_>) -> Result<bool, QueryError> {
        let text = value.json()?;
        self.evaluate(&QueryEntry::of_value(&text))
    }

    /// As [`evaluate_extracted`](Self::evaluate_extracted), within the room of the entry that it was taken from.
    fn evaluate_taken(&self, value: &Extracted<'_>, from: &QueryEntry<'_>) -> Result<bool, QueryError> {
        let text = value.json()?;
        let taken = QueryEntry::of_value(&text);
        taken.room().set(from.room());
        let answer = self.evaluate(&taken);
        from.room().set(taken.room());
        answer
    }
}

/// Whether one of these says `deciding`: then that is the answer. An error counts when none does.
fn decide(filters: &[Filter], entry: &QueryEntry<'_>, deciding: bool) -> Result<bool, QueryError> {
    let mut first_error = None;
    for filter in filters {
        match filter.evaluate(entry) {
            Ok(answer) if answer == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match first_error {
        Some(error) => Err(error),
        None => Ok(!deciding),
    }
}

impl Test {
    /// Whether it holds between what was extracted and a value. With null on a side, none but the tests of equality do.
    ///
    /// # Errors
    /// When the two have no order between them.
    pub fn holds(self, extracted: &Datum<'_>, value: &Datum<'_>) -> Result<bool, QueryError> {
        match self {
            Test::Equals => return Ok(equal(extracted, value)),
            Test::NotEquals => return Ok(!equal(extracted, value)),
            _ if extracted.is_null() || value.is_null() => return Ok(false),
            _ => {}
        }
        let order = compare(extracted, value)?;
        Ok(match self {
            Test::Equals => order.is_eq(),
            Test::NotEquals => order.is_ne(),
            Test::Greater => order.is_gt(),
            Test::GreaterEquals => order.is_ge(),
            Test::Less => order.is_lt(),
            Test::LessEquals => order.is_le(),
        })
    }
}

impl Between {
    /// Whether a value lies between the bounds.
    ///
    /// # Errors
    /// When it has no order with a bound, and the other bound does not decide.
    pub fn holds(&self, value: &Datum<'_>) -> Result<bool, QueryError> {
        let lower = self.lower_test().holds(value, self.from.datum());
        let upper = self.upper_test().holds(value, self.to.datum());
        if lower == Ok(false) || upper == Ok(false) {
            return Ok(false);
        }
        Ok(lower? && upper?)
    }
}

/// The text that a pattern is held against.
fn text<'d>(datum: &'d Datum<'_>) -> Result<Cow<'d, str>, QueryError> {
    match datum {
        Datum::Text(text) => Ok(Cow::Borrowed(text)),
        other => java_text(other).map(Cow::Owned),
    }
}

fn contains(collection: &Extracted<'_>, value: &Operand) -> Result<bool, QueryError> {
    let Datum::Array(text) = collection.datum()? else {
        return Ok(false);
    };
    for element in Elements::new(&text) {
        if value.equals(&Datum::read(element?)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Of each of the values whether it is an element; `None` when there is no array.
fn members(collection: &Extracted<'_>, values: &super::ValueSet) -> Result<Option<Vec<bool>>, QueryError> {
    let Datum::Array(text) = collection.datum()? else {
        return Ok(None);
    };
    let mut found = vec![false; values.len()];
    for element in Elements::new(&text) {
        if let Some(place) = values.position(element?)?.and_then(|place| found.get_mut(place)) {
            *place = true;
        }
    }
    Ok(Some(found))
}

impl Extractor {
    /// What is extracted from an entry, ready to be compared.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn datum<'a>(&self, entry: &QueryEntry<'a>) -> Result<Datum<'a>, QueryError> {
        self.extract(entry)?.into_datum()
    }
}
