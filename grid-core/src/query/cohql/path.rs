//! Paths into extractors and aggregators.

use super::condition::{Scope, expected};
use super::error::{CohqlErrorKind, Fault};
use super::parser::Parsed;
use super::span::Span;
use super::syntax::{Expression, ExpressionKind, Step};
use crate::query::agent::EXTRACTORS_MAX;
use crate::query::{Aggregator, Extractor, MethodCall, NumberOperation};

/// What a column is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Extractor(Extractor),
    Aggregator(Aggregator),
}

/// The aggregates of numbers, by their names.
const NUMBER_FUNCTIONS: [(&str, NumberOperation); 11] = [
    ("sum", NumberOperation::DoubleSum),
    ("avg", NumberOperation::DoubleAverage),
    ("min", NumberOperation::DoubleMin),
    ("max", NumberOperation::DoubleMax),
    ("bd_sum", NumberOperation::DecimalSum),
    ("bd_avg", NumberOperation::DecimalAverage),
    ("bd_min", NumberOperation::DecimalMin),
    ("bd_max", NumberOperation::DecimalMax),
    ("long_sum", NumberOperation::LongSum),
    ("long_min", NumberOperation::LongMin),
    ("long_max", NumberOperation::LongMax),
];

impl Scope<'_> {
    /// What a column is made of: a path, or an aggregate of one.
    pub(super) fn item(self, expression: &Expression) -> Parsed<Item> {
        let ExpressionKind::Path(steps) = &expression.kind else {
            return Err(expected("a property or an aggregate", expression));
        };
        let steps = self.without_alias(steps);
        if let [step] = steps
            && let Some(aggregator) = self.aggregator(step)?
        {
            return Ok(Item::Aggregator(aggregator));
        }
        self.extractor(steps, expression.span).map(Item::Extractor)
    }

    /// What a path takes from an entry.
    pub(super) fn property(self, expression: &Expression) -> Parsed<Extractor> {
        let ExpressionKind::Path(steps) = &expression.kind else {
            return Err(expected("a property", expression));
        };
        self.extractor(self.without_alias(steps), expression.span)
    }

    /// Whether an expression is nothing but the alias.
    pub(super) fn is_alias(self, expression: &Expression) -> bool {
        match &expression.kind {
            ExpressionKind::Path(steps) => steps.len() == 1 && self.without_alias(steps).is_empty(),
            _ => false,
        }
    }

    fn without_alias(self, steps: &[Step]) -> &[Step] {
        match steps.split_first() {
            Some((first, rest)) if first.arguments.is_none() && Some(first.name.as_str()) == self.alias => {
                rest
            }
            _ => steps,
        }
    }

    fn extractor(self, steps: &[Step], span: Span) -> Parsed<Extractor> {
        if steps.len() > EXTRACTORS_MAX {
            let (what, max) = ("properties in a path", EXTRACTORS_MAX);
            return Err(Fault::new(CohqlErrorKind::TooMany { what, max }, span));
        }
        let Some((first, rest)) = steps.split_first() else {
            return Ok(Extractor::Identity);
        };
        let Some(arguments) = function_arguments(first) else {
            return self.chain(None, steps);
        };
        match first.name.to_ascii_lowercase().as_str() {
            "key" => {
                let inner = match arguments {
                    [] => None,
                    [inner] => Some(self.property(inner)?),
                    [_, second, ..] => return Err(expected("`)`", second)),
                };
                Ok(Extractor::Key(Box::new(self.chain(inner, rest)?)))
            }
            "value" => match arguments.first() {
                Some(argument) => Err(expected("`)`", argument)),
                None => self.chain(None, rest),
            },
            "concat" => {
                let instead = "it makes one string of values; of properties call the method of a string: `a.concat('b')`";
                Err(Fault::unsupported(
                    "the function concat here",
                    instead,
                    first.span,
                ))
            }
            name if is_aggregate(name) => {
                let instead = "use it alone as a column or as an order";
                Err(Fault::unsupported("an aggregate here", instead, first.span))
            }
            _ => self.chain(None, steps),
        }
    }

    /// Properties and methods, each of what the one before it gave.
    fn chain(self, first: Option<Extractor>, steps: &[Step]) -> Parsed<Extractor> {
        let mut extractors = Vec::with_capacity(steps.len() + 1);
        match first {
            Some(Extractor::Chained(inner)) => extractors.extend(inner),
            Some(Extractor::Identity) | None => {}
            Some(other) => extractors.push(other),
        }
        for step in steps {
            extractors.push(match &step.arguments {
                None => Extractor::Property(step.name.clone()),
                Some(arguments) => {
                    let mut operands = Vec::with_capacity(arguments.len());
                    for argument in arguments {
                        operands.push(self.operand(argument)?);
                    }
                    let call = MethodCall::read(&step.name, operands, self.patterns);
                    let call = call.map_err(|error| Fault::new(error, step.span))?;
                    Extractor::Method(Box::new(call))
                }
            });
        }
        Ok(match extractors.len() {
            0 => Extractor::Identity,
            1 => extractors.pop().unwrap_or(Extractor::Identity),
            _ => Extractor::Chained(extractors),
        })
    }

    /// The aggregate that a call means, if it means one.
    fn aggregator(self, step: &Step) -> Parsed<Option<Aggregator>> {
        let Some(arguments) = function_arguments(step) else {
            return Ok(None);
        };
        let name = step.name.to_ascii_lowercase();
        if name == "count" {
            // Whatever is counted: the reference does not look at it either.
            if let Some(argument) = arguments.first()
                && !matches!(argument.kind, ExpressionKind::Star)
            {
                self.property(argument)?;
            }
            return Ok(Some(Aggregator::Count));
        }
        let Some((_, operation)) = NUMBER_FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            return Ok(None);
        };
        match arguments {
            [argument] => Ok(Some(Aggregator::Number(*operation, self.property(argument)?))),
            [] => {
                let (expected, found) = ("a property in the brackets", "nothing".to_owned());
                Err(Fault::new(
                    CohqlErrorKind::Unexpected { expected, found },
                    step.span,
                ))
            }
            [_, second, ..] => Err(expected("`)`", second)),
        }
    }
}

/// The arguments of a call that may be one of a function.
fn function_arguments(step: &Step) -> Option<&[Expression]> {
    step.arguments.as_deref().filter(|_| !step.is_quoted)
}

fn is_aggregate(name: &str) -> bool {
    name == "count" || NUMBER_FUNCTIONS.iter().any(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::cohql::Bindings;

    fn read(text: &str) -> Result<Extractor, String> {
        let bindings = Bindings::new().with(2);
        Extractor::from_cohql(text, &bindings).map_err(|error| error.kind().to_string())
    }

    #[test]
    fn paths_become_extractors() {
        let key = |inner| Extractor::Key(Box::new(inner));
        let substring = Extractor::method("substring", vec![0.into(), 2.into()]);
        for (text, extractor) in [
            ("a", Extractor::path("a")),
            ("A.order.`from`.key", Extractor::path("A.order.from.key")),
            ("name.length()", Extractor::path("name.length()")),
            ("length()", Extractor::path("length()")),
            (
                "name.substring(0, ?1)",
                Extractor::Chained(vec![Extractor::path("name"), substring]),
            ),
            ("key()", key(Extractor::Identity)),
            ("KEY().a.b", key(Extractor::path("a.b"))),
            ("key(a.b)", key(Extractor::path("a.b"))),
            ("key", Extractor::path("key")),
            ("value()", Extractor::Identity),
            ("value().a", Extractor::path("a")),
            ("`count`()", Extractor::path("count()")),
            (
                "a.sum(1)",
                Extractor::Chained(vec![
                    Extractor::path("a"),
                    Extractor::method("sum", vec![1.into()]),
                ]),
            ),
            ("`a.b`", Extractor::Property("a.b".to_owned())),
        ] {
            assert_eq!(read(text), Ok(extractor), "{text}");
        }
        for (text, reason) in [
            ("5", "a property"),
            ("a = 1", "a property"),
            ("count()", "aggregate"),
            ("a.b(c)", "a value"),
            ("concat(a, b)", "concat"),
            ("``", "the name"),
            ("`a()`", "the name"),
            ("key(a, b)", "`)`"),
            ("value(a)", "`)`"),
            ("a.", "the name"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(
            read(&vec!["a"; 300].join("."))
                .unwrap_err()
                .contains("more than 256")
        );
    }
}
