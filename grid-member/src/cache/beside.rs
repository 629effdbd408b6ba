//! What a cache does beside its partitions.

use std::sync::Arc;

use grid_core::cache::CacheName;
use grid_core::partition::PartitionId;
use grid_core::replication::{Outcome, RequestTag};
use grid_core::store::Command;
use grid_core::value::Key;

use crate::own::OwnRunner;

use super::open_cache::unexpected;
use super::{OpenCache, PartRequest, PartResult, Reply};

impl OpenCache {
    /// What runs code of one's own.
    pub(crate) fn own(&self) -> &Arc<OwnRunner> {
        &self.own
    }

    /// The cache of this name whose entries lie in the same partitions, if it is open.
    pub(crate) fn beside(&self, name: &str) -> Option<Arc<OpenCache>> {
        let name = CacheName::new(name).ok()?;
        let cache = self.registry.upgrade()?.known(self.scope(), &name)?;
        (cache.service() == self.service()).then_some(cache)
    }

    /// Does a command beside the partition, which is in this process for ever.
    pub(super) fn update_beside(
        self: Arc<Self>,
        id: PartitionId,
        key: Key,
        (command, previous, tag): (Command, bool, Option<RequestTag>),
        puts: bool,
    ) -> Reply<Outcome> {
        let request = PartRequest::Update {
            key,
            command,
            previous,
            tag,
        };
        Reply::later(async move {
            let answer = self.here_all(vec![(id, request)]).await.pop();
            match answer.ok_or_else(unexpected)? {
                Ok(PartResult::Outcome(outcome)) => {
                    self.count_update(puts, &outcome);
                    Ok(outcome)
                }
                Ok(_) => Err(unexpected()),
                Err(failure) => Err(self.error_of(failure)),
            }
        })
    }
}
