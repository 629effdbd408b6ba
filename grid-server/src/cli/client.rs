//! What the commands that ask a server have in common.

use std::time::Duration;

use grid_client::Session;

use super::arguments::ClientArguments;
use super::error::CliError;

/// The longest that connecting may take, whatever `--timeout` says.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Runs a command on threads of its own, so that the session goes on while the command waits for a file.
pub(super) fn run(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CliError::Data(format!("no threads for the command: {error}")))?;
    let done = runtime.block_on(command);
    // What still waits for a terminal or a pipe must not hold the exit up.
    runtime.shutdown_background();
    done
}

/// A session with the server of the arguments.
pub(super) async fn connect(client: &ClientArguments) -> Result<Session, CliError> {
    let session = Session::builder()
        .address(&client.address.to_string())
        .connect_timeout(client.timeout.min(CONNECT_TIMEOUT_MAX))
        .request_timeout(client.timeout);
    Ok(session.connect().await?)
}
