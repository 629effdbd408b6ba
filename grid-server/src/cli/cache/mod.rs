//! `grid cache`.

mod dump;
mod entry;
mod indexes;
mod load;
mod progress;
mod whole;

use super::arguments::{CacheArguments, CacheCommand};
use super::client::connect;
use super::error::{CliError, Effect};

pub(super) async fn run(arguments: &CacheArguments) -> Result<(), CliError> {
    let client = &arguments.client;
    if let CacheCommand::Indexes { name, check } = &arguments.command {
        return indexes::run(client, name.as_deref(), *check).await;
    }
    let (CacheCommand::Get { name, .. }
    | CacheCommand::Put { name, .. }
    | CacheCommand::Remove { name, .. }
    | CacheCommand::Size { name }
    | CacheCommand::Clear { name, .. }
    | CacheCommand::Dump { name, .. }
    | CacheCommand::Load { name, .. }) = &arguments.command
    else {
        return whole::list(client).await;
    };
    // What is wrong with the arguments is told before any server is asked.
    let operation = entry::Operation::read(&arguments.command)?;
    if let CacheCommand::Clear { yes, .. } = &arguments.command {
        whole::confirm_clear(name, *yes)?;
    }
    let session = connect(client).await?;
    let opened = session.backend(name).await;
    let cache = opened.map_err(|error| CliError::of_cache(&error, Effect::Reads))?;
    let done = match (&arguments.command, operation) {
        (_, Some(operation)) => operation.run(&*cache, client.shown_as()).await,
        (CacheCommand::Size { .. }, None) => whole::size(&*cache).await,
        (CacheCommand::Clear { .. }, None) => whole::clear(&*cache).await,
        (CacheCommand::Dump { file, .. }, None) => dump::run(&*cache, file).await,
        (CacheCommand::Load { file, ttl, batch, .. }, None) => {
            load::run(&*cache, file, *ttl, *batch, client.shown_as()).await
        }
        _ => Ok(()),
    };
    session.close().await;
    done
}
