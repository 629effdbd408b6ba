//! Clients that change entries to which others listen.

use grid_core::cache::NamedCache;

use crate::history::{Action, Operation, Outcome, Workload};

use super::client::Client;

/// How many keys each client changes.
const KEYS: usize = 16;

/// How many of a hundred changes remove.
const REMOVED: usize = 15;

pub(super) async fn run(mut client: Client) -> Vec<Operation> {
    while client.goes_on().await {
        let key = format!("e{}.{}", client.id(), client.random.below(KEYS));
        let cache = client.access.events.clone();
        if client.random.chance(REMOVED) {
            let call = async { cache.remove(&key).await.map(Outcome::Value) };
            client.record(Workload::Events, &key, Action::Remove, call).await;
        } else {
            let value = client.value();
            let call = async { cache.insert(&key, &value).await.map(|()| Outcome::Written) };
            client
                .record(Workload::Events, &key, Action::Put(value), call)
                .await;
        }
    }
    client.into_operations()
}
