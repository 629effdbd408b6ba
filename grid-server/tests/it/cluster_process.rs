//! Clusters of real processes.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use grid_member::clock::{Clock, SystemClock};
use serde_json::Value;

use crate::process::{ServerProcess, grid, run, signal};

/// How long anything may take that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// `grid up`, until it is dropped.
struct Up {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it says of its members, line by line.
    said: Receiver<String>,
    /// The table that it printed.
    table: Vec<Vec<String>>,
}

impl Up {
    fn start(arguments: &[&str]) -> Self {
        let mut command = grid(&["up"]);
        command.args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The test may have ended.
                let _ = tell.send(line);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut table = Vec::new();
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                panic!(
                    "it ended before it was ready: {:?}",
                    said.iter().collect::<Vec<_>>()
                );
            }
            if line.trim() == "ready" {
                break;
            }
            table.push(line.split_whitespace().map(str::to_owned).collect());
        }
        Up {
            child,
            stdout,
            said,
            table,
        }
    }

    /// Waits until it says a line with this text.
    fn hears(&self, text: &str) {
        loop {
            let line = self.said.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{text:?} was not said"));
            if line.contains(text) {
                return;
            }
        }
    }

    /// An address of a member, from 1.
    fn address(&self, member: usize, column: &str) -> &str {
        let column = self.table[0].iter().position(|title| title == column).unwrap();
        &self.table[member][column]
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // After it has ended there is nothing to kill; its members end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until the answer of `grid cluster ... --json` is as it should be.
pub(crate) fn until(http: &str, arguments: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
    let mut all = vec!["cluster", "--http", http, "--json"];
    all.extend(arguments);
    let clock = SystemClock::new();
    let since = clock.uptime();
    loop {
        let (code, shown, error) = run(&all);
        if code == 0 {
            let answer = serde_json::from_str(&shown).unwrap();
            if holds(&answer) {
                return answer;
            }
        }
        assert!(
            clock.uptime() - since < PATIENCE,
            "{arguments:?}: {shown} {error}"
        );
    }
}

pub(crate) fn is_node_safe(cluster: &Value, members: usize) -> bool {
    cluster["members"].as_array().map_or(0, Vec::len) == members
        && cluster["status_ha"] != "ENDANGERED"
        && cluster["partitions"]["unassigned"] == 0
}

#[test]
fn a_local_cluster_comes_up_heals_and_stops() {
    let mut up = Up::start(&["--members", "3"]);
    assert_eq!(up.table.len(), 4, "{:?}", up.table);
    let (first, third) = (up.address(1, "HTTP").to_owned(), up.address(3, "HTTP").to_owned());
    until(&first, &["status"], |cluster| is_node_safe(cluster, 3));

    // Each member shows the same data.
    let (grpc_1, grpc_3) = (up.address(1, "GRPC").to_owned(), up.address(3, "GRPC").to_owned());
    let (code, _, error) = run(&["cache", "put", "orders", "1", "VINET", "--address", &grpc_1]);
    assert_eq!(code, 0, "{error}");
    let get = ["cache", "get", "orders", "1", "--address", &grpc_3];
    assert_eq!(run(&get).1.trim(), "\"VINET\"");

    let members = until(&third, &["members"], |members| {
        members.as_array().map_or(0, Vec::len) == 3
    });
    let primaries: u64 = members
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["primaries"].as_u64().unwrap())
        .sum();
    assert_eq!(primaries % 257, 0);
    let partitions = until(&first, &["partitions"], |_| true);
    assert_eq!(partitions[0]["partitions"].as_array().unwrap().len(), 257);
    until(&first, &["rebalance"], |rebalance| rebalance["done"] == true);
    assert!(
        run(&["cluster", "members", "--http", &first])
            .1
            .contains("member-2")
    );

    // A member that dies is started again, and takes part again.
    let killed = process_of(up.child.id(), "member-2");
    signal(killed, "-KILL");
    up.hears("member-2 ended");
    up.hears("member-2 is ready again");
    until(&first, &["status"], |cluster| is_node_safe(cluster, 3));
    assert_eq!(run(&get).1.trim(), "\"VINET\"");

    signal(up.child.id(), "-TERM");
    let status = up.child.wait().unwrap();
    let mut rest = String::new();
    up.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
    assert_eq!(
        run(&["cluster", "status", "--http", &first]).0,
        3,
        "nobody is left"
    );
}

#[test]
fn members_end_with_the_command_that_started_them() {
    let mut up = Up::start(&["--members", "1"]);
    let member = process_of(up.child.id(), "member-1");
    up.child.kill().unwrap();
    up.child.wait().unwrap();
    let clock = SystemClock::new();
    let since = clock.uptime();
    while std::fs::read_link(format!("/proc/{member}/exe")).is_ok() {
        assert!(clock.uptime() - since < PATIENCE, "the member lives on");
    }
}

/// The process of a member, among the children of the command.
fn process_of(parent: u32, name: &str) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let mut children = children
        .split_whitespace()
        .map(|child| child.parse::<u32>().unwrap());
    let found = children.find(|child| {
        let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|argument| argument == name.as_bytes())
    });
    found.unwrap_or_else(|| panic!("no process of {name}"))
}

#[test]
fn a_member_that_is_told_to_stop_hands_over_first() {
    let first = ServerProcess::start(&["--name", "first"]);
    let join = first.field("listen").to_owned();
    let mut second = ServerProcess::start(&["--name", "second", "--join", &join]);
    let http = first.field("http").to_owned();
    until(&http, &["status"], |cluster| is_node_safe(cluster, 2));
    let address = second.field("grpc").to_owned();
    let (code, _, error) = run(&["cache", "put", "orders", "1", "VINET", "--address", &address]);
    assert_eq!(code, 0, "{error}");
    second.signal("-TERM");
    let (status, _, log) = second.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("not every partition was handed over"), "{log}");
    let cluster = until(&http, &["status"], |cluster| {
        cluster["members"].as_array().map_or(0, Vec::len) == 1
    });
    assert_eq!(cluster["partitions"]["unassigned"], 0);
    let (code, value, error) = run(&["cache", "get", "orders", "1", "--address", first.field("grpc")]);
    assert_eq!((code, value.trim()), (0, "\"VINET\""), "{error}");
}

#[test]
fn a_member_is_drained_from_outside() {
    let first = ServerProcess::start(&["--name", "first"]);
    let second = ServerProcess::start(&["--name", "second", "--join", first.field("listen")]);
    let http = first.field("http").to_owned();
    until(&http, &["status"], |cluster| is_node_safe(cluster, 2));
    let (code, _, error) = run(&["cluster", "drain", "second", "--wait", "--http", &http]);
    assert_eq!(code, 0, "{error}");
    let members = until(&http, &["members"], |_| true);
    assert_eq!(
        (&members[1]["state"], &members[1]["primaries"]),
        (&"leaving".into(), &0.into())
    );
    assert_eq!(run(&["cluster", "drain", "third", "--http", &http]).0, 1);
    let (code, _, error) = run(&["cluster", "accept-loss", "partitioned-1", "--http", &http]);
    assert_eq!((code, error.contains("--yes")), (2, true), "{error}");
    let (code, told, _) = run(&[
        "cluster",
        "accept-loss",
        "partitioned-1",
        "--yes",
        "--http",
        &http,
    ]);
    assert_eq!((code, told.contains("nothing was given up")), (0, true), "{told}");
    assert_eq!(
        run(&[
            "cluster",
            "accept-loss",
            "partitioned-1",
            "3",
            "--yes",
            "--http",
            &http
        ])
        .0,
        4
    );
    assert_eq!(
        run(&["cluster", "accept-loss", "nothing", "--yes", "--http", &http]).0,
        1
    );
    drop(second);
}

#[test]
fn a_cluster_of_none_is_a_mistake() {
    assert_eq!(run(&["up", "--members", "0"]).0, 2);
    assert_eq!(run(&["up", "--backups", "4"]).0, 2);
    assert_eq!(run(&["cluster", "status", "--http", "127.0.0.1:1"]).0, 3);
    assert_eq!(run(&["cluster", "drain", "1", "--http", "127.0.0.1:1"]).0, 3);
}
