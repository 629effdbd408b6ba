//! `grid status` and `grid cache`, against the real server.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use crate::process::{ServerProcess, answering, free_address, grid, run_with_input};

pub(crate) struct Shell {
    pub(crate) server: ServerProcess,
}

impl Shell {
    pub(crate) fn start() -> Self {
        Shell {
            server: ServerProcess::start(&[]),
        }
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let addresses = [
            "--address",
            self.server.field("grpc"),
            "--http",
            self.server.field("http"),
        ];
        arguments.iter().copied().chain(addresses).collect()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        run_with_input(&self.arguments(arguments), input)
    }

    /// What a command prints that works.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let (code, printed, error) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {error}");
        printed
    }
}

#[test]
fn entries_are_put_got_and_removed() {
    let shell = Shell::start();
    assert_eq!(
        shell.ok(&[
            "cache",
            "put",
            "orders",
            "10248",
            "{\"customer\":\"VINET\",\"sum\":440.00}"
        ]),
        ""
    );
    assert_eq!(
        shell.ok(&["cache", "get", "orders", "10248"]),
        "{\"customer\":\"VINET\",\"sum\":440.00}\n"
    );
    assert_eq!(
        shell.ok(&[
            "cache",
            "put",
            "orders",
            "VINET",
            "-123456789012345678901234567890.10"
        ]),
        ""
    );
    assert_eq!(
        shell.ok(&["cache", "get", "orders", "\"VINET\""]),
        "-123456789012345678901234567890.10\n"
    );
    assert_eq!(
        shell.ok(&["cache", "put", "orders", "VINET", "x"]),
        "-123456789012345678901234567890.10\n"
    );
    assert_eq!(
        shell.ok(&["cache", "put", "orders", "-1", "new", "--output", "json"]),
        "null\n"
    );
    assert_eq!(shell.ok(&["cache", "size", "orders"]), "3\n");
    assert_eq!(shell.ok(&["cache", "remove", "orders", "VINET"]), "\"x\"\n");
    for command in ["get", "remove"] {
        let (code, printed, error) = shell.run(&["cache", command, "orders", "VINET"]);
        assert_eq!((code, printed.as_str()), (1, ""));
        assert!(
            error.contains("the cache \"orders\" has no key \"VINET\""),
            "{error}"
        );
    }
}

#[test]
fn a_time_to_live_ends_an_entry() {
    let shell = Shell::start();
    shell.ok(&["cache", "put", "short", "1", "1", "--ttl", "1ms"]);
    while shell.run(&["cache", "get", "short", "1"]).0 == 0 {}
    shell.ok(&["cache", "put", "short", "2", "2", "--ttl", "1h"]);
    assert_eq!(shell.ok(&["cache", "get", "short", "2"]), "2\n");
}

#[test]
fn wrong_arguments_exit_2_and_say_what_is_right() {
    let shell = Shell::start();
    for (arguments, part) in [
        (&["cache", "put", "orders", "{\"a\":", "1"][..], "is no JSON"),
        (&["cache", "get", "", "1"], "a cache name cannot be empty"),
        (
            &["cache", "put", "orders", "1", "1", "--ttl", "soon"],
            "is not a time",
        ),
        (
            &["cache", "put", "orders", "1", "1", "--ttl", "0s"],
            "out of range",
        ),
        (&["cache", "clear", "orders"], "--yes"),
    ] {
        let (code, _, error) = shell.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert!(error.contains(part), "{part:?} is missing in {error}");
    }
}

#[test]
fn a_dump_loads_again_exactly() {
    let shell = Shell::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.jsonl");
    let path = file.to_str().unwrap();
    let lines: String = (0..2_500)
        .map(|n| format!("{{\"key\":{n},\"value\":{{\"n\":{n}.50,\"b\":1,\"a\":2}}}}\n"))
        .collect();
    let (code, printed, error) = shell.run_with_input(&["cache", "load", "big", "--batch", "700"], &lines);
    assert_eq!((code, printed.as_str()), (0, "2500 entries loaded\n"), "{error}");
    assert_eq!(shell.ok(&["cache", "dump", "big", path]), "");
    assert!(!folder.path().join("dump.jsonl.partial").exists());
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&std::fs::read_to_string(&file).unwrap()), sorted(&lines));
    assert_eq!(shell.ok(&["cache", "clear", "big", "--yes"]), "");
    assert_eq!(shell.ok(&["cache", "size", "big"]), "0\n");
    let loaded = shell.ok(&["cache", "load", "big", path, "--output", "json", "--ttl", "1h"]);
    assert_eq!(loaded, "{\"loaded\":2500}\n");
    assert_eq!(sorted(&shell.ok(&["cache", "dump", "big"])), sorted(&lines));
}

#[test]
fn a_wrong_line_is_named() {
    let shell = Shell::start();
    let input = "{\"key\":1,\"value\":1}\n\n{\"key\":1,\"value\":2}\n{\"key\":2}\n";
    let (code, _, error) = shell.run_with_input(&["cache", "load", "c"], input);
    assert_eq!(code, 6, "{error}");
    assert!(error.contains("-:4: missing field `value`"), "{error}");
    assert!(error.contains("1 entries were loaded before"), "{error}");
    let (code, _, error) = shell.run(&["cache", "load", "c", "no-such-file.jsonl"]);
    assert_eq!(
        (code, error.contains("no-such-file.jsonl: cannot be read")),
        (6, true),
        "{error}"
    );
}

#[test]
fn a_key_that_comes_twice_has_its_last_value() {
    let shell = Shell::start();
    let input = "{\"key\":{\"a\":1,\"b\":2},\"value\":1}\n{\"key\":{\"b\":2,\"a\":1},\"value\":2}\n";
    assert_eq!(shell.run_with_input(&["cache", "load", "c"], input).0, 0);
    assert_eq!(shell.ok(&["cache", "get", "c", "{\"a\":1,\"b\":2}"]), "2\n");
    assert_eq!(shell.ok(&["cache", "size", "c"]), "1\n");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shell = Shell::start();
    let lines: String = (0..20_000)
        .map(|n| format!("{{\"key\":{n},\"value\":\"{}\"}}\n", "x".repeat(50)))
        .collect();
    assert_eq!(shell.run_with_input(&["cache", "load", "big"], &lines).0, 0);
    let mut command = grid(&shell.arguments(&["cache", "dump", "big"]));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap().as_str()
        ),
        (Some(0), "")
    );
}

#[test]
fn the_cluster_and_its_caches_are_shown() {
    let shell = Shell::start();
    shell.ok(&["cache", "put", "orders", "1", "1"]);
    let status = shell.ok(&["status"]);
    assert!(
        status.starts_with("cluster girih: ENDANGERED, leader 1, epoch "),
        "{status}"
    );
    assert!(status.contains(shell.server.field("listen")), "{status}");
    let status: serde_json::Value = serde_json::from_str(&shell.ok(&["status", "--output", "json"])).unwrap();
    assert_eq!(status["partitions"]["count"], 257);
    let list = shell.ok(&["cache", "list"]);
    assert!(
        list.lines()
            .any(|line| line.contains("orders") && line.contains("partitioned")),
        "{list}"
    );
    let list: serde_json::Value =
        serde_json::from_str(&shell.ok(&["cache", "list", "--output", "json"])).unwrap();
    assert_eq!(
        (&list[0]["name"], &list[0]["entries"]),
        (&"orders".into(), &1.into())
    );
}

#[test]
fn a_server_that_is_not_there_exits_3() {
    let free = free_address();
    for arguments in [
        &["status", "--http", &free][..],
        &["cache", "list", "--http", &free],
        &["cache", "get", "orders", "1", "--address", &free],
    ] {
        let (code, printed, error) = run_with_input(arguments, "");
        assert_eq!((code, printed.as_str()), (3, ""), "{error}");
        assert!(error.contains(&free), "{error}");
    }
}

#[test]
fn an_answer_that_is_none_of_ours_exits_4() {
    let (address, other) = answering(vec![
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhey!".to_owned(),
    ]);
    for part in ["answered 404", "is no JSON"] {
        let (code, _, error) = run_with_input(&["status", "--http", &address], "");
        assert_eq!(code, 4, "{error}");
        assert!(error.contains(part) && error.contains("/cluster"), "{error}");
    }
    assert_eq!(other.join().unwrap().len(), 2);
}

#[test]
fn a_server_that_does_not_answer_exits_3_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for (command, flag) in [
        (&["status"][..], "--http"),
        (&["cache", "size", "orders"], "--address"),
    ] {
        let arguments: Vec<&str> = command
            .iter()
            .copied()
            .chain([flag, &address, "--timeout", "200ms"])
            .collect();
        let (code, _, error) = run_with_input(&arguments, "");
        assert_eq!(code, 3, "{error}");
        assert!(error.contains(&address), "{error}");
    }
}
