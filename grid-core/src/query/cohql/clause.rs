//! Parts of statements on their own, as `QueryHelper` of the reference reads them.

use super::bindings::Bindings;
use super::condition::Scope;
use super::error::CohqlError;
use super::parser::{Parsed, Parser};
use super::syntax::Expression;
use crate::query::agent::Patterns;
use crate::query::{Extractor, Filter};

impl Filter {
    /// Reads a condition as it stands after `where`, with the values of its bind variables.
    ///
    /// ```
    /// use grid_core::query::{Filter, QueryEntry, cohql::Bindings};
    ///
    /// let filter = Filter::from_cohql("age between 18 and :most and name like 'A%'", &Bindings::new().with_named("most", 65))?;
    /// assert_eq!(filter.evaluate(&QueryEntry::of_value(br#"{"name":"Ada","age":36}"#)), Ok(true));
    /// # Ok::<(), grid_core::query::cohql::CohqlError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no condition, exceeds a limit ([`TEXT_LEN_MAX`](super::TEXT_LEN_MAX),
    /// [`DEPTH_MAX`](super::DEPTH_MAX)), or has a bind variable without a value.
    pub fn from_cohql(text: &str, bindings: &Bindings) -> Result<Self, CohqlError> {
        clause(text, bindings, |scope, expression| scope.condition(expression))
    }
}

impl Extractor {
    /// Reads a path as it stands in a statement: `address.city`, `name.length()`, `key().id`.
    ///
    /// # Errors
    /// As [`Filter::from_cohql`], and when the text is no path.
    pub fn from_cohql(text: &str, bindings: &Bindings) -> Result<Self, CohqlError> {
        clause(text, bindings, |scope, expression| scope.property(expression))
    }
}

fn clause<T>(
    text: &str,
    bindings: &Bindings,
    lower: impl FnOnce(Scope<'_>, &Expression) -> Parsed<T>,
) -> Result<T, CohqlError> {
    let read = || {
        let mut parser = Parser::new(text)?;
        let expression = parser.expression()?;
        parser.expect_end("an operator or the end")?;
        let scope = Scope {
            alias: None,
            bindings,
            patterns: &Patterns::new(),
        };
        lower(scope, &expression)
    };
    read().map_err(|fault| fault.in_text(text))
}
