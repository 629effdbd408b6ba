//! Queries of a partition.

use crate::query::{Filter, QueryEntry, QueryError};
use crate::store::layout::EntryView;
use crate::store::partition::is_over;
use crate::store::{CacheId, Page, PageContent, PageCursor, PageLimits, Partition, Timestamp};

impl Partition {
    /// The entries of a cache after a place that a filter selects, as many as the limits allow: a page as by
    /// [`page`](Self::page), with the same promise for entries that stay and that the filter selects all the time.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry.
    pub fn query(
        &self,
        now: Timestamp,
        cache: CacheId,
        filter: &Filter,
        (after, limits, content): (Option<PageCursor>, PageLimits, PageContent),
    ) -> Result<Page, QueryError> {
        let mut failed = None;
        let page = self.page_of(now, cache, (after, limits, content), |view| {
            failed.is_none()
                && filter.evaluate(&view.query_entry()).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(page),
        }
    }

    /// Shows every entry of a cache that a filter selects, in no order, until `visit` fails.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry, and what `visit` says.
    pub fn select(
        &self,
        now: Timestamp,
        cache: CacheId,
        filter: &Filter,
        mut visit: impl FnMut(&QueryEntry<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        for view in self.views(cache) {
            if is_over(&view, now) {
                continue;
            }
            let entry = view.query_entry();
            if filter.evaluate(&entry)? {
                visit(&entry)?;
            }
        }
        Ok(())
    }
}

impl<'a> EntryView<'a> {
    /// The entry for filters and extractors.
    #[must_use]
    pub fn query_entry(&self) -> QueryEntry<'a> {
        QueryEntry::new(
            (self.key_format(), self.key()),
            Some((self.value_format(), self.value())),
        )
    }
}
