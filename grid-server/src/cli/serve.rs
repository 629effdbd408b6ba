//! `grid serve`.

use std::io::IsTerminal;
use std::process::exit;

use grid_core::processor::own::OwnAgents;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Layers, Loaded};
use crate::server::{Server, Stopped};

use super::arguments::ServeArguments;
use super::error::CliError;
use super::output;
use super::signals::Signals;

/// What `GRID_LOG` is when it is not set.
/// The members say themselves what becomes of their control group; the library's own words are for who looks into it.
const LOG_DEFAULT: &str = "info,openraft=off";

pub(super) fn run(arguments: &ServeArguments, agents: OwnAgents) -> Result<(), CliError> {
    refuse_unsupported(arguments)?;
    let loaded = load(arguments)?;
    log_to_stderr()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::Failed(format!("no threads for the server: {error}")))?;
    let done = runtime.block_on(serve(loaded.config, agents, arguments.stop_with_stdin));
    // A figure that an HTTP client asked for and no one waits for must not hold the exit up.
    runtime.shutdown_background();
    done
}

/// The configuration that these arguments, the environment and the file make.
pub(super) fn load(arguments: &ServeArguments) -> Result<Loaded, CliError> {
    let mut layers = Layers::new().environment();
    if let Some(file) = &arguments.config {
        layers = layers.read_file(file)?;
    }
    let flags = [
        ("--cluster", "cluster.name", &arguments.cluster),
        ("--expect", "cluster.expect", &arguments.expect),
        ("--backups", "cluster.backups", &arguments.backups),
        ("--two-members", "cluster.two-members", &arguments.two_members),
        (
            "--accept-loss-after",
            "cluster.accept-loss-after",
            &arguments.accept_loss_after,
        ),
        ("--name", "member.name", &arguments.name),
        ("--listen", "member.listen", &arguments.listen),
        ("--advertise", "member.advertise", &arguments.advertise),
        ("--grpc", "grpc.address", &arguments.grpc),
        ("--http", "http.address", &arguments.http),
        ("--zone", "member.zone", &arguments.zone),
        ("--rack", "member.rack", &arguments.rack),
        ("--machine", "member.machine", &arguments.machine),
        ("--role", "member.role", &arguments.role),
        (
            "--member-tls-certificate",
            "member.tls-certificate",
            &arguments.member_tls_certificate,
        ),
        ("--member-tls-key", "member.tls-key", &arguments.member_tls_key),
        (
            "--member-tls-authority",
            "member.tls-authority",
            &arguments.member_tls_authority,
        ),
        ("--member-tls-name", "member.tls-name", &arguments.member_tls_name),
    ];
    for (flag, key, given) in flags {
        if let Some(text) = given {
            layers = layers.flag(flag, key, text.clone());
        }
    }
    // A flag given several times adds to the list.
    if !arguments.join.is_empty() {
        layers = layers.flag("--join", "cluster.join", arguments.join.join(","));
    }
    if !arguments.discover.is_empty() {
        layers = layers.flag("--discover", "cluster.discover", arguments.discover.join(";"));
    }
    if arguments.no_storage {
        layers = layers.flag("--no-storage", "member.storage", "false".to_owned());
    }
    if arguments.insecure {
        layers = layers.flag("--insecure", "security.insecure", "true".to_owned());
    }
    Ok(layers.load()?)
}

/// What would promise something that is not there is refused, never ignored.
fn refuse_unsupported(arguments: &ServeArguments) -> Result<(), CliError> {
    if arguments.data_dir.is_some() {
        return Err(CliError::Usage(
            "not supported yet: --data-dir (entries are in memory only); leave it out".to_owned(),
        ));
    }
    Ok(())
}

fn log_to_stderr() -> Result<(), CliError> {
    let directives = std::env::var("GRID_LOG").unwrap_or_else(|_unset| LOG_DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&directives).map_err(|error| {
        CliError::Usage(format!(
            "GRID_LOG: {directives:?} is no filter (such as info or grid_server=debug): {error}"
        ))
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    log.try_init()
        .map_err(|error| CliError::Failed(format!("no log: {error}")))
}

/// Ready when standard input has ended, if that is to be a reason to stop.
async fn end_of_input(stop_with_stdin: bool) {
    if !stop_with_stdin {
        return std::future::pending().await;
    }
    // The thread that waits for the end may outlive the server; the process does not wait for it.
    let read =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()));
    if let Ok(Err(error)) = read.await {
        tracing::warn!(%error, "standard input cannot be read");
    }
}

async fn serve(config: Config, agents: OwnAgents, stop_with_stdin: bool) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    let mut input_ended = std::pin::pin!(end_of_input(stop_with_stdin));
    let cluster = config.cluster.name.to_string();
    let started = tokio::select! {
        biased;
        (signal, _) = signals.next() => Err(signal),
        () = input_ended.as_mut() => Err("the end of standard input"),
        started = Server::start_with(config, agents) => Ok(started?),
    };
    let mut server = match started {
        Ok(server) => server,
        Err(signal) => {
            tracing::info!(signal, "stopped before the member had joined its cluster");
            return Ok(());
        }
    };
    let (grpc, http) = (server.grpc_address(), server.http_address());
    let listen = server
        .listen_address()
        .map_or_else(|| "none".to_owned(), |address| address.to_string());
    let name = server.grid().member_name().to_owned();
    // Whoever started the server may not want to read.
    match output::print(&format!(
        "ready cluster={cluster} name={name} listen={listen} grpc={grpc} http={http}"
    )) {
        Ok(()) | Err(CliError::ClosedOutput) => {}
        Err(error) => return Err(error),
    }
    tracing::info!(%cluster, %name, %listen, %grpc, %http, "ready");
    let signal = tokio::select! {
        biased;
        (signal, _) = signals.next() => Some(signal),
        () = input_ended => Some("the end of standard input"),
        () = server.failed() => None,
    };
    match signal {
        Some(signal) => tracing::info!(
            signal,
            "stopping: partitions are handed over, requests under way are answered; once more stops at once"
        ),
        None => tracing::error!("stopping: a part of the server has failed"),
    }
    let stopped = tokio::select! {
        biased;
        (signal, code) = signals.next() => {
            tracing::warn!(signal, "stopped at once");
            exit(code)
        }
        stopped = server.shutdown() => stopped,
    };
    match stopped {
        Stopped::Drained => tracing::info!("stopped"),
        Stopped::CutOff => {
            tracing::warn!("stopped; requests that took longer than member.drain-timeout were cut off")
        }
    }
    match signal {
        Some(_) => Ok(()),
        None => Err(CliError::Failed(
            "a part of the server failed; its log says which and why".to_owned(),
        )),
    }
}
