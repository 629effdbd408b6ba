//! What a member says about itself to whoever looks for one.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use grid_core::membership::{ClusterId, ProcessId};

/// The longest name of a cluster, in bytes.
pub const CLUSTER_NAME_LEN_MAX: usize = 128;

/// What a member says about itself to whoever looks for one.
///
/// It is a hint where to connect to, never a proof of anything: who is in the cluster is agreed on elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The name of the cluster that it belongs to, or wants to.
    pub cluster: String,
    /// The cluster that it belongs to, once it does.
    pub cluster_id: Option<ClusterId>,
    /// Its process.
    pub process: ProcessId,
    /// Where other members reach it.
    pub member_address: SocketAddr,
    /// Where gRPC clients reach it, if it serves them.
    pub grpc: Option<SocketAddr>,
    /// Where its HTTP port is, if it has one.
    pub http: Option<SocketAddr>,
    /// Whether it belongs to a cluster that runs.
    pub started: bool,
}

impl Announcement {
    /// The announcement with addresses that others can connect to: where it has "any address" (0.0.0.0 or ::), the
    /// sender's takes its place. `None` when there is no such address, or a port is 0.
    #[must_use]
    pub fn resolved(mut self, sender: Option<IpAddr>) -> Option<Self> {
        if self.member_address.ip().is_unspecified() {
            self.member_address.set_ip(sender?);
        }
        let member = self.member_address;
        for address in [&mut self.grpc, &mut self.http] {
            *address = address.map(|address| reachable(address, member));
        }
        let ports = [Some(self.member_address), self.grpc, self.http];
        let usable = ports.into_iter().flatten().all(|address| address.port() != 0);
        usable.then_some(self)
    }
}

/// The address, with the member's in the place of "any address".
pub(crate) fn reachable(mut address: SocketAddr, member: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(member.ip());
    }
    address
}

/// Whether this can be the name of a cluster: 1 to 128 bytes, none of which would hurt in a path or a log.
pub(crate) fn is_cluster_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "._-".contains(c);
    (1..=CLUSTER_NAME_LEN_MAX).contains(&name.len()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(member: &str, grpc: &str) -> Announcement {
        Announcement {
            cluster: "girih".into(),
            cluster_id: None,
            process: ProcessId::new(1),
            member_address: member.parse().unwrap(),
            grpc: Some(grpc.parse().unwrap()),
            http: None,
            started: false,
        }
    }

    #[test]
    fn any_address_becomes_the_senders() {
        let sender = Some("10.0.0.7".parse().unwrap());
        let resolved = announcement("0.0.0.0:7574", "[::]:1408").resolved(sender);
        assert_eq!(resolved, Some(announcement("10.0.0.7:7574", "10.0.0.7:1408")));
        let kept = announcement("10.0.0.1:7574", "10.0.0.2:1408");
        assert_eq!(kept.clone().resolved(sender), Some(kept));
    }

    #[test]
    fn what_nobody_can_connect_to_is_dropped() {
        assert_eq!(announcement("0.0.0.0:7574", "10.0.0.1:1").resolved(None), None);
        assert_eq!(announcement("10.0.0.1:0", "10.0.0.1:1").resolved(None), None);
        assert_eq!(announcement("10.0.0.1:1", "10.0.0.1:0").resolved(None), None);
    }

    #[test]
    fn names_of_clusters() {
        for good in ["girih", "a.b_c-d", "größe", &"x".repeat(128)] {
            assert!(is_cluster_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "a\nb", &"x".repeat(129)] {
            assert!(!is_cluster_name(bad), "{bad}");
        }
    }
}
