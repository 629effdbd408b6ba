//! `grid-bench memory`.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use grid_client::Session;
use serde::Serialize;

use crate::arguments::{MemoryArguments, Output};
use crate::clock;
use crate::data_set::DataSet;
use crate::fleet::FleetSettings;
use crate::process;
use crate::report;

use super::{load, runtime};

/// What entries cost.
#[derive(Debug, Serialize)]
struct Cost {
    entries: usize,
    key_chars: usize,
    value_bytes: usize,
    resident_bytes_before: u64,
    resident_bytes_after: u64,
    bytes_per_entry: f64,
    load_seconds: f64,
}

pub(super) fn memory(arguments: &MemoryArguments) -> Result<()> {
    let data = Arc::new(DataSet::new(arguments.entries.get(), arguments.value_size));
    let settings = settings(arguments);
    let size = runtime()?.block_on(size_of(arguments))?;
    ensure!(
        size == 0,
        "the cache {:?} has {size} entries; name one that is empty",
        arguments.cache
    );
    let resident = || {
        process::resident_bytes_sum(&arguments.server_pid)
            .context("the memory of the server's processes cannot be read; is --server-pid right?")
    };
    let before = resident()?;
    let began = clock::now();
    load(&settings, &data)?;
    let load_seconds = clock::now().duration_since(began).as_secs_f64();
    let after = resident()?;
    let size = runtime()?.block_on(size_of(arguments))?;
    ensure!(
        size == data.keys(),
        "the cache has {size} entries after {} were put",
        data.keys()
    );
    let cost = Cost {
        entries: data.keys(),
        key_chars: DataSet::key_text(0).len(),
        value_bytes: data.value_len(),
        resident_bytes_before: before,
        resident_bytes_after: after,
        bytes_per_entry: per_entry(after, before, data.keys()),
        load_seconds,
    };
    match arguments.output {
        Output::Json => report::json(&cost),
        Output::Table => {
            let mut table = report::table(
                &[
                    "entries",
                    "key",
                    "value",
                    "before",
                    "after",
                    "an entry",
                    "loaded in",
                ],
                0,
            );
            table.add_row([
                cost.entries.to_string(),
                format!("{} characters", cost.key_chars),
                format!("{} B", cost.value_bytes),
                report::bytes(before),
                report::bytes(after),
                format!("{:.1} B", cost.bytes_per_entry),
                format!("{load_seconds:.1} s"),
            ]);
            Ok(report::line(&table.to_string())?)
        }
    }
}

fn settings(arguments: &MemoryArguments) -> FleetSettings {
    let one = std::num::NonZeroUsize::MIN;
    FleetSettings {
        address: arguments.address.clone(),
        join: Vec::new(),
        cache: arguments.cache.clone(),
        connections: one,
        callers: one,
        threads: None,
        batch: one,
        typed: false,
        server_pids: Vec::new(),
    }
}

async fn size_of(arguments: &MemoryArguments) -> Result<usize> {
    let session = Session::connect(&arguments.address).await?;
    let size = session.backend(&arguments.cache).await?.size().await?;
    session.close().await;
    Ok(size)
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory stay below 2^53")]
fn per_entry(after: u64, before: u64, entries: usize) -> f64 {
    (after as f64 - before as f64) / entries as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_given_back_is_negative() {
        assert_eq!(per_entry(1_200, 1_000, 10), 20.0);
        assert_eq!(per_entry(1_000, 1_200, 10), -20.0);
    }
}
