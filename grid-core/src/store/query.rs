//! Queries of a partition.

use crate::query::{Filter, QueryEntry, QueryError};
use crate::store::layout::EntryView;
use crate::store::partition::is_over;
use crate::store::plan::{Ordered, Plan};
use crate::store::{CacheId, Page, PageContent, PageCursor, PageLimits, Partition, Timestamp};

impl Partition {
    /// The entries of a cache after a place that a filter selects, as many as the limits allow: a page as by
    /// [`page`](Self::page), with the same promise for entries that stay and that the filter selects all the time.
    ///
    /// Indexes and keys that the filter names are used where they leave few entries to be looked at.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry. Entries that cannot be in the page need not be asked about; going
    /// on to the last page asks about all of them.
    pub fn query(
        &self,
        now: Timestamp,
        cache: CacheId,
        filter: &Filter,
        (after, limits, content): (Option<PageCursor>, PageLimits, PageContent),
    ) -> Result<Page, QueryError> {
        let mut failed = None;
        let ordered = Ordered::of(filter);
        let wanted = |view: &EntryView<'_>| {
            failed.is_none()
                && ordered.evaluate(&view.query_entry()).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
        };
        let asked = (after, limits, content);
        let page = match self.plan(cache, filter) {
            Plan::Scan => self.page_of(now, self.handles(cache), asked, wanted),
            Plan::Look(handles) => self.page_of(now, handles.into_iter(), asked, wanted),
        };
        match failed {
            Some(error) => Err(error),
            None => Ok(page),
        }
    }

    /// Shows every entry of a cache that a filter selects, in no order, until `visit` fails. Indexes are used as by
    /// [`query`](Self::query).
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
        let ordered = Ordered::of(filter);
        self.look(cache, &self.plan(cache, filter), |view| {
            if is_over(&view, now) {
                return Ok(());
            }
            let entry = view.query_entry();
            if ordered.evaluate(&entry)? {
                visit(&entry)?;
            }
            Ok(())
        })
    }

    /// Shows the entries that a plan looks at.
    pub(super) fn look(
        &self,
        cache: CacheId,
        plan: &Plan,
        mut visit: impl FnMut(EntryView<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        match plan {
            Plan::Scan => self.views(cache).try_for_each(visit),
            Plan::Look(handles) => handles.iter().try_for_each(|handle| visit(self.view(*handle))),
        }
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
