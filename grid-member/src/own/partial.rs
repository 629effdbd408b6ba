//! What an aggregator of one's own makes of the entries of a partition.

use std::num::NonZeroUsize;
use std::sync::Arc;

use grid_core::cache::CacheError;
use grid_core::partition::PartitionId;
use grid_core::processor::own::{OwnFailure, OwnKind};
use grid_core::query::{Aggregator, Keeping, QueryEntry};
use grid_core::replication::{Failure, Position, Replica};
use grid_core::store::{PageContent, PageLimits};
use grid_core::value::{Binary, Key};

use crate::cache::{OpenCache, PartFailure, Question, unfit};
use crate::replication::Tried;

use super::runner::{Named, OwnRunner};

/// So many entries are read under one lock.
const LIMITS: PageLimits = PageLimits {
    entries_max: NonZeroUsize::new(1_000).expect("1,000 is not zero"),
    bytes_max: NonZeroUsize::new(1 << 20).expect("a mebibyte is not zero"),
};

/// What an aggregator made of a partition, and the record that has to be acknowledged before it is shown.
pub(crate) type Partial = (Option<Position>, Vec<u8>);

/// Has an aggregator with code of one's own look at the entries of a partition that are asked for. They are read in pages, and
/// the code runs without a lock.
///
/// # Errors
/// When this member does not serve the partition, or the code is not known, fails, or does not end in its time.
pub(crate) async fn partial_beside(
    cache: &Arc<OpenCache>,
    id: PartitionId,
    question: Arc<Question>,
    keys: Option<Vec<Key>>,
) -> Result<Partial, PartFailure> {
    if cache.is_destroyed() {
        return Err(PartFailure::Destroyed);
    }
    let Some(aggregator) = question.aggregator() else {
        return Ok((None, Vec::new()));
    };
    let runner = cache.own();
    let invalid = |failure: OwnFailure| PartFailure::Invalid(failure.to_string());
    let coded = runner.coded(aggregator).map_err(invalid)?;
    let (cache, asked) = (cache.clone(), question.clone());
    let look = move || look(&cache, id, (&coded, &asked), keys);
    let looking = runner.run(named(aggregator), runner.time_limit(), look);
    tokio::select! {
        biased;
        looked = looking => looked.map_err(invalid)?,
        () = runner.supervisor().stopped() => Err(PartFailure::Failed(Failure::Deposed)),
    }
}

impl OwnRunner {
    /// The aggregator with its code.
    fn coded(&self, aggregator: &Aggregator) -> Result<Aggregator, OwnFailure> {
        let find = |name: &str| self.agents().aggregator(name);
        aggregator.with_code(&find).map_err(|name| {
            self.not_registered(Named {
                kind: OwnKind::Aggregator,
                name: &name,
            })
        })
    }

    /// The answer of an aggregator with code of one's own, of what was made of partitions.
    pub(crate) async fn combine(
        &self,
        question: &Question,
        partials: Vec<bytes::Bytes>,
    ) -> Result<Binary, CacheError> {
        let Some(aggregator) = question.aggregator() else {
            return Ok(Binary::new(grid_core::value::Format::JSON, bytes::Bytes::new()));
        };
        let coded = self.coded(aggregator).map_err(CacheError::Own)?;
        let combine = move || coded.combine(partials.iter().map(|partial| &partial[..]));
        let combined = self.run(named(aggregator), self.time_limit(), combine).await;
        combined
            .map_err(CacheError::Own)?
            .map_err(|error| CacheError::Invalid {
                what: error.to_string(),
            })
    }
}

fn named(aggregator: &Aggregator) -> Named<'_> {
    Named {
        kind: OwnKind::Aggregator,
        name: aggregator.own_name().unwrap_or_default(),
    }
}

fn look(
    cache: &OpenCache,
    id: PartitionId,
    (aggregator, question): (&Aggregator, &Question),
    keys: Option<Vec<Key>>,
) -> Result<Partial, PartFailure> {
    let failed = unfit;
    let mut accumulator = aggregator.accumulator_within(&Keeping::new(cache.aggregation_bytes_max()));
    let (mut position, mut after) = (None, None);
    let epoch = cache.replicas().read(id).epoch();
    loop {
        let read = cache
            .replicas()
            .try_read(id, Replica::gate_all, |store, now| match &keys {
                None => {
                    let page = store.query(
                        now,
                        cache.id(),
                        question.filter(),
                        (after, LIMITS, PageContent::Entries),
                    )?;
                    let entries = page.entries.into_iter();
                    let entries = entries.filter_map(|entry| Some((entry.key?, entry.value?)));
                    Ok((entries.collect::<Vec<_>>(), page.next))
                }
                Some(keys) => {
                    let mut entries = Vec::with_capacity(keys.len());
                    for view in keys.iter().filter_map(|key| store.get(now, cache.id(), key)) {
                        if question.filter().evaluate(&view.query_entry())? {
                            entries.push((view.key_binary(), view.value_binary()));
                        }
                    }
                    Ok((entries, None))
                }
            });
        let (read, needs) = match read {
            Tried::Done(read) => (read, None),
            Tried::Waits(position, read) => (read, Some(position)),
            Tried::Elsewhere => return Err(cache.elsewhere(id)),
        };
        if cache.replicas().read(id).epoch() != epoch {
            // What was read before may not be there any more.
            return Err(cache.elsewhere(id));
        }
        position = position.max(needs);
        let (entries, next) = read.map_err(failed)?;
        for (key, value) in &entries {
            accumulator
                .accumulate(&QueryEntry::of(key, Some(value)))
                .map_err(failed)?;
        }
        after = next;
        if after.is_none() {
            return Ok((position, accumulator.partial().map_err(failed)?));
        }
    }
}
