//! Statements: `select` and its clauses.

use super::error::{CohqlErrorKind, Fault};
use super::parser::{Parsed, Parser};
use super::syntax::{Expression, ExpressionKind, OrderSyntax, Purpose, SelectSyntax, StatementSyntax};
use super::token::TokenKind;
use crate::query::RecordKind;

/// The words with which the statements of the reference begin that are not read here.
const NOT_READING: [&str; 28] = [
    "insert", "update", "delete", "create", "ensure", "drop", "truncate", "backup", "restore", "source",
    "alter", "list", "remove", "recover", "validate", "archive", "retrieve", "resume", "suspend", "force",
    "commands", "extended", "help", "sanity", "services", "whenever", "quit", "bye",
];

/// The words that may follow the name of a cache, and so are no aliases.
const AFTER_CACHE: [&str; 5] = ["where", "group", "having", "order", "limit"];

/// The words that begin a clause and cannot be names at its place.
const CLAUSES: [&str; 3] = ["group", "order", "having"];

impl Parser<'_> {
    /// Reads a statement and the end of the text.
    pub(super) fn statement(&mut self) -> Parsed<StatementSyntax> {
        let statement = self.one_statement()?;
        self.take_symbol(";");
        self.expect_end("the end of the statement")?;
        Ok(statement)
    }

    /// Reads statements with semicolons between them to the end of the text. There may be none.
    pub(super) fn statements(&mut self) -> Parsed<Vec<StatementSyntax>> {
        let mut statements = Vec::new();
        loop {
            while self.take_symbol(";") {}
            if self.expect_end("").is_ok() {
                return Ok(statements);
            }
            statements.push(self.one_statement()?);
            if !self.peek().is_symbol(";") {
                self.expect_end("the end of the statement, or `;` and another one")?;
            }
        }
    }

    fn one_statement(&mut self) -> Parsed<StatementSyntax> {
        let purpose = self.purpose()?;
        if !self.take_word("select") {
            return Err(self.no_select());
        }
        let select = self.select()?;
        Ok(StatementSyntax { purpose, select })
    }

    fn purpose(&mut self) -> Parsed<Purpose> {
        if self.take_word("show") {
            self.expect_word("plan", "`plan`")?;
            return Ok(Purpose::ShowPlan);
        }
        if self.take_word("explain") {
            self.expect_word("plan", "`plan for`")?;
            self.expect_word("for", "`for`")?;
            return Ok(Purpose::Record(RecordKind::Explain));
        }
        if self.take_word("trace") {
            return Ok(Purpose::Record(RecordKind::Trace));
        }
        Ok(Purpose::Select)
    }

    /// Why there is no `select` here.
    fn no_select(&self) -> Box<Fault> {
        let next = self.peek();
        let word = match next.kind {
            TokenKind::Word(word) if next.is_one_of(&NOT_READING) => word,
            TokenKind::Symbol("@") => "@",
            _ => {
                return self
                    .unexpected("`select`, `explain plan for select`, `trace select` or `show plan select`");
            }
        };
        let statement = word.to_ascii_lowercase();
        Fault::new(CohqlErrorKind::NotReading { statement }, next.span)
    }

    fn select(&mut self) -> Parsed<SelectSyntax> {
        let distinct = self.take_word("distinct");
        let items = if self.take_symbol("*") {
            None
        } else {
            Some(self.separated(Parser::expression)?)
        };
        self.expect_word("from", "`,` or `from` and the name of a cache")?;
        let cache = self.cache_name()?;
        let alias = self.alias()?;
        let condition = match self.take_word("where") {
            true => Some(self.expression()?),
            false => None,
        };
        let groups = match self.take_word("group") {
            true => {
                self.take_word("by");
                self.separated(Parser::clause_item)?
            }
            false => Vec::new(),
        };
        self.refuse_clauses()?;
        let order = match self.take_word("order") {
            true => {
                self.take_word("by");
                self.separated(Parser::order_item)?
            }
            false => Vec::new(),
        };
        self.refuse_clauses()?;
        Ok(SelectSyntax {
            distinct,
            items,
            cache,
            alias,
            condition,
            groups,
            order,
        })
    }

    fn cache_name(&mut self) -> Parsed<String> {
        let token = self.peek().clone();
        let name = match token.kind {
            TokenKind::Text(name) | TokenKind::Name(name) if !name.is_empty() => name,
            TokenKind::Word(name) if !token.is_one_of(&AFTER_CACHE) => name.to_owned(),
            TokenKind::Symbol("(") => {
                let instead = "ask in two statements";
                return Err(Fault::unsupported("a query in a query", instead, token.span));
            }
            _ => return Err(self.unexpected("the name of a cache")),
        };
        self.advance();
        if matches!(self.peek().kind, TokenKind::Symbol("-" | "." | "*" | "/" | ":")) {
            return Err(self.unexpected(
                "a clause; put quotes around a name of other characters than letters and digits",
            ));
        }
        if self.peek().is_symbol(",") {
            let instead = "ask each cache in a statement of its own";
            return Err(Fault::unsupported(
                "asking several caches",
                instead,
                self.peek().span,
            ));
        }
        Ok(name)
    }

    fn alias(&mut self) -> Parsed<Option<String>> {
        let expected = self.take_word("as");
        let token = self.peek().clone();
        let alias = match token.kind {
            TokenKind::Word(alias) if !token.is_one_of(&AFTER_CACHE) => alias.to_owned(),
            TokenKind::Name(alias) => alias,
            _ if expected => return Err(self.unexpected("an alias")),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(alias))
    }

    /// An expression of a clause, which must be more than the next clause.
    fn clause_item(&mut self) -> Parsed<Expression> {
        let next = self.peek();
        if next.is_one_of(&CLAUSES) && self.peek_second().is_word("by") {
            return Err(self.unexpected("a property"));
        }
        self.expression()
    }

    fn order_item(&mut self) -> Parsed<OrderSyntax> {
        let by = self.clause_item()?;
        if matches!(by.kind, ExpressionKind::Value(_)) {
            let instead = "name the property or aggregate";
            return Err(Fault::unsupported("ordering by a constant", instead, by.span));
        }
        let descending = self.take_word("desc");
        if !descending {
            self.take_word("asc");
        }
        Ok(OrderSyntax { by, descending })
    }

    /// Refuses clauses of SQL that the language does not have.
    fn refuse_clauses(&self) -> Parsed<()> {
        let next = self.peek();
        if next.is_word("having") {
            let instead = "leave out rows of the answer";
            return Err(Fault::unsupported("having", instead, next.span));
        }
        if next.is_word("limit") {
            let instead = "take as many rows of the answer as you need";
            return Err(Fault::unsupported("limit", instead, next.span));
        }
        Ok(())
    }
}
