//! Trees into filters and values.

use super::bindings::Bindings;
use super::error::{CohqlErrorKind, Fault};
use super::parser::Parsed;
use super::syntax::{Expression, ExpressionKind, Logical, Quantity};
use crate::query::agent::Patterns;
use crate::query::java_text::java_text;
use crate::query::{Between, Datum, Extractor, Filter, KeySet, Operand, Test, ValueSet};
use crate::value::Value;

/// What names and bind variables mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    /// Another name for the entry.
    pub(super) alias: Option<&'s str>,
    pub(super) bindings: &'s Bindings,
    /// What reads the patterns of the whole text.
    pub(super) patterns: &'s Patterns,
}

/// The longest string that is put together of values, in bytes.
const CONCAT_LEN_MAX: usize = 1 << 20;

impl Scope<'_> {
    /// The filter that an expression means.
    ///
    /// Trees are no deeper than [`super::DEPTH_MAX`], so this is, and so is the filter.
    pub(super) fn condition(self, expression: &Expression) -> Parsed<Filter> {
        match &expression.kind {
            ExpressionKind::Not(inner) => Ok(!self.condition(inner)?),
            ExpressionKind::Logical(logical, parts) => self.logical(*logical, parts),
            _ => self.test(expression),
        }
    }

    fn logical(self, logical: Logical, parts: &[Expression]) -> Parsed<Filter> {
        let mut filters = Vec::with_capacity(parts.len());
        for part in parts {
            filters.push(self.condition(part)?);
        }
        Ok(match logical {
            Logical::And => Filter::all(filters),
            Logical::Or => Filter::any(filters),
            Logical::Xor => {
                let mut filters = filters.into_iter();
                let first = filters.next().unwrap_or(Filter::Never);
                filters.fold(first, Filter::xor)
            }
        })
    }

    /// A condition that has no other one in it, but for keys.
    fn test(self, expression: &Expression) -> Parsed<Filter> {
        Ok(match &expression.kind {
            ExpressionKind::Compare(test, sides) => self.compare(*test, sides)?,
            ExpressionKind::Between(parts) => {
                let [of, from, to] = parts.as_ref();
                Filter::Between(Box::new(Between {
                    extractor: self.property(of)?,
                    from: self.operand(from)?,
                    includes_from: true,
                    to: self.operand(to)?,
                    includes_to: true,
                }))
            }
            ExpressionKind::In(sides) => {
                let [of, values] = sides.as_ref();
                if is_condition(of) {
                    let filter = self.condition(of)?;
                    Filter::InKeySet(Box::new(filter), KeySet::new(self.values(values)?))
                } else {
                    Filter::In(self.property(of)?, ValueSet::new(self.values(values)?))
                }
            }
            ExpressionKind::Contains(quantity, sides) => {
                let [of, values] = sides.as_ref();
                let of = self.property(of)?;
                match quantity {
                    Quantity::One => Filter::Contains(of, self.operand(values)?),
                    Quantity::Any => Filter::ContainsAny(of, ValueSet::new(self.values(values)?)),
                    Quantity::All => Filter::ContainsAll(of, ValueSet::new(self.values(values)?)),
                }
            }
            ExpressionKind::Like { ignore_case, parts } => self.like(*ignore_case, parts)?,
            ExpressionKind::IsEmpty(of) => self.is_empty(of, true)?,
            ExpressionKind::IsNotEmpty(of) => self.is_empty(of, false)?,
            _ => match self.value(expression)? {
                Some(Value::Bool(true)) => Filter::Always,
                Some(Value::Bool(false)) => Filter::Never,
                _ => return Err(expected("a condition, such as a comparison", expression)),
            },
        })
    }

    /// A comparison, the property of which may stand on either side.
    fn compare(self, test: Test, sides: &[Expression; 2]) -> Parsed<Filter> {
        let [left, right] = sides;
        let (property, value, test) = match (is_path(left), is_path(right)) {
            (true, true) => return Err(Fault::new(CohqlErrorKind::TwoProperties, right.span)),
            (false, true) => (right, left, mirrored(test)),
            _ => (left, right, test),
        };
        Ok(Filter::Compare {
            test,
            extractor: self.property(property)?,
            value: self.operand(value)?,
        })
    }

    fn like(self, ignore_case: bool, parts: &[Expression]) -> Parsed<Filter> {
        let [of, pattern, escape @ ..] = parts else {
            return Ok(Filter::Never);
        };
        let text = self.text(pattern, "a pattern, which is a string")?;
        let mut character = None;
        if let Some(escape) = escape.first() {
            let needed = "one character, which escapes others";
            let text = self.text(escape, needed)?;
            let mut characters = text.chars();
            character = characters.next();
            if character.is_none() || characters.next().is_some() {
                return Err(expected(needed, escape));
            }
        }
        let read = self.patterns.like(&text, character, ignore_case);
        let read = read.map_err(|error| Fault::new(error, pattern.span))?;
        Ok(Filter::Like(self.property(of)?, read))
    }

    /// Whether a string, an array or an object has nothing in it. Null is neither empty nor not.
    fn is_empty(self, of: &Expression, wanted: bool) -> Parsed<Filter> {
        let is_empty = Extractor::method("isEmpty", Vec::new());
        let extractor = match self.property(of)? {
            Extractor::Identity => is_empty,
            Extractor::Chained(mut extractors) => {
                extractors.push(is_empty);
                Extractor::Chained(extractors)
            }
            other => Extractor::Chained(vec![other, is_empty]),
        };
        let (test, value) = (Test::Equals, Operand::from(wanted));
        Ok(Filter::Compare {
            test,
            extractor,
            value,
        })
    }

    /// The value of a literal, an array or a bind variable; `None` of anything else.
    pub(super) fn value(self, expression: &Expression) -> Parsed<Option<Value>> {
        Ok(Some(match &expression.kind {
            ExpressionKind::Value(value) => value.clone(),
            ExpressionKind::Position(position) => {
                let value = self.bindings.at(*position).cloned();
                value.ok_or_else(|| not_bound(format!("?{position}"), expression))?
            }
            ExpressionKind::Named(name) => {
                let value = self.bindings.named(name).cloned();
                value.ok_or_else(|| not_bound(format!(":{name}"), expression))?
            }
            ExpressionKind::List {
                is_array: true,
                items,
            } => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.value(item)?;
                    values.push(value.ok_or_else(|| expected("a value", item))?);
                }
                Value::Array(values)
            }
            _ => match concat_of(expression) {
                Some(parts) => self.concat(expression, parts)?,
                None => return Ok(None),
            },
        }))
    }

    /// Values as one string, each as Java prints it. The reference makes it when it reads the text, too.
    fn concat(self, expression: &Expression, parts: &[Expression]) -> Parsed<Value> {
        if parts.len() < 2 {
            return Err(expected("two values or more in the brackets", expression));
        }
        let mut text = String::new();
        for part in parts {
            let value = self.value(part)?.filter(|value| *value != Value::Null);
            let value = value.ok_or_else(|| expected("a value that is not null", part))?;
            let datum = Datum::of(&value).and_then(|datum| java_text(&datum));
            text.push_str(&datum.map_err(|error| Fault::new(error, part.span))?);
            // Bind variables may be large, and stand there many times.
            if text.len() > CONCAT_LEN_MAX {
                let (len, max) = (text.len(), CONCAT_LEN_MAX);
                return Err(Fault::new(CohqlErrorKind::TooLong { len, max }, part.span));
            }
        }
        Ok(Value::String(text))
    }

    /// The value that something is compared with, or that is given to a method.
    pub(super) fn operand(self, expression: &Expression) -> Parsed<Operand> {
        match self.value(expression)? {
            Some(value) => operand_of(&value, expression),
            None => Err(expected("a value", expression)),
        }
    }

    /// The values of a list, of an array, or one value alone.
    fn values(self, expression: &Expression) -> Parsed<Vec<Operand>> {
        let mut operands = Vec::new();
        match &expression.kind {
            ExpressionKind::List { items, .. } => {
                for item in items {
                    operands.push(self.operand(item)?);
                }
            }
            _ => match self.value(expression)? {
                Some(Value::Array(values)) => {
                    for value in &values {
                        operands.push(operand_of(value, expression)?);
                    }
                }
                Some(value) => operands.push(operand_of(&value, expression)?),
                None => return Err(expected("values in brackets", expression)),
            },
        }
        Ok(operands)
    }

    fn text(self, expression: &Expression, needed: &'static str) -> Parsed<String> {
        match self.value(expression)? {
            Some(Value::String(text)) => Ok(text),
            _ => Err(expected(needed, expression)),
        }
    }
}

/// The test that holds of the same two values the other way round.
fn mirrored(test: Test) -> Test {
    match test {
        Test::Greater => Test::Less,
        Test::GreaterEquals => Test::LessEquals,
        Test::Less => Test::Greater,
        Test::LessEquals => Test::GreaterEquals,
        same @ (Test::Equals | Test::NotEquals) => same,
    }
}

fn operand_of(value: &Value, expression: &Expression) -> Parsed<Operand> {
    Operand::of(value).map_err(|error| Fault::new(error, expression.span))
}

fn is_path(expression: &Expression) -> bool {
    matches!(expression.kind, ExpressionKind::Path(_)) && concat_of(expression).is_none()
}

/// What is to be put together, of a call of the function that does so.
fn concat_of(expression: &Expression) -> Option<&[Expression]> {
    match &expression.kind {
        ExpressionKind::Path(steps) => match steps.as_slice() {
            [step] if !step.is_quoted && step.name.eq_ignore_ascii_case("concat") => {
                step.arguments.as_deref()
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_condition(expression: &Expression) -> bool {
    matches!(
        expression.kind,
        ExpressionKind::Not(_)
            | ExpressionKind::Logical(..)
            | ExpressionKind::Compare(..)
            | ExpressionKind::Between(_)
            | ExpressionKind::In(_)
            | ExpressionKind::Contains(..)
            | ExpressionKind::Like { .. }
            | ExpressionKind::IsEmpty(_)
            | ExpressionKind::IsNotEmpty(_)
    )
}

fn not_bound(name: String, expression: &Expression) -> Box<Fault> {
    Fault::new(CohqlErrorKind::NotBound { name }, expression.span)
}

/// Something else than an expression was expected.
pub(super) fn expected(expected: &'static str, expression: &Expression) -> Box<Fault> {
    let found = match &expression.kind {
        ExpressionKind::Path(_) => "a property",
        ExpressionKind::List { .. } => "a list",
        ExpressionKind::Star => "`*`",
        ExpressionKind::Position(_) | ExpressionKind::Named(_) => "a bind variable of another kind",
        ExpressionKind::Value(Value::Null) => "null",
        ExpressionKind::Value(Value::Bool(_)) => "a boolean",
        ExpressionKind::Value(Value::String(_)) => "a string",
        ExpressionKind::Value(_) => "a number",
        _ => "a condition",
    };
    let found = found.to_owned();
    Fault::new(CohqlErrorKind::Unexpected { expected, found }, expression.span)
}
