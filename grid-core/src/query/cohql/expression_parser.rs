//! Expressions: operators by how strongly they bind.
//!
//! As in the reference, `and`, `or` and `xor` bind equally, from left to right: `a or b and c` is `(a or b) and c`.

use super::error::Fault;
use super::parser::{Parsed, Parser, depth_of};
use super::span::Span;
use super::syntax::{Expression, ExpressionKind, Logical, Quantity};
use super::token::TokenKind;
use crate::query::Test;

/// Operators that have no meaning in conditions, in the reference either.
const ARITHMETIC: [&str; 6] = ["+", "-", "*", "/", "%", "**"];

impl Parser<'_> {
    /// Reads an expression.
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        self.deeper(|parser| {
            let mut left = parser.comparison()?;
            while let Some(logical) = parser.take_logical() {
                let right = parser.comparison()?;
                left = join(logical, left, right)?;
            }
            Ok(left)
        })
    }

    fn take_logical(&mut self) -> Option<Logical> {
        let next = self.peek();
        let logical = if next.is_word("and") || next.is_symbol("&&") {
            Logical::And
        } else if next.is_word("or") || next.is_symbol("||") {
            Logical::Or
        } else if next.is_word("xor") || next.is_symbol("^^") {
            Logical::Xor
        } else {
            return None;
        };
        self.skip();
        Some(logical)
    }

    /// Reads what stands between `and`, `or` and `xor`.
    ///
    /// Here and below, what reads expressions in expressions has few values of its own: each level takes stack for them.
    fn comparison(&mut self) -> Parsed<Expression> {
        let start = self.peek().span;
        if self.take_not() {
            return self
                .deeper(Parser::comparison)
                .and_then(|inner| not(start, inner));
        }
        let mut left = self.operand()?;
        loop {
            match self.relation(left)? {
                Relation::Read(read) => left = read,
                Relation::None(left) => return Ok(left),
            }
        }
    }

    /// Reads an operator and what stands right of it.
    fn relation(&mut self, left: Expression) -> Parsed<Relation> {
        self.refuse_arithmetic()?;
        let negated = self.take_not();
        let start = left.span;
        let Some(operator) = self.take_operator() else {
            return match negated {
                true => Err(self.unexpected("in, between, like, ilike, contains or a comparison")),
                false => Ok(Relation::None(left)),
            };
        };
        let read = match operator {
            Operator::Compare(test) => self.compared(test, left),
            Operator::Is => self.is(left),
            Operator::In => self.within(left),
            Operator::Between => self.between(left),
            Operator::Contains => self.contains(left),
            Operator::Like { ignore_case } => self.like(left, ignore_case),
        };
        if negated {
            return not(start, read?).map(Relation::Read);
        }
        read.map(Relation::Read)
    }

    fn refuse_arithmetic(&self) -> Parsed<()> {
        let next = self.peek();
        if ARITHMETIC.iter().any(|symbol| next.is_symbol(symbol)) {
            let instead = "compare with a value that is computed, for example by a bind variable";
            return Err(Fault::unsupported("arithmetic", instead, next.span));
        }
        Ok(())
    }

    fn take_operator(&mut self) -> Option<Operator> {
        let operator = match self.peek().kind {
            TokenKind::Symbol("=" | "==") => Operator::Compare(Test::Equals),
            TokenKind::Symbol("!=" | "<>") => Operator::Compare(Test::NotEquals),
            TokenKind::Symbol("<") => Operator::Compare(Test::Less),
            TokenKind::Symbol("<=") => Operator::Compare(Test::LessEquals),
            TokenKind::Symbol(">") => Operator::Compare(Test::Greater),
            TokenKind::Symbol(">=") => Operator::Compare(Test::GreaterEquals),
            TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "is" => Operator::Is,
                "in" => Operator::In,
                "between" => Operator::Between,
                "contains" => Operator::Contains,
                "like" => Operator::Like { ignore_case: false },
                "ilike" => Operator::Like { ignore_case: true },
                _ => return None,
            },
            _ => return None,
        };
        self.skip();
        Some(operator)
    }

    fn compared(&mut self, test: Test, left: Expression) -> Parsed<Expression> {
        let test = match test {
            Test::Equals if self.take_not() => Test::NotEquals,
            other => other,
        };
        let right = self.operand()?;
        pair(left, right, |pair| ExpressionKind::Compare(test, pair))
    }

    fn within(&mut self, left: Expression) -> Parsed<Expression> {
        let right = self.operand()?;
        pair(left, right, ExpressionKind::In)
    }

    fn contains(&mut self, left: Expression) -> Parsed<Expression> {
        let quantity = if self.take_word("all") {
            Quantity::All
        } else if self.take_word("any") {
            Quantity::Any
        } else {
            Quantity::One
        };
        let right = self.operand()?;
        pair(left, right, |pair| ExpressionKind::Contains(quantity, pair))
    }

    fn is(&mut self, left: Expression) -> Parsed<Expression> {
        let negated = self.take_not();
        if self.peek().is_word("empty") {
            let end = self.advance().span;
            let (span, depth) = (left.span.to(end), left.depth);
            let left = Box::new(left);
            let kind = if negated {
                ExpressionKind::IsNotEmpty(left)
            } else {
                ExpressionKind::IsEmpty(left)
            };
            return Expression::new(kind, span, depth);
        }
        let test = if negated { Test::NotEquals } else { Test::Equals };
        let right = self.operand()?;
        pair(left, right, |pair| ExpressionKind::Compare(test, pair))
    }

    fn between(&mut self, left: Expression) -> Parsed<Expression> {
        let from = self.operand()?;
        self.expect_word("and", "`and` and the upper bound")?;
        let to = self.operand()?;
        let span = left.span.to(to.span);
        let depth = depth_of([&left, &from, &to]);
        Expression::new(ExpressionKind::Between(Box::new([left, from, to])), span, depth)
    }

    fn like(&mut self, left: Expression, ignore_case: bool) -> Parsed<Expression> {
        let mut parts = vec![left, self.operand()?];
        if self.take_word("escape") {
            parts.push(self.operand()?);
        }
        let span = parts.first().zip(parts.last());
        let span = span
            .map(|(first, last)| first.span.to(last.span))
            .unwrap_or_default();
        let depth = depth_of(&parts);
        Expression::new(ExpressionKind::Like { ignore_case, parts }, span, depth)
    }
}

/// What stands between two operands, but for `and` and its like.
#[derive(Clone, Copy)]
enum Operator {
    Compare(Test),
    Is,
    In,
    Between,
    Contains,
    Like { ignore_case: bool },
}

/// What was found where an operator may stand.
enum Relation {
    Read(Expression),
    /// Nothing; the expression before it.
    None(Expression),
}

fn pair(
    left: Expression,
    right: Expression,
    kind: impl FnOnce(Box<[Expression; 2]>) -> ExpressionKind,
) -> Parsed<Expression> {
    let span = left.span.to(right.span);
    let depth = left.depth.max(right.depth);
    Expression::new(kind(Box::new([left, right])), span, depth)
}

/// The opposite of an expression, which begins where it, or the word before it, does.
fn not(start: Span, inner: Expression) -> Parsed<Expression> {
    let (span, depth) = (start.to(inner.span), inner.depth);
    Expression::new(ExpressionKind::Not(Box::new(inner)), span, depth)
}

/// Joins two expressions. Chains of one operator lie side by side, so that their length costs no depth.
fn join(logical: Logical, left: Expression, right: Expression) -> Parsed<Expression> {
    let span = left.span.to(right.span);
    match left.kind {
        ExpressionKind::Logical(found, mut parts) if found == logical && logical != Logical::Xor => {
            let depth = left.depth.max(right.depth + 1) - 1;
            parts.push(right);
            Expression::new(ExpressionKind::Logical(logical, parts), span, depth)
        }
        kind => {
            let left = Expression { kind, ..left };
            let depth = left.depth.max(right.depth);
            Expression::new(ExpressionKind::Logical(logical, vec![left, right]), span, depth)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::query::cohql::{Bindings, CohqlErrorKind, DEPTH_MAX};
    use crate::query::{Between, Extractor, Filter, LikePattern, Operand, field, key};

    fn read(text: &str) -> Filter {
        Filter::from_cohql(text, &Bindings::new()).unwrap()
    }

    #[test]
    fn logical_operators_bind_equally_from_left_to_right() {
        let [a, b, c] = ["a", "b", "c"].map(|name| field(name).eq(1));
        for (text, filter) in [
            ("a = 1 or b = 1 and c = 1", a.clone().or(b.clone()).and(c.clone())),
            ("a = 1 and b = 1 or c = 1", a.clone().and(b.clone()).or(c.clone())),
            (
                "a = 1 or (b = 1 and c = 1)",
                a.clone().or(b.clone().and(c.clone())),
            ),
            (
                "a = 1 XOR b = 1 ^^ c = 1",
                a.clone().xor(b.clone()).xor(c.clone()),
            ),
            ("not a = 1 && !(b = 1)", (!a.clone()).and(!b.clone())),
            ("not not a = 1", !!a.clone()),
            (
                "(a = 1 and b = 1) and c = 1",
                Filter::all([a.clone(), b.clone(), c.clone()]),
            ),
            ("a = 1 and (b = 1 and c = 1)", Filter::all([a, b, c])),
        ] {
            assert_eq!(read(text), filter, "{text}");
        }
    }

    #[test]
    fn every_relation_becomes_its_filter() {
        let like = |pattern, escape, ignore_case| LikePattern::new(pattern, escape, ignore_case).unwrap();
        let name = || Extractor::path("name");
        for (text, filter) in [
            ("age == 5", field("age").eq(5)),
            ("age is 5", field("age").eq(5)),
            ("age is not 5", field("age").ne(5)),
            ("age = not 5", field("age").ne(5)),
            ("age <> 5", field("age").ne(5)),
            ("5 <= age", field("age").ge(5)),
            ("5 > age", field("age").lt(5)),
            ("-5.5 != age", field("age").ne(-5.5)),
            ("(age) = (+5)", field("age").eq(5)),
            ("a is null", field("a").is_null()),
            ("a IS NOT NULL", field("a").is_not_null()),
            ("a is empty", field("a.isEmpty()").eq(true)),
            ("value() is not empty", field("isEmpty()").eq(false)),
            (
                "a between 1 and 2L and b = true",
                field("a").between(1, 2).and(field("b").eq(true)),
            ),
            ("a not between 1 and 2", !field("a").between(1, 2)),
            (
                "a in (1, 'x', null)",
                field("a").one_of([Operand::from(1), "x".into(), Operand::null()]),
            ),
            ("a not in ()", !field("a").one_of(Vec::<i64>::new())),
            ("a in 5", field("a").one_of([5])),
            ("a in [1, 2]", field("a").one_of([1, 2])),
            ("a contains 5", field("a").contains(5)),
            ("a contains [5]", field("a").contains(vec![5])),
            ("a CONTAINS ANY (1, 2)", field("a").contains_any([1, 2])),
            ("a not contains all ('x')", !field("a").contains_all(["x"])),
            ("name like 'A%'", Filter::Like(name(), like("A%", None, false))),
            (
                "name not ilike \"a%\"",
                !Filter::Like(name(), like("a%", None, true)),
            ),
            (
                "name like 'A!%' escape '!'",
                Filter::Like(name(), like("A!%", Some('!'), false)),
            ),
            ("true", Filter::Always),
            ("false or a = 1", Filter::Never.or(field("a").eq(1))),
            (
                "(age > 5) in (1, 2)",
                Filter::InKeySet(Box::new(field("age").gt(5)), [1, 2].into_iter().collect()),
            ),
        ] {
            assert_eq!(read(text), filter, "{text}");
        }
        let Filter::Between(between) = read("key() between 'a' and 'b'") else {
            unreachable!()
        };
        let expected = key().between("a", "b");
        assert_eq!(Filter::Between(Box::new(Between { ..*between })), expected);
    }

    #[test]
    fn depth_counts_what_stands_in_each_other() {
        let brackets = |depth: usize| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
        let refused = |text: &str| {
            let error = Filter::from_cohql(text, &Bindings::new()).unwrap_err();
            assert!(matches!(error.kind(), CohqlErrorKind::TooDeep { .. }), "{error}");
        };
        read(&brackets(DEPTH_MAX - 1));
        refused(&brackets(DEPTH_MAX));
        read(&vec!["a = 1"; 5_000].join(" and "));
        refused(&vec!["a = 1"; 1_000].join(" and b = 1 or "));
        refused(&vec!["a = 1"; DEPTH_MAX + 1].join(" xor "));
        refused(&format!("a = {}", "[".repeat(30_000)));
        refused(&format!("{}a = 1", "! ".repeat(30_000)));
    }
}
