//! Paged reads of a partition.

use std::num::NonZeroUsize;

use bytes::Bytes;

use crate::store::arena::Handle;
use crate::store::layout::EntryView;
use crate::store::partition::is_over;
use crate::store::{CacheId, Partition, Room, RowSink, Sequence, Timestamp};
use crate::value::{Binary, Format};

/// A place between two pages: after every entry whose key's hash is at most this.
///
/// Entries are paged in the order of their keys' hashes, and entries of one hash are never parted. So a place needs
/// no state, and no change, growth of a table or restart moves an entry from one side of it to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor(u64);

impl PageCursor {
    /// The place after the entries of this hash.
    #[must_use]
    pub fn from_hash(hash: u64) -> Self {
        PageCursor(hash)
    }

    /// The hash after which the place is.
    #[must_use]
    pub fn hash(self) -> u64 {
        self.0
    }
}

/// How large a page may be. A page holds at least one entry if there is one, and never parts entries of one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimits {
    /// The largest number of entries.
    pub entries_max: NonZeroUsize,
    /// The largest sum of the bytes of keys and values in the page.
    pub bytes_max: NonZeroUsize,
}

/// What a page holds of each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageContent {
    /// Keys alone.
    Keys,
    /// Values alone.
    Values,
    /// Keys and values.
    Entries,
}

/// An entry of a page.
#[derive(Clone, Debug)]
pub struct PageEntry {
    /// The key, unless only values were asked for.
    pub key: Option<Binary>,
    /// The value, unless only keys were asked for.
    pub value: Option<Binary>,
    /// The entry's version.
    pub version: Sequence,
}

/// A page: a consistent snapshot of some entries, unless it was read in [slices](crate::store::Slices).
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries in the order of their keys' hashes. Their bytes share one allocation, or one for each slice; pages that
    /// were copied together share it, too.
    pub entries: Vec<PageEntry>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<PageCursor>,
}

impl Partition {
    /// The entries of a cache after a place (`None`: from the beginning), as many as the limits allow.
    ///
    /// Going on from [`Page::next`] until it is `None` returns each entry that is there all the time exactly once,
    /// whatever else changes meanwhile. Each page looks at every key of the cache in this partition, so large pages
    /// are cheaper than many small ones.
    #[must_use]
    pub fn page(
        &self,
        now: Timestamp,
        cache: CacheId,
        after: Option<PageCursor>,
        limits: PageLimits,
        content: PageContent,
    ) -> Page {
        let asked = (after, limits, content);
        let page = self.page_of(now, self.handles(cache), asked, &Room::unbounded(), |_view| true);
        page.unwrap_or_default()
    }

    /// As [`page`](Self::page), of those of these entries that are wanted. Not every entry need be asked about. What the
    /// page holds has room; `None` when not even its first entry has.
    pub(super) fn page_of(
        &self,
        now: Timestamp,
        handles: impl Iterator<Item = Handle>,
        asked: (Option<PageCursor>, PageLimits, PageContent),
        room: &Room,
        wanted: impl FnMut(&EntryView<'_>) -> bool,
    ) -> Option<Page> {
        let picked = self.pick_page(now, handles, asked, room, wanted)?;
        PickedPage::copy_all(vec![picked], asked.2).pop()
    }

    /// As [`page_of`](Self::page_of), but copies nothing.
    pub(super) fn pick_page(
        &self,
        now: Timestamp,
        handles: impl Iterator<Item = Handle>,
        (after, limits, content): (Option<PageCursor>, PageLimits, PageContent),
        room: &Room,
        wanted: impl FnMut(&EntryView<'_>) -> bool,
    ) -> Option<PickedPage<'_>> {
        let (mut picked, mut more) = self.pick(now, handles, after, limits.entries_max.get(), wanted);
        let mut views: Vec<EntryView<'_>> = picked.iter().map(|place| self.view(place.1)).collect();
        let mut bytes = 0usize;
        let mut fit = 0;
        for group in picked.chunk_by(|a, b| a.0 == b.0) {
            let group_views = views.iter().skip(fit).take(group.len());
            let group_bytes: usize = group_views.map(|view| content.bytes_of(view)).sum();
            bytes = bytes.saturating_add(group_bytes);
            if (fit > 0 && bytes > limits.bytes_max.get()) || !room.take(group_bytes) {
                more = true;
                break;
            }
            fit += group.len();
        }
        if fit == 0 && !picked.is_empty() {
            return None;
        }
        picked.truncate(fit);
        views.truncate(fit);
        let next = picked
            .last()
            .filter(|_place| more)
            .map(|place| PageCursor(place.0));
        Some(PickedPage { views, next })
    }

    /// Shows entries of a cache after a place, `entries_max` at a time, in the order and with the promise of
    /// [`page`](Self::page), but in place. Returns where to go on.
    pub fn scan(
        &self,
        now: Timestamp,
        cache: CacheId,
        after: Option<PageCursor>,
        entries_max: NonZeroUsize,
        mut visit: impl FnMut(EntryView<'_>),
    ) -> Option<PageCursor> {
        let (picked, more) = self.pick(now, self.handles(cache), after, entries_max.get(), |_view| true);
        for place in &picked {
            visit(self.view(place.1));
        }
        picked
            .last()
            .filter(|_place| more)
            .map(|place| PageCursor(place.0))
    }

    /// The first of these entries after a place with their hashes, in order, and whether there are more.
    fn pick(
        &self,
        now: Timestamp,
        handles: impl Iterator<Item = Handle>,
        after: Option<PageCursor>,
        entries_max: usize,
        mut wanted: impl FnMut(&EntryView<'_>) -> bool,
    ) -> (Vec<(u64, Handle)>, bool) {
        let candidates = handles
            .map(|handle| (self.hash_of(handle), handle))
            .filter(|place| after.is_none_or(|after| place.0 > after.0));
        smallest(candidates, entries_max, |handle| {
            let view = self.view(handle);
            !is_over(&view, now) && wanted(&view)
        })
    }
}

/// The `count_max` smallest by hash that are wanted, in order, with all that tie with the last of them; and whether there
/// may be more.
///
/// Holds about twice as many as it returns, and takes time linear in what it is given (but for the last sort). What is
/// too large is not asked about.
fn smallest(
    all: impl Iterator<Item = (u64, Handle)>,
    count_max: usize,
    mut wanted: impl FnMut(Handle) -> bool,
) -> (Vec<(u64, Handle)>, bool) {
    let mut picked: Vec<(u64, Handle)> = Vec::new();
    let mut bound = u64::MAX;
    let mut left_out = false;
    let mut cut_at = count_max.saturating_mul(2);
    for place in all {
        if place.0 > bound {
            left_out = true;
            continue;
        }
        if !wanted(place.1) {
            continue;
        }
        if picked.len() >= cut_at {
            left_out |= cut(&mut picked, &mut bound, count_max);
            // Ties may leave more than was asked for: wait until as many again have come.
            cut_at = cut_at.max(picked.len().saturating_mul(2));
            if place.0 > bound {
                left_out = true;
                continue;
            }
        }
        picked.push(place);
    }
    left_out |= cut(&mut picked, &mut bound, count_max);
    picked.sort_unstable();
    (picked, left_out)
}

/// Cuts to the `count_max` smallest and their ties; returns whether any was cut off.
fn cut(picked: &mut Vec<(u64, Handle)>, bound: &mut u64, count_max: usize) -> bool {
    let before = picked.len();
    if before <= count_max {
        return false;
    }
    let (_, last, _) = picked.select_nth_unstable(count_max.saturating_sub(1));
    *bound = last.0;
    picked.retain(|place| place.0 <= *bound);
    picked.len() < before
}

/// A page before it is copied.
#[derive(Debug, Default)]
pub struct PickedPage<'p> {
    views: Vec<EntryView<'p>>,
    next: Option<PageCursor>,
}

impl PickedPage<'_> {
    /// Copies pages into one allocation.
    #[must_use]
    pub fn copy_all(pages: Vec<Self>, content: PageContent) -> Vec<Page> {
        let mut views = Vec::with_capacity(pages.iter().map(|page| page.views.len()).sum());
        for page in &pages {
            views.extend_from_slice(&page.views);
        }
        let mut entries = copy_together(&views, content).into_iter();
        let page = |page: Self| Page {
            entries: entries.by_ref().take(page.views.len()).collect(),
            next: page.next,
        };
        pages.into_iter().map(page).collect()
    }

    /// Writes pages where their rows go, in one piece. Gives the pages without their entries.
    #[must_use]
    pub fn write_all(pages: Vec<Self>, content: PageContent, rows: &mut dyn RowSink) -> Vec<Page> {
        let views = || pages.iter().flat_map(|page| &page.views);
        rows.reserve(views().count(), views().map(|view| content.bytes_of(view)).sum());
        for view in views() {
            let key = content.keys().then(|| (view.key_format(), view.key()));
            let value = content.values().then(|| (view.value_format(), view.value()));
            rows.row(key, value);
        }
        let page = |page: Self| Page {
            entries: Vec::new(),
            next: page.next,
        };
        pages.into_iter().map(page).collect()
    }
}

impl PageContent {
    fn keys(self) -> bool {
        self != PageContent::Values
    }

    fn values(self) -> bool {
        self != PageContent::Keys
    }

    /// What of an entry has to be copied.
    fn copied<'a>(self, view: &EntryView<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let key = self.keys().then_some(view.key());
        let value = (self.values() && view.shared_value().is_none()).then_some(view.value());
        key.into_iter().chain(value)
    }

    pub(super) fn bytes_of(self, view: &EntryView<'_>) -> usize {
        let (key, value) = view.sizes();
        match self {
            PageContent::Keys => key,
            PageContent::Values => value,
            PageContent::Entries => key + value,
        }
    }
}

/// Copies entries into one buffer, but for values that can be shared.
pub(super) fn copy_together(views: &[EntryView<'_>], content: PageContent) -> Vec<PageEntry> {
    let len = views
        .iter()
        .flat_map(|view| content.copied(view))
        .map(<[u8]>::len)
        .sum();
    let mut buffer = Vec::with_capacity(len);
    views
        .iter()
        .flat_map(|view| content.copied(view))
        .for_each(|bytes| buffer.extend_from_slice(bytes));
    let mut buffer = Bytes::from(buffer);
    let mut take = |format: Format, len: usize| Binary::new(format, buffer.split_to(len));
    let mut entries = Vec::with_capacity(views.len());
    for view in views {
        let key = content.keys().then(|| take(view.key_format(), view.key().len()));
        let value = content.values().then(|| match view.shared_value() {
            Some(_) => view.value_binary(),
            None => take(view.value_format(), view.value().len()),
        });
        entries.push(PageEntry {
            key,
            value,
            version: view.version(),
        });
    }
    entries
}
