//! Reading everything at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::TryStreamExt;
use grid_core::cache::{Cache, CacheError, NamedCache};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{self, Stopwatch};
use crate::history::{Action, Entries, Operation, Outcome, View, Workload};

use super::{Access, LoadError};

/// How long is waited before something is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The client that reads at the end.
const READER: u32 = u32::MAX;

/// Reads all caches through one member, when nothing writes any more. The registers are read key by key too, which adds
/// to their history.
///
/// # Errors
/// When something is not answered within this time.
pub async fn read_back(
    access: &Access,
    before: &[Operation],
    watch: &Stopwatch,
    within: Duration,
) -> Result<(Vec<View>, Vec<Operation>), LoadError> {
    let member = access.member();
    let failed = |workload: Workload| {
        move |error| LoadError::Cache {
            member,
            cache: workload.cache(),
            error,
        }
    };
    let registers: BTreeSet<&String> = before
        .iter()
        .filter(|operation| operation.workload == Workload::Registers)
        .map(|operation| &operation.key)
        .collect();
    let mut read = Vec::new();
    for key in registers {
        let start_ns = watch.ns();
        let value = again(within, async || access.registers.get(key).await).await;
        let value = value.map_err(failed(Workload::Registers))?;
        read.push(Operation {
            client: READER,
            member,
            workload: Workload::Registers,
            key: key.clone(),
            action: Action::Get,
            start_ns,
            end_ns: watch.ns(),
            outcome: Outcome::Value(value),
        });
    }
    let view = |workload, entries| View {
        member,
        workload,
        entries,
    };
    let registers = again(within, async || all(&access.registers).await).await;
    let inserts = again(within, async || all(&access.inserts).await).await;
    let appends = again(within, async || all(&access.appends).await).await;
    let counters = again(within, async || all(&access.counters).await).await;
    let events = again(within, async || all(&access.events).await).await;
    let counters = counters.map_err(failed(Workload::Counters))?.into_iter();
    let views = vec![
        view(
            Workload::Registers,
            Entries::Numbers(registers.map_err(failed(Workload::Registers))?),
        ),
        view(
            Workload::Inserts,
            Entries::Numbers(inserts.map_err(failed(Workload::Inserts))?),
        ),
        view(
            Workload::Appends,
            Entries::Lists(appends.map_err(failed(Workload::Appends))?),
        ),
        view(
            Workload::Counters,
            Entries::Numbers(counters.map(|(key, counter)| (key, counter.n)).collect()),
        ),
        view(
            Workload::Events,
            Entries::Numbers(events.map_err(failed(Workload::Events))?),
        ),
    ];
    Ok((views, read))
}

async fn all<V>(cache: &Cache<String, V>) -> Result<BTreeMap<String, V>, CacheError>
where
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    cache.entries().try_collect().await
}

/// Asks until there is an answer: the cluster is whole, but a client may just connect again.
async fn again<T>(within: Duration, ask: impl AsyncFn() -> Result<T, CacheError>) -> Result<T, CacheError> {
    let until = clock::now() + within;
    loop {
        match ask().await {
            Err(_) if clock::now() < until => tokio::time::sleep(AGAIN_AFTER).await,
            answer => return answer,
        }
    }
}
