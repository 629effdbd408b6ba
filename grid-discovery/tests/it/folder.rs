//! Members that meet in a folder.

use std::path::Path;
use std::time::{Duration, SystemTime};

use grid_discovery::Discovery;

use crate::neighbours::{Neighbour, PATIENCE, announcement, settings, until_members};

/// Waits until a condition on the folder holds.
async fn until_true(what: &str, mut holds: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "{what}: not within {PATIENCE:?}");
}

fn record(number: u16) -> String {
    let says = announcement(number);
    format!(
        r#"{{"version": 1, "cluster": "girih", "cluster_id": null, "process": "{}", "member_address": "{}",
            "grpc": null, "http": null, "started": false, "lifetime_ms": 600, "written_unix_ms": 0}}"#,
        says.process, says.member_address
    )
}

/// Writes a key that is as old as this.
fn write_old(folder: &Path, name: &str, text: &[u8], age: Duration) {
    let keys = folder.join("servers/girih");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join(name), text).unwrap();
    let file = std::fs::File::options()
        .append(true)
        .open(keys.join(name))
        .unwrap();
    #[expect(clippy::disallowed_methods, reason = "a file's age is by the system's clock")]
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test]
async fn members_and_a_client_meet_and_part_in_a_folder_that_was_not_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("made/by/them");
    let settings = settings([format!("folder:{}", folder.display()).as_str()]);
    // A client makes no folder, and waits for it.
    let client = Discovery::start(&settings, None).unwrap();
    let one = Neighbour::start(&settings, announcement(1));
    let two = Neighbour::start(&settings, announcement(2));
    let found = until_members(&client, &[1, 2]).await;
    assert_eq!(found.peers[1].announcement, Some(announcement(2)));
    until_members(&one.discovery, &[2]).await;
    until_members(&two.discovery, &[1]).await;
    let key = folder.join(format!("servers/girih/{}.json", announcement(2).process));
    assert!(key.exists());
    two.discovery.stop().await;
    assert!(!key.exists(), "a member that stops takes its key away");
    until_members(&client, &[1]).await;
}

#[tokio::test]
async fn stale_keys_are_ignored_and_cleaned_and_what_is_no_record_stays() {
    let folder = tempfile::tempdir().unwrap();
    write_old(
        folder.path(),
        "dead.json",
        record(8).as_bytes(),
        Duration::from_secs(60),
    );
    write_old(
        folder.path(),
        "notes.txt",
        b"\xff\x00 not a record",
        Duration::from_secs(60),
    );
    write_old(
        folder.path(),
        "long.json",
        &[b' '; 10_000],
        Duration::from_secs(60),
    );
    write_old(
        folder.path(),
        "foreign.json",
        record(9).replace("girih", "other").as_bytes(),
        Duration::ZERO,
    );
    let settings = settings([format!("folder:{}", folder.path().display()).as_str()]);
    let one = Neighbour::start(&settings, announcement(1));
    let two = Neighbour::start(&settings, announcement(2));
    until_members(&one.discovery, &[2]).await;
    until_members(&two.discovery, &[1]).await;
    let dead = folder.path().join("servers/girih/dead.json");
    until_true("the dead key is cleaned", || !dead.exists()).await;
    for stays in ["notes.txt", "long.json", "foreign.json"] {
        assert!(
            folder.path().join("servers/girih").join(stays).exists(),
            "{stays}"
        );
    }
    assert_eq!(one.discovery.found().borrow().peers.len(), 1);
}

#[tokio::test]
async fn a_killed_members_key_dies_though_its_clock_was_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings([format!("folder:{}", folder.path().display()).as_str()]);
    let one = Neighbour::start(&settings, announcement(1));
    // The file of a member of tomorrow, whose times make all others look old.
    write_old(folder.path(), "killed.json", record(5).as_bytes(), Duration::ZERO);
    let killed = folder.path().join("servers/girih/killed.json");
    let file = std::fs::File::options().append(true).open(&killed).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a file's age is by the system's clock")]
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400))
        .unwrap();
    let client = Discovery::start(&settings, None).unwrap();
    until_members(&client, &[1, 5]).await;
    until_members(&client, &[1]).await;
    until_members(&one.discovery, &[]).await;
    until_true("the key is cleaned", || !killed.exists()).await;
}
