//! Statements as they are asked for.

use super::bindings::Bindings;
use super::error::CohqlError;
use super::parser::{Parsed, Parser};
use super::query::Query;
use super::select;
use super::syntax::{Purpose, StatementSyntax};
use crate::query::RecordKind;

/// A statement of the reading half of the language.
///
/// ```
/// use grid_core::query::cohql::{Bindings, Statement};
///
/// let text = r#"select name, age from "people" where city = ?1 order by age desc"#;
/// let Statement::Select(query) = Statement::parse(text, &Bindings::new().with("Oslo"))? else {
///     panic!("this is a select");
/// };
/// assert_eq!(query.cache(), "people");
/// assert_eq!(query.column_names().collect::<Vec<_>>(), ["name", "age"]);
/// # Ok::<(), grid_core::query::cohql::CohqlError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// `select`: rows are wanted.
    Select(Query),
    /// `show plan select`: what would be asked, without asking it. [`Query`] prints it.
    ShowPlan(Query),
    /// `explain plan for select` and `trace select`: how the cache would answer, or answered. It is asked with the
    /// query's filter, the only part that counts, and [`Aggregator::Record`](crate::query::Aggregator::Record);
    /// [`Rows::of_record`](super::Rows::of_record) makes rows of the answer.
    Record(RecordKind, Query),
}

impl Statement {
    /// Reads a statement, with the values of its bind variables. A semicolon may stand after it.
    ///
    /// # Errors
    /// When the text is no statement of the reading half, exceeds a limit ([`super::TEXT_LEN_MAX`],
    /// [`super::DEPTH_MAX`]), or has a bind variable without a value.
    pub fn parse(text: &str, bindings: &Bindings) -> Result<Self, CohqlError> {
        read(text, bindings).map_err(|fault| fault.in_text(text))
    }

    /// Reads statements with semicolons between them, all with the values of the same bind variables. Empty ones are left
    /// out, so that there may be none.
    ///
    /// ```
    /// use grid_core::query::cohql::{Bindings, Statement};
    ///
    /// let text = "select * from people; select count() from people where name = ';';";
    /// assert_eq!(Statement::parse_all(text, &Bindings::new())?.len(), 2);
    /// # Ok::<(), grid_core::query::cohql::CohqlError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Statement::parse`], for the first statement that is wrong; the limit of length is for the whole text.
    pub fn parse_all(text: &str, bindings: &Bindings) -> Result<Vec<Self>, CohqlError> {
        let read = || -> Parsed<Vec<Self>> {
            let statements = Parser::new(text)?.statements()?;
            let statements = statements.iter();
            statements.map(|syntax| meant(syntax, text, bindings)).collect()
        };
        read().map_err(|fault| fault.in_text(text))
    }

    /// The query that it is about.
    #[must_use]
    pub fn query(&self) -> &Query {
        match self {
            Statement::Select(query) | Statement::ShowPlan(query) | Statement::Record(_, query) => query,
        }
    }
}

fn read(text: &str, bindings: &Bindings) -> Parsed<Statement> {
    meant(&Parser::new(text)?.statement()?, text, bindings)
}

fn meant(syntax: &StatementSyntax, text: &str, bindings: &Bindings) -> Parsed<Statement> {
    let query = select::query(&syntax.select, text, bindings)?;
    Ok(match syntax.purpose {
        Purpose::Select => Statement::Select(query),
        Purpose::ShowPlan => Statement::ShowPlan(query),
        Purpose::Record(kind) => Statement::Record(kind, query),
    })
}
