//! Members that announce themselves, and what waits for them.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use grid_core::membership::ProcessId;
use grid_discovery::{Announcement, Discovery, Found, Settings, SourceSettings, Timing};
use tokio::sync::watch;

/// Long enough for any machine; reached only by a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a member with this number says about itself.
pub(crate) fn announcement(number: u16) -> Announcement {
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port + number));
    Announcement {
        cluster: "girih".into(),
        cluster_id: None,
        process: ProcessId::new(number.into()),
        member_address: address(7_000),
        grpc: Some(address(1_000)),
        http: None,
        started: false,
    }
}

/// Settings whose times are short.
pub(crate) fn settings<'a>(sources: impl IntoIterator<Item = &'a str>) -> Settings {
    let mut settings = Settings::parse("girih", sources).unwrap();
    settings.timing = Timing {
        looking: Duration::from_millis(40),
        steady: Duration::from_millis(80),
        multicast_lifetime: Duration::from_millis(600),
        directory_beat: Duration::from_millis(60),
        directory_lifetime: Duration::from_millis(600),
        resolve: Duration::from_millis(120),
    };
    settings
}

/// A member that is discovered, and discovers.
pub(crate) struct Neighbour {
    pub(crate) says: watch::Sender<Announcement>,
    pub(crate) discovery: Discovery,
}

impl Neighbour {
    pub(crate) fn start(settings: &Settings, says: Announcement) -> Self {
        let says = watch::Sender::new(says);
        let discovery = Discovery::start(settings, Some(says.subscribe())).unwrap();
        Neighbour { says, discovery }
    }
}

/// Waits until what was found is as wanted.
pub(crate) async fn until(discovery: &Discovery, wanted: impl FnMut(&Found) -> bool) -> Found {
    let mut found = discovery.found();
    let waited = tokio::time::timeout(PATIENCE, found.wait_for(wanted)).await;
    match waited {
        Ok(found) => found.unwrap().clone(),
        Err(_elapsed) => panic!(
            "within {PATIENCE:?} no more was found than {:?}",
            discovery.found().borrow()
        ),
    }
}

/// Waits until exactly these members are found.
pub(crate) async fn until_members(discovery: &Discovery, numbers: &[u16]) -> Found {
    let addresses: Vec<_> = numbers
        .iter()
        .map(|number| announcement(*number).member_address)
        .collect();
    until(discovery, |found| {
        found.member_addresses().eq(addresses.iter().copied())
    })
    .await
}

/// A multicast group on this machine alone, with a port that no other test uses.
pub(crate) fn group() -> String {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    format!("multicast:239.192.14.9:{port}?ttl=0&interface=127.0.0.1")
}

/// The address of a group.
pub(crate) fn group_address(group: &str) -> SocketAddr {
    match group.parse().unwrap() {
        SourceSettings::Multicast(multicast) => multicast.group,
        other => panic!("{other}"),
    }
}
