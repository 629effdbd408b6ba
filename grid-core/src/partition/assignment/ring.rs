//! The ring that orders who takes a partition.

use std::hash::{Hash, Hasher};

use hashring::HashRing;

use super::takers::Takers;

/// Virtual nodes of a member of the usual weight.
const NODES: u64 = 128;
/// The usual weight.
const WEIGHT: u64 = 100;
/// The most virtual nodes of a member, whatever its weight.
const NODES_MAX: u64 = 1024;

/// A place of a member on the ring.
#[derive(Clone, Copy, Debug)]
struct VirtualNode {
    taker: usize,
    member: u64,
    number: u64,
}

impl Hash for VirtualNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Bytes in a fixed order: the ring is the same on every kind of machine.
        state.write(&self.member.to_le_bytes());
        state.write(&self.number.to_le_bytes());
    }
}

/// A partition's place on the ring.
struct Place(u64);

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(b"partition");
        state.write(&self.0.to_le_bytes());
    }
}

/// The members on a ring, each many times. The hash is SipHash with a fixed key: the same in every process.
#[derive(Debug)]
pub(super) struct Ring {
    ring: HashRing<VirtualNode>,
    /// By partition, once someone asked.
    orders: Vec<Option<Vec<usize>>>,
    takers: usize,
}

impl Ring {
    pub(super) fn new(takers: &Takers<'_>, partitions: usize) -> Self {
        let mut nodes = Vec::new();
        for (taker, weight) in takers.weights().iter().enumerate() {
            let count = (u64::from(*weight) * NODES / WEIGHT).clamp(1, NODES_MAX);
            let member = takers.id(taker).get();
            nodes.extend((0..count).map(|number| VirtualNode {
                taker,
                member,
                number,
            }));
        }
        let mut ring = HashRing::new();
        ring.batch_add(nodes);
        Ring {
            ring,
            orders: vec![None; partitions],
            takers: takers.len(),
        }
    }

    /// All takers in the order in which a walk around the ring from the partition's place meets them.
    pub(super) fn order(&mut self, partition: usize) -> &[usize] {
        let Ring { ring, orders, takers } = self;
        orders[partition].get_or_insert_with(|| {
            let walk = ring.get_with_replicas(&Place(partition as u64), ring.len());
            let mut order = Vec::with_capacity(*takers);
            let mut met = vec![false; *takers];
            for node in walk.unwrap_or_default() {
                if !std::mem::replace(&mut met[node.taker], true) {
                    order.push(node.taker);
                    if order.len() == *takers {
                        break;
                    }
                }
            }
            order
        })
    }
}
