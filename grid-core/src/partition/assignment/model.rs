//! A cluster for the tests: a table and members, without anything between them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use core::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;

use crate::membership::{HostId, Location, Member, MemberId, MemberInfo, MemberPhase, ProcessId};
use crate::partition::PartitionCount;
use crate::partition::table::{BackupCount, ServiceId, ServiceTable, Step, StepChange};

use super::{MoveLimits, Progress, Target, next_steps, plan};

/// Where a member is, and what it can.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub(super) zone: u8,
    pub(super) rack: u8,
    /// From 4 on: without a name, so that the host counts.
    pub(super) machine: u8,
    pub(super) weight: u32,
    pub(super) storage: bool,
}

impl Site {
    pub(super) const PLAIN: Site = Site {
        zone: 0,
        rack: 0,
        machine: 0,
        weight: 100,
        storage: true,
    };

    pub(super) fn in_zone(zone: u8) -> Site {
        Site { zone, ..Site::PLAIN }
    }
}

/// Members in up to 3 zones of 2 racks of some machines; all with the usual weight.
pub(super) fn sites() -> impl Strategy<Value = Site> {
    (1..=3_u8)
        .prop_flat_map(|zones| (0..zones, 0..2_u8, 0..7_u8))
        .prop_map(|(zone, rack, machine)| Site {
            zone,
            rack,
            machine,
            ..Site::PLAIN
        })
}

/// Members with different weights, some without storage.
pub(super) fn mixed_sites() -> impl Strategy<Value = Site> {
    let weight = prop_oneof![4 => Just(100), 1 => Just(50), 1 => Just(200), 1 => Just(333), 1 => Just(0)];
    (sites(), weight, prop::bool::weighted(0.9)).prop_map(|(site, weight, storage)| Site {
        weight,
        storage,
        ..site
    })
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) table: ServiceTable,
    pub(super) members: BTreeMap<MemberId, Member>,
    next: u64,
}

impl Model {
    pub(super) fn new(partitions: u16, backups: u8) -> Self {
        let count = PartitionCount::new(NonZeroU16::new(partitions).expect("there are partitions"));
        let backups = BackupCount::new(backups).expect("an allowed number");
        Model {
            table: ServiceTable::new(ServiceId::new(0), "test".into(), backups, count),
            members: BTreeMap::new(),
            next: 1,
        }
    }

    /// A cluster whose partitions are placed and at rest.
    pub(super) fn settled(partitions: u16, backups: u8, sites: &[Site]) -> Self {
        let mut model = Model::new(partitions, backups);
        for site in sites {
            model.join(*site, MemberPhase::Ready);
        }
        model.settle();
        model
    }

    pub(super) fn join(&mut self, site: Site, phase: MemberPhase) -> MemberId {
        let id = MemberId::new(self.next);
        self.next += 1;
        let machine = if site.machine < 4 {
            format!("machine-{}", site.machine)
        } else {
            String::new()
        };
        let info = MemberInfo {
            process: ProcessId::new(u128::from(id.get())),
            host: HostId::new(u128::from(site.machine)),
            name: id.to_string(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 7574)),
            grpc: None,
            http: None,
            location: Location {
                zone: format!("zone-{}", site.zone),
                rack: format!("rack-{}", site.rack),
                machine,
            },
            role: String::new(),
            storage: site.storage,
            weight: site.weight,
            version: String::new(),
        };
        self.members.insert(id, Member { id, info, phase });
        id
    }

    pub(super) fn set_phase(&mut self, id: MemberId, phase: MemberPhase) {
        self.members.get_mut(&id).expect("a member").phase = phase;
    }

    pub(super) fn ids(&self) -> Vec<MemberId> {
        self.members.keys().copied().collect()
    }

    /// Members go, all at once, as the control group takes them out.
    pub(super) fn remove(&mut self, gone: &BTreeSet<MemberId>, proven: bool) {
        self.members.retain(|id, _| !gone.contains(id));
        let mut primaries = self.primary_counts();
        for assignment in &mut self.table.assignments {
            let before = assignment.primary;
            assignment.remove_members(gone, proven, |id| primaries.get(&id).copied());
            if let Some(primary) = assignment.primary.filter(|primary| before != Some(*primary)) {
                *primaries.entry(primary).or_default() += 1;
            }
        }
    }

    pub(super) fn primary_counts(&self) -> BTreeMap<MemberId, usize> {
        let mut counts = BTreeMap::new();
        for primary in self
            .table
            .assignments
            .iter()
            .filter_map(|assignment| assignment.primary)
        {
            *counts.entry(primary).or_default() += 1;
        }
        counts
    }

    pub(super) fn target(&self) -> Target {
        plan(&self.table, &self.members)
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        next_steps(&self.table, &self.target(), &self.members, MoveLimits::default())
    }

    /// Makes a step, and checks what a planned step must never do. Returns whether its epoch was still right.
    pub(super) fn make(&mut self, step: &Step) -> bool {
        let assignment = &mut self.table.assignments[step.partition.index()];
        if assignment.epoch != step.epoch {
            return false;
        }
        let before = assignment.clone();
        assignment
            .make(step.epoch, &step.change)
            .expect("a planned step makes sense");
        let copies = assignment.replicas().collect::<BTreeSet<_>>().len();
        assert_eq!(
            copies,
            assignment.replicas().count(),
            "nobody has two copies: {assignment:?}"
        );
        let wished = 1 + usize::from(self.table.backups.get());
        let held = before.replicas().count();
        assert!(
            copies >= held.min(wished),
            "{:?} took copies away: {before:?}",
            step.change
        );
        match step.change {
            StepChange::HandOver(to) | StepChange::Place { primary: to, .. } => {
                assert_eq!(self.members[&to].phase, MemberPhase::Ready);
            }
            StepChange::StartCopy(to) => assert!(self.members[&to].takes_partitions()),
            _ => {}
        }
        true
    }

    /// What is being copied.
    pub(super) fn copies_under_way(&self) -> Vec<Step> {
        let copies = self.table.partitions().flat_map(|(partition, assignment)| {
            assignment.joining.iter().map(move |member| Step {
                partition,
                epoch: assignment.epoch,
                change: StepChange::Admit(*member),
            })
        });
        copies.collect()
    }

    /// Makes steps and completes copies until nothing is left to do. Returns the copies and hand-overs made.
    pub(super) fn settle(&mut self) -> (usize, usize) {
        let (mut copies, mut hand_overs) = (0, 0);
        // Each round completes at least one copy, or makes at least one step that needs none.
        let mut left = 8 * self.table.assignments.len() + 8;
        loop {
            let steps = self.steps();
            for step in &steps {
                let made = self.make(step);
                hand_overs += usize::from(made && matches!(step.change, StepChange::HandOver(_)));
            }
            let under_way = self.copies_under_way();
            let idle = steps.is_empty() && under_way.is_empty();
            for admit in under_way {
                copies += usize::from(self.make(&admit));
            }
            if idle {
                break;
            }
            assert!(left > 0, "the steps come to no end: {steps:?}");
            left -= 1;
        }
        (copies, hand_overs)
    }

    /// Nothing is under way, and what is held is what is planned.
    pub(super) fn assert_at_rest(&self) {
        assert_eq!(self.steps(), []);
        assert_eq!(self.copies_under_way(), []);
        let progress = Progress::of(&self.table, &self.target());
        assert!(progress.is_done(), "{progress:?}");
    }
}
