//! One member process, which is started again when it dies.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use grid_member::clock::Clock;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::arguments::UpArguments;
use super::Place;

/// The longest ready line that is read, in bytes.
const READY_LINE_MAX: u64 = 4 << 10;

/// How long to wait before a member that died is started again: the first time, and at most.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// After so long without an end the next pause is the first again.
const STEADY: Duration = Duration::from_mins(1);

/// How long a member may take to stop, before it is killed.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How long a member of such a cluster tries to hand its partitions over when it stops. When all stop at the same time,
/// there is nobody to take them.
const HAND_OVER_MAX: &str = "5s";

/// What becomes of a member.
#[derive(Debug)]
pub(super) enum Said {
    /// It takes requests.
    Ready(usize),
    /// It ended by itself.
    Ended(usize, String),
}

/// One member of the cluster.
pub(super) struct Member {
    pub(super) index: usize,
    pub(super) places: Arc<Vec<Place>>,
    pub(super) arguments: UpArguments,
    pub(super) say: mpsc::Sender<Said>,
    pub(super) stop: CancellationToken,
    pub(super) clock: Arc<dyn Clock>,
}

impl Member {
    /// Runs the member, again and again, until it is told to stop and has.
    pub(super) async fn keep_up(self) {
        let mut pause = PAUSE_FIRST;
        while !self.stop.is_cancelled() {
            let since = self.clock.uptime();
            let how = match self.run().await {
                Ok(None) => return,
                Ok(Some(status)) => status.to_string(),
                Err(error) => format!("it cannot be run: {error}"),
            };
            // Nobody listens any more once all are told to stop.
            let _nobody_listens = self.say.send(Said::Ended(self.index, how)).await;
            if self.clock.uptime().saturating_sub(since) > STEADY {
                pause = PAUSE_FIRST;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Runs the member once. `None` when it was told to stop.
    async fn run(&self) -> io::Result<Option<ExitStatus>> {
        let mut child = self.command()?.spawn()?;
        let output = child.stdout.take();
        // To wait for a process closes its input first, which would tell it to stop.
        let input = child.stdin.take();
        let watched = async {
            if let Some(output) = output {
                self.read(output).await?;
            }
            child.wait().await
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            ended = watched => return ended.map(Some),
        }
        drop(input);
        stop(child).await?;
        Ok(None)
    }

    /// Reads what the member prints: that it is ready, and nothing more.
    async fn read(&self, output: ChildStdout) -> io::Result<()> {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        (&mut output).take(READY_LINE_MAX).read_line(&mut line).await?;
        if line.starts_with("ready") {
            let _nobody_listens = self.say.send(Said::Ready(self.index)).await;
        }
        tokio::io::copy(&mut output, &mut tokio::io::sink()).await?;
        Ok(())
    }

    fn command(&self) -> io::Result<Command> {
        let place = &self.places[self.index];
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--stop-with-stdin", "--cluster", &self.arguments.cluster]);
        command.args(["--name", &place.name]);
        command.args(["--listen", &place.listen.to_string()]);
        command.args(["--grpc", &place.grpc.to_string()]);
        command.args(["--http", &place.http.to_string()]);
        command.args(["--backups", &self.arguments.backups.to_string()]);
        if self.places.len() > 1 {
            let all: Vec<String> = self.places.iter().map(|place| place.listen.to_string()).collect();
            command.args(["--join", &all.join(",")]);
            command.args(["--expect", &all.len().to_string()]);
        }
        if let Some(config) = &self.arguments.config {
            command.arg("--config").arg(config);
        }
        set_unless_given(&mut command, "GRID_MEMBER_HAND_OVER_TIMEOUT", HAND_OVER_MAX);
        match &self.arguments.dir {
            Some(dir) => {
                command.stderr(log(dir, &place.name)?);
            }
            // The logs of all members share the terminal.
            None => set_unless_given(&mut command, "GRID_LOG", "warn"),
        }
        // Ctrl-C goes to all processes of a group: here this one alone tells the members to stop, in order.
        command.process_group(0);
        // The member stops when its standard input ends, which it does whatever becomes of this process.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }
}

fn set_unless_given(command: &mut Command, name: &str, value: &str) {
    if std::env::var_os(name).is_none() {
        command.env(name, value);
    }
}

fn log(dir: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join(format!("{name}.log")))
}

/// Waits for a member that was told to stop, and kills it when it does not.
async fn stop(mut child: Child) -> io::Result<()> {
    if let Ok(ended) = tokio::time::timeout(STOP_MAX, child.wait()).await {
        ended?;
        return Ok(());
    }
    child.kill().await
}
