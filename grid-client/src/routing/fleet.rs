//! The connections with the members of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use grid_proto::girih::Topology;

use crate::connection::{Lane, Target, keep_member};
use crate::session::{Addresses, Settings};
use crate::task::Tasks;

use super::table::{BadTopology, Table};

/// The most members that there are connections with, beyond the session's own. What others serve takes a hop.
pub(crate) const MEMBER_LANES_MAX: usize = 64;

/// A place for the connection with a member.
#[derive(Debug)]
struct Slot {
    lane: Arc<Lane>,
    target: watch::Sender<Option<Target>>,
    wanted: Arc<Notify>,
}

/// What was told last.
#[derive(Debug, Default)]
struct Known {
    cluster: Bytes,
    /// The generation and the index.
    version: (u64, u64),
    members: BTreeSet<u64>,
}

/// A table of who serves what, with the places of the members' connections.
#[derive(Debug)]
struct Chart {
    table: Table,
    slots: BTreeMap<u64, usize>,
}

/// The connections with the members of a cluster, and who of them serves what.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The session's own connections, which any server may answer.
    own: Vec<Arc<Lane>>,
    slots: Box<[OnceLock<Slot>]>,
    chart: ArcSwapOption<Chart>,
    known: Mutex<Known>,
    settings: Arc<Settings>,
    addresses: Arc<Addresses>,
    tasks: Tasks,
}

impl Fleet {
    pub(crate) fn new(
        own: Vec<Arc<Lane>>,
        settings: Arc<Settings>,
        addresses: Arc<Addresses>,
        tasks: Tasks,
    ) -> Self {
        Fleet {
            own,
            slots: (0..MEMBER_LANES_MAX).map(|_| OnceLock::new()).collect(),
            chart: ArcSwapOption::empty(),
            known: Mutex::default(),
            settings,
            addresses,
            tasks,
        }
    }

    /// Whether there is a cluster.
    #[inline]
    pub(crate) fn is_known(&self) -> bool {
        self.chart.load().is_some()
    }

    /// The member that serves keys with this placement.
    #[inline]
    pub(crate) fn owner(&self, service: u8, placement: u64) -> Option<u64> {
        self.chart.load().as_ref()?.table.owner(service, placement)
    }

    /// A connection with the member that serves keys with this placement. When there is none, one is made for later.
    #[inline]
    pub(crate) fn lane_of(&self, service: u8, placement: u64) -> Option<&Arc<Lane>> {
        let chart = self.chart.load();
        let chart = chart.as_ref()?;
        let owner = chart.table.owner(service, placement)?;
        if let Some(own) = self.own.iter().find(|lane| lane.member() == owner) {
            return Some(own);
        }
        let slot = self.slots.get(*chart.slots.get(&owner)?)?.get()?;
        if slot.lane.member() == owner {
            return Some(&slot.lane);
        }
        slot.wanted.notify_one();
        None
    }

    /// Any connection with a member, but this one.
    pub(crate) fn any_lane(&self, but: Option<usize>) -> Option<&Arc<Lane>> {
        let others = self.slots.iter().filter_map(OnceLock::get).map(|slot| &slot.lane);
        let mut all = self.own.iter().chain(others);
        all.find(|lane| Some(lane.index) != but && lane.is_up())
    }

    /// Takes what a member told, unless something newer is known. Whether it was taken.
    ///
    /// # Errors
    /// When it cannot be.
    pub(crate) fn take(&self, topology: &Topology) -> Result<bool, BadTopology> {
        let table = Table::read(topology)?;
        let version = (topology.generation, topology.index);
        let mut known = self.known.lock();
        if known.cluster == topology.cluster_id && version < known.version {
            return Ok(false);
        }
        let members: BTreeSet<u64> = topology.members.iter().map(|member| member.id).collect();
        let same_cluster = known.cluster == topology.cluster_id;
        // Members of another cluster have other numbers.
        let gone: Vec<u64> = known
            .members
            .difference(&members)
            .copied()
            .filter(|_| same_cluster)
            .collect();
        let mut slots = match self.chart.load().as_ref() {
            Some(chart) if same_cluster => chart.slots.clone(),
            _ => BTreeMap::new(),
        };
        slots.retain(|member, _| members.contains(member));
        let mut told = Vec::new();
        for member in topology
            .members
            .iter()
            .filter(|member| !member.grpc_address.is_empty())
        {
            let target = Target {
                member: member.id,
                address: member.grpc_address.as_str().into(),
            };
            told.push(target.address.clone());
            let free = || {
                let taken: BTreeSet<usize> = slots.values().copied().collect();
                let mut free = (0..self.slots.len()).filter(|slot| !taken.contains(slot));
                // The connection of one that has left may still answer.
                let idle = |slot: &usize| self.slots[*slot].get().is_none_or(|slot| !slot.lane.is_up());
                free.clone().find(idle).or_else(|| free.next())
            };
            let Some(index) = slots.get(&member.id).copied().or_else(free) else {
                continue;
            };
            slots.insert(member.id, index);
            let slot = self.slots[index].get_or_init(|| self.new_slot(index));
            slot.target
                .send_if_modified(|old| old.replace(target.clone()) != Some(target));
        }
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(slot) = slot.get()
                && !slots.values().any(|taken| *taken == index)
            {
                slot.target.send_replace(None);
            }
        }
        self.addresses.told(told);
        self.chart.store(Some(Arc::new(Chart { table, slots })));
        *known = Known {
            cluster: topology.cluster_id.clone(),
            version,
            members,
        };
        drop(known);
        self.leave(&gone);
        Ok(true)
    }

    /// Ends the connections with members that are gone: who was voted out while it did not answer may never do.
    fn leave(&self, gone: &[u64]) {
        let others = self.slots.iter().filter_map(OnceLock::get).map(|slot| &slot.lane);
        for lane in self.own.iter().chain(others) {
            let member = lane.member();
            if gone.contains(&member) {
                lane.member_left(member);
            }
        }
    }

    fn new_slot(&self, index: usize) -> Slot {
        let lane = Lane::new(self.own.len() + index, &self.settings);
        let (target, targets) = watch::channel(None);
        let wanted = Arc::new(Notify::new());
        self.tasks.spawn(
            "connection with a member",
            keep_member(
                lane.clone(),
                targets,
                wanted.clone(),
                self.settings.clone(),
                self.tasks.token().clone(),
            ),
        );
        Slot { lane, target, wanted }
    }
}
