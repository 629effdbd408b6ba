//! What was found, put together from all sources.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use grid_core::membership::ProcessId;

use crate::Announcement;

/// The most members that one source may give; what comes beyond is left out.
pub const PEERS_MAX: usize = 1_000;

/// A member that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where members reach it.
    pub address: SocketAddr,
    /// What it said about itself, if it did: an address from a list says nothing.
    pub announcement: Option<Announcement>,
    /// When it was last heard, or its name resolved: milliseconds since 1970 by the clock of this machine.
    pub seen_ms: u64,
    /// The sources that gave it, as the settings spell them.
    pub sources: Vec<Arc<str>>,
}

/// All members that were found, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The members, without the one that looks.
    pub peers: Vec<Peer>,
}

impl Found {
    /// Where members are reached.
    pub fn member_addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.peers.iter().map(|peer| peer.address)
    }

    /// Where gRPC clients are served, as far as it is known; members of a cluster that runs come first.
    #[must_use]
    pub fn grpc_addresses(&self) -> Vec<SocketAddr> {
        let announced = self.peers.iter().filter_map(|peer| peer.announcement.as_ref());
        let mut known: Vec<_> = announced.filter_map(|a| Some((!a.started, a.grpc?))).collect();
        known.sort_unstable();
        known.dedup_by_key(|(_, address)| *address);
        known.into_iter().map(|(_, address)| address).collect()
    }

    /// Puts together what the sources gave.
    ///
    /// When several know an address, the announcement that was heard last counts. The process that looks is left out.
    pub(crate) fn merged(given: &[Vec<Peer>], own: Option<(ProcessId, SocketAddr)>) -> Self {
        let mut by_address: BTreeMap<SocketAddr, Peer> = BTreeMap::new();
        for peer in given.iter().flatten() {
            let announced = peer.announcement.as_ref();
            let is_own = own.is_some_and(|(process, address)| {
                announced.map_or(address == peer.address, |a| a.process == process)
            });
            if is_own {
                continue;
            }
            by_address
                .entry(peer.address)
                .and_modify(|known| known.add(peer))
                .or_insert_with(|| peer.clone());
        }
        Found {
            peers: by_address.into_values().collect(),
        }
    }

    /// Whether this says something else, and not only that it was heard again.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let same = |(a, b): (&Peer, &Peer)| {
            a.address == b.address && a.announcement == b.announcement && a.sources == b.sources
        };
        self.peers.len() != other.peers.len() || !self.peers.iter().zip(&other.peers).all(same)
    }
}

impl Peer {
    /// Adds what another source says about the same address.
    fn add(&mut self, other: &Peer) {
        let newer = other.seen_ms >= self.seen_ms || self.announcement.is_none();
        if newer && other.announcement.is_some() {
            self.announcement.clone_from(&other.announcement);
        }
        self.seen_ms = self.seen_ms.max(other.seen_ms);
        for source in &other.sources {
            if !self.sources.contains(source) {
                self.sources.push(source.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(port: u16, process: Option<u128>, seen_ms: u64, source: &str) -> Peer {
        let address = SocketAddr::from(([10, 0, 0, 1], port));
        let announcement = process.map(|process| Announcement {
            cluster: "girih".into(),
            cluster_id: None,
            process: ProcessId::new(process),
            member_address: address,
            grpc: Some(SocketAddr::from(([10, 0, 0, 1], port + 1))),
            http: None,
            started: process > 5,
        });
        Peer {
            address,
            announcement,
            seen_ms,
            sources: vec![source.into()],
        }
    }

    #[test]
    fn one_address_from_three_sources_is_one_peer() {
        let given = [
            vec![peer(1, None, 30, "static")],
            vec![peer(1, Some(7), 20, "multicast")],
            vec![peer(1, Some(6), 10, "folder"), peer(2, None, 5, "folder")],
        ];
        let found = Found::merged(&given, None);
        assert_eq!(found.peers.len(), 2);
        let first = &found.peers[0];
        assert_eq!(
            first.announcement.as_ref().map(|a| a.process),
            Some(ProcessId::new(7))
        );
        assert_eq!(first.seen_ms, 30);
        assert_eq!(first.sources, ["static", "multicast", "folder"].map(Arc::from));
    }

    #[test]
    fn the_one_that_looks_is_not_found() {
        let own = Some((ProcessId::new(7), SocketAddr::from(([10, 0, 0, 1], 1))));
        let given = [vec![
            peer(1, None, 0, "static"),
            peer(9, Some(7), 0, "multicast"),
            // A process that was here before at the same address.
            peer(1, Some(3), 0, "folder"),
        ]];
        let found = Found::merged(&given, own);
        assert_eq!(found.peers, [peer(1, Some(3), 0, "folder")]);
    }

    #[test]
    fn hearing_again_is_no_difference() {
        let once = Found::merged(&[vec![peer(1, Some(1), 1, "m")]], None);
        let again = Found::merged(&[vec![peer(1, Some(1), 2, "m")]], None);
        assert!(!once.differs(&again));
        assert!(once.differs(&Found::merged(&[vec![peer(1, Some(2), 1, "m")]], None)));
        assert!(once.differs(&Found::default()));
    }

    #[test]
    fn started_members_are_tried_first() {
        let found = Found::merged(&[vec![peer(1, Some(1), 1, "m"), peer(5, Some(9), 1, "m")]], None);
        let ports: Vec<_> = found.grpc_addresses().iter().map(SocketAddr::port).collect();
        assert_eq!(ports, [6, 2]);
    }
}
