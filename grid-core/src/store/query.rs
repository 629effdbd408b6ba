//! Queries of a partition.

use crate::query::{Filter, QueryEntry, QueryError};
use crate::store::layout::EntryView;
use crate::store::partition::is_over;
use crate::store::plan::{Plan, PreparedFilter};
use crate::store::{
    CacheId, Page, PageContent, PageCursor, PageLimits, Partition, PickedPage, Room, Slices, Timestamp,
};

/// A query of a partition whose plan is made: what it looks at is known before it is asked.
#[derive(Debug)]
pub struct PlannedQuery<'p, 'f> {
    pub(super) partition: &'p Partition,
    pub(super) cache: CacheId,
    pub(super) filter: &'f PreparedFilter<'f>,
    pub(super) plan: Plan,
}

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
        asked: (Option<PageCursor>, PageLimits, PageContent),
    ) -> Result<Page, QueryError> {
        self.plan_query(cache, &PreparedFilter::new(filter))
            .page(now, asked)
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
        visit: impl FnMut(&QueryEntry<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.plan_query(cache, &PreparedFilter::new(filter))
            .visit(now, visit)
    }

    /// Plans a query of a cache.
    #[must_use]
    pub fn plan_query<'p, 'f>(
        &'p self,
        cache: CacheId,
        filter: &'f PreparedFilter<'f>,
    ) -> PlannedQuery<'p, 'f> {
        PlannedQuery {
            partition: self,
            cache,
            filter,
            plan: self.plan(cache, filter),
        }
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
            Plan::Look(handles) | Plan::Exact(handles) => {
                handles.iter().try_for_each(|handle| visit(self.view(*handle)))
            }
        }
    }
}

impl<'p> PlannedQuery<'p, '_> {
    /// Whether it is known that it selects nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.plan, Plan::Look(handles) | Plan::Exact(handles) if handles.is_empty())
    }

    /// How many entries it looks at, and about how many bytes they have, if they are no larger than others of their cache.
    #[must_use]
    pub fn looks_at(&self) -> (usize, u64) {
        match &self.plan {
            Plan::Look(handles) | Plan::Exact(handles) => self.looks_at_keys(handles.len()),
            Plan::Scan => {
                let stats = self.partition.stats(self.cache);
                let entries = usize::try_from(stats.entries).unwrap_or(usize::MAX);
                (entries, stats.key_bytes + stats.value_bytes)
            }
        }
    }

    /// As [`looks_at`](Self::looks_at), of so many keys that are asked about one by one.
    #[must_use]
    pub fn looks_at_keys(&self, keys: usize) -> (usize, u64) {
        if keys == 0 {
            return (0, 0);
        }
        let stats = self.partition.stats(self.cache);
        let bytes = stats.key_bytes + stats.value_bytes;
        let each = bytes.checked_div(stats.entries).unwrap_or(0);
        (keys, each.saturating_mul(keys as u64))
    }

    /// What it looks at after a place, to be read in slices.
    #[must_use]
    pub fn slices(&self, after: Option<PageCursor>) -> Slices {
        let hash = |handle| self.partition.hash_of(handle);
        let is_after = |hash: &u64| after.is_none_or(|after| *hash > after.hash());
        let hashes = match &self.plan {
            Plan::Scan => {
                let handles = self.partition.handles(self.cache);
                handles.map(hash).filter(is_after).collect()
            }
            Plan::Look(handles) | Plan::Exact(handles) => {
                handles.iter().copied().map(hash).filter(is_after).collect()
            }
        };
        Slices::new(self.cache, hashes)
    }

    /// As [`Partition::query`].
    ///
    /// # Errors
    /// As [`Partition::query`].
    pub fn page(
        self,
        now: Timestamp,
        asked: (Option<PageCursor>, PageLimits, PageContent),
    ) -> Result<Page, QueryError> {
        let page = self.page_within(now, asked, &Room::unbounded())?;
        Ok(page.unwrap_or_default())
    }

    /// As [`Partition::query`], as far as there is room; `None` when there is none for the first entry of the page. The page
    /// is to be asked for again then.
    ///
    /// # Errors
    /// As [`Partition::query`].
    pub fn page_within(
        self,
        now: Timestamp,
        asked: (Option<PageCursor>, PageLimits, PageContent),
        room: &Room,
    ) -> Result<Option<Page>, QueryError> {
        let picked = self.pick_within(now, asked, room)?;
        Ok(picked.and_then(|picked| PickedPage::copy_all(vec![picked], asked.2).pop()))
    }

    /// As [`page_within`](Self::page_within), but copies nothing: the pages of several partitions are
    /// [copied together](PickedPage::copy_all).
    ///
    /// # Errors
    /// As [`Partition::query`].
    pub fn pick_within(
        self,
        now: Timestamp,
        asked: (Option<PageCursor>, PageLimits, PageContent),
        room: &Room,
    ) -> Result<Option<PickedPage<'p>>, QueryError> {
        if room.is_full() {
            return Ok(None);
        }
        if self.is_empty() {
            return Ok(Some(PickedPage::default()));
        }
        let PlannedQuery {
            partition,
            cache,
            filter,
            plan,
        } = self;
        let mut failed = None;
        let wanted = |view: &EntryView<'_>| {
            failed.is_none()
                && filter
                    .ordered
                    .evaluate(&view.query_entry())
                    .unwrap_or_else(|error| {
                        failed = Some(error);
                        false
                    })
        };
        let page = match plan {
            Plan::Scan => partition.pick_page(now, partition.handles(cache), asked, room, wanted),
            Plan::Look(handles) => partition.pick_page(now, handles.into_iter(), asked, room, wanted),
            Plan::Exact(handles) => partition.pick_page(now, handles.into_iter(), asked, room, |_view| true),
        };
        match failed {
            Some(error) => Err(error),
            None => Ok(page),
        }
    }

    /// As [`Partition::select`].
    ///
    /// # Errors
    /// As [`Partition::select`].
    pub fn visit(
        &self,
        now: Timestamp,
        mut visit: impl FnMut(&QueryEntry<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.partition.look(self.cache, &self.plan, |view| {
            if is_over(&view, now) {
                return Ok(());
            }
            let entry = view.query_entry();
            if matches!(self.plan, Plan::Exact(_)) || self.filter.ordered.evaluate(&entry)? {
                visit(&entry)?;
            }
            Ok(())
        })
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
