//! Who serves which partition.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use grid_core::partition::PartitionCount;
use grid_proto::girih::{Service, Topology};
use grid_proto::limits::{TOPOLOGY_MEMBERS_MAX, TOPOLOGY_SERVICES_MAX};

/// What a member told cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topology cannot be: {0}")]
pub(crate) struct BadTopology(String);

/// Who serves which partition, by the numbers of members.
#[derive(Debug)]
pub(crate) struct Table {
    count: PartitionCount,
    /// By the number of the service.
    services: Vec<Option<Box<[u64]>>>,
}

impl Table {
    /// Reads what a member told.
    ///
    /// # Errors
    /// When it cannot be.
    pub(crate) fn read(topology: &Topology) -> Result<Self, BadTopology> {
        let bad = |what: String| Err(BadTopology(what));
        let count = u16::try_from(topology.partition_count)
            .ok()
            .and_then(NonZeroU16::new);
        let Some(count) = count.map(PartitionCount::new) else {
            return bad(format!("{} partitions", topology.partition_count));
        };
        if topology.members.len() > TOPOLOGY_MEMBERS_MAX || topology.services.len() > TOPOLOGY_SERVICES_MAX {
            let (members, services) = (topology.members.len(), topology.services.len());
            return bad(format!("{members} members and {services} services"));
        }
        let ids: BTreeSet<u64> = topology.members.iter().map(|member| member.id).collect();
        if ids.len() != topology.members.len() || ids.contains(&0) {
            return bad("members without numbers of their own".to_owned());
        }
        let mut services: Vec<Option<Box<[u64]>>> = Vec::new();
        for Service { id, primaries } in &topology.services {
            let Ok(index) = u8::try_from(*id).map(usize::from) else {
                return bad(format!("a service with the number {id}"));
            };
            if primaries.len() != usize::from(count.get()) {
                return bad(format!(
                    "service {id} has {} partitions of {}",
                    primaries.len(),
                    count.get()
                ));
            }
            if services.len() <= index {
                services.resize(index + 1, None);
            }
            services[index] = Some(primaries.clone().into());
        }
        Ok(Table { count, services })
    }

    /// The member that serves keys with this placement; `None` when nobody does, or the service is not known.
    #[inline]
    pub(crate) fn owner(&self, service: u8, placement: u64) -> Option<u64> {
        let primaries = self.services.get(usize::from(service))?.as_ref()?;
        let partition = self.count.partition_of(placement);
        primaries
            .get(partition.index())
            .copied()
            .filter(|member| *member != 0)
    }
}

#[cfg(test)]
mod tests {
    use grid_proto::girih::Member;

    use super::*;

    fn topology(primaries: Vec<u64>) -> Topology {
        Topology {
            partition_count: 3,
            members: vec![Member {
                id: 7,
                ..Member::default()
            }],
            services: vec![Service { id: 2, primaries }],
            ..Topology::default()
        }
    }

    #[test]
    fn a_key_belongs_to_the_primary_of_its_partition() {
        let table = Table::read(&topology(vec![7, 0, 9])).unwrap();
        assert_eq!(table.owner(2, 3), Some(7));
        assert_eq!(table.owner(2, 4), None, "nobody serves it");
        assert_eq!(table.owner(2, 5), Some(9));
        for unknown in [0, 1, 3, 255] {
            assert_eq!(table.owner(unknown, 3), None);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let with = |change: fn(&mut Topology)| {
            let mut topology = topology(vec![7, 7, 7]);
            change(&mut topology);
            Table::read(&topology).map(drop)
        };
        assert!(with(|_| {}).is_ok());
        assert!(with(|topology| topology.partition_count = 0).is_err());
        assert!(with(|topology| topology.partition_count = 65_536).is_err());
        assert!(with(|topology| topology.partition_count = 4).is_err());
        assert!(with(|topology| topology.services[0].id = 256).is_err());
        assert!(with(|topology| topology.members[0].id = 0).is_err());
        assert!(with(|topology| topology.members.push(topology.members[0].clone())).is_err());
        assert!(
            with(|topology| {
                let service = topology.services[0].clone();
                topology.services = vec![service; TOPOLOGY_SERVICES_MAX + 1];
            })
            .is_err()
        );
    }
}
