//! One member.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout};

use super::ProcessError;

/// How many bytes of a log are shown when a member fails.
const TAIL_LEN: usize = 2_000;

/// Where a member is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// By other members.
    pub listen: SocketAddr,
    /// By gRPC clients.
    pub grpc: SocketAddr,
    /// By HTTP clients.
    pub http: SocketAddr,
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It ends at once.
    Kill,
    /// It is asked to end.
    Terminate,
    /// It stands still.
    Stop,
    /// It goes on.
    Continue,
}

impl Signal {
    fn of_system(self) -> rustix::process::Signal {
        match self {
            Signal::Kill => rustix::process::Signal::KILL,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Stop => rustix::process::Signal::STOP,
            Signal::Continue => rustix::process::Signal::CONT,
        }
    }
}

/// The process of a member, from one start to the next. It is killed when this is dropped.
#[derive(Debug)]
pub struct Member {
    number: usize,
    log: PathBuf,
    child: Option<Child>,
    /// What the member says after it was ready goes nowhere; the pipe is kept so that it can.
    output: Option<BufReader<ChildStdout>>,
}

impl Member {
    /// A member that does not run. Its messages of all its lives go to `m<number>.log` in this folder.
    #[must_use]
    pub fn new(number: usize, folder: &Path) -> Self {
        Member {
            number,
            log: folder.join(format!("m{number}.log")),
            child: None,
            output: None,
        }
    }

    /// Its number; members count from 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Where its messages are.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The number of its process, while there is one that was not waited for.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    fn system(&self, what: &'static str) -> impl FnOnce(io::Error) -> ProcessError + use<> {
        let member = self.number;
        move |error| ProcessError::System { member, what, error }
    }

    /// Starts the process. It is not ready yet.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, mut command: Command) -> Result<(), ProcessError> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log: File = log.map_err(self.system("its log cannot be opened"))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log));
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(self.system("it cannot be started"))?;
        self.output = child.stdout.take().map(BufReader::new);
        self.child = Some(child);
        Ok(())
    }

    /// Waits for the line that says that it is ready, and gives what that names, such as `grpc` and its address.
    ///
    /// # Errors
    /// When it ends before, or is not ready in time.
    pub async fn ready(&mut self, within: Duration) -> Result<BTreeMap<String, String>, ProcessError> {
        let not_running = ProcessError::NotRunning { member: self.number };
        let (Some(child), Some(output)) = (&mut self.child, &mut self.output) else {
            return Err(not_running);
        };
        let line = async {
            let mut line = String::new();
            while output.read_line(&mut line).await? > 0 {
                if let Some(named) = named(&line) {
                    return Ok(Some(named));
                }
                line.clear();
            }
            Ok(None)
        };
        let (member, log) = (self.number, self.log.clone());
        match tokio::time::timeout(within, line).await {
            Err(_elapsed) => Err(ProcessError::Late {
                member,
                what: "was not ready",
                after: within,
                log,
            }),
            Ok(Err(error)) => Err(ProcessError::System {
                member,
                what: "its output cannot be read",
                error,
            }),
            Ok(Ok(Some(named))) => Ok(named),
            Ok(Ok(None)) => {
                let status = tokio::time::timeout(within, child.wait()).await;
                let status = match status {
                    Ok(Ok(status)) => status.to_string(),
                    Ok(Err(error)) => error.to_string(),
                    Err(_elapsed) => "it closed its output".to_owned(),
                };
                let tail = tail(&log);
                Err(ProcessError::Ended {
                    member,
                    status,
                    log,
                    tail,
                })
            }
        }
    }

    /// Sends its process a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let process = self
            .process()
            .and_then(|process| i32::try_from(process).ok())
            .and_then(Pid::from_raw);
        let Some(process) = process else {
            return Err(ProcessError::NotRunning { member: self.number });
        };
        kill_process(process, signal.of_system())
            .map_err(io::Error::from)
            .map_err(self.system("it cannot be signalled"))
    }

    /// Waits until its process has ended; whether with 0.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn ended(&mut self, within: Duration) -> Result<bool, ProcessError> {
        let Some(child) = &mut self.child else {
            return Err(ProcessError::NotRunning { member: self.number });
        };
        match tokio::time::timeout(within, child.wait()).await {
            Err(_elapsed) => Err(ProcessError::Late {
                member: self.number,
                what: "did not end",
                after: within,
                log: self.log.clone(),
            }),
            Ok(Err(error)) => Err(self.system("it cannot be waited for")(error)),
            Ok(Ok(status)) => {
                self.child = None;
                self.output = None;
                Ok(status.success())
            }
        }
    }

    /// Whether it ended without having been waited for: a process that nothing was done to must not.
    pub fn has_failed(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))))
    }
}

/// What a line says that a member prints when it is ready; `None` for any other line.
fn named(line: &str) -> Option<BTreeMap<String, String>> {
    let mut words = line.split_whitespace();
    (words.next() == Some("ready")).then(|| {
        words
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    })
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL_LEN)..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_ready_member_names_its_addresses() {
        let said = named("ready cluster=girih name=m1 grpc=127.0.0.1:1408 http=127.0.0.1:6676\n").unwrap();
        assert_eq!(said["grpc"], "127.0.0.1:1408");
        assert_eq!(named("already here\n"), None);
    }
}
