//! Indexes as they were agreed on.

use std::collections::BTreeMap;
use std::sync::Arc;

use grid_core::partition::table::ServiceId;
use grid_core::store::{CacheId, IndexDefinition};

use super::core::Core;

/// The definitions that were agreed on, by the text in which they are told.
type Known = BTreeMap<String, Arc<IndexDefinition>>;

/// The indexes that the caches of each service are to have.
type Plans = BTreeMap<ServiceId, Vec<(CacheId, Vec<Arc<IndexDefinition>>)>>;

/// Gives the partitions whose primary this member is the indexes that were agreed on, and takes them away from others,
/// whenever something was agreed.
pub(super) async fn drive_indexes(core: Arc<Core>) {
    let mut news = core.view.index();
    let mut known = Known::new();
    loop {
        news.mark_unchanged();
        let plans = core.index_plans(&mut known);
        let at_work = core.clone();
        let built = tokio::task::spawn_blocking(move || at_work.set_indexes(&plans)).await;
        if built.is_err() {
            // The runtime is shutting down.
            return;
        }
        tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            changed = news.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

impl Core {
    fn index_plans(&self, known: &mut Known) -> Plans {
        let records = self.view.read(|state| {
            let caches = state.caches().filter(|cache| !cache.indexes.is_empty());
            let records = caches.map(|cache| (cache.service, cache.id, cache.indexes.clone()));
            records.collect::<Vec<_>>()
        });
        let (mut plans, mut used) = (Plans::new(), Known::new());
        for (service, cache, indexes) in records.unwrap_or_default() {
            let mut definitions = Vec::with_capacity(indexes.len());
            for text in indexes.into_values() {
                let read = || IndexDefinition::from_json(text.as_bytes()).ok().map(Arc::new);
                // A member of a later version may have agreed on one that is not known here.
                let Some(definition) = known.get(&text).cloned().or_else(read) else {
                    continue;
                };
                used.insert(text, definition.clone());
                definitions.push(definition);
            }
            plans.entry(service).or_default().push((cache, definitions));
        }
        *known = used;
        plans
    }

    fn set_indexes(&self, plans: &Plans) {
        let services: Vec<_> = self
            .services
            .read()
            .iter()
            .map(|(id, replicas)| (*id, replicas.clone()))
            .collect();
        for (service, replicas) in services {
            let plan = plans.get(&service).map(Vec::as_slice).unwrap_or_default();
            for partition in replicas.count().all() {
                // One partition at a time, so that nobody waits longer than its index takes.
                if replicas.read(partition).lacks_indexes(plan) {
                    replicas.change(partition, |replica, _| replica.set_indexes(plan));
                }
            }
        }
    }
}
