//! Texts as trees, before anyone knows what the names in them mean.

use super::span::Span;
use crate::query::{RecordKind, Test};
use crate::value::Value;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    pub(super) kind: ExpressionKind,
    pub(super) span: Span,
    /// How many expressions stand in each other here; at most [`super::DEPTH_MAX`], so that recursion is safe.
    pub(super) depth: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExpressionKind {
    /// A literal.
    Value(Value),
    /// A bind variable by its position.
    Position(usize),
    /// A bind variable by its name.
    Named(String),
    /// Expressions in brackets; in round ones when there is not exactly one.
    List {
        is_array: bool,
        items: Vec<Expression>,
    },
    /// Properties and calls with dots between them.
    Path(Vec<Step>),
    /// The lone `*` in `count(*)`.
    Star,
    Not(Box<Expression>),
    Logical(Logical, Vec<Expression>),
    Compare(Test, Box<[Expression; 2]>),
    Between(Box<[Expression; 3]>),
    In(Box<[Expression; 2]>),
    Contains(Quantity, Box<[Expression; 2]>),
    Like {
        ignore_case: bool,
        /// What is like it, the pattern, and the escape if there is one.
        parts: Vec<Expression>,
    },
    IsEmpty(Box<Expression>),
    IsNotEmpty(Box<Expression>),
}

/// A part of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) name: String,
    /// Whether the name stands in backquotes, and so is not the name of a function.
    pub(super) is_quoted: bool,
    /// The arguments, if it is a call.
    pub(super) arguments: Option<Vec<Expression>>,
    pub(super) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    And,
    Or,
    Xor,
}

/// How many of the values a collection must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    One,
    Any,
    All,
}

/// What is to be done with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Select,
    ShowPlan,
    Record(RecordKind),
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StatementSyntax {
    pub(super) purpose: Purpose,
    pub(super) select: SelectSyntax,
}

/// A `select` with all its clauses.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SelectSyntax {
    pub(super) distinct: bool,
    /// What is selected; `None` for `*`.
    pub(super) items: Option<Vec<Expression>>,
    pub(super) cache: String,
    pub(super) alias: Option<String>,
    pub(super) condition: Option<Expression>,
    pub(super) groups: Vec<Expression>,
    pub(super) order: Vec<OrderSyntax>,
}

/// One column of an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OrderSyntax {
    pub(super) by: Expression,
    pub(super) descending: bool,
}
