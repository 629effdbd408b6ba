//! The settings of the member, from those of the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;

use grid_core::membership::Location;
use grid_discovery::SourceSettings;
use grid_member::cluster::ClusterSettings;

use crate::config::{Config, Label};

use super::identity::{host_name, member_name};

/// The addresses of a server as they were resolved or are in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    /// Where members connect; the port may be 0 for any.
    pub(super) listen: SocketAddr,
    /// What others are told instead, if it is set.
    pub(super) advertise: Option<SocketAddr>,
    /// Where gRPC clients connect.
    pub(super) grpc: SocketAddr,
    /// Where HTTP clients connect.
    pub(super) http: SocketAddr,
}

/// The settings of the member in its cluster.
pub(super) fn cluster_settings(config: &Config, addresses: Addresses) -> ClusterSettings {
    let (cluster, member) = (&config.cluster, &config.member);
    let text = |label: &Option<Label>| label.as_ref().map(ToString::to_string);
    // "Any address" is none that others can connect to.
    let advertised = addresses.advertise.or_else(|| {
        let ip = addresses.listen.ip();
        let port = addresses.listen.port();
        ip.is_unspecified()
            .then(|| SocketAddr::new(own_address(ip), port))
    });
    let reached = advertised.unwrap_or(addresses.listen).ip();
    ClusterSettings {
        cluster_name: cluster.name.to_string(),
        member_name: text(&member.name).unwrap_or_else(member_name),
        listen: addresses.listen,
        advertised,
        join: join_list(config),
        expect: cluster.expect.and_then(NonZeroUsize::new),
        location: Location {
            zone: text(&member.zone).unwrap_or_default(),
            rack: text(&member.rack).unwrap_or_default(),
            machine: text(&member.machine).unwrap_or_else(host_name),
        },
        role: text(&member.role).unwrap_or_default(),
        storage: member.storage,
        grpc: Some(reachable(addresses.grpc, reached)),
        http: Some(reachable(addresses.http, reached)),
        backups: cluster.backups,
        two_members: cluster.two_members,
        accept_loss_after: cluster.accept_loss_after,
        drain_timeout: member.hand_over_timeout,
        ..ClusterSettings::default()
    }
}

/// The addresses to join: those given, and those of static lists.
fn join_list(config: &Config) -> Option<Vec<String>> {
    let cluster = &config.cluster;
    let given = cluster.join.iter().flatten().map(ToString::to_string);
    let listed = cluster.discover.iter().flatten().flat_map(|source| match source {
        SourceSettings::Static(addresses) => addresses.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    });
    let mut join: Vec<String> = Vec::new();
    for address in given.chain(listed) {
        if !join.contains(&address) {
            join.push(address);
        }
    }
    (!join.is_empty()).then_some(join)
}

/// The address with another in the place of "any address".
fn reachable(mut address: SocketAddr, reached: IpAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(reached);
    }
    address
}

/// The address of this machine that the system would use to talk to the world; its loopback address if there is none.
fn own_address(any: IpAddr) -> IpAddr {
    // Addresses for documentation. To connect a UDP socket sends nothing: it only asks the system for the way there.
    let (bind, far): (SocketAddr, SocketAddr) = match any {
        IpAddr::V4(_) => (
            (Ipv4Addr::UNSPECIFIED, 0).into(),
            (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
        ),
        IpAddr::V6(_) => {
            let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
            ((Ipv6Addr::UNSPECIFIED, 0).into(), (far, 9).into())
        }
    };
    let found = UdpSocket::bind(bind).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    let loopback: IpAddr = match any {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    found.map_or(loopback, |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn settings(file: &str, listen: &str) -> ClusterSettings {
        let config = Layers::new().file("t.toml", file).load().unwrap().config;
        let addresses = Addresses {
            listen: listen.parse().unwrap(),
            advertise: None,
            grpc: "0.0.0.0:1408".parse().unwrap(),
            http: "10.0.0.9:6676".parse().unwrap(),
        };
        cluster_settings(&config, addresses)
    }

    #[test]
    fn every_setting_reaches_the_member() {
        let file = "[cluster]\nname = 'shop'\njoin = ['db1:7574', 'db2:7574']\nexpect = 3\nbackups = 2\n\
                    two-members = 'trust-reset'\ndiscover = ['static:db2:7574,db3:7574', 'multicast']\n\
                    [member]\nname = 'm1'\nzone = 'z'\nrack = 'r'\nmachine = 'm'\nrole = 'cache'\nstorage = false\n\
                    hand-over-timeout = '7s'\n";
        let settings = settings(file, "10.0.0.9:7574");
        assert_eq!(
            (
                settings.cluster_name.as_str(),
                settings.member_name.as_str(),
                settings.role.as_str()
            ),
            ("shop", "m1", "cache")
        );
        let location = settings.location;
        assert_eq!(
            (
                location.zone.as_str(),
                location.rack.as_str(),
                location.machine.as_str()
            ),
            ("z", "r", "m")
        );
        let join = ["db1:7574", "db2:7574", "db3:7574"];
        assert_eq!(settings.join.unwrap(), join);
        assert_eq!(settings.expect.map(NonZeroUsize::get), Some(3));
        assert_eq!(settings.backups.get(), 2);
        assert_eq!(
            settings.two_members,
            grid_core::membership::survivor::TwoMembers::TrustReset
        );
        assert!(!settings.storage);
        assert_eq!(settings.drain_timeout.as_secs(), 7);
        assert_eq!(settings.advertised, None);
        assert_eq!(settings.grpc, Some("10.0.0.9:1408".parse().unwrap()));
        assert_eq!(settings.http, Some("10.0.0.9:6676".parse().unwrap()));
    }

    #[test]
    fn a_member_alone_joins_nobody() {
        let settings = settings("", "127.0.0.1:0");
        assert_eq!((settings.join, settings.expect), (None, None));
        assert!(settings.storage);
    }

    #[test]
    fn any_address_is_not_what_others_are_told() {
        for (listen, port) in [("0.0.0.0:7574", 7574), ("[::]:7575", 7575)] {
            let told = settings("", listen).advertised.unwrap();
            assert!(!told.ip().is_unspecified() && told.port() == port, "{told}");
        }
    }
}
