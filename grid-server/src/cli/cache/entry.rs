//! Commands on one entry.

use std::num::NonZeroU64;
use std::time::Duration;

use grid_core::cache::CacheBackend;
use grid_core::store::{Command, TimeToLive};
use grid_core::value::{Binary, Key};

use super::super::arguments::{CacheCommand, Output};
use super::super::error::{CliError, Effect};
use super::super::json_text::{on_one_line, read, read_key};
use super::super::output::print;

/// What to do with one entry.
pub(super) enum Operation {
    Get(Key),
    Put(Key, Binary, TimeToLive),
    Remove(Key),
}

/// A time to live as the store takes it.
pub(super) fn ttl_of(ttl: Option<Duration>) -> TimeToLive {
    let ms = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    ms.and_then(NonZeroU64::new)
        .map_or(TimeToLive::CacheDefault, TimeToLive::After)
}

impl Operation {
    /// Reads the key and the value; `None` for a command on the whole cache.
    pub(super) fn read(command: &CacheCommand) -> Result<Option<Self>, CliError> {
        Ok(Some(match command {
            CacheCommand::Get { key, .. } => Operation::Get(read_key(key)?),
            CacheCommand::Put { key, value, ttl, .. } => {
                Operation::Put(read_key(key)?, read(value)?, ttl_of(*ttl))
            }
            CacheCommand::Remove { key, .. } => Operation::Remove(read_key(key)?),
            _ => return Ok(None),
        }))
    }

    pub(super) async fn run(self, cache: &dyn CacheBackend, output: Output) -> Result<(), CliError> {
        match self {
            Operation::Get(key) => {
                let value = cache.get(key.clone()).await;
                let value = value.map_err(|error| CliError::of_cache(&error, Effect::Reads))?;
                print(&shown(&value.ok_or_else(|| not_found(cache, &key))?)?)
            }
            Operation::Remove(key) => {
                let before = update(cache, key.clone(), Command::Remove).await?;
                print(&shown(&before.ok_or_else(|| not_found(cache, &key))?)?)
            }
            Operation::Put(key, value, ttl) => {
                let before = update(cache, key, Command::Put { value, ttl }).await?;
                match (before, output) {
                    (Some(before), _) => print(&shown(&before)?),
                    (None, Output::Json) => print("null"),
                    (None, Output::Table) => Ok(()),
                }
            }
        }
    }
}

async fn update(cache: &dyn CacheBackend, key: Key, command: Command) -> Result<Option<Binary>, CliError> {
    let updated = cache.update(key, command, true).await;
    Ok(updated
        .map_err(|error| CliError::of_cache(&error, Effect::Changes))?
        .previous)
}

fn not_found(cache: &dyn CacheBackend, key: &Key) -> CliError {
    let key = String::from_utf8_lossy(key.spelling().bytes()).into_owned();
    CliError::NotFound(format!("the cache {:?} has no key {key}", cache.name().as_str()))
}

fn shown(value: &Binary) -> Result<String, CliError> {
    on_one_line(value).map_err(|reason| CliError::Data(format!("the value cannot be shown: {reason}")))
}
