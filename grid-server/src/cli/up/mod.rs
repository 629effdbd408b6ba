//! `grid up`: a cluster of member processes on this machine.

mod member;
mod places;

use std::sync::Arc;
use std::time::Duration;

use grid_member::clock::SystemClock;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::arguments::UpArguments;
use super::error::CliError;
use super::output;
use super::signals::Signals;
use super::table::{Column, table};

use member::{Member, Said};
use places::{Place, places};

/// How long the members may take until all are ready.
const READY_MAX: Duration = Duration::from_mins(1);

const COLUMNS: [Column; 4] = [
    ("MEMBER", "name"),
    ("GRPC", "grpc"),
    ("HTTP", "http"),
    ("LISTEN", "listen"),
];

pub(super) fn run(arguments: &UpArguments) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::Failed(format!("no threads for the command: {error}")))?;
    runtime.block_on(up(arguments))
}

async fn up(arguments: &UpArguments) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    if let Some(dir) = &arguments.dir {
        let made = std::fs::create_dir_all(dir);
        made.map_err(|error| CliError::Data(format!("{}: cannot be made: {error}", dir.display())))?;
    }
    let places = Arc::new(places(arguments)?);
    let stop = CancellationToken::new();
    let (say, mut said) = mpsc::channel(64);
    let clock = Arc::new(SystemClock::new());
    let mut members = JoinSet::new();
    for index in 0..places.len() {
        let member = Member {
            index,
            places: places.clone(),
            arguments: arguments.clone(),
            say: say.clone(),
            stop: stop.clone(),
            clock: clock.clone(),
        };
        members.spawn(member.keep_up());
    }
    // The members have the only senders from now on, so that the end of them all ends what they say.
    drop(say);
    let ready = async {
        let mut ready = vec![false; places.len()];
        while !ready.iter().all(|ready| *ready) {
            match said.recv().await {
                Some(Said::Ready(index)) => ready[index] = true,
                Some(Said::Ended(index, how)) => {
                    let name = &places[index].name;
                    return Err(CliError::Failed(format!(
                        "{name} ended before it was ready: {how}; its log says why"
                    )));
                }
                None => return Err(CliError::Failed("no member could be started".to_owned())),
            }
        }
        Ok(())
    };
    let ready = tokio::select! {
        biased;
        _ = signals.next() => None,
        ready = tokio::time::timeout(READY_MAX, ready) => Some(ready.unwrap_or_else(|_elapsed| {
            Err(CliError::Failed(format!("not all members were ready within {READY_MAX:?}; their logs say why")))
        })),
    };
    let outcome = match ready {
        // Told to stop before it was ready.
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(())) => {
            announce(&places)?;
            tell(&mut signals, &mut said, &places).await;
            Ok(())
        }
    };
    stop.cancel();
    tokio::select! {
        biased;
        (_, code) = signals.next() => {
            // The members are killed as they are dropped.
            members.abort_all();
            while members.join_next().await.is_some() {}
            std::process::exit(code);
        }
        () = async { while members.join_next().await.is_some() {} } => {}
    }
    outcome
}

fn announce(places: &[Place]) -> Result<(), CliError> {
    let rows: Vec<Value> = places
        .iter()
        .map(|place| {
            json!({
                "name": place.name, "grpc": place.grpc.to_string(), "http": place.http.to_string(),
                "listen": place.listen.to_string(),
            })
        })
        .collect();
    match output::print(&format!("{}\nready", table(&COLUMNS, &rows))) {
        // Whoever started it may not want to read.
        Ok(()) | Err(CliError::ClosedOutput) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Says what becomes of the members, until a signal comes.
async fn tell(signals: &mut Signals, said: &mut mpsc::Receiver<Said>, places: &[Place]) {
    loop {
        let told = tokio::select! {
            biased;
            (signal, _) = signals.next() => {
                output::complain(&format!("{signal}: stopping the members; once more stops at once"));
                return;
            }
            told = said.recv() => told,
        };
        match told {
            Some(Said::Ready(index)) => output::complain(&format!("{} is ready again", places[index].name)),
            Some(Said::Ended(index, how)) => {
                output::complain(&format!(
                    "{} ended: {how}; it is started again",
                    places[index].name
                ));
            }
            // Members go on until they are told to stop.
            None => return,
        }
    }
}
