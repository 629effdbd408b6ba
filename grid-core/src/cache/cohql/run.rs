//! Statements asked.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures::TryStreamExt;

use crate::cache::{Among, CacheBackend, Query as CacheQuery, QueryContents, Selected};
use crate::query::cohql::{EntryRows, Query, Rows, Statement};
use crate::query::{Aggregator, QueryEntry};

use super::{AskError, Caches};

/// The most bytes that are kept at once, unless something else is said.
const BYTES_MAX: usize = 256 << 20;

/// How much of an answer is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most rows; `None` for all.
    pub(super) rows: Option<usize>,
    /// The most bytes of what the rows are made of.
    pub(super) bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            rows: None,
            bytes_max: BYTES_MAX,
        }
    }
}

/// Asks a statement.
pub(super) async fn run(
    caches: &dyn Caches,
    statement: &Statement,
    limits: Limits,
) -> Result<Rows, AskError> {
    let query = statement.query();
    let mut rows = match statement {
        Statement::ShowPlan(query) => Rows::of_lines("plan", &query.to_string()),
        Statement::Record(kind, query) => {
            let cache = caches.backend_of(query.cache()).await?;
            let among = Among::Where(query.filter().clone());
            let record = cache.aggregate(among, Aggregator::Record(*kind)).await?;
            Rows::of_record(&record)?
        }
        Statement::Select(_) => {
            let cache = caches.backend_of(query.cache()).await?;
            select(&cache, query, limits).await?
        }
    };
    if let Some(limit) = limits.rows {
        rows.truncate(limit);
    }
    Ok(rows)
}

async fn select(cache: &Arc<dyn CacheBackend>, query: &Query, limits: Limits) -> Result<Rows, AskError> {
    let bytes_max = limits.bytes_max;
    let aggregator = match query.aggregator() {
        Some(aggregator) if !query.reads_entries() => aggregator,
        _ => return rows_of_entries(cache, query, limits).await,
    };
    let answer = cache
        .aggregate(Among::Where(query.filter().clone()), aggregator)
        .await?;
    if answer.bytes().len() > bytes_max {
        return Err(AskError::TooLarge { bytes_max });
    }
    Ok(query.rows_of_answer(&answer)?)
}

/// The rows of the entries that a query selects, as many as are enough. The entries come some at a time, and of each only
/// what the rows are made of is kept.
async fn rows_of_entries(
    cache: &Arc<dyn CacheBackend>,
    query: &Query,
    limits: Limits,
) -> Result<Rows, AskError> {
    let contents = match (query.needs_keys(), query.needs_values()) {
        (true, false) => QueryContents::Keys,
        (false, true) => QueryContents::Values,
        _ => QueryContents::Entries,
    };
    let any_rows_will_do = query.order().next().is_none();
    let enough = limits.rows.filter(|_| any_rows_will_do);
    let mut rows = query.collect();
    if enough == Some(0) {
        return Ok(rows.rows()?);
    }
    let mut parts = cache.query(CacheQuery {
        filter: query.filter().clone(),
        contents,
        order: None,
    });
    while let Some(part) = parts.try_next().await? {
        if take(&mut rows, part, (enough, limits.bytes_max))?.is_break() {
            break;
        }
    }
    Ok(rows.rows()?)
}

/// Takes some entries, and breaks when there are enough.
fn take(
    rows: &mut EntryRows<'_>,
    part: Selected,
    (enough, bytes_max): (Option<usize>, usize),
) -> Result<ControlFlow<()>, AskError> {
    for (key, value) in part {
        rows.take(&QueryEntry::of_parts(key.as_ref(), value.as_ref()))?;
        if rows.bytes() > bytes_max {
            return Err(AskError::TooLarge { bytes_max });
        }
        if enough.is_some_and(|enough| rows.len() >= enough) {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
