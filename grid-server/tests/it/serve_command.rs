//! `grid serve` and `grid config`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use crate::process::{ServerProcess, grid, run};

fn config_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The status and the body of an answer.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn the_ready_line_names_what_is_bound_and_sigterm_exits_0() {
    let mut server = ServerProcess::start(&[
        "--cluster",
        "shop",
        "--name",
        "m1",
        "--zone",
        "z1",
        "--machine",
        "host-1",
    ]);
    assert_eq!((server.field("cluster"), server.field("name")), ("shop", "m1"));
    assert!(server.field("grpc").parse::<SocketAddr>().unwrap().port() != 0);
    let http = server.field("http").to_owned();
    assert_eq!(get(&http, "/health/ready"), (200, String::new()));
    let cluster: serde_json::Value = serde_json::from_str(&get(&http, "/cluster").1).unwrap();
    assert_eq!(
        (&cluster["name"], &cluster["members"][0]["zone"]),
        (&"shop".into(), &"z1".into())
    );
    assert_eq!(cluster["members"][0]["machine"], "host-1");
    TcpStream::connect(server.field("grpc")).unwrap();
    server.signal("-TERM");
    let (status, rest, log) = server.wait();
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""), "{log}");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn flags_of_the_cluster_are_settings_like_others() {
    let arguments = [
        "config",
        "show",
        "--join",
        "a:1,b:2",
        "--join",
        "c:3",
        "--discover",
        "multicast",
        "--discover",
        "static:d:4",
        "--expect",
        "5",
        "--backups",
        "2",
        "--two-members",
        "trust-reset",
        "--accept-loss-after",
        "90s",
        "--advertise",
        "e:5",
        "--no-storage",
    ];
    let (code, shown, error) = run(&arguments);
    assert_eq!(code, 0, "{error}");
    for line in [
        "join = [\"a:1\", \"b:2\", \"c:3\"] # --join",
        "discover = [\"multicast:239.192.14.8:7574\", \"static:d:4\"] # --discover",
        "expect = 5 # --expect",
        "backups = 2 # --backups",
        "two-members = \"trust-reset\" # --two-members",
        "accept-loss-after = \"90s\" # --accept-loss-after",
        "advertise = \"e:5\" # --advertise",
        "storage = false # --no-storage",
    ] {
        assert!(
            shown.lines().any(|given| given == line),
            "{line} is missing in\n{shown}"
        );
    }
    let (code, _, error) = run(&["serve", "--expect", "3"]);
    assert_eq!(
        (
            code,
            error.contains("--expect: cluster.expect: nobody can be expected")
        ),
        (2, true),
        "{error}"
    );
}

#[test]
fn a_member_that_waits_says_so_and_stops_when_it_is_told() {
    // Nobody will ever listen there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = taken.local_addr().unwrap().to_string();
    drop(taken);
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
        "--http",
        &http,
        "--join",
        &nobody.to_string(),
    ];
    let mut member = grid(&arguments);
    let member = member
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = member.spawn().unwrap();
    while TcpStream::connect(&http).is_err() {}
    assert_eq!(get(&http, "/health/live").0, 200);
    assert_eq!(get(&http, "/health/ready").0, 503);
    assert_eq!(get(&http, "/cluster").0, 503);
    crate::process::signal(child.id(), "-TERM");
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.is_empty()),
        (Some(0), true),
        "{log}"
    );
    assert!(log.contains("before the member had joined"), "{log}");
}

#[test]
fn the_end_of_standard_input_stops_a_member_that_was_told_so() {
    let arguments = [
        "serve",
        "--stop-with-stdin",
        "--listen",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
    ];
    let mut member = grid(&arguments);
    let member = member
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = member.spawn().unwrap();
    let mut ready = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut ready).unwrap();
    assert!(ready.starts_with("ready "), "{ready}");
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("the end of standard input"), "{log}");
}

#[test]
fn sigint_exits_0_too() {
    let mut server = ServerProcess::start(&[]);
    server.signal("-INT");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    let file = config_file(
        "[member]\ndrain-timeout = \"1h\"\n[http]\nheader-timeout = \"10m\"\nrequest-timeout = \"10m\"\n",
    );
    let mut server = ServerProcess::start(&["--config", file.path().to_str().unwrap()]);
    // Half a request keeps the server from draining.
    let mut stream = TcpStream::connect(server.field("http")).unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nho").unwrap();
    assert_eq!(get(server.field("http"), "/health/live").0, 200);
    server.signal("-TERM");
    server.wait_for_log("stopping");
    server.signal("-TERM");
    assert_eq!(server.wait().0.code(), Some(143));
    drop(stream);
}

#[test]
fn a_client_that_stays_does_not_hold_a_stop_up() {
    let file = config_file("[member]\ndrain-timeout = \"200ms\"\n");
    let mut server = ServerProcess::start(&["--config", file.path().to_str().unwrap()]);
    let mut client = grid(&["cache", "load", "orders", "--address", server.field("grpc")]);
    let mut client = client
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !get(server.field("http"), "/metrics")
        .1
        .contains("grid_connections_open{edge=\"grpc\"} 1")
    {}
    server.signal("-TERM");
    let (status, _, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    drop(client.stdin.take());
    // Nothing was to be loaded: 0. The connection may have come to its end before it was ready, though: 3.
    let code = client.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, other, key) in [
        ("--grpc", "--http", "grpc.address"),
        ("--http", "--grpc", "http.address"),
    ] {
        let (code, _, error) = run(&["serve", flag, &address, other, "127.0.0.1:0"]);
        assert_eq!(code, 2);
        for part in [&address, flag, key, "another process uses this port", "port 0"] {
            assert!(error.contains(part), "{part:?} is missing in {error}");
        }
    }
}

#[test]
fn other_machines_are_kept_out_unless_that_is_accepted() {
    for flag in ["--grpc", "--http", "--listen"] {
        let (code, _, error) = run(&["serve", flag, "0.0.0.0:0"]);
        assert_eq!(code, 2, "{error}");
        assert!(
            error.contains("0.0.0.0:0") && error.contains(flag) && error.contains("--insecure"),
            "{error}"
        );
    }
    let server = ServerProcess::start(&["--listen", "0.0.0.0:0", "--insecure"]);
    // What others are told is an address that they can connect to.
    let listen: SocketAddr = server.field("listen").parse().unwrap();
    assert!(!listen.ip().is_unspecified() && listen.port() != 0, "{listen}");
}

#[test]
fn what_is_not_there_yet_is_refused() {
    let (code, _, error) = run(&["serve", "--data-dir", "data"]);
    assert_eq!(code, 2);
    assert!(error.contains("not supported yet: --data-dir"), "{error}");
    let (code, _, error) = run(&["serve", "--join", "nowhere"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("--join: cluster.join: \"nowhere\" is not HOST:PORT"),
        "{error}"
    );
}

#[test]
fn a_wrong_configuration_names_file_line_and_key() {
    let file = config_file("[cluster]\nname = \"x\"\n[grpc]\naddress = \"abc\"\n");
    let path = file.path().to_str().unwrap();
    let expected = format!("{path}:4:11: grpc.address: \"abc\" is not HOST:PORT");
    for arguments in [
        &["serve", "--config", path][..],
        &["config", "check", path],
        &["config", "show", "--config", path],
    ] {
        let (code, _, error) = run(arguments);
        assert_eq!(code, 2);
        assert!(error.contains(&expected), "{error}");
    }
    let output = grid(&["serve"]).env("GRID_HTTP_ADDRESS", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("GRID_HTTP_ADDRESS: http.address: \"x\" is not HOST:PORT"),
        "{error}"
    );
    let (code, _, error) = run(&["serve", "--config", "no-such-file.toml"]);
    assert_eq!(
        (code, error.contains("no-such-file.toml: cannot be read")),
        (2, true),
        "{error}"
    );
}

#[test]
fn the_effective_configuration_is_shown_with_its_sources() {
    let file = config_file("[cluster]\nname = \"from-file\"\n[[cache]]\nname = \"orders\"\nttl = \"10s\"\n");
    let path = file.path().to_str().unwrap();
    assert_eq!(
        run(&["config", "check", path]),
        (0, format!("{path}: no mistake\n"), String::new())
    );
    let mut command = grid(&["config", "show", "--config", path, "--http", "127.0.0.1:0"]);
    let output = command.env("GRID_GRPC_STRICT", "true").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        format!("name = \"from-file\" # {path}:2:8"),
        "strict = true # GRID_GRPC_STRICT".to_owned(),
        "address = \"127.0.0.1:0\" # --http".to_owned(),
        "address = \"127.0.0.1:1408\" # default".to_owned(),
        format!("ttl = \"10s\" # {path}:5:7"),
    ] {
        assert!(
            shown.lines().any(|given| given == line),
            "{line:?} is missing in\n{shown}"
        );
    }
    let again = config_file(&shown);
    assert_eq!(run(&["config", "check", again.path().to_str().unwrap()]).0, 0);
}

#[test]
fn usage_is_explained() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("5  the outcome is unknown"), "{help}");
    assert_eq!(run(&["no-such-command"]).0, 2);
    let (code, script, _) = run(&["completions", "bash"]);
    assert_eq!((code, script.contains("grid")), (0, true));
}
