//! Operands of expressions: values, paths, and what stands in brackets.

use super::error::{CohqlErrorKind, Fault};
use super::number::negate;
use super::parser::{Parsed, Parser, depth_of};
use super::span::Span;
use super::syntax::{Expression, ExpressionKind, Step};
use super::token::TokenKind;
use crate::value::Value;

const VALUE_OR_PROPERTY: &str = "a value or a property";

/// Words that are no names where an expression begins. They are names after a dot, and in backquotes.
const RESERVED: [&str; 16] = [
    "not", "and", "or", "xor", "in", "is", "like", "ilike", "between", "contains", "select", "distinct",
    "from", "where", "nan", "infinity",
];

impl Parser<'_> {
    /// Reads a value, a path, or what stands in brackets.
    pub(super) fn operand(&mut self) -> Parsed<Expression> {
        match self.peek().kind {
            TokenKind::Symbol("(") => self.round_brackets(),
            TokenKind::Symbol("[") => self.square_brackets(),
            TokenKind::Symbol("-" | "+") => self.signed_number(),
            TokenKind::Symbol("?" | ":") => self.bind_variable(),
            TokenKind::Text(_) | TokenKind::Number(_) => self.literal(),
            TokenKind::Word(_) if self.is_constant() => self.literal(),
            TokenKind::Word(_) => {
                self.refuse_word()?;
                self.path()
            }
            TokenKind::Name(_) => self.path(),
            TokenKind::Symbol(_) | TokenKind::End => Err(self.no_operand()),
        }
    }

    fn no_operand(&self) -> Box<Fault> {
        if self.peek().is_symbol("{") {
            let instead = "give it as the value of a bind variable";
            return Fault::unsupported("an object literal", instead, self.peek().span);
        }
        self.unexpected(VALUE_OR_PROPERTY)
    }

    fn is_constant(&self) -> bool {
        self.peek().is_one_of(&["null", "true", "false"])
    }

    /// Reads a literal without a sign.
    fn literal(&mut self) -> Parsed<Expression> {
        let token = self.advance();
        let is_true = token.is_word("true");
        let value = match token.kind {
            TokenKind::Text(text) => Value::String(text),
            TokenKind::Number(number) => number,
            TokenKind::Word(word) if !word.eq_ignore_ascii_case("null") => Value::Bool(is_true),
            _ => Value::Null,
        };
        Expression::new(ExpressionKind::Value(value), token.span, 0)
    }

    /// Refuses words that are no names here.
    fn refuse_word(&self) -> Parsed<()> {
        let token = self.peek();
        if token.is_word("new") && matches!(self.peek_second().kind, TokenKind::Word(_)) {
            let instead = "give the value by a bind variable";
            return Err(Fault::unsupported(
                "making objects of classes",
                instead,
                token.span,
            ));
        }
        if token.is_word("select") {
            let instead = "ask in two statements";
            return Err(Fault::unsupported("a query in a query", instead, token.span));
        }
        match token.kind {
            TokenKind::Word(word) if token.is_one_of(&RESERVED) => {
                let (expected, word) = (VALUE_OR_PROPERTY, word.to_owned());
                Err(Fault::new(
                    CohqlErrorKind::Reserved { expected, word },
                    token.span,
                ))
            }
            _ => Ok(()),
        }
    }

    fn signed_number(&mut self) -> Parsed<Expression> {
        let sign = self.advance();
        let next = self.peek().clone();
        let TokenKind::Number(number) = next.kind else {
            return Err(self.unexpected("a number after its sign"));
        };
        self.skip();
        let number = if sign.is_symbol("-") {
            negate(number)
        } else {
            number
        };
        Expression::new(ExpressionKind::Value(number), sign.span.to(next.span), 0)
    }

    fn bind_variable(&mut self) -> Parsed<Expression> {
        let sign = self.advance();
        let token = self.peek().clone();
        let kind = if sign.is_symbol("?") {
            let position = match &token.kind {
                TokenKind::Number(Value::Int(number)) => usize::try_from(*number).ok(),
                _ => None,
            };
            let position = position.filter(|position| *position > 0);
            let expected = "the position of a bind variable, from 1: `?1`";
            ExpressionKind::Position(position.ok_or_else(|| self.unexpected(expected))?)
        } else {
            match &token.kind {
                TokenKind::Word(name) => ExpressionKind::Named((*name).to_owned()),
                TokenKind::Name(name) => ExpressionKind::Named(name.clone()),
                _ => return Err(self.unexpected("the name of a bind variable: `:name`")),
            }
        };
        self.skip();
        Expression::new(kind, sign.span.to(token.span), 0)
    }

    /// What stands in round brackets: one expression, or a list.
    fn round_brackets(&mut self) -> Parsed<Expression> {
        let start = self.skip();
        let items = self.items(")")?;
        let span = start.to(self.expect_symbol(")", "`,` or `)`")?);
        list(items, span)
    }

    fn square_brackets(&mut self) -> Parsed<Expression> {
        let start = self.skip();
        let items = self.items("]")?;
        let span = start.to(self.expect_symbol("]", "`,` or `]`")?);
        array(items, span)
    }

    /// Expressions up to a closing bracket, which stays.
    fn items(&mut self, close: &str) -> Parsed<Vec<Expression>> {
        if self.peek().is_symbol(close) {
            return Ok(Vec::new());
        }
        self.separated(Parser::expression)
    }

    fn path(&mut self) -> Parsed<Expression> {
        let mut steps = vec![self.step()?];
        while self.take_symbol(".") {
            steps.push(self.step()?);
        }
        let span = steps.first().zip(steps.last());
        let span = span
            .map(|(first, last)| first.span.to(last.span))
            .unwrap_or_default();
        let arguments = steps.iter().flat_map(|step| step.arguments.iter().flatten());
        let depth = depth_of(arguments);
        Expression::new(ExpressionKind::Path(steps), span, depth)
    }

    fn step(&mut self) -> Parsed<Step> {
        let token = self.peek().clone();
        let (name, is_quoted) = match token.kind {
            TokenKind::Word(name) => (name.to_owned(), false),
            // Elsewhere a name with brackets after it means a method.
            TokenKind::Name(name) if !name.is_empty() && !name.ends_with("()") => (name, true),
            _ => return Err(self.unexpected("the name of a property")),
        };
        self.skip();
        let mut span = token.span;
        let mut arguments = None;
        if self.take_symbol("(") {
            arguments = Some(self.arguments()?);
            span = span.to(self.expect_symbol(")", "`,` or `)`")?);
        }
        Ok(Step {
            name,
            is_quoted,
            arguments,
            span,
        })
    }

    fn arguments(&mut self) -> Parsed<Vec<Expression>> {
        let star = self.peek().span;
        if self.peek_second().is_symbol(")") && self.take_symbol("*") {
            return Ok(vec![Expression::new(ExpressionKind::Star, star, 0)?]);
        }
        self.items(")")
    }
}

/// An expression in brackets, or a list of several or none.
fn list(mut items: Vec<Expression>, span: Span) -> Parsed<Expression> {
    if items.len() == 1
        && let Some(item) = items.pop()
    {
        return Ok(Expression { span, ..item });
    }
    let (depth, is_array) = (depth_of(&items), false);
    Expression::new(ExpressionKind::List { is_array, items }, span, depth)
}

fn array(items: Vec<Expression>, span: Span) -> Parsed<Expression> {
    let (depth, is_array) = (depth_of(&items), true);
    Expression::new(ExpressionKind::List { is_array, items }, span, depth)
}
