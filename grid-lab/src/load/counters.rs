//! Clients that have numbers added to where they are, one at a time and all together, and that ask for all of them.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use grid_core::cache::{Cache, NamedCache};
use grid_core::processor::Processor;
use grid_core::query::{Aggregator, Filter, field};
use serde::{Deserialize, Serialize};

use crate::history::{Action, Operation, Outcome, Workload};

use super::client::{Client, failed};

/// How many numbers there are. All of them, from before the first is added to until the end.
const COUNTERS: usize = 16;

/// One of so many operations is on all numbers together.
const ALL_EVERY: usize = 6;

/// A number that is added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counter {
    /// The sum.
    pub(super) n: u64,
}

/// What stands for all numbers in the history.
const ALL: &str = "all";

pub(super) async fn run(mut client: Client) -> Vec<Operation> {
    let cache = client.access.counters.clone();
    while !begin(&cache).await {
        if !client.goes_on().await {
            return client.into_operations();
        }
    }
    while client.goes_on().await {
        match client.random.below(ALL_EVERY) {
            0 => add_to_all(&mut client, &cache).await,
            1 => look(&mut client, &cache).await,
            _ => add(&mut client, &cache).await,
        }
    }
    client.into_operations()
}

fn key(number: usize) -> String {
    format!("c{number}")
}

/// What every number is selected by, and nothing else.
fn every() -> Filter {
    field("n").ge(0)
}

/// Puts numbers where there are none. Whether all are there.
async fn begin(cache: &Cache<String, Counter>) -> bool {
    for number in 0..COUNTERS {
        if cache
            .put_if_absent(&key(number), &Counter::default())
            .await
            .is_err()
        {
            return false;
        }
    }
    true
}

async fn add(client: &mut Client, cache: &Cache<String, Counter>) {
    let key = key(client.random.below(COUNTERS));
    let by = 1 + client.random.below(9) as u64;
    let call = async {
        let sum = cache.invoke(&key, &Processor::increment("n", by)).await?;
        Ok(Outcome::Value(Some(sum)))
    };
    client
        .record(Workload::Counters, &key, Action::Increment(by), call)
        .await;
}

/// Adds to all numbers, which a filter selects. What is told of each key counts for it; when nothing is told of one, and
/// nothing failed, the grid says that the number was added to, as it was there all the time.
async fn add_to_all(client: &mut Client, cache: &Cache<String, Counter>) {
    let by = 1 + client.random.below(9) as u64;
    let mut told: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut rest = Outcome::Written;
    let mut answers = cache.invoke_where::<u64>(&every(), &Processor::increment("n", by));
    let start = client.begin();
    loop {
        match answers.try_next().await {
            Ok(Some(invoked)) => {
                let outcome = match invoked.answer {
                    Ok(sum) => Outcome::Value(Some(sum)),
                    Err(error) => failed(&error, error.to_string()),
                };
                told.insert(invoked.key, outcome);
            }
            Ok(None) => break,
            Err(error) => {
                // Of those of which nothing was told some may be done, whatever the error says of the last.
                rest = Outcome::Unknown(error.to_string());
                break;
            }
        }
    }
    for number in 0..COUNTERS {
        let key = key(number);
        let outcome = told.remove(&key).unwrap_or_else(|| rest.clone());
        client.remember(Workload::Counters, (&key, Action::Increment(by)), start, outcome);
    }
    for (key, outcome) in told {
        client.remember(Workload::Counters, (&key, Action::Increment(by)), start, outcome);
    }
}

/// Asks for all numbers. Each is to come once, and no other.
async fn look(client: &mut Client, cache: &Cache<String, Counter>) {
    let counts = client.random.chance(50);
    let call = async {
        let wrong = if counts {
            let count: usize = cache.aggregate_where(&every(), &Aggregator::count()).await?;
            count.abs_diff(COUNTERS)
        } else {
            wrong_keys(cache.keys_where(&every()).try_collect().await?)
        };
        Ok(Outcome::Value(Some(wrong as u64)))
    };
    client
        .record(Workload::Counters, ALL, Action::SelectAll, call)
        .await;
}

/// How many keys are missing, or there too often.
fn wrong_keys(found: Vec<String>) -> usize {
    let mut times: BTreeMap<String, usize> = (0..COUNTERS).map(|number| (key(number), 0)).collect();
    let mut strangers = 0;
    for key in found {
        match times.get_mut(&key) {
            Some(count) => *count += 1,
            None => strangers += 1,
        }
    }
    strangers + times.values().filter(|count| **count != 1).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_to_come_once() {
        let all = || (0..COUNTERS).map(key).collect::<Vec<_>>();
        assert_eq!(wrong_keys(all()), 0);
        assert_eq!(wrong_keys(all().split_off(2)), 2);
        assert_eq!(wrong_keys([all(), vec![key(3), "x".to_owned()]].concat()), 2);
    }
}
