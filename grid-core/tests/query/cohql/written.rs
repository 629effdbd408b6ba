//! Filters as texts; what a text cannot say is given by bind variables.

use grid_core::query::cohql::Bindings;
use grid_core::query::{Extractor, Filter, Operand, Test, ValueSet};
use grid_core::value::Value;

#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) bindings: Bindings,
    bound: usize,
    turned: bool,
}

impl Writer {
    pub(crate) fn filter(&mut self, filter: &Filter) -> String {
        match filter {
            Filter::Always | Filter::Present => "true".to_owned(),
            Filter::Never => "false".to_owned(),
            Filter::Compare {
                test,
                extractor,
                value,
            } => {
                let (extractor, value) = (path(extractor), self.operand(value));
                // Every other one the other way round.
                self.turned = !self.turned;
                match (test, self.turned) {
                    (test, false) => format!("{extractor} {test} {value}"),
                    (Test::Greater, true) => format!("{value} < {extractor}"),
                    (Test::GreaterEquals, true) => format!("{value} <= {extractor}"),
                    (Test::Less, true) => format!("{value} > {extractor}"),
                    (Test::LessEquals, true) => format!("{value} >= {extractor}"),
                    (test, true) => format!("{value} {test} {extractor}"),
                }
            }
            Filter::Between(between) => {
                let (from, to) = (self.operand(&between.from), self.operand(&between.to));
                format!("{} between {from} and {to}", path(&between.extractor))
            }
            Filter::In(extractor, values) => format!("{} in {}", path(extractor), self.set(values)),
            Filter::Contains(extractor, value) => {
                format!("{} contains {}", path(extractor), self.operand(value))
            }
            Filter::ContainsAll(extractor, values) => {
                format!("{} contains all {}", path(extractor), self.set(values))
            }
            Filter::ContainsAny(extractor, values) => {
                format!("{} contains any {}", path(extractor), self.set(values))
            }
            Filter::Like(extractor, pattern) => {
                format!("{} like {}", path(extractor), quoted(pattern.pattern(), '"'))
            }
            Filter::All(filters) => self.joined(filters, " and ", "true"),
            Filter::Any(filters) => self.joined(filters, " OR ", "false"),
            Filter::Xor(filters) => {
                let (left, right) = (self.filter(&filters.0), self.filter(&filters.1));
                format!("({left}) xor ({right})")
            }
            Filter::Not(filter) => format!("not ({})", self.filter(filter)),
            other => panic!("{other:?} is not written"),
        }
    }

    fn joined(&mut self, filters: &[Filter], operator: &str, none: &str) -> String {
        let filters: Vec<_> = filters
            .iter()
            .map(|filter| format!("({})", self.filter(filter)))
            .collect();
        if filters.is_empty() {
            none.to_owned()
        } else {
            filters.join(operator)
        }
    }

    fn set(&mut self, values: &ValueSet) -> String {
        let values: Vec<_> = values.iter().map(|value| self.operand(value)).collect();
        // One value in brackets is that value, and an array would be taken for its elements.
        let brackets = if values.len() == 1 { ("[", "]") } else { ("(", ")") };
        format!("{}{}{}", brackets.0, values.join(", "), brackets.1)
    }

    fn operand(&mut self, operand: &Operand) -> String {
        let value = operand.datum().to_value().unwrap();
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Double(number) if number.is_finite() => format!("{number:?}d"),
            Value::Decimal(number) => format!("{}m", number.to_plain_string()),
            Value::String(text) => quoted(&text, '\''),
            other => {
                self.bound += 1;
                self.bindings = std::mem::take(&mut self.bindings).with(other);
                format!("?{}", self.bound)
            }
        }
    }
}

fn path(extractor: &Extractor) -> String {
    match extractor {
        Extractor::Identity => "value()".to_owned(),
        Extractor::Key(inner) if **inner == Extractor::Identity => "key()".to_owned(),
        Extractor::Property(name) => quoted(name, '`'),
        Extractor::Chained(inner) => inner.iter().map(path).collect::<Vec<_>>().join("."),
        other => panic!("{other:?} is not written"),
    }
}

fn quoted(text: &str, quote: char) -> String {
    let doubled = text.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}
