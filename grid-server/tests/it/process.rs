//! The real program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;

/// The program, without anything of the environment that would configure it.
pub(crate) fn grid(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grid"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GRID_") {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

/// Runs the program to its end: its exit code, what it printed, what it complained.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    run_with_input(arguments, "")
}

pub(crate) fn run_with_input(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = grid(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read its input ends before it is written; that is its right.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// An address of this machine where nobody listens now.
pub(crate) fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// A server that gives these answers, one to a connection: its address, and what it was asked when all are given.
pub(crate) fn answering(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = move |answer: String| {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let len = stream.read(&mut request).unwrap();
        assert!(len > 0);
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..len]).into_owned()
    };
    let asked = std::thread::spawn(move || answers.into_iter().map(answer).collect());
    (address, asked)
}

/// Sends a signal to a process.
pub(crate) fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A server that runs until it is dropped.
pub(crate) struct ServerProcess {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) ready: String,
}

impl ServerProcess {
    /// Starts `grid serve` on free ports and waits for its ready line.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(arguments).until_ready()
    }

    /// Starts `grid serve` on free ports.
    pub(crate) fn spawn(arguments: &[&str]) -> Self {
        let mut command = grid(&["serve"]);
        for port in ["--grpc", "--http", "--listen"] {
            if !arguments.contains(&port) {
                command.args([port, "127.0.0.1:0"]);
            }
        }
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        ServerProcess {
            child,
            stdout,
            ready: String::new(),
        }
    }

    /// Waits for the ready line.
    pub(crate) fn until_ready(mut self) -> Self {
        let mut ready = String::new();
        self.stdout.read_line(&mut ready).unwrap();
        if !ready.starts_with("ready ") {
            let mut complaint = String::new();
            let mut stderr = self.child.stderr.take().unwrap();
            stderr.read_to_string(&mut complaint).unwrap();
            panic!("no ready line: {ready:?} {complaint}");
        }
        ready.trim_end().clone_into(&mut self.ready);
        self
    }

    /// A field of the ready line.
    pub(crate) fn field(&self, name: &str) -> &str {
        let prefix = format!("{name}=");
        let found = self.ready.split(' ').find_map(|part| part.strip_prefix(&prefix));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.ready))
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for the end: how it ended, what else was printed, and the log.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String, String) {
        let (mut rest, mut log) = (String::new(), String::new());
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest, log)
    }

    /// Waits until a line of the log has this text.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut log = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&log).contains(text) {
            assert_eq!(
                stderr.read(&mut byte).unwrap(),
                1,
                "the log ended: {}",
                String::from_utf8_lossy(&log)
            );
            log.extend(byte);
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // After `wait` it has ended, and there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
