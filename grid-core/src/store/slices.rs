//! Reading a partition slice by slice.

use std::ops::ControlFlow;

use crate::query::{QueryEntry, QueryError};
use crate::store::hash_list::HashList;
use crate::store::layout::EntryView;
use crate::store::page::copy_together;
use crate::store::partition::is_over;
use crate::store::{
    CacheId, Page, PageContent, PageCursor, PageEntry, PageLimits, Partition, PreparedFilter, Room, Timestamp,
};
use crate::value::{Binary, same_value};

/// What a query looks at, to be read in slices between which the partition may change.
///
/// Entries are known by the hashes of their keys, 8 bytes each. So an entry that stays is looked at exactly once, whatever
/// changes meanwhile; one that changes is looked at once, as it is then; one that comes may be left out. All are looked at
/// with the whole filter.
///
/// To be read so until [`has_more`](Self::has_more) says no: [`order`](Self::order) without the partition, then one of the
/// others with it.
#[derive(Debug)]
pub struct Slices {
    cache: CacheId,
    left: HashList,
    looked_at: usize,
}

/// How much of a partition is read in one step, while those who change it wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceLimits {
    /// So many entries.
    pub entries_max: usize,
    /// The bytes of their values: no more entries are looked at once they have so many.
    pub bytes_max: usize,
}

impl SliceLimits {
    /// Whether so many entries with so many bytes are read in one step.
    #[must_use]
    pub fn are_enough_for(self, (entries, bytes): (usize, u64)) -> bool {
        entries <= self.entries_max && usize::try_from(bytes).is_ok_and(|bytes| bytes <= self.bytes_max)
    }
}

impl Slices {
    /// The entries of a cache whose keys have these hashes.
    pub(super) fn new(cache: CacheId, hashes: Vec<u64>) -> Self {
        let (left, looked_at) = (HashList::new(hashes), 0);
        Slices {
            cache,
            left,
            looked_at,
        }
    }

    /// Whether something is left to be looked at.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.left.has_more()
    }

    /// How many entries were looked at.
    #[must_use]
    pub fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// Makes the next slices ready.
    pub fn order(&mut self) {
        self.left.order();
    }

    /// Shows the entries of the next slice that a filter selects.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry, and what `visit` says.
    pub fn visit(
        &mut self,
        (partition, now): (&Partition, Timestamp),
        filter: &PreparedFilter<'_>,
        limits: SliceLimits,
        mut visit: impl FnMut(&QueryEntry<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.look(partition, limits, |_hash, views| {
            for view in views.iter().filter(|view| !is_over(view, now)) {
                let entry = view.query_entry();
                if filter.ordered.evaluate(&entry)? {
                    visit(&entry)?;
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Whether an entry of the next slice has a value.
    #[must_use]
    pub fn contains_value(
        &mut self,
        (partition, now): (&Partition, Timestamp),
        value: &Binary,
        limits: SliceLimits,
    ) -> bool {
        let mut found = false;
        let is_it = |view: &EntryView<'_>| {
            same_value(view.value_format(), view.value(), value.format(), value.bytes())
                && !is_over(view, now)
        };
        // It cannot fail.
        let _looked = self.look(partition, limits, |_hash, views| {
            found = views.iter().any(is_it);
            Ok(go_on_unless(found))
        });
        found
    }

    /// Puts the entries of the next slice that a filter selects into a page, as far as there is room in it and for it. Whether more of
    /// them are wanted: otherwise the page is as it is to be.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry.
    pub fn fill(
        &mut self,
        (partition, now): (&Partition, Timestamp),
        filter: &PreparedFilter<'_>,
        limits: SliceLimits,
        (page, room): (&mut SlicedPage, &Room),
    ) -> Result<bool, QueryError> {
        let mut picked = Vec::new();
        self.look(partition, limits, |hash, views| {
            let mut failed = None;
            views.retain(|view| {
                if failed.is_some() || is_over(view, now) {
                    return false;
                }
                let selects = filter.ordered.evaluate(&view.query_entry());
                selects.unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
            });
            if let Some(error) = failed {
                return Err(error);
            }
            if page.take(hash, views, room) {
                picked.append(views);
            }
            Ok(go_on_unless(page.full))
        })?;
        page.entries.extend(copy_together(&picked, page.content));
        page.more |= page.full && self.has_more();
        Ok(!page.full && self.has_more())
    }

    /// Looks at the entries of one hash after another, until as many were looked at as are allowed, or `look` breaks.
    fn look<'p>(
        &mut self,
        partition: &'p Partition,
        limits: SliceLimits,
        mut look: impl FnMut(u64, &mut Vec<EntryView<'p>>) -> Result<ControlFlow<()>, QueryError>,
    ) -> Result<(), QueryError> {
        let Some(map) = partition.map(self.cache) else {
            self.left = HashList::default();
            return Ok(());
        };
        let (mut entries, mut bytes) = (0, 0_usize);
        let mut views = Vec::new();
        while entries < limits.entries_max && bytes < limits.bytes_max {
            let Some(hash) = self.left.take() else { break };
            views.extend(
                map.of_hash(&partition.arena, hash)
                    .map(|handle| partition.view(handle)),
            );
            // What is gone took time, too.
            entries += views.len().max(1);
            bytes = bytes.saturating_add(views.iter().map(|view| view.value().len()).sum());
            self.looked_at += views.len();
            if look(hash, &mut views)?.is_break() {
                break;
            }
            views.clear();
        }
        Ok(())
    }
}

fn go_on_unless(ended: bool) -> ControlFlow<()> {
    if ended {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// A page that is filled slice by slice: as that of [`Partition::query`], but that the partition may change meanwhile.
#[derive(Debug)]
pub struct SlicedPage {
    limits: PageLimits,
    content: PageContent,
    entries: Vec<PageEntry>,
    /// How many entries are to be in it, and their bytes.
    taken: (usize, usize),
    /// Up to here all was looked at that the page has, or could have.
    through: Option<PageCursor>,
    /// Whether there is no more room.
    full: bool,
    /// Whether there may be more after it.
    more: bool,
}

impl SlicedPage {
    /// A page without entries.
    #[must_use]
    pub fn new(limits: PageLimits, content: PageContent) -> Self {
        SlicedPage {
            limits,
            content,
            entries: Vec::new(),
            taken: (0, 0),
            through: None,
            full: false,
            more: false,
        }
    }

    /// The page as it was filled; `None` when there was no room for its first entry. It is to be asked for again then.
    #[must_use]
    pub fn into_page(self) -> Option<Page> {
        let page = Page {
            entries: self.entries,
            next: self.through.filter(|_| self.more),
        };
        (!self.more || !page.entries.is_empty()).then_some(page)
    }

    /// Takes the entries of a hash, unless there is no room for them: those of one hash are not parted.
    fn take(&mut self, hash: u64, views: &[EntryView<'_>], room: &Room) -> bool {
        let bytes: usize = views.iter().map(|view| self.content.bytes_of(view)).sum();
        let taken = (self.taken.0 + views.len(), self.taken.1.saturating_add(bytes));
        let fits = self.taken.0 == 0 || taken.1 <= self.limits.bytes_max.get();
        let has_room = views.is_empty() || fits && room.take(bytes);
        if !has_room {
            (self.full, self.more) = (true, true);
            return false;
        }
        self.taken = taken;
        self.through = Some(PageCursor::from_hash(hash));
        self.full = taken.0 >= self.limits.entries_max.get();
        true
    }
}
