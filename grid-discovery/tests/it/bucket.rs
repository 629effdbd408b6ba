//! Members that meet in a bucket. `scripts/s3.sh` runs these tests beside a server that has one.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use grid_discovery::{Announcement, Discovery, Settings};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::neighbours::{Neighbour, PATIENCE, announcement, settings, until, until_members};

/// A place of its own in the bucket.
struct Place {
    store: Arc<dyn ObjectStore>,
    prefix: &'static str,
    settings: Settings,
}

impl Place {
    fn new(prefix: &'static str) -> Self {
        let bucket = std::env::var("GRID_TEST_BUCKET");
        let bucket = bucket.expect("GRID_TEST_BUCKET names a bucket; scripts/s3.sh makes one and sets it");
        let store = AmazonS3Builder::from_env().with_bucket_name(&bucket);
        Place {
            store: Arc::new(store.build().unwrap()),
            prefix,
            settings: settings([format!("s3://{bucket}/{prefix}").as_str()]),
        }
    }

    fn key(&self, name: &str) -> Path {
        Path::from(format!("{}/servers/girih/{name}", self.prefix))
    }

    fn key_of(&self, says: &Announcement) -> Path {
        self.key(&format!("{}.json", says.process))
    }

    /// What is written about a member, if there is anything.
    async fn text(&self, says: &Announcement) -> Option<String> {
        let found = self.store.get(&self.key_of(says)).await.ok()?;
        Some(String::from_utf8(found.bytes().await.unwrap().to_vec()).unwrap())
    }

    async fn names(&self) -> Vec<String> {
        let keys = self.store.list(Some(&Path::from(self.prefix)));
        let keys = keys.map_ok(|object| object.location.filename().unwrap().to_owned());
        let mut names: Vec<String> = keys.try_collect().await.unwrap();
        names.sort_unstable();
        names
    }

    /// Waits until a condition on the names of all keys holds.
    async fn until_names(&self, what: &str, holds: impl Fn(&[String]) -> bool) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(&self.names().await) {
                ticks.tick().await;
            }
        });
        assert!(waited.await.is_ok(), "{what}: not within {PATIENCE:?}");
    }
}

#[tokio::test]
async fn members_and_a_client_meet_and_part_in_a_bucket() {
    let place = Place::new("meet/and/part");
    let client = Discovery::start(&place.settings, None).unwrap();
    let one = Neighbour::start(&place.settings, announcement(1));
    let two = Neighbour::start(&place.settings, announcement(2));
    let found = until_members(&client, &[1, 2]).await;
    assert_eq!(found.peers[1].announcement, Some(announcement(2)));
    until_members(&one.discovery, &[2]).await;
    until_members(&two.discovery, &[1]).await;
    // What a member says of itself comes through, too.
    one.says.send_modify(|says| says.started = true);
    let is_started = |says: &Announcement| says.started;
    until(&two.discovery, |found| {
        found
            .peers
            .iter()
            .filter_map(|peer| peer.announcement.as_ref())
            .any(is_started)
    })
    .await;
    two.discovery.stop().await;
    assert_eq!(
        place.text(&announcement(2)).await,
        None,
        "a member that stops takes its key away"
    );
    until_members(&client, &[1]).await;
}

#[tokio::test]
async fn members_keep_their_keys_in_a_bucket_alive() {
    let place = Place::new("alive");
    let one = Neighbour::start(&place.settings, announcement(1));
    let client = Discovery::start(&place.settings, None).unwrap();
    until_members(&client, &[1]).await;
    let first = place.text(&announcement(1)).await.expect("its key");
    let mut found = client.found();
    found.mark_unchanged();
    // It is found all the while, for longer than a key counts that is not written again.
    let lifetime = place.settings.timing.directory_lifetime;
    let lost = tokio::time::timeout(lifetime * 4, found.wait_for(|found| found.peers.is_empty())).await;
    assert!(lost.is_err(), "it was lost");
    let later = place.text(&announcement(1)).await.expect("its key");
    assert_ne!(first, later, "it is written again and again");
    drop(one);
}

#[tokio::test]
async fn stale_keys_of_a_bucket_are_ignored_and_taken_away() {
    let place = Place::new("stale");
    let dead = announcement(8);
    let record = format!(
        r#"{{"version": 1, "cluster": "girih", "cluster_id": null, "process": "{}", "member_address": "{}",
            "grpc": null, "http": null, "started": false, "lifetime_ms": 600, "written_unix_ms": 0}}"#,
        dead.process, dead.member_address
    );
    let key = place.key_of(&dead);
    place.store.put(&key, record.into()).await.unwrap();
    place
        .store
        .put(&place.key("notes.txt"), "no record".into())
        .await
        .unwrap();
    let one = Neighbour::start(&place.settings, announcement(1));
    let two = Neighbour::start(&place.settings, announcement(2));
    // The dead one may count for as long as it takes to see that nobody writes its key.
    until_members(&one.discovery, &[2]).await;
    until_members(&two.discovery, &[1]).await;
    let dead_name = key.filename().unwrap().to_owned();
    place
        .until_names("the dead key is taken away", |names| !names.contains(&dead_name))
        .await;
    let names = place.names().await;
    assert!(names.contains(&"notes.txt".to_owned()), "{names:?}");
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_end_of_looking() {
    let place = Place::new("other");
    let settings = settings(["s3://no-such-bucket/x", &place.settings.sources[0].to_string()]);
    let one = Neighbour::start(&settings, announcement(1));
    let two = Neighbour::start(&settings, announcement(2));
    until_members(&one.discovery, &[2]).await;
    until_members(&two.discovery, &[1]).await;
}
