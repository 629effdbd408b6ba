//! What is asked of all partitions side by side.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::cache::CacheError;
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::query::{
    Aggregator, Comparator, Extractor, Filter, Keeping, PartitionRecord, QueryError, QueryRecord, RecordKind,
};
use grid_core::store::{
    IndexDefinition, IndexReport, Page, PageContent, PageCursor, PageEntry, PageLimits, Room, RowSink,
};
use grid_core::value::{Binary, Format, Key, from_binary, to_binary};

use super::off_thread::off_thread;
use super::open_cache::unexpected;
use super::working::dedup;
use super::{OpenCache, PartRequest, PartResult, Question, Reply, Sorted};

/// About so many bytes of entries are asked for at a time.
pub(super) const WAVE_BYTES: usize = 8 << 20;

/// Of what is at hand about so many bytes come first: who asked and waits has something to do while the rest is read.
const FIRST_BYTES: usize = 32 << 10;

/// And so many at a time after that: what is sent in one piece.
const PART_BYTES: usize = 128 << 10;

/// At most so many entries are asked of a partition at a time.
const PART_ENTRIES_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");

/// Some of the entries that a query selects; what of them is there was asked for.
pub type Selected = Vec<(Option<Binary>, Option<Binary>)>;

/// A partition that has more, and the place after which it is.
type Place = (PartitionId, Option<PageCursor>);

/// A query under way: its entries come in parts, each when it is asked for.
///
/// All partitions are asked side by side, and each goes on where it was. An entry that is there and selected all the time
/// comes exactly once, whichever members serve its partition meanwhile. At a time about 8 MiB of entries are asked for, and
/// one entry, however large, of each member: a partition for whose first there is no room beside those of others says so
/// ([`PartResult::Later`]), and is asked again.
#[derive(Debug)]
pub struct Scatter {
    cache: Arc<OpenCache>,
    question: Arc<Question>,
    content: PageContent,
    /// The partitions that have more.
    open: VecDeque<Place>,
    /// How many partitions are asked at a time: half as many when they have much, twice when they have little.
    width: usize,
    /// When so many bytes were read at hand, they are handed out before more are read: few at first.
    enough: usize,
    /// How many entries are still left out before any comes.
    skip: usize,
    /// Whether those left out are found by their keys alone, so that their values stay where they are.
    by_keys: bool,
    /// How many entries may still come.
    left: usize,
    /// Whether they come by partition, and in a partition by hash: pages of a limit are cut from this order.
    ordered: bool,
}

impl Scatter {
    /// The next entries; empty after the last.
    ///
    /// # Errors
    /// When the cache was destroyed, a partition is not served in time, or the filter cannot be evaluated.
    pub async fn next(&mut self) -> Result<Selected, CacheError> {
        self.read(None).await
    }

    /// As [`next`](Self::next), but those at hand go where their rows go, while their partitions are held, so that each is
    /// copied once; the others are given, and come after them. After an error rows may have gone there that are not to be told.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_rows(&mut self, rows: &mut dyn RowSink) -> Result<Selected, CacheError> {
        // Which of a limit are told is known once they are read.
        if self.ordered || !rows.is_quick() {
            return self.read(None).await;
        }
        rows.expect(self.enough);
        self.read(Some(rows)).await
    }

    async fn read(&mut self, mut rows: Option<&mut (dyn RowSink + '_)>) -> Result<Selected, CacheError> {
        while self.has_more() {
            self.cache.check_alive()?;
            let asked: Vec<_> = self.open.drain(..self.width.min(self.open.len())).collect();
            let bytes_max = NonZeroUsize::new(WAVE_BYTES / asked.len()).unwrap_or(NonZeroUsize::MIN);
            let (wanted, content) = if self.by_keys {
                (self.skip, PageContent::Keys)
            } else {
                (self.skip.saturating_add(self.left), self.content)
            };
            let limits = PageLimits {
                entries_max: PART_ENTRIES_MAX.min(NonZeroUsize::new(wanted).unwrap_or(NonZeroUsize::MIN)),
                bytes_max,
            };
            let pages = self.pages(&asked, limits, content, rows.as_deref_mut()).await?;
            let mut asked = asked;
            for left_out in asked.drain(pages.len()..).rev() {
                self.open.push_front(left_out);
            }
            let mut found = self.take(asked, pages)?;
            let skipped = self.skip.min(found.len());
            self.skip -= skipped;
            found.drain(..skipped);
            found.truncate(self.left);
            self.left -= found.len();
            if !found.is_empty() || rows.as_ref().is_some_and(|rows| !rows.is_empty()) {
                self.enough = PART_BYTES;
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Whether [`next`](Self::next) may have entries; at its end it has none.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.left > 0 && !self.open.is_empty()
    }

    /// Takes the entries of pages, `None` of partitions that are to be asked later, and says where to go on.
    fn take(&mut self, asked: Vec<Place>, pages: Vec<Option<Page>>) -> Result<Selected, CacheError> {
        let entries = pages.iter().flatten().map(|page| page.entries.len());
        let (mut found, mut again) = (Vec::with_capacity(entries.sum()), VecDeque::new());
        for (asked, page) in asked.into_iter().zip(pages) {
            // In an order its turn comes after the rest of the one before.
            let page = page.filter(|_page| !self.ordered || again.is_empty());
            let Some(page) = page else {
                again.push_back(asked);
                continue;
            };
            if self.by_keys {
                again.extend(self.pass_over(asked, page)?);
                continue;
            }
            if let Some(next) = page.next {
                again.push_back((asked.0, Some(next)));
            }
            let entries = page.entries.into_iter();
            found.extend(entries.map(|PageEntry { key, value, .. }| (key, value)));
        }
        self.by_keys &= self.skip > 0;
        let cut = !again.is_empty();
        again.append(&mut self.open);
        self.open = again;
        self.width = if cut {
            (self.width / 2).max(1)
        } else {
            self.width.saturating_mul(2)
        };
        Ok(found)
    }

    /// Leaves out the entries of a page of keys, as many as are to be left out, and says where the partition goes on if it
    /// has more. Entries of one hash are never parted by a place: those of the last hash may be left out later.
    fn pass_over(&mut self, (id, after): Place, page: Page) -> Result<Option<Place>, CacheError> {
        if page.entries.len() <= self.skip {
            self.skip -= page.entries.len();
            return Ok(page.next.map(|next| (id, Some(next))));
        }
        self.by_keys = false;
        let hash_of = |at: usize| {
            let key = page.entries.get(at).and_then(|entry| entry.key.clone());
            let key = key.and_then(|key| Key::new(key).ok());
            key.map(|key| key.hash()).ok_or_else(unexpected)
        };
        let shown = hash_of(self.skip)?;
        let mut left_out = self.skip;
        let mut place = after;
        while let Some(last) = left_out.checked_sub(1) {
            let hash = hash_of(last)?;
            if hash != shown {
                place = Some(PageCursor::from_hash(hash));
                break;
            }
            left_out = last;
        }
        self.skip -= left_out;
        Ok(Some((id, place)))
    }

    /// The next pages of these partitions, or of the first of them, if these are here and have enough; `None` of those that
    /// are to be asked later. What is here and small needs no request; if there are `rows`, it goes there.
    async fn pages(
        &self,
        asked: &[Place],
        limits: PageLimits,
        content: PageContent,
        rows: Option<&mut (dyn RowSink + '_)>,
    ) -> Result<Vec<Option<Page>>, CacheError> {
        let (cache, question) = (&self.cache, &self.question);
        let room = Room::new(WAVE_BYTES);
        let mut pages = cache.pages_at_hand(question, asked, (limits, content), (&room, self.enough), rows);
        // What a destroy has emptied meanwhile is no answer.
        cache.check_alive()?;
        // What is at hand has the room of those who are to be asked too.
        let asked = asked.get(..pages.len()).unwrap_or(asked);
        let is_asked = |page: &Option<_>| page.is_none() && !room.is_full();
        let open = asked.iter().zip(&pages).filter(|(_, page)| is_asked(page));
        let request = |((id, after), _): (&Place, _)| {
            let (question, after) = (question.clone(), *after);
            let request = PartRequest::Query {
                question,
                after,
                limits,
                content,
            };
            (*id, request)
        };
        let parts: Vec<_> = open.map(request).collect();
        let mut answers = match parts.is_empty() {
            true => HashMap::new(),
            false => cache.ask_all(parts).await?.into_iter().collect(),
        };
        let page = |(page, (id, _)): (&mut Option<Result<Page, QueryError>>, &Place)| match page.take() {
            Some(page) => page.map(Some).map_err(unfit),
            None => match answers.remove(id) {
                Some(PartResult::Page(page)) => Ok(Some(page)),
                Some(PartResult::Later) => Ok(None),
                None if room.is_full() => Ok(None),
                _ => Err(unexpected()),
            },
        };
        pages.iter_mut().zip(asked).map(page).collect()
    }

    /// Does not begin with few entries: who asked has something else to do.
    #[must_use]
    pub fn in_large_parts(mut self) -> Self {
        self.enough = PART_BYTES;
        self
    }

    /// The same entries in an order of their values; of a limit, the page of that order.
    #[must_use]
    pub fn sorted(self, comparator: Comparator) -> Sorted {
        Sorted::new(
            self.cache,
            (self.question, self.content),
            comparator,
            (self.skip, self.left),
        )
    }
}

impl OpenCache {
    /// The entries that a filter selects.
    #[must_use]
    pub fn select(self: &Arc<Self>, question: Arc<Question>, content: PageContent) -> Scatter {
        let limit = match question.filter() {
            Filter::Never => Some((0, 0)),
            Filter::Limit { page_size, page, .. } if *page_size > 0 => {
                let to_usize = |number| usize::try_from(number).unwrap_or(usize::MAX);
                let skip = u64::from(*page) * u64::from(*page_size);
                Some((to_usize(skip), to_usize(u64::from(*page_size))))
            }
            _ => None,
        };
        let open = self.partitions_of(question.filter());
        let (skip, left) = limit.unwrap_or((0, usize::MAX));
        Scatter {
            cache: self.clone(),
            question,
            content,
            // The first entries of a limit may all be in one partition.
            width: if limit.is_some() { 1 } else { open.len().max(1) },
            open: open.into_iter().map(|id| (id, None)).collect(),
            enough: FIRST_BYTES,
            skip,
            // Keys are asked for anyway.
            by_keys: skip > 0 && content != PageContent::Keys,
            left,
            ordered: limit.is_some(),
        }
    }

    /// The partitions in which a filter may select entries.
    fn partitions_of(&self, filter: &Filter) -> Vec<PartitionId> {
        match filter {
            Filter::KeyAssociated(_, host) => {
                let host = Key::new(Binary::new(Format::JSON, host.text().to_vec().into()));
                host.iter().map(|host| self.partition_of(host)).collect()
            }
            Filter::Limit { filter, .. } => self.partitions_of(filter),
            _ => self.replicas.count().all().collect(),
        }
    }

    /// What an aggregator makes of the entries that a filter selects, of all or of those with these keys.
    ///
    /// # Errors
    /// When the cache was destroyed, a partition is not served in time, or the filter or the aggregator cannot be
    /// evaluated.
    pub fn aggregate(self: &Arc<Self>, question: Arc<Question>, keys: Option<Vec<Key>>) -> Reply<Binary> {
        let parts: Vec<(PartitionId, Option<Vec<Key>>)> = match keys {
            None => self
                .partitions_of(question.filter())
                .into_iter()
                .map(|id| (id, None))
                .collect(),
            Some(mut keys) => {
                // An entry counts once, however often its key is given.
                dedup(&mut keys);
                let parts = self.by_partition(keys).into_iter();
                parts.map(|(id, keys)| (id, Some(keys))).collect()
            }
        };
        let request = |(id, keys)| {
            let question = question.clone();
            (id, PartRequest::Aggregate { question, keys })
        };
        let asked = self.ask_all(parts.into_iter().map(request).collect());
        let cache = self.clone();
        if question.has_own_code() {
            return Reply::later(async move {
                let partials = asked.await?.into_iter().map(|(_, result)| match result {
                    PartResult::Partial(partial) => Ok(partial),
                    _ => Err(unexpected()),
                });
                let partials = partials.collect::<Result<Vec<_>, CacheError>>()?;
                let bytes_max = cache.aggregation_bytes_max();
                if partials.iter().map(Bytes::len).sum::<usize>() > bytes_max {
                    return Err(unfit(QueryError::TooMuch { bytes_max }));
                }
                cache.own().combine(&question, partials).await
            });
        }
        Reply::later(async move {
            let mut partials = Vec::new();
            for (id, result) in asked.await? {
                match result {
                    PartResult::Partial(partial) => partials.push((id, partial)),
                    // It is in that of another partition of the same member.
                    PartResult::Merged => {}
                    _ => return Err(unexpected()),
                }
            }
            match question.aggregator() {
                Some(Aggregator::Record(kind)) => return cache.record_of(*kind, partials),
                Some(Aggregator::Indexes { .. }) => return reports_of(partials),
                Some(_) => {}
                None => return Err(unexpected()),
            }
            let bytes_max = cache.aggregation_bytes_max();
            let bytes = partials.iter().map(|(_, partial)| partial.len()).sum();
            off_thread(bytes, move || combined(&question, &partials, bytes_max)).await?
        })
    }

    /// How many bytes an aggregation may keep at this member.
    pub(crate) fn aggregation_bytes_max(&self) -> usize {
        let limits = self.registry.upgrade().map(|registry| registry.limits());
        limits.unwrap_or_default().aggregation_bytes_max
    }

    /// The indexes of the cache at all members with their sizes, compared with the entries if that is wanted.
    ///
    /// # Errors
    /// As [`aggregate`](Self::aggregate).
    pub fn index_reports(self: &Arc<Self>, check: bool) -> Reply<Vec<IndexReport>> {
        match Question::of_aggregator(&Filter::Always, &Aggregator::Indexes { check }) {
            Ok(question) => {
                let told = self.aggregate(Arc::new(question), None);
                told.and_then(|told| Ok(from_binary(&told)?))
            }
            Err(error) => Reply::Ready(Err(CacheError::Invalid {
                what: error.to_string(),
            })),
        }
    }

    /// What the members did for a query, each for its partitions.
    fn record_of(&self, kind: RecordKind, partials: Vec<(PartitionId, Bytes)>) -> Result<Binary, CacheError> {
        let mut by_member: BTreeMap<Option<MemberId>, PartitionRecord> = BTreeMap::new();
        for (id, partial) in partials {
            let route = self
                .router
                .as_ref()
                .and_then(|router| router.view().route(self.service(), id));
            let record = by_member
                .entry(route.and_then(|route| route.primary))
                .or_default();
            record.merge(PartitionRecord {
                partition_count: self.replicas.count().get(),
                partitions: u16::try_from(id.index()).into_iter().collect(),
                steps: from_binary(&Binary::new(Format::JSON, partial))?,
            });
        }
        let record = QueryRecord {
            kind,
            results: by_member.into_values().collect(),
        };
        Ok(Binary::new(Format::JSON, record.to_json().into()))
    }

    /// Adds an index to the partitions of this cache as they are now.
    pub(super) fn add_index_everywhere(self: &Arc<Self>, definition: Arc<IndexDefinition>) -> Reply<()> {
        self.ask_every(&PartRequest::AddIndex(definition)).map(drop)
    }

    /// Takes an index away from the partitions of this cache as they are now.
    pub(super) fn remove_index_everywhere(self: &Arc<Self>, extractor: Arc<Extractor>) -> Reply<()> {
        self.ask_every(&PartRequest::RemoveIndex(extractor)).map(drop)
    }

    /// Keys by their partitions.
    pub(super) fn by_partition(&self, keys: Vec<Key>) -> Vec<(PartitionId, Vec<Key>)> {
        let mut keys: Vec<_> = keys
            .into_iter()
            .map(|key| (self.partition_of(&key), key))
            .collect();
        keys.sort_by_key(|(id, _)| *id);
        let mut groups: Vec<(PartitionId, Vec<Key>)> = Vec::new();
        for (id, key) in keys {
            match groups.last_mut() {
                Some((last, keys)) if *last == id => keys.push(key),
                _ => groups.push((id, vec![key])),
            }
        }
        groups
    }
}

pub(super) fn unfit(error: QueryError) -> CacheError {
    match error {
        QueryError::TooMuch { .. } => CacheError::Overloaded {
            what: error.to_string(),
        },
        error => super::invalid(error.to_string()),
    }
}

/// The answer of what was made of the partitions, keeping no more than so many bytes.
fn combined(
    question: &Question,
    partials: &[(PartitionId, Bytes)],
    bytes_max: usize,
) -> Result<Binary, CacheError> {
    let aggregator = question.aggregator().ok_or_else(unexpected)?;
    let partials = partials.iter().map(|(_, partial)| &partial[..]);
    aggregator
        .combine_within(partials, &Keeping::new(bytes_max))
        .map_err(unfit)
}

/// What the partitions tell of their indexes, put together.
fn reports_of(partials: Vec<(PartitionId, Bytes)>) -> Result<Binary, CacheError> {
    let mut all: Vec<IndexReport> = Vec::new();
    for (_, partial) in partials {
        IndexReport::merge_all(&mut all, from_binary(&Binary::new(Format::JSON, partial))?);
    }
    Ok(to_binary(&all)?)
}
