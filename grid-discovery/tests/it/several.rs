//! Several sources at once.

use grid_discovery::Discovery;

use crate::neighbours::{Neighbour, announcement, group, settings, until, until_members};

#[tokio::test]
async fn what_sources_know_of_one_member_is_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let (group, folder) = (group(), format!("folder:{}", folder.path().display()));
    let list = "static:127.0.0.1:7001,127.0.0.1:7004";
    let by_both = settings([group.as_str(), folder.as_str()]);
    let one = Neighbour::start(&by_both, announcement(1));
    let two = Neighbour::start(&settings([group.as_str()]), announcement(2));
    let three = Neighbour::start(&settings([folder.as_str()]), announcement(3));
    let client = Discovery::start(&settings([list, group.as_str(), folder.as_str()]), None).unwrap();
    until_members(&client, &[1, 2, 3, 4]).await;
    let found = until(&client, |found| found.peers[0].sources.len() == 3).await;
    let sources: Vec<_> = found.peers.iter().map(|peer| peer.sources.len()).collect();
    assert_eq!(sources, [3, 1, 1, 1]);
    assert_eq!(found.peers[0].announcement, Some(announcement(1)));
    assert_eq!(found.peers[3].announcement, None);
    // A member that is gone from two sources stays by the third.
    one.discovery.stop().await;
    until(&client, |found| found.peers[0].sources.len() == 1).await;
    two.discovery.stop().await;
    three.discovery.stop().await;
    until_members(&client, &[1, 4]).await;
    client.stop().await;
}
