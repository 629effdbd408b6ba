//! Entries that nobody touches, so that there is something to copy and to lose.

use std::collections::HashMap;

use grid_core::cache::{CacheError, NamedCache};

use super::Access;

/// So many entries go in one request.
const BATCH: u64 = 1_000;

fn key(number: u64) -> String {
    format!("b{number}")
}

/// 100 bytes that only this entry has.
fn value(number: u64) -> String {
    format!("{number:0>100}")
}

fn batches(count: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..count.div_ceil(BATCH)).map(move |batch| batch * BATCH..((batch + 1) * BATCH).min(count))
}

/// Puts so many entries.
///
/// # Errors
/// When a request fails.
pub async fn fill(access: &Access, count: u64) -> Result<(), CacheError> {
    for batch in batches(count) {
        let entries: HashMap<String, String> = batch.map(|number| (key(number), value(number))).collect();
        access.ballast.put_all(&entries).await?;
    }
    Ok(())
}

/// How many of so many entries are not there, or not as they were put.
///
/// # Errors
/// When a request fails.
pub async fn missing(access: &Access, count: u64) -> Result<u64, CacheError> {
    let mut missing = 0;
    for batch in batches(count) {
        let keys: Vec<String> = batch.clone().map(key).collect();
        let found = access.ballast.get_all(&keys).await?;
        let lacks = |number: &u64| found.get(&key(*number)) != Some(&value(*number));
        missing += batch.filter(lacks).count() as u64;
    }
    Ok(missing)
}
