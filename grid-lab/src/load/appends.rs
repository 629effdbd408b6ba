//! Clients that add ids to lists, by reading the list and replacing it if it is still that.

use grid_core::cache::{CacheError, NamedCache};

use crate::history::{Action, Operation, Outcome, Workload};

use super::Access;
use super::client::Client;

/// How many lists are added to at the same time, by all clients.
const LISTS: usize = 4;

/// How many ids each client adds to a list before it goes on with the next.
const IDS_PER_LIST: u64 = 40;

/// Other clients come first so often at most.
const ATTEMPTS_MAX: u32 = 64;

pub(super) async fn run(mut client: Client) -> Vec<Operation> {
    let mut count = 0_u64;
    while client.goes_on().await {
        let generation = count / (IDS_PER_LIST * LISTS as u64);
        let key = format!("a{}.{generation}", client.random.below(LISTS));
        let id = client.value();
        count += 1;
        let access = client.access.clone();
        let call = append(&access, &key, id);
        client
            .record(Workload::Appends, &key, Action::Append(id), call)
            .await;
    }
    client.into_operations()
}

async fn append(access: &Access, key: &String, id: u64) -> Result<Outcome, CacheError> {
    let cache = &access.appends;
    for _ in 0..ATTEMPTS_MAX {
        let before = match cache.get(key).await {
            Ok(before) => before,
            // Nothing was written yet, whatever became of the reading.
            Err(error) => return Ok(Outcome::Refused(error.to_string())),
        };
        let done = match before {
            None => cache.put_if_absent(key, &vec![id]).await?.is_none(),
            Some(before) => {
                let mut after = before.clone();
                after.push(id);
                cache.replace_if_equal(key, &before, &after).await?
            }
        };
        if done {
            return Ok(Outcome::Written);
        }
    }
    Ok(Outcome::Refused("other clients came first".to_owned()))
}
