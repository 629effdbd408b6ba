//! The connections to other members.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use grid_core::membership::MemberId;
use parking_lot::RwLock;

use crate::transport::{Lane, Link};

/// The connections to one member, as those who send look them up.
#[derive(Debug)]
pub(super) struct PeerLinks {
    pub(super) address: SocketAddr,
    control: ArcSwapOption<Link>,
    data: ArcSwapOption<Link>,
}

impl PeerLinks {
    fn lane(&self, lane: Lane) -> &ArcSwapOption<Link> {
        match lane {
            Lane::Control => &self.control,
            Lane::Data => &self.data,
        }
    }

    pub(super) fn get(&self, lane: Lane) -> Option<Arc<Link>> {
        self.lane(lane).load_full()
    }
}

/// The connections to all members.
#[derive(Debug, Default)]
pub(super) struct Links {
    peers: RwLock<HashMap<MemberId, Arc<PeerLinks>>>,
}

impl Links {
    /// The members are these; the connections to others are closed.
    pub(super) fn set_members(&self, members: &[(MemberId, SocketAddr)]) {
        let mut peers = self.peers.write();
        let gone: Vec<MemberId> = peers
            .iter()
            .filter(|(member, peer)| !members.contains(&(**member, peer.address)))
            .map(|(member, _)| *member)
            .collect();
        for member in gone {
            if let Some(peer) = peers.remove(&member) {
                for lane in [Lane::Control, Lane::Data] {
                    if let Some(link) = peer.lane(lane).swap(None) {
                        link.close();
                    }
                }
            }
        }
        for (member, address) in members {
            peers.entry(*member).or_insert_with(|| {
                Arc::new(PeerLinks {
                    address: *address,
                    control: ArcSwapOption::empty(),
                    data: ArcSwapOption::empty(),
                })
            });
        }
    }

    pub(super) fn peer(&self, member: MemberId) -> Option<Arc<PeerLinks>> {
        self.peers.read().get(&member).cloned()
    }

    /// The members to which there may be connections.
    pub(super) fn members(&self) -> Vec<MemberId> {
        let mut members: Vec<_> = self.peers.read().keys().copied().collect();
        members.sort_unstable();
        members
    }

    pub(super) fn get(&self, member: MemberId, lane: Lane) -> Option<Arc<Link>> {
        self.peer(member)?.get(lane)
    }

    /// Notes a connection that was made. `false`: the member is none any more.
    pub(super) fn put(&self, member: MemberId, lane: Lane, link: Link) -> bool {
        let Some(peer) = self.peer(member) else {
            return false;
        };
        peer.lane(lane).store(Some(Arc::new(link)));
        true
    }

    /// Forgets a connection that ended, unless it was replaced.
    pub(super) fn forget(&self, member: MemberId, lane: Lane, connection: u64) {
        if let Some(peer) = self.peer(member) {
            let slot = peer.lane(lane);
            let current = slot.load_full();
            if current
                .as_ref()
                .is_some_and(|link| link.info().connection == connection)
            {
                slot.compare_and_swap(&current, None);
            }
        }
    }

    /// Sends a message, if there is a connection.
    pub(super) fn send(&self, member: MemberId, lane: Lane, kind: u8, body: Vec<Bytes>) -> bool {
        self.get(member, lane)
            .is_some_and(|link| link.send(kind, body).is_ok())
    }
}
