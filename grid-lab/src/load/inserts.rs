//! Clients that write each key once.

use grid_core::cache::NamedCache;

use crate::history::{Action, Operation, Outcome, Workload};

use super::client::Client;

pub(super) async fn run(mut client: Client) -> Vec<Operation> {
    let mut count = 0_u64;
    while client.goes_on().await {
        let (key, value) = (format!("i{}.{count}", client.id()), client.value());
        count += 1;
        let cache = client.access.inserts.clone();
        let call = async { cache.insert(&key, &value).await.map(|()| Outcome::Written) };
        client
            .record(Workload::Inserts, &key, Action::Put(value), call)
            .await;
    }
    client.into_operations()
}
