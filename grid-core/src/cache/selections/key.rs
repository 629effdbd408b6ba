//! What tells selections apart.

use std::any::TypeId;

use crate::cache::view::Contents;
use crate::cache::{CacheError, ViewPlan};
use crate::query::QueryError;

/// What tells selections apart: the cache, the filter, what is had of each entry, and the types in which it is had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SelectionKey {
    cache: String,
    /// The filter in its one form of JSON.
    filter: Vec<u8>,
    contents: ContentsKey,
    types: TypeId,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ContentsKey {
    Values,
    Keys,
    /// The extractor in its one form of JSON.
    Extracted(Vec<u8>),
}

fn invalid(error: QueryError) -> CacheError {
    CacheError::Invalid {
        what: format!("a selection cannot be told from others: {error}"),
    }
}

impl SelectionKey {
    /// What tells the selection of a plan apart, which is had as a `T`.
    ///
    /// # Errors
    /// When the filter or the extractor cannot be written as JSON.
    pub(super) fn of<T: 'static>(cache: &str, plan: &ViewPlan) -> Result<Self, CacheError> {
        Ok(SelectionKey {
            cache: cache.to_owned(),
            filter: plan.filter().to_json().map_err(invalid)?,
            contents: match plan.contents() {
                Contents::Values => ContentsKey::Values,
                Contents::Keys => ContentsKey::Keys,
                Contents::Extracted(extractor) => {
                    ContentsKey::Extracted(extractor.to_json().map_err(invalid)?)
                }
            },
            types: TypeId::of::<T>(),
        })
    }

    pub(super) fn cache(&self) -> &str {
        &self.cache
    }
}
