//! Members that meet by multicast on one machine.

use std::net::UdpSocket;

use grid_core::membership::ClusterId;
use grid_discovery::{Discovery, Settings};

use crate::neighbours::{Neighbour, announcement, group, group_address, settings, until, until_members};

#[tokio::test]
async fn two_members_and_a_client_on_one_machine_find_each_other() {
    let settings = settings([group().as_str()]);
    let one = Neighbour::start(&settings, announcement(1));
    let two = Neighbour::start(&settings, announcement(2));
    let client = Discovery::start(&settings, None).unwrap();
    let found = until_members(&one.discovery, &[2]).await;
    assert_eq!(found.peers[0].announcement, Some(announcement(2)));
    assert_eq!(
        found.peers[0].sources[0].as_ref(),
        settings.sources[0].to_string()
    );
    assert!(found.peers[0].seen_ms > 1_700_000_000_000);
    until_members(&two.discovery, &[1]).await;
    let found = until_members(&client, &[1, 2]).await;
    assert_eq!(
        found.grpc_addresses(),
        [1, 2].map(|number| announcement(number).grpc.unwrap())
    );
    // What a member says anew is heard.
    two.says.send_modify(|says| {
        says.started = true;
        says.cluster_id = Some(ClusterId::new(9));
    });
    until(&client, |found| {
        found
            .peers
            .iter()
            .any(|peer| peer.announcement.as_ref().unwrap().started)
    })
    .await;
    // One that stops says goodbye; one that was killed is forgotten.
    two.discovery.stop().await;
    until_members(&client, &[1]).await;
    client.stop().await;
}

#[tokio::test]
async fn a_member_that_falls_silent_is_forgotten() {
    let settings = settings([group().as_str()]);
    let client = Discovery::start(&settings, None).unwrap();
    let other_process = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _member = {
        let _entered = other_process.enter();
        Neighbour::start(&settings, announcement(1))
    };
    until_members(&client, &[1]).await;
    // Its tasks end where they stand: nobody says goodbye.
    other_process.shutdown_background();
    until_members(&client, &[]).await;
}

#[tokio::test]
async fn what_is_not_ours_is_ignored() {
    let group = group();
    let ours = settings([group.as_str()]);
    let other = Settings {
        cluster: "other".into(),
        ..ours.clone()
    };
    let stranger = grid_discovery::Announcement {
        cluster: "other".into(),
        ..announcement(7)
    };
    let stranger = Neighbour::start(&other, stranger);
    let one = Neighbour::start(&ours, announcement(1));
    // Packets of other programs, and broken ones of our own.
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in [
        &b""[..],
        b"hello",
        b"grh\xd1\x01\x00\x00",
        &[0xff; 1_200],
        &[0; 9_000],
    ] {
        noise.send_to(packet, group_address(&group)).unwrap();
    }
    let two = Neighbour::start(&ours, announcement(2));
    until_members(&one.discovery, &[2]).await;
    until_members(&two.discovery, &[1]).await;
    assert!(stranger.discovery.found().borrow().peers.is_empty());
    stranger.discovery.stop().await;
}

#[tokio::test]
async fn a_client_is_answered_at_once() {
    let mut slow = settings([group().as_str()]);
    slow.timing.steady = std::time::Duration::from_secs(3_600);
    slow.timing.looking = slow.timing.steady;
    slow.timing.multicast_lifetime = slow.timing.steady * 3;
    let member = Neighbour::start(&slow, announcement(1));
    // By the time that the second one is heard, the first has long said all that it says by itself.
    let second = Neighbour::start(&slow, announcement(2));
    until_members(&member.discovery, &[2]).await;
    until_members(&second.discovery, &[1]).await;
    let client = Discovery::start(&slow, None).unwrap();
    until_members(&client, &[1, 2]).await;
}
