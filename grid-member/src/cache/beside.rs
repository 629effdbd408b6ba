//! What a cache does beside its partitions.

use std::sync::Arc;

use grid_core::cache::CacheName;
use grid_core::partition::PartitionId;
use grid_core::processor::Work;
use grid_core::replication::{Outcome, RequestTag};
use grid_core::store::Command;
use grid_core::value::Key;

use crate::own::{OwnRunner, work_beside};
use crate::task::TaskKind;

use super::here::together;
use super::{Gather, OpenCache, PartAnswer, PartFailure, PartResult};

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

    /// Does the same work on some entries. Of built-in work that which is more than is done under a lock is done beside it.
    pub(super) fn here_work(
        self: &Arc<Self>,
        id: PartitionId,
        (keys, work): (Vec<Key>, Arc<dyn Work>),
        tag: Option<RequestTag>,
        done: impl FnOnce(PartAnswer) + Send + Sync + 'static,
    ) {
        let all_done = move |outcomes: Result<_, _>| done(outcomes.map(PartResult::Worked));
        if work.own_name().is_some() {
            return self.here_beside(id, (keys, work), tag, all_done);
        }
        let much: Vec<bool> = {
            let replica = self.replicas.read(id);
            let is_much = |key| self.is_much(&replica, key, work.as_ref());
            keys.iter().map(is_much).collect()
        };
        let all = Gather::new(keys.len(), move |outcomes| all_done(together(outcomes)));
        let mut at_once = Vec::with_capacity(keys.len());
        for (number, (key, is_much)) in keys.into_iter().zip(much).enumerate() {
            if !is_much {
                at_once.push((number, key, Command::Work(work.clone())));
                continue;
            }
            let (all, tag) = (all.clone(), tag.map(|tag| tag.after(number as u64)));
            self.here_beside_one(id, (key, work.clone()), tag, move |outcome| {
                all.put(number, outcome);
            });
        }
        self.here_write_each(id, at_once, tag, &all);
    }

    /// Does work on one entry beside the partition.
    pub(super) fn here_beside_one(
        self: &Arc<Self>,
        id: PartitionId,
        (key, work): (Key, Arc<dyn Work>),
        tag: Option<RequestTag>,
        done: impl FnOnce(Result<Outcome, PartFailure>) + Send + Sync + 'static,
    ) {
        self.here_beside(id, (vec![key], work), tag, move |outcomes| {
            done(outcomes.map(|mut outcomes| outcomes.pop().unwrap_or_default()));
        });
    }

    /// Does work on some entries beside the partition, in one step.
    fn here_beside(
        self: &Arc<Self>,
        id: PartitionId,
        what: (Vec<Key>, Arc<dyn Work>),
        tag: Option<RequestTag>,
        done: impl FnOnce(Result<Vec<Outcome>, PartFailure>) + Send + Sync + 'static,
    ) {
        let cache = self.clone();
        let work = async move { done(work_beside(cache, id, what, tag).await) };
        self.own()
            .supervisor()
            .spawn(TaskKind::Connection, "work beside a partition", work);
    }
}
