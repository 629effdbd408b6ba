//! Commands on caches as wholes.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use grid_core::cache::CacheBackend;

use super::super::arguments::{ClientArguments, Output};
use super::super::error::{CliError, Effect};
use super::super::http_request::get_json;
use super::super::output::print;
use super::super::table::{Column, table};

const COLUMNS: [Column; 9] = [
    ("CACHE", "name"),
    ("KIND", "kind"),
    ("ENTRIES", "entries"),
    ("BYTES", "bytes"),
    ("INDEX BYTES", "index_bytes"),
    ("HITS", "hits"),
    ("MISSES", "misses"),
    ("PUTS", "puts"),
    ("REMOVES", "removes"),
];

pub(super) async fn list(client: &ClientArguments) -> Result<(), CliError> {
    let caches = get_json(client, "/caches").await?;
    match client.shown_as() {
        Output::Json => print(&caches.to_string()),
        Output::Table => print(&table(&COLUMNS, caches.as_array().map_or(&[], Vec::as_slice))),
    }
}

/// A bare number, which is JSON too.
pub(super) async fn size(cache: &dyn CacheBackend) -> Result<(), CliError> {
    let size = cache
        .size()
        .await
        .map_err(|error| CliError::of_cache(&error, Effect::Reads))?;
    print(&size.to_string())
}

pub(super) async fn clear(cache: &dyn CacheBackend) -> Result<(), CliError> {
    cache
        .clear()
        .await
        .map_err(|error| CliError::of_cache(&error, Effect::Changes))
}

/// Asks whether to clear; without a terminal to ask at, only `--yes` allows it.
pub(super) fn confirm_clear(name: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(CliError::Usage(
            "clear removes every entry; add --yes to say that you mean it".to_owned(),
        ));
    }
    let failed = |error: std::io::Error| CliError::Data(format!("no answer from the terminal: {error}"));
    write!(stderr(), "Remove every entry of {name:?}? [y/N] ")
        .and_then(|()| stderr().flush())
        .map_err(failed)?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(CliError::Usage("nothing was removed".to_owned()))
}
