//! What a cache is asked, in the terms of its backend.

use futures::stream::BoxStream;

use crate::query::{Comparator, Filter};
use crate::value::{Binary, Key};

use super::CacheError;

/// What a query gives of each entry that it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryContents {
    /// Keys alone.
    Keys,
    /// Values alone.
    Values,
    /// Keys and values.
    Entries,
}

/// Which entries are asked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// What selects them.
    pub filter: Filter,
    /// What is wanted of them.
    pub contents: QueryContents,
    /// The order of their values in which they are wanted; keys alone have none.
    pub order: Option<Comparator>,
}

/// Some of the entries that a query selects: keys, values, or both, as it wants them.
pub type Selected = Vec<(Option<Binary>, Option<Binary>)>;

/// The entries that a query selects, some at a time. Nothing follows an error.
pub type BinarySelection = BoxStream<'static, Result<Selected, CacheError>>;

/// The entries that an aggregator is shown.
#[derive(Clone, Debug)]
pub enum Among {
    /// Those that a filter selects.
    Where(Filter),
    /// Those of these keys that are present.
    Keys(Vec<Key>),
}
