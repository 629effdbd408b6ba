//! A statement about to be asked.

use std::fmt;
use std::future::IntoFuture;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::query::cohql::{Bindings, Rows, Statement};
use crate::value::Value;

use super::run::{Limits, run};
use super::{AskError, Caches};

/// A statement that is asked when this is awaited, with the values of its bind variables and limits.
#[must_use = "a statement is asked when this is awaited"]
pub struct Ask<'c> {
    caches: &'c dyn Caches,
    what: What,
    bindings: Bindings,
    limits: Limits,
}

/// What is asked.
enum What {
    /// A text that is still to be read.
    Text(String),
    /// A statement that was read before.
    Statement(Box<Statement>),
}

impl<'c> Ask<'c> {
    pub(super) fn text(caches: &'c dyn Caches, text: &str) -> Self {
        Ask::new(caches, What::Text(text.to_owned()))
    }

    pub(super) fn statement(caches: &'c dyn Caches, statement: Statement) -> Self {
        Ask::new(caches, What::Statement(Box::new(statement)))
    }

    fn new(caches: &'c dyn Caches, what: What) -> Self {
        Ask {
            caches,
            what,
            bindings: Bindings::new(),
            limits: Limits::default(),
        }
    }

    /// One value more by its position: the first is `?1`.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.bindings = self.bindings.with(value);
        self
    }

    /// The value of `:name`. The last one counts.
    pub fn bind_named(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.bindings = self.bindings.with_named(name, value);
        self
    }

    /// All values of bind variables, in place of those that were given before.
    pub fn bindings(mut self, bindings: Bindings) -> Self {
        self.bindings = bindings;
        self
    }

    /// The most rows that are wanted: the first in the order of the statement. Without a limit, all.
    ///
    /// Where the statement has no order, no distinct rows and no aggregates, only about so many entries are read.
    pub fn limit(mut self, rows: usize) -> Self {
        self.limits.rows = Some(rows);
        self
    }

    /// The most bytes that are kept at once to make the rows of: of columns, or of an answer. Default: 256 MiB. When there are
    /// more, the statement fails with [`AskError::TooLarge`].
    pub fn bytes_max(mut self, bytes: usize) -> Self {
        self.limits.bytes_max = bytes;
        self
    }
}

impl<'c> IntoFuture for Ask<'c> {
    type Output = Result<Rows, AskError>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let statement = match self.what {
                What::Text(text) => Statement::parse(&text, &self.bindings)?,
                What::Statement(statement) => *statement,
            };
            run(self.caches, &statement, self.limits).await
        }
        .boxed()
    }
}

impl fmt::Debug for Ask<'_> {
    /// Without the values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.what {
            What::Text(text) => text.as_str(),
            What::Statement(_) => "a statement that was read before",
        };
        f.debug_struct("Ask")
            .field("text", &text)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
