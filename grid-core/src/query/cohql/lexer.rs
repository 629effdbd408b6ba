//! Texts into tokens.

use super::TEXT_LEN_MAX;
use super::error::{CohqlErrorKind, Fault};
use super::number::read_number;
use super::span::Span;
use super::token::{Token, TokenKind};

/// Every operator and punctuation mark, those that begin with another one first. Some mean nothing in the language, and
/// are told apart so that the message names them.
const SYMBOLS: [&str; 30] = [
    "&&", "||", "^^", "==", "!=", "<>", "<=", ">=", "**", "=", "<", ">", "!", "(", ")", "[", "]", "{", "}",
    ",", ".", ";", "?", ":", "*", "+", "-", "/", "%", "@",
];

/// Reads all tokens of a text; the last one is its end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Box<Fault>> {
    if text.len() > TEXT_LEN_MAX {
        let (len, max) = (text.len(), TEXT_LEN_MAX);
        return Err(Fault::new(CohqlErrorKind::TooLong { len, max }, Span::default()));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let spaces = rest.len() - rest.trim_start().len();
        at += spaces;
        let rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            let (kind, span) = (TokenKind::End, Span::new(at, at));
            tokens.push(Token { kind, span });
            return Ok(tokens);
        };
        let (kind, len) = token(rest, first).map_err(|kind| Fault::new(kind, Span::new(at, at)))?;
        let span = Span::new(at, at + len);
        at = span.end;
        tokens.push(Token { kind, span });
    }
}

/// The token that a text begins with, and its length.
fn token(rest: &str, first: char) -> Result<(TokenKind<'_>, usize), CohqlErrorKind> {
    if first.is_ascii_digit() {
        let (number, len) = read_number(rest)?;
        return Ok((TokenKind::Number(number), len));
    }
    if first == '\'' || first == '"' {
        let (text, len) = quoted(rest, first, "a string")?;
        return Ok((TokenKind::Text(text), len));
    }
    if first == '`' {
        let (name, len) = quoted(rest, first, "a name")?;
        return Ok((TokenKind::Name(name), len));
    }
    if is_name_start(first) {
        let len = rest
            .find(|character| !is_name_part(character))
            .unwrap_or(rest.len());
        return Ok((TokenKind::Word(rest.get(..len).unwrap_or_default()), len));
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((TokenKind::Symbol(symbol), symbol.len())),
        None => Err(CohqlErrorKind::UnknownCharacter { character: first }),
    }
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '$')
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// What stands between quotes, in which two of them stand for one; and its length with them.
fn quoted(text: &str, quote: char, what: &'static str) -> Result<(String, usize), CohqlErrorKind> {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Ok((inner, at + quote.len_utf8()));
        }
        inner.push(character);
    }
    Err(CohqlErrorKind::Unclosed { what, quote })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind<'_>> {
        tokens(text)
            .unwrap()
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn texts_are_cut_into_tokens() {
        use TokenKind::{End, Name, Number, Symbol, Text, Word};
        assert_eq!(
            kinds("SELECT a.b_1 FROM 'it''s' where $x>=1.5&&`or``der` <>\"q\"\"'\""),
            [
                Word("SELECT"),
                Word("a"),
                Symbol("."),
                Word("b_1"),
                Word("FROM"),
                Text("it's".to_owned()),
                Word("where"),
                Word("$x"),
                Symbol(">="),
                Number(1.5.into()),
                Symbol("&&"),
                Name("or`der".to_owned()),
                Symbol("<>"),
                Text("q\"'".to_owned()),
                End,
            ]
        );
        assert_eq!(kinds(" \n"), [End]);
        assert_eq!(kinds("''"), [Text(String::new()), End]);
        assert_eq!(
            kinds("été ?1 :n"),
            [
                Word("été"),
                Symbol("?"),
                Number(1.into()),
                Symbol(":"),
                Word("n"),
                End
            ]
        );
    }

    #[test]
    fn what_is_no_token_is_told_with_its_place() {
        for (text, at) in [
            ("a = 'x", 4),
            ("a = `x``", 4),
            ("a # b", 2),
            ("a = 1x", 4),
            ("é\u{0}", 2),
        ] {
            assert_eq!(tokens(text).unwrap_err().span.start, at, "{text}");
        }
        assert!(tokens(&" ".repeat(TEXT_LEN_MAX)).is_ok());
        let too_long = tokens(&" ".repeat(TEXT_LEN_MAX + 1)).unwrap_err();
        assert!(matches!(too_long.kind, CohqlErrorKind::TooLong { .. }));
    }
}
