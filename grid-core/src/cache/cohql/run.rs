//! Statements asked.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures::TryStreamExt;

use crate::cache::{Among, CacheBackend, Query as CacheQuery, QueryContents, Selected};
use crate::query::Aggregator;
use crate::query::cohql::{Query, Rows, Selection, Statement};
use crate::value::{Binary, Format};

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
    let any_rows_will_do =
        query.order().next().is_none() && !query.is_distinct() && query.selection() != Selection::Aggregates;
    let enough = limits.rows.filter(|_| any_rows_will_do);
    // Keys and whole values are as large where they are taken from entries as where they are.
    let aggregator = match query.selection() {
        Selection::Entries | Selection::Keys | Selection::Values if !query.is_distinct() => None,
        Selection::Extractors if enough.is_some() => None,
        _ => query.aggregator(),
    };
    let Some(aggregator) = aggregator else {
        let entries = entries(cache, query, (enough, limits.bytes_max)).await?;
        return Ok(query.rows_of_entries(entries.iter().map(|(key, value)| (key, value)))?);
    };
    let answer = cache
        .aggregate(Among::Where(query.filter().clone()), aggregator)
        .await?;
    if answer.bytes().len() > limits.bytes_max {
        let bytes_max = limits.bytes_max;
        return Err(AskError::TooLarge { bytes_max });
    }
    Ok(query.rows_of_answer(&answer)?)
}

/// The entries that a query selects, as many as are enough; what of them is not needed is null.
async fn entries(
    cache: &Arc<dyn CacheBackend>,
    query: &Query,
    (enough, bytes_max): (Option<usize>, usize),
) -> Result<Vec<(Binary, Binary)>, AskError> {
    let contents = match (query.needs_keys(), query.needs_values()) {
        (true, false) => QueryContents::Keys,
        (false, true) => QueryContents::Values,
        _ => QueryContents::Entries,
    };
    let mut found = Found {
        entries: Vec::new(),
        enough,
        bytes: 0,
        bytes_max,
    };
    if enough == Some(0) {
        return Ok(found.entries);
    }
    let mut parts = cache.query(CacheQuery {
        filter: query.filter().clone(),
        contents,
        order: None,
    });
    while let Some(part) = parts.try_next().await? {
        if found.take(part)?.is_break() {
            break;
        }
    }
    Ok(found.entries)
}

/// What was found so far.
struct Found {
    entries: Vec<(Binary, Binary)>,
    enough: Option<usize>,
    bytes: usize,
    bytes_max: usize,
}

impl Found {
    /// Takes some entries, and breaks when there are enough.
    fn take(&mut self, part: Selected) -> Result<ControlFlow<()>, AskError> {
        for (key, value) in part {
            if self.enough.is_some_and(|enough| self.entries.len() >= enough) {
                break;
            }
            let (key, value) = (key.unwrap_or_else(null), value.unwrap_or_else(null));
            self.bytes += key.bytes().len() + value.bytes().len();
            if self.bytes > self.bytes_max {
                let bytes_max = self.bytes_max;
                return Err(AskError::TooLarge { bytes_max });
            }
            self.entries.push((key, value));
        }
        let full = self.enough.is_some_and(|enough| self.entries.len() >= enough);
        Ok(if full {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}

fn null() -> Binary {
    Binary::new(Format::JSON, b"null".as_slice().into())
}
