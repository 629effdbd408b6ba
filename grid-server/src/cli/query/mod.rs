//! `grid query`.

mod input;
mod show;

use grid_core::cache::{AskError, Caches};

use super::arguments::{Output, QueryArguments, RowFormat};
use super::client::connect;
use super::error::{CliError, Effect};
use super::output::print_bytes;

pub(super) async fn run(arguments: &QueryArguments) -> Result<(), CliError> {
    let client = &arguments.client;
    let format = arguments.format.unwrap_or(match client.shown_as() {
        Output::Table => RowFormat::Table,
        Output::Json => RowFormat::Json,
    });
    // What is wrong with the text is told before any server is asked.
    let statements = input::statements(arguments)?;
    let session = connect(client).await?;
    let asked = async {
        for (at, statement) in statements.into_iter().enumerate() {
            let ask = session.ask_statement(statement);
            let ask = match arguments.limit {
                Some(limit) => ask.limit(limit),
                None => ask,
            };
            let rows = ask.await.map_err(ask_error)?;
            let mut shown = show::rows(&rows, format)?;
            // What the rows of statements have in common are lines of JSON alone.
            if at > 0 && format != RowFormat::Json {
                shown.insert(0, b'\n');
            }
            print_bytes(&shown)?;
        }
        Ok(())
    };
    let done = asked.await;
    session.close().await;
    done
}

fn ask_error(error: AskError) -> CliError {
    match error {
        AskError::Statement(error) => CliError::Usage(error.to_string()),
        AskError::Cache(error) => CliError::of_cache(&error, Effect::Reads),
        AskError::Answer(error) => CliError::Data(error.to_string()),
        other => CliError::Refused(other.to_string()),
    }
}
