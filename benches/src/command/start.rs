//! `grid-bench start`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use grid_client::Session;
use grid_core::cache::NamedCache;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::arguments::{Output, StartArguments};
use crate::clock;
use crate::report;

use super::runtime;

/// How often a server that does not tell when it is ready is tried.
const TRY_PERIOD: Duration = Duration::from_millis(2);

/// How long each start took.
#[derive(Debug, Serialize)]
struct Starts {
    first_answer_ms: Vec<f64>,
    median_ms: f64,
}

pub(super) fn start(arguments: &StartArguments) -> Result<()> {
    let runtime = runtime()?;
    let mut first_answer_ms = Vec::new();
    for _ in 0..arguments.times {
        let took = runtime.block_on(start_once(arguments))?;
        first_answer_ms.push(took.as_secs_f64() * 1e3);
    }
    let median_ms = report::median(first_answer_ms.iter().copied()).context("it was never started")?;
    match arguments.output {
        Output::Json => report::json(&Starts {
            first_answer_ms,
            median_ms,
        }),
        Output::Table => {
            let each: Vec<String> = first_answer_ms.iter().map(|ms| format!("{ms:.1}")).collect();
            let text = format!(
                "first answer after {median_ms:.1} ms (median of {})",
                each.join(", ")
            );
            Ok(report::line(&text)?)
        }
    }
}

async fn start_once(arguments: &StartArguments) -> Result<Duration> {
    let (program, rest) = arguments.server.split_first().context("no command")?;
    let began = clock::now();
    let mut server = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(if arguments.address.is_some() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let answered = async {
        match &arguments.address {
            Some(address) => first_answer_of(&mut server, address).await,
            None => get(&ready_address(&mut server).await?).await,
        }
    };
    let answered = tokio::time::timeout(arguments.timeout, answered).await;
    let took = clock::now().duration_since(began);
    server.kill().await.context("the server cannot be stopped")?;
    answered.with_context(|| format!("no answer within {:?}", arguments.timeout))??;
    Ok(took)
}

/// The address in the line that a server prints when it is ready.
async fn ready_address(server: &mut Child) -> Result<String> {
    let output = server.stdout.take().context("the server's output is not open")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = address_of(&line) {
            return Ok(address.to_owned());
        }
    }
    bail!("the server ended, or closed its output, before it printed a line with ready and grpc=HOST:PORT")
}

fn address_of(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    (words.next() == Some("ready")).then(|| words.find_map(|word| word.strip_prefix("grpc=")))?
}

/// Tries until there is an answer.
async fn first_answer_of(server: &mut Child, address: &str) -> Result<()> {
    while get(address).await.is_err() {
        if let Some(status) = server.try_wait()? {
            bail!("the server ended ({status}) before it answered");
        }
        tokio::time::sleep(TRY_PERIOD).await;
    }
    Ok(())
}

/// One get, with a connection of its own.
async fn get(address: &str) -> Result<()> {
    let session = Session::connect(address).await?;
    let cache = session.cache::<String, String>("bench-start").await?;
    cache.get("key:000000000000").await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_in_the_ready_line() {
        assert_eq!(
            address_of("ready cluster=grid name=a grpc=127.0.0.1:41 http=127.0.0.1:42"),
            Some("127.0.0.1:41")
        );
        assert_eq!(address_of("starting grpc=127.0.0.1:41"), None);
        assert_eq!(address_of("ready"), None);
    }
}
