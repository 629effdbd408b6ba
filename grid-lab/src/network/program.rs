//! Calls of `ip` and `nft`.

use std::io::Write;
use std::process::{Command, Stdio};

use super::NetworkError;

/// A call of a program, with what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    words: Vec<String>,
    input: String,
}

impl Program {
    /// A call, its words with single spaces between them.
    pub(super) fn new(words: &str) -> Self {
        Program {
            words: words.split(' ').map(str::to_owned).collect(),
            input: String::new(),
        }
    }

    /// What it reads on its standard input.
    pub(super) fn reading(mut self, input: impl Into<String>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end and gives what it wrote.
    pub(super) fn run(&self) -> Result<String, NetworkError> {
        let failed = |reason: String| NetworkError::Program {
            command: self.words.join(" "),
            reason,
        };
        let mut child = Command::new(&self.words[0])
            .args(&self.words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        // What is read is shorter than a pipe, so that this cannot wait for ever; a program that does not read fails.
        let written = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(self.input.as_bytes()),
            None => Ok(()),
        };
        let output = child
            .wait_with_output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(failed(format!("{} {said}", output.status)));
        }
        written.map_err(|error| failed(error.to_string()))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Runs these in a row, beside the thread that moves the clients: a load that stands still would look like a cluster
/// that does.
pub(super) async fn run_all(programs: Vec<Program>) -> Result<(), NetworkError> {
    let run =
        tokio::task::spawn_blocking(move || programs.iter().try_for_each(|program| program.run().map(drop)));
    run.await.map_err(|error| NetworkError::Program {
        command: "ip, nft".to_owned(),
        reason: error.to_string(),
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_and_writes() {
        assert_eq!(Program::new("cat").reading("a\nb").run().unwrap(), "a\nb");
    }

    #[test]
    fn a_failure_says_what_was_called_and_why() {
        let error = Program::new("cat /no/such/file").run().unwrap_err().to_string();
        assert!(
            error.starts_with("`cat /no/such/file` failed: exit status: 1"),
            "{error}"
        );
        let error = Program::new("no-such-program").run().unwrap_err().to_string();
        assert!(error.contains("no-such-program"), "{error}");
    }
}
