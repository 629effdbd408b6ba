//! Processes that find each other in a folder, sooner or later.

use std::path::Path;

use serde_json::Value;

use crate::cluster_process::{is_node_safe, until};
use crate::process::{ServerProcess, free_address, run};

/// A member that looks in a folder.
fn member(name: &str, folder: &Path, expect: &str) -> (ServerProcess, String) {
    seeker(name, &format!("folder:{}", folder.display()), expect)
}

/// A member that looks for others in this way, and where it tells about itself.
fn seeker(name: &str, way: &str, expect: &str) -> (ServerProcess, String) {
    let http = free_address();
    let arguments = [
        "--name",
        name,
        "--discover",
        way,
        "--expect",
        expect,
        "--listen",
        &free_address(),
        "--http",
        &http,
    ];
    (ServerProcess::spawn(&arguments), http)
}

fn names(cluster: &Value) -> Vec<&str> {
    let members = cluster["members"].as_array().map_or(&[][..], Vec::as_slice);
    members
        .iter()
        .filter_map(|member| member["name"].as_str())
        .collect()
}

#[test]
fn a_member_that_waits_finds_one_that_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, first_http) = member("first", folder.path(), "2");
    first.wait_for_log("waiting for other members to be found");
    let (code, _, error) = run(&["cluster", "status", "--http", &first_http]);
    assert_ne!(code, 0, "{error}");
    let (second, second_http) = member("second", folder.path(), "2");
    let (first, second) = (first.until_ready(), second.until_ready());
    for http in [&first_http, &second_http] {
        let cluster = until(http, &["status"], |cluster| is_node_safe(cluster, 2));
        assert_eq!(names(&cluster).len(), 2, "{cluster}");
    }
    drop((first, second));
}

#[test]
fn a_member_that_was_cut_off_finds_its_cluster_where_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let old = ["cut-off", "second", "third"].map(|name| member(name, folder.path(), "3"));
    let [(cut_off, _), (mut second, second_http), (mut third, _)] =
        old.map(|(process, http)| (process.until_ready(), http));
    until(&second_http, &["status"], |cluster| is_node_safe(cluster, 3));
    let (code, _, error) = run(&[
        "cache",
        "put",
        "orders",
        "1",
        "VINET",
        "--address",
        second.field("grpc"),
    ]);
    assert_eq!(code, 0, "{error}");
    cut_off.signal("-STOP");
    until(&second_http, &["status"], |cluster| is_node_safe(cluster, 2));
    let (fourth, fourth_http) = member("fourth", folder.path(), "3");
    let fourth = fourth.until_ready();
    until(&second_http, &["status"], |cluster| is_node_safe(cluster, 3));
    // Nobody is left whose address the one that was cut off knows.
    for old in [&mut second, &mut third] {
        old.signal("-TERM");
        let (status, _, log) = old.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
    until(&fourth_http, &["status"], |cluster| names(cluster) == ["fourth"]);
    cut_off.signal("-CONT");
    let cluster = until(&fourth_http, &["status"], |cluster| is_node_safe(cluster, 2));
    assert!(names(&cluster).contains(&"cut-off"), "{cluster}");
    for member in [&cut_off, &fourth] {
        let get = ["cache", "get", "orders", "1", "--address", member.field("grpc")];
        let (code, value, error) = run(&get);
        assert_eq!((code, value.trim()), (0, "\"VINET\""), "{error}");
    }
}

/// `scripts/s3.sh` runs this beside a server that has a bucket.
#[cfg(feature = "discovery-s3")]
#[test]
fn members_that_meet_in_a_bucket_are_one_cluster() {
    let bucket = std::env::var("GRID_TEST_BUCKET");
    let bucket = bucket.expect("GRID_TEST_BUCKET names a bucket; scripts/s3.sh makes one and sets it");
    let way = format!("s3://{bucket}/processes");
    let (mut first, first_http) = seeker("first", &way, "2");
    first.wait_for_log("waiting for other members to be found");
    let (second, _) = seeker("second", &way, "2");
    let (first, second) = (first.until_ready(), second.until_ready());
    let cluster = until(&first_http, &["status"], |cluster| is_node_safe(cluster, 2));
    assert_eq!(names(&cluster).len(), 2, "{cluster}");
    drop((first, second));
}

#[cfg(not(feature = "discovery-s3"))]
#[test]
fn a_bucket_needs_a_program_that_can_look_in_one() {
    let (code, _, error) = run(&["serve", "--discover", "s3://members/girih", "--expect", "2"]);
    assert_eq!(code, 2, "{error}");
    for part in ["s3://members/girih", "discovery-s3"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
