//! `grid-echo`: answers the grid's gRPC protocol from a constant, to show how fast a server could be.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use grid_bench::echo::Echo;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers version 1 of the grid's gRPC protocol from a constant: every key has the same value, puts are forgotten.
#[derive(Debug, Parser)]
#[command(name = "grid-echo", version)]
struct Arguments {
    /// Where to listen; port 0 takes any that is free.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:1408")]
    grpc: SocketAddr,
    /// The length of the constant value, as JSON text, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(2..=16 << 20))]
    value_size: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.grpc)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.grpc))?;
    let address = listener.local_addr()?;
    grid_bench::report::line(&format!("ready echo grpc={address}"))?;
    let echo = Echo::new(usize::try_from(arguments.value_size)?);
    tokio::select! {
        served = echo.serve(listener) => served.context("the echo failed"),
        stopped = stop_signal() => stopped,
    }
}

async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
