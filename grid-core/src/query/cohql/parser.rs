//! The tokens of a text one after the other.

use super::DEPTH_MAX;
use super::error::{CohqlErrorKind, Fault};
use super::lexer::tokens;
use super::span::Span;
use super::syntax::{Expression, ExpressionKind};
use super::token::{Token, TokenKind};

/// What reading a part of a text gives.
///
/// The error is in a box because so many functions that read parts of parts take stack for it.
pub(super) type Parsed<T> = Result<T, Box<Fault>>;

/// Reads tokens. Expressions are read in `expression_parser`, statements in `statement_parser`.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    end: Token<'t>,
    at: usize,
    /// How many expressions are being read in each other.
    level: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Parsed<Self> {
        let end = Span::new(text.len(), text.len());
        Ok(Parser {
            tokens: tokens(text)?,
            end: Token {
                kind: TokenKind::End,
                span: end,
            },
            at: 0,
            level: 0,
        })
    }

    /// The next token.
    pub(super) fn peek(&self) -> &Token<'t> {
        self.tokens.get(self.at).unwrap_or(&self.end)
    }

    /// The token after the next.
    pub(super) fn peek_second(&self) -> &Token<'t> {
        self.tokens.get(self.at + 1).unwrap_or(&self.end)
    }

    /// Takes the next token, whatever it is.
    pub(super) fn advance(&mut self) -> Token<'t> {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    /// Takes the next token; where it stands.
    pub(super) fn skip(&mut self) -> Span {
        let span = self.peek().span;
        self.at += 1;
        span
    }

    /// Takes a keyword if it comes next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_word(word);
        self.at += usize::from(found);
        found
    }

    /// Takes a symbol if it comes next.
    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.peek().is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// Takes `not` or `!`.
    pub(super) fn take_not(&mut self) -> bool {
        self.take_word("not") || self.take_symbol("!")
    }

    /// Takes a symbol that must come next; where it stands.
    pub(super) fn expect_symbol(&mut self, symbol: &str, expected: &'static str) -> Parsed<Span> {
        let span = self.peek().span;
        if self.take_symbol(symbol) {
            Ok(span)
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// Takes a keyword that must come next.
    pub(super) fn expect_word(&mut self, word: &str, expected: &'static str) -> Parsed<()> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// The text must end here.
    pub(super) fn expect_end(&self, expected: &'static str) -> Parsed<()> {
        match self.peek().kind {
            TokenKind::End => Ok(()),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Something else than the next token was expected.
    pub(super) fn unexpected(&self, expected: &'static str) -> Box<Fault> {
        let found = self.peek().describe();
        Fault::new(CohqlErrorKind::Unexpected { expected, found }, self.peek().span)
    }

    /// Reads what stands one level deeper.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.level >= DEPTH_MAX {
            return Err(too_deep(self.peek().span));
        }
        self.level += 1;
        let found = read(self);
        self.level -= 1;
        found
    }

    /// Reads parts with commas between them.
    pub(super) fn separated<T>(&mut self, read: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut parts = vec![read(self)?];
        while self.take_symbol(",") {
            parts.push(read(self)?);
        }
        Ok(parts)
    }
}

impl Expression {
    /// An expression of others, the deepest of which has this depth.
    pub(super) fn new(kind: ExpressionKind, span: Span, inner_depth: usize) -> Parsed<Self> {
        let depth = inner_depth + 1;
        if depth > DEPTH_MAX {
            return Err(too_deep(span));
        }
        Ok(Expression { kind, span, depth })
    }
}

/// The depth of the deepest of these.
pub(super) fn depth_of<'e>(expressions: impl IntoIterator<Item = &'e Expression>) -> usize {
    let depths = expressions.into_iter().map(|expression| expression.depth);
    depths.max().unwrap_or_default()
}

fn too_deep(span: Span) -> Box<Fault> {
    Fault::new(CohqlErrorKind::TooDeep { max: DEPTH_MAX }, span)
}
