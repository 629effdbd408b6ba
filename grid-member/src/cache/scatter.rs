//! What is asked of all partitions side by side.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::cache::CacheError;
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::query::{
    Aggregator, Comparator, Extractor, Filter, PartitionRecord, QueryEntry, QueryError, QueryRecord,
    RecordKind,
};
use grid_core::store::{IndexDefinition, IndexReport, Page, PageContent, PageCursor, PageEntry, PageLimits};
use grid_core::value::{Binary, Format, Key, from_binary, to_binary};

use super::open_cache::unexpected;
use super::{OpenCache, PartRequest, PartResult, Question, Reply};

/// About so many bytes of entries are asked for at a time; beyond it comes one entry of each partition.
const WAVE_BYTES: usize = 8 << 20;

/// At most so many entries are asked of a partition at a time.
const PART_ENTRIES_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");

/// The most bytes of entries that are sorted, which needs all of them at once.
const SORTED_BYTES_MAX: usize = 1 << 30;

/// Some of the entries that a query selects; what of them is there was asked for.
pub type Selected = Vec<(Option<Binary>, Option<Binary>)>;

/// A query under way: its entries come in parts, each when it is asked for.
///
/// All partitions are asked side by side, and each goes on where it was. An entry that is there and selected all the time
/// comes exactly once, whichever members serve its partition meanwhile.
#[derive(Debug)]
pub struct Scatter {
    cache: Arc<OpenCache>,
    question: Arc<Question>,
    content: PageContent,
    /// The partitions that have more, and the places after which it is.
    open: VecDeque<(PartitionId, Option<PageCursor>)>,
    /// How many partitions are asked at a time: half as many when they have much, twice when they have little.
    width: usize,
    /// How many entries are still left out before any comes.
    skip: usize,
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
        while self.left > 0 && !self.open.is_empty() {
            self.cache.check_alive()?;
            let asked: Vec<_> = self.open.drain(..self.width.min(self.open.len())).collect();
            let bytes_max = NonZeroUsize::new(WAVE_BYTES / asked.len()).unwrap_or(NonZeroUsize::MIN);
            let wanted = NonZeroUsize::new(self.skip.saturating_add(self.left)).unwrap_or(NonZeroUsize::MIN);
            let limits = PageLimits {
                entries_max: PART_ENTRIES_MAX.min(wanted),
                bytes_max,
            };
            let pages = self.pages(&asked, limits).await?;
            let (mut found, mut again) = (Vec::new(), VecDeque::new());
            for (asked, page) in asked.into_iter().zip(pages) {
                if self.ordered && !again.is_empty() {
                    // Its turn comes after the rest of the one before.
                    again.push_back(asked);
                    continue;
                }
                if let Some(next) = page.next {
                    again.push_back((asked.0, Some(next)));
                }
                let entries = page.entries.into_iter();
                found.extend(entries.map(|PageEntry { key, value, .. }| (key, value)));
            }
            let cut = !again.is_empty();
            again.append(&mut self.open);
            self.open = again;
            self.width = if cut {
                (self.width / 2).max(1)
            } else {
                self.width.saturating_mul(2)
            };
            let skipped = self.skip.min(found.len());
            self.skip -= skipped;
            found.drain(..skipped);
            found.truncate(self.left);
            self.left -= found.len();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// The next pages of these partitions. What is here and small needs no request.
    async fn pages(
        &self,
        asked: &[(PartitionId, Option<PageCursor>)],
        limits: PageLimits,
    ) -> Result<Vec<Page>, CacheError> {
        let (cache, question, content) = (&self.cache, &self.question, self.content);
        let mut pages = cache.pages_at_hand(question, asked, (limits, content));
        // What a destroy has emptied meanwhile is no answer.
        cache.check_alive()?;
        let open = asked.iter().zip(&pages).filter(|(_, page)| page.is_none());
        let request = |((id, after), _): (&(PartitionId, Option<PageCursor>), _)| {
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
        let page =
            |(page, (id, _)): (&mut Option<Result<Page, QueryError>>, &(PartitionId, _))| match page.take() {
                Some(page) => page.map_err(unfit),
                None => match answers.remove(id) {
                    Some(PartResult::Page(page)) => Ok(page),
                    _ => Err(unexpected()),
                },
            };
        pages.iter_mut().zip(asked).map(page).collect()
    }

    /// All entries in an order of their values; of a limit, the page of that order.
    ///
    /// # Errors
    /// As [`next`](Self::next); and when values have no order, or the entries are more than are sorted.
    pub async fn sorted(mut self, comparator: &Comparator) -> Result<Selected, CacheError> {
        let (skip, take) = (std::mem::take(&mut self.skip), self.left);
        if take == 0 {
            return Ok(Vec::new());
        }
        (self.left, self.width) = (usize::MAX, self.open.len().max(1));
        let without_keys = self.content == PageContent::Values && comparator.wants_keys();
        if without_keys {
            self.content = PageContent::Entries;
        }
        let wanted = skip.saturating_add(take);
        let (mut all, mut bytes) = (Vec::new(), 0_usize);
        loop {
            let found = self.next().await?;
            if found.is_empty() {
                break;
            }
            bytes += found.iter().map(entry_len).sum::<usize>();
            all.extend(found);
            if all.len() / 2 >= wanted {
                sort(&mut all, comparator)?;
                all.truncate(wanted);
                bytes = all.iter().map(entry_len).sum();
            }
            if bytes > SORTED_BYTES_MAX {
                return Err(CacheError::Overloaded {
                    what: format!(
                        "the entries to sort have more than {SORTED_BYTES_MAX} bytes; ask with a filter that selects \
                         fewer, or without a comparator"
                    ),
                });
            }
        }
        sort(&mut all, comparator)?;
        all.drain(..skip.min(all.len()));
        all.truncate(take);
        if without_keys {
            all.iter_mut().for_each(|(key, _)| *key = None);
        }
        Ok(all)
    }
}

fn sort(all: &mut Selected, comparator: &Comparator) -> Result<(), CacheError> {
    comparator
        .sort(all, |(key, value)| {
            QueryEntry::of_parts(key.as_ref(), value.as_ref())
        })
        .map_err(unfit)
}

fn entry_len((key, value): &(Option<Binary>, Option<Binary>)) -> usize {
    len_of(key.as_ref()) + len_of(value.as_ref())
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
            skip,
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
            Some(keys) => self
                .by_partition(keys)
                .into_iter()
                .map(|(id, keys)| (id, Some(keys)))
                .collect(),
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
                let partials: Result<Vec<_>, CacheError> = partials.collect();
                cache.own().combine(&question, partials?).await
            });
        }
        asked.and_then(move |results| {
            let partials: Option<Vec<_>> = results
                .into_iter()
                .map(|(id, result)| match result {
                    PartResult::Partial(partial) => Some((id, partial)),
                    _ => None,
                })
                .collect();
            let (Some(partials), Some(aggregator)) = (partials, question.aggregator()) else {
                return Err(unexpected());
            };
            match aggregator {
                Aggregator::Record(kind) => return cache.record_of(*kind, partials),
                Aggregator::Indexes { .. } => return reports_of(partials),
                _ => {}
            }
            aggregator
                .combine(partials.iter().map(|(_, partial)| &partial[..]))
                .map_err(unfit)
        })
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

fn unfit(error: QueryError) -> CacheError {
    super::invalid(error.to_string())
}

/// What the partitions tell of their indexes, put together.
fn reports_of(partials: Vec<(PartitionId, Bytes)>) -> Result<Binary, CacheError> {
    let mut all: Vec<IndexReport> = Vec::new();
    for (_, partial) in partials {
        IndexReport::merge_all(&mut all, from_binary(&Binary::new(Format::JSON, partial))?);
    }
    Ok(to_binary(&all)?)
}

fn len_of(binary: Option<&Binary>) -> usize {
    binary.map_or(0, |binary| binary.bytes().len())
}
