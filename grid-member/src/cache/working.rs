//! Work on many entries.

use std::sync::Arc;

use grid_core::cache::CacheError;
use grid_core::processor::Work;
use grid_core::replication::{OPEN_REQUESTS_MAX, Outcome};
use grid_core::store::{PageContent, WorkAnswer};
use grid_core::value::{Binary, Key};

use super::open_cache::unexpected;
use super::{OpenCache, PartRequest, PartResult, Question, Scatter, in_part};

/// Work is done on so many entries at a time.
const WORK_BATCH_LEN: usize = 2_048;

/// Work on many entries under way: what came of them comes in parts, each when it is asked for.
#[derive(Debug)]
pub struct Working {
    cache: Arc<OpenCache>,
    work: Arc<dyn Work>,
    from: KeySource,
}

#[derive(Debug)]
enum KeySource {
    /// Those that are left.
    Keys(Vec<Key>),
    /// Those that a query selects, and those of them that are left.
    Query(Scatter, Vec<Key>),
}

impl Working {
    /// What came of the next entries: the key, and the answer. Empty after the last.
    ///
    /// Each entry is worked on once, also when its partition's primary dies meanwhile.
    ///
    /// # Errors
    /// As an [update](OpenCache::update); the work may have been done on entries of which nothing was told then.
    pub async fn next(&mut self) -> Result<Vec<(Binary, Outcome)>, CacheError> {
        loop {
            let keys = match &mut self.from {
                KeySource::Keys(keys) => keys.split_off(keys.len().saturating_sub(WORK_BATCH_LEN)),
                KeySource::Query(scatter, left) => {
                    if left.is_empty() {
                        let found = scatter.next().await?;
                        let keys = found.into_iter().filter_map(|(key, _)| Key::new(key?).ok());
                        left.extend(keys);
                    }
                    left.split_off(left.len().saturating_sub(WORK_BATCH_LEN))
                }
            };
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let mut worked = self.cache.work_on(keys, &self.work).await?;
            worked.retain(|(_, outcome)| !matches!(outcome.answer, Some(WorkAnswer::Passed)));
            if !worked.is_empty() {
                return Ok(worked);
            }
        }
    }
}

impl OpenCache {
    /// Does work on the entries of some keys, be they there or not.
    #[must_use]
    pub fn work_on_keys(self: &Arc<Self>, keys: Vec<Key>, work: Arc<dyn Work>) -> Working {
        let mut keys = keys;
        dedup(&mut keys);
        Working {
            cache: self.clone(),
            work,
            from: KeySource::Keys(keys),
        }
    }

    /// Does work on the entries that a filter selects. The work is to pass those over that it does not select any more.
    #[must_use]
    pub fn work_on_selected(self: &Arc<Self>, question: Arc<Question>, work: Arc<dyn Work>) -> Working {
        Working {
            cache: self.clone(),
            work,
            from: KeySource::Query(self.select(question, PageContent::Keys), Vec::new()),
        }
    }

    /// Does work on the entries of some keys, at most as many as a partition keeps outcomes of.
    async fn work_on(
        self: &Arc<Self>,
        keys: Vec<Key>,
        work: &Arc<dyn Work>,
    ) -> Result<Vec<(Binary, Outcome)>, CacheError> {
        let mut groups = self.by_partition(keys);
        let mut channel = match &self.router {
            Some(router) if work.may_change() => Some(router.channels().take()),
            _ => None,
        };
        let mut worked = Vec::new();
        while !groups.is_empty() {
            let lowest_open = channel.as_ref().map(|channel| channel.lowest_open());
            let mut parts = Vec::with_capacity(groups.len());
            let mut asked = Vec::with_capacity(groups.len());
            for (id, rest) in &mut groups {
                let later = rest.split_off(rest.len().min(OPEN_REQUESTS_MAX));
                let keys = std::mem::replace(rest, later);
                let tag = channel
                    .as_mut()
                    .zip(lowest_open)
                    .map(|(channel, lowest)| channel.tag_many(self.replicas.now(), lowest, keys.len()));
                asked.push((*id, keys.clone()));
                let work = work.clone();
                parts.push((*id, PartRequest::Work { keys, work, tag }));
            }
            groups.retain(|(_, rest)| !rest.is_empty());
            // Without an answer the numbers stay open for ever, and their channel with them.
            let asked_all = self.ask_all(parts).await;
            let changed = work.may_change() && !worked.is_empty();
            let results = asked_all.map_err(|error| in_part(error, changed))?;
            for (id, result) in results {
                let PartResult::Worked(outcomes) = result else {
                    return Err(unexpected());
                };
                let keys = asked.iter_mut().find(|(asked, _)| *asked == id);
                let keys = keys.map(|(_, keys)| std::mem::take(keys)).unwrap_or_default();
                worked.extend(keys.into_iter().map(|key| key.spelling().clone()).zip(outcomes));
            }
        }
        if let (Some(router), Some(channel)) = (&self.router, channel) {
            router.channels().give_back(channel);
        }
        Ok(worked)
    }
}

/// Leaves each key once.
pub(super) fn dedup(keys: &mut Vec<Key>) {
    keys.sort_by(|a, b| {
        let identity = |key: &Key| (key.hash(), key.format());
        identity(a)
            .cmp(&identity(b))
            .then_with(|| a.canonical().cmp(b.canonical()))
    });
    keys.dedup();
}
