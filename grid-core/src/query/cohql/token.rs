//! The smallest parts of a text.

use super::span::Span;
use crate::value::Value;

/// A part of a text, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind<'t> {
    /// A keyword or a name.
    Word(&'t str),
    /// A name in backquotes, which is never a keyword.
    Name(String),
    /// A string literal.
    Text(String),
    /// A number literal without its sign.
    Number(Value),
    /// An operator or punctuation.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl Token<'_> {
    /// Whether this is a keyword; its case does not matter.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.kind, TokenKind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Whether this is one of these keywords.
    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind, TokenKind::Symbol(found) if found == symbol)
    }

    /// The token as messages name it.
    pub(super) fn describe(&self) -> String {
        /// The most characters of a token that are shown.
        const SHOWN_MAX: usize = 40;
        let (before, shown, after) = match &self.kind {
            TokenKind::Word(word) => ("`", (*word).to_owned(), "`"),
            TokenKind::Name(name) => ("`", name.clone(), "`"),
            TokenKind::Text(text) => ("the string '", text.clone(), "'"),
            TokenKind::Number(number) => ("the number ", number.to_string(), ""),
            TokenKind::Symbol(symbol) => ("`", (*symbol).to_owned(), "`"),
            TokenKind::End => return "the end".to_owned(),
        };
        let cut: String = shown.chars().take(SHOWN_MAX).collect();
        let dots = if cut.len() < shown.len() { "..." } else { "" };
        format!("{before}{cut}{dots}{after}")
    }
}
