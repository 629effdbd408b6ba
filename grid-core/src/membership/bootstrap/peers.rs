//! Which processes are seen, and where.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::{Rank, Seen};
use crate::membership::{ClusterId, Moment, ProcessId};

/// So many processes are looked at; more are ignored until some vanish.
pub(super) const PEERS_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Peer {
    seen: Seen,
    since: Moment,
}

#[derive(Clone, Debug)]
pub(super) struct Peers {
    own: Rank,
    /// The addresses to join, without those that turned out to be this member's.
    join: BTreeSet<SocketAddr>,
    /// The addresses that were found beside them.
    found: BTreeSet<SocketAddr>,
    /// Addresses at which this member met itself.
    aliases: BTreeSet<SocketAddr>,
    peers: BTreeMap<ProcessId, Peer>,
    /// Which process answered at which address last, whether it is seen now or not.
    answered: BTreeMap<SocketAddr, Rank>,
}

impl Peers {
    pub(super) fn new(own: Rank, mut join: BTreeSet<SocketAddr>) -> Self {
        join.remove(&own.address);
        Peers {
            own,
            join,
            found: BTreeSet::new(),
            aliases: BTreeSet::from([own.address]),
            peers: BTreeMap::new(),
            answered: BTreeMap::new(),
        }
    }

    /// Members may be at these addresses. Nobody is expected there: what is found differs from member to member and
    /// changes, and majorities of different numbers need not share a member.
    pub(super) fn found(&mut self, found: BTreeSet<SocketAddr>) {
        self.found = found;
    }

    /// Notes a process, and gives back those that it replaced at the address where it was dialed, or that it says is its own.
    pub(super) fn seen(&mut self, now: Moment, seen: Seen, dialed: Option<SocketAddr>) -> Vec<ProcessId> {
        let process = seen.rank.process;
        if process == self.own.process {
            // Another name of this member.
            if let Some(alias) = dialed {
                self.join.remove(&alias);
                if self.aliases.len() < PEERS_MAX {
                    self.aliases.insert(alias);
                }
            }
            return Vec::new();
        }
        let mut replaced = Vec::new();
        if let Some(dialed) = dialed {
            let same_address = self
                .peers
                .values()
                .filter(|peer| peer.seen.rank.address == seen.rank.address);
            replaced.extend(same_address.map(|peer| peer.seen.rank.process));
            if self.answered.len() < PEERS_MAX || self.answered.contains_key(&dialed) {
                replaced.extend(
                    self.answered
                        .insert(dialed, seen.rank)
                        .map(|before| before.process),
                );
            }
            replaced.retain(|before| *before != process);
        }
        for before in &replaced {
            self.unseen(*before);
        }
        if self.peers.len() < PEERS_MAX || self.peers.contains_key(&process) {
            let since = self.peers.get(&process).map_or(now, |peer| peer.since);
            self.peers.insert(process, Peer { seen, since });
        }
        replaced
    }

    /// A process that is seen belongs to a cluster now.
    pub(super) fn belongs(&mut self, process: ProcessId, cluster: ClusterId) {
        if let Some(peer) = self.peers.get_mut(&process) {
            peer.seen.belongs_to = Some(cluster);
        }
    }

    pub(super) fn unseen(&mut self, process: ProcessId) {
        self.peers.remove(&process);
    }

    pub(super) fn rank(&self, process: ProcessId) -> Option<Rank> {
        self.peers.get(&process).map(|peer| peer.seen.rank)
    }

    /// How many members the addresses to join and this one stand for: two names of one member count once.
    pub(super) fn addresses(&self) -> usize {
        // By rank: members that by mistake all say the same address are still as many as they are.
        let named = |address: &SocketAddr| {
            let rank = self.answered.get(address);
            rank.map_or((*address, None), |rank| (rank.address, Some(rank.process)))
        };
        let others: BTreeSet<_> = self.join.iter().map(named).collect();
        others.len() + 1
    }

    /// At how many addresses someone is seen, with this member's.
    pub(super) fn visible(&self) -> usize {
        self.count(|_| true)
    }

    /// At how many addresses someone is seen that belongs to no cluster, with this member's.
    pub(super) fn looking_addresses(&self) -> usize {
        self.count(|seen| seen.belongs_to.is_none())
    }

    fn count(&self, counts: impl Fn(&Seen) -> bool) -> usize {
        let counted = self.peers.values().map(|peer| peer.seen).filter(counts);
        let addresses: BTreeSet<_> = counted
            .map(|seen| seen.rank.address)
            .chain([self.own.address])
            .collect();
        addresses.len()
    }

    /// Those that are seen and belong to no cluster.
    pub(super) fn looking(&self) -> impl Iterator<Item = Rank> {
        let looking = self.peers.values().filter(|peer| peer.seen.belongs_to.is_none());
        looking.map(|peer| peer.seen.rank)
    }

    /// The lowest of those that were not seen for long, counted from `from` at the earliest: it may be about to ask.
    pub(super) fn goes_first(&self, now: Moment, patience: Duration, from: Moment) -> Option<Rank> {
        let new = |peer: &&Peer| peer.seen.belongs_to.is_none() && now.since(peer.since.max(from)) < patience;
        self.peers.values().filter(new).map(|peer| peer.seen.rank).min()
    }

    /// The cluster to join, and where its members are. Of several, the one with the most members.
    pub(super) fn cluster(&self) -> Option<(ClusterId, Vec<SocketAddr>)> {
        let mut clusters: BTreeMap<ClusterId, Vec<SocketAddr>> = BTreeMap::new();
        for seen in self.peers.values().map(|peer| peer.seen) {
            if let Some(cluster) = seen.belongs_to {
                clusters.entry(cluster).or_default().push(seen.rank.address);
            }
        }
        clusters
            .into_iter()
            .max_by_key(|(cluster, addresses)| (addresses.len(), core::cmp::Reverse(*cluster)))
    }

    /// Those that belong to another cluster than this.
    pub(super) fn members_of_others(&self, own: ClusterId) -> Vec<(Rank, ClusterId)> {
        let member_of = |peer: &Peer| peer.seen.belongs_to.map(|cluster| (peer.seen.rank, cluster));
        self.peers
            .values()
            .filter_map(member_of)
            .filter(|(_, cluster)| *cluster != own)
            .collect()
    }

    /// The addresses to join, and those found, at which nobody is seen.
    pub(super) fn missing(&self) -> Vec<SocketAddr> {
        let seen: BTreeSet<_> = self.peers.values().map(|peer| peer.seen.rank.address).collect();
        let is_seen = |address: &SocketAddr| {
            let rank = self.answered.get(address);
            seen.contains(address) || rank.is_some_and(|rank| self.peers.contains_key(&rank.process))
        };
        let known = self.join.union(&self.found).copied();
        known
            .filter(|address| !is_seen(address) && !self.aliases.contains(address))
            .collect()
    }
}
