//! Entries in an order of their values.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use grid_core::cache::CacheError;
use grid_core::query::{
    AgentError, Aggregator, Comparator, QueryEntry, SortedEntry, SortedPart, SortedPlace, SortedRun,
};
use grid_core::store::PageContent;
use grid_core::value::{Binary, Key};

use super::off_thread::off_thread;
use super::open_cache::unexpected;
use super::scatter::{WAVE_BYTES, unfit};
use super::{OpenCache, PartRequest, PartResult, Question, Selected};

/// At most so many places of the order are asked for at a time.
const RUN_ENTRIES_MAX: NonZeroUsize = NonZeroUsize::new(1 << 20).expect("2^20 is not zero");

/// About so many bytes of places are asked for at a time: at least some 50,000 of usual ones.
const RUN_BYTES: NonZeroUsize = NonZeroUsize::new(16 << 20).expect("16 MiB is not zero");

/// At most so many entries are fetched at a time.
const FETCH_ENTRIES_MAX: usize = 2_048;

/// A query under way whose entries come in an order: in parts, each when it is asked for.
///
/// The order is found without the values: each partition gives the places of its first entries (what their values are
/// compared by, and their keys), each member puts those of its partitions together, and here those of the members are. Of a
/// limit that is what is left out and the page; else as many as fit, and when those have come the next. The entries are
/// then fetched by their keys, about 8 MiB at a time. So what is held does not depend on how many entries there are, nor
/// on how large they are.
///
/// An entry that is there, selected and unchanged all the time comes exactly once, in its place, whichever members serve its
/// partition meanwhile. One that changes comes at most once for each place that it has had; one that is gone or not
/// selected any more when it is fetched does not come.
#[derive(Debug)]
pub struct Sorted {
    cache: Arc<OpenCache>,
    question: Arc<Question>,
    content: PageContent,
    comparator: Comparator,
    /// How many entries are still left out before any comes.
    skip: usize,
    /// How many entries may still come.
    left: usize,
    /// How many places are asked for at a time, at most.
    at_a_time: NonZeroUsize,
    /// The next entries.
    run: VecDeque<SortedEntry>,
    /// What is behind them.
    rest: Rest,
}

/// Where an order goes on.
#[derive(Debug)]
enum Rest {
    Start,
    After(SortedPlace),
    Ended,
}

impl Sorted {
    pub(super) fn new(
        cache: Arc<OpenCache>,
        (question, content): (Arc<Question>, PageContent),
        comparator: Comparator,
        (skip, left): (usize, usize),
    ) -> Self {
        Sorted {
            cache,
            question,
            content,
            comparator,
            skip,
            left,
            at_a_time: RUN_ENTRIES_MAX,
            run: VecDeque::new(),
            rest: Rest::Start,
        }
    }

    /// Asks for no more than so many places of the order at a time: less is kept, and entries are looked at more often.
    #[must_use]
    pub fn at_a_time(mut self, places_max: NonZeroUsize) -> Self {
        self.at_a_time = places_max.min(RUN_ENTRIES_MAX);
        self
    }

    /// The next entries; empty after the last.
    ///
    /// # Errors
    /// When the cache was destroyed, a partition is not served in time, the filter cannot be evaluated, or values have no
    /// order; and [`CacheError::Overloaded`] when what they are compared by is more than may be kept.
    pub async fn next(&mut self) -> Result<Selected, CacheError> {
        while self.left > 0 {
            self.cache.check_alive()?;
            if self.run.is_empty() {
                match std::mem::replace(&mut self.rest, Rest::Ended) {
                    Rest::Ended => break,
                    Rest::Start => self.find(None).await?,
                    Rest::After(place) => self.find(Some(place)).await?,
                }
                continue;
            }
            let found = self.fetch().await?;
            self.left -= found.len();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Finds the next places of the order.
    async fn find(&mut self, after: Option<SortedPlace>) -> Result<(), CacheError> {
        let wanted = self.skip.saturating_add(self.left).min(self.at_a_time.get());
        let part = SortedPart {
            comparator: self.comparator.clone(),
            entries_max: NonZeroUsize::new(wanted).unwrap_or(NonZeroUsize::MIN),
            bytes_max: RUN_BYTES,
            after,
        };
        let invalid = |error: AgentError| CacheError::Invalid {
            what: error.to_string(),
        };
        let question = self.question.aggregated(&Aggregator::Sorted(Box::new(part)));
        let answer = self
            .cache
            .aggregate(Arc::new(question.map_err(invalid)?), None)
            .await?;
        let read = move || SortedRun::read(&answer).map_err(unfit);
        let run = off_thread(answer_len(wanted), read).await??;
        self.run = run.entries.into();
        let skipped = self.skip.min(self.run.len());
        self.run.drain(..skipped);
        self.skip -= skipped;
        if let Some(next) = run.next {
            self.rest = Rest::After(next);
        }
        Ok(())
    }

    /// The entries of the next places.
    async fn fetch(&mut self) -> Result<Selected, CacheError> {
        let mut len = self.fitting();
        loop {
            let keys: Vec<_> = self.run.iter().take(len).map(|entry| entry.key.clone()).collect();
            let found = if self.content == PageContent::Keys {
                Ok(keys.into_iter().map(|key| (Some(key), None)).collect())
            } else {
                self.entries(keys).await
            };
            match found {
                // They have grown since they were found.
                Err(CacheError::Overloaded { .. }) if len > 1 => len = len.div_ceil(2),
                found => {
                    self.run.drain(..len);
                    return found;
                }
            }
        }
    }

    /// How many of the next entries are fetched together.
    fn fitting(&self) -> usize {
        let mut bytes = 0_usize;
        let fits = |entry: &&SortedEntry| {
            bytes = bytes.saturating_add(entry.key.bytes().len() + entry.value_len);
            bytes <= WAVE_BYTES
        };
        let fitting = self.run.iter().take_while(fits).count();
        fitting.clamp(1, FETCH_ENTRIES_MAX.min(self.left).max(1))
    }

    /// The entries of these keys that are there and selected, in the order of the keys.
    async fn entries(&self, keys: Vec<Binary>) -> Result<Selected, CacheError> {
        let keys: Result<Vec<Key>, _> = keys.into_iter().map(Key::new).collect();
        let keys = keys.map_err(|_error| unexpected())?;
        let parts = self.cache.by_partition(keys.clone());
        let parts = parts
            .into_iter()
            .map(|(id, keys)| (id, PartRequest::GetAll(keys)));
        let mut found = Vec::with_capacity(keys.len());
        for (_, result) in self.cache.ask_all(parts.collect()).await? {
            match result {
                PartResult::Entries(entries) => found.extend(entries),
                _ => return Err(unexpected()),
            }
        }
        let bytes = found.iter().map(|(_, value)| value.bytes().len()).sum();
        let (question, content) = (self.question.clone(), self.content);
        off_thread(bytes, move || in_places(&keys, found, (&question, content))).await?
    }
}

/// About how long the answer for so many places is, at most.
fn answer_len(wanted: usize) -> usize {
    wanted.saturating_mul(64).min(RUN_BYTES.get())
}

/// Those entries that a query selects in the order of the keys, with what is wanted of them.
fn in_places(
    keys: &[Key],
    found: Vec<(Binary, Binary)>,
    (question, content): (&Question, PageContent),
) -> Result<Selected, CacheError> {
    let mut places: HashMap<u64, Vec<usize>> = HashMap::with_capacity(keys.len());
    for (place, key) in keys.iter().enumerate() {
        places.entry(key.hash()).or_default().push(place);
    }
    let mut in_order: Vec<Option<(Binary, Binary)>> = Vec::new();
    in_order.resize(keys.len(), None);
    for (spelling, value) in found {
        if !question
            .filter()
            .evaluate(&QueryEntry::of(&spelling, Some(&value)))
            .map_err(unfit)?
        {
            continue;
        }
        let key = Key::new(spelling).map_err(|_error| unexpected())?;
        let places = places.get(&key.hash()).map_or(&[][..], Vec::as_slice);
        let place = places.iter().find(|place| keys.get(**place) == Some(&key));
        if let Some(slot) = place.and_then(|place| in_order.get_mut(*place)) {
            *slot = Some((key.spelling().clone(), value));
        }
    }
    let wanted = |(key, value)| match content {
        PageContent::Values => (None, Some(value)),
        _ => (Some(key), Some(value)),
    };
    Ok(in_order.into_iter().flatten().map(wanted).collect())
}
