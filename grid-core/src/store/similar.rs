//! Searches for similar entries of a partition.

use crate::query::{QueryEntry, QueryError, Signature, SimilaritySearch};
use crate::store::arena::Handle;
use crate::store::index::{Effort, PartitionIndex};
use crate::store::partition::is_over;
use crate::store::plan::Plan;
use crate::store::{PlannedQuery, Timestamp};

impl PlannedQuery<'_, '_> {
    /// Shows the entries that a search for similar ones has to compare, in no order: as
    /// [`visit`](PlannedQuery::visit), unless there is an index of the vectors and the search does not ask to be exact.
    ///
    /// Then entries are shown by their signatures, as the index is defined: so many as the search wants, times its factor, and
    /// those that are as far as the last of them. Shown are also all without a distance, on which a search fails. When the
    /// filter leaves no more entries than would be shown, the index is of no use.
    ///
    /// # Errors
    /// When a filter cannot be evaluated on an entry that is looked at, and what `visit` says.
    pub fn visit_similar(
        &self,
        now: Timestamp,
        search: &SimilaritySearch,
        mut visit: impl FnMut(&QueryEntry<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let Some((index, wanted)) = self.signatures_for(search) else {
            return self.visit(now, visit);
        };
        let among = self.among();
        let mut show = |handle| self.show(now, search, handle, &mut visit);
        for handle in index.without_value().iter() {
            if among.is_none_or(|among| among.binary_search(&handle).is_ok()) {
                show(handle)?;
            }
        }
        let mut ranked = index.signatures().rank(&Signature::of(&search.vector), among);
        for handle in std::mem::take(&mut ranked.others) {
            show(handle)?;
        }
        let (mut shown, mut farthest) = (0, 0);
        while let Some((bits, handle)) = ranked.next() {
            if shown >= wanted && bits > farthest {
                break;
            }
            if show(handle)? {
                (shown, farthest) = (shown + 1, bits);
            }
        }
        Ok(())
    }

    /// At how many entries and bytes a search for similar ones looks, as
    /// [`looks_at`](PlannedQuery::looks_at): few with an index of the vectors.
    #[must_use]
    pub fn looks_at_similar(&self, search: &SimilaritySearch) -> (usize, u64) {
        let Some((_, wanted)) = self.signatures_for(search) else {
            return self.looks_at();
        };
        self.looks_at_keys(wanted)
    }

    /// The entries that the plan leaves; `None` for all.
    fn among(&self) -> Option<&[Handle]> {
        match &self.plan {
            Plan::Scan => None,
            Plan::Look(handles) | Plan::Exact(handles) => Some(handles.as_slice()),
        }
    }

    /// The index that leaves fewer entries to a search than the filter does, and how many it wants of it.
    fn signatures_for(&self, search: &SimilaritySearch) -> Option<(&PartitionIndex, usize)> {
        let index = self.index_for(search)?;
        let factor = index.definition().oversampling.map_or(1, u32::from);
        let wanted = search
            .results
            .saturating_mul(usize::try_from(factor).unwrap_or(usize::MAX));
        let entries = self
            .among()
            .map_or_else(|| index.signatures().len(), <[Handle]>::len);
        (entries > wanted).then_some((index, wanted))
    }

    /// The index that serves a search, if it has every entry that the filter selects.
    fn index_for(&self, search: &SimilaritySearch) -> Option<&PartitionIndex> {
        if search.exact {
            return None;
        }
        let indexes = self.partition.indexes.get(self.cache)?;
        let effort = Effort::worth(self.partition.map(self.cache)?.len(), 1);
        let index = indexes.of_vectors(&search.extractor)?;
        index.has_all(&self.filter.known, &effort).then_some(index)
    }

    /// Shows an entry, if the filters select it.
    fn show(
        &self,
        now: Timestamp,
        search: &SimilaritySearch,
        handle: Handle,
        visit: &mut impl FnMut(&QueryEntry<'_>) -> Result<(), QueryError>,
    ) -> Result<bool, QueryError> {
        let view = self.partition.view(handle);
        if is_over(&view, now) {
            return Ok(false);
        }
        let entry = view.query_entry();
        let selected = matches!(self.plan, Plan::Exact(_)) || self.filter.ordered.evaluate(&entry)?;
        if !selected || !search.selects(&entry)? {
            return Ok(false);
        }
        visit(&entry)?;
        Ok(true)
    }
}
