//! A method with its arguments.

use super::method::{self, Called};
use super::{Room, property};
use crate::query::agent::Patterns;
use crate::query::{Datum, Extracted, Operand, PatternError, QueryError, RegexPattern};

/// A method of a value, known by its Java name, with its arguments.
///
/// A regular expression among them is compiled once, when the call is made.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodCall {
    name: String,
    arguments: Vec<Operand>,
    pattern: Option<Box<Result<RegexPattern, PatternError>>>,
}

impl MethodCall {
    /// A method, without the parentheses, and its arguments. An expression that cannot be used fails where it is called.
    #[must_use]
    pub fn new(name: &str, arguments: Vec<Operand>) -> Self {
        let patterns = Patterns::new();
        let pattern = expression(name, &arguments).map(|read| Box::new(read.compile(&patterns)));
        let name = name.to_owned();
        MethodCall {
            name,
            arguments,
            pattern,
        }
    }

    /// A method as it was sent.
    ///
    /// # Errors
    /// When an expression among the arguments cannot be used, or the patterns take too much together.
    pub(crate) fn read(
        name: &str,
        arguments: Vec<Operand>,
        patterns: &Patterns,
    ) -> Result<Self, PatternError> {
        let pattern = match expression(name, &arguments) {
            Some(read) => Some(Box::new(Ok(read.compile(patterns)?))),
            None => None,
        };
        let name = name.to_owned();
        Ok(MethodCall {
            name,
            arguments,
            pattern,
        })
    }

    /// The name, without parentheses.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments.
    #[must_use]
    pub fn arguments(&self) -> &[Operand] {
        &self.arguments
    }

    /// What it gives of a value; null of null. What changes the value changes a copy that is forgotten.
    ///
    /// # Errors
    /// As [`call`](Self::call), and when there is not enough room for the result.
    pub(crate) fn take_from<'a>(
        &self,
        target: Extracted<'a>,
        room: &Room,
    ) -> Result<Extracted<'a>, QueryError> {
        if target.is_null() {
            return Ok(Extracted::NULL);
        }
        if let Some(found) = property::accessor(&target, &self.name, &self.arguments)? {
            return Ok(found);
        }
        // What the entry has may be copied; what was computed is counted each time.
        let given = match &target {
            Extracted::Json(text) => text.len(),
            Extracted::Datum(_) => 0,
        };
        let result = self.call(target.datum()?)?.result;
        room.take(result.len().saturating_sub(given))?;
        Ok(Extracted::Datum(result))
    }

    /// Calls it.
    ///
    /// # Errors
    /// When the value has no such method with such arguments, or they are out of range.
    pub(crate) fn call(&self, target: Datum<'_>) -> Result<Called, QueryError> {
        method::call(target, self)
    }

    /// The regular expression among the arguments, where there is one.
    pub(super) fn pattern(&self) -> Option<Result<&RegexPattern, QueryError>> {
        let pattern = self.pattern.as_ref()?.as_ref().as_ref();
        Some(pattern.map_err(|error| error.clone().into()))
    }
}

/// An argument that is a regular expression.
enum Expression<'a> {
    /// That the whole text is matched with.
    Whole(&'a str),
    /// That parts of it are looked for with.
    Parts(&'a str),
}

impl Expression<'_> {
    fn compile(&self, patterns: &Patterns) -> Result<RegexPattern, PatternError> {
        match self {
            Expression::Whole(pattern) => patterns.regex(pattern),
            Expression::Parts(pattern) => patterns.regex_of_parts(pattern),
        }
    }
}

/// The argument that is a regular expression.
fn expression<'a>(name: &str, arguments: &'a [Operand]) -> Option<Expression<'a>> {
    match (name, arguments.first()?.datum(), arguments.len()) {
        ("matches", Datum::Text(pattern), 1) => Some(Expression::Whole(pattern)),
        ("split", Datum::Text(pattern), 1 | 2) => Some(Expression::Parts(pattern)),
        _ => None,
    }
}
