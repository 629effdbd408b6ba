//! How long it takes to plan who should hold which partition, and the first steps there.

#![expect(
    missing_docs,
    reason = "the macros of the bench harness make undocumented items"
)]

use core::net::{Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::num::NonZeroU16;

use criterion::{Criterion, criterion_group, criterion_main};

use grid_core::membership::{HostId, Location, Member, MemberId, MemberInfo, MemberPhase, ProcessId};
use grid_core::partition::PartitionCount;
use grid_core::partition::assignment::{MoveLimits, next_steps, plan};
use grid_core::partition::table::{BackupCount, ServiceId, ServiceTable};

fn member(number: u64) -> Member {
    Member {
        id: MemberId::new(number),
        info: MemberInfo {
            process: ProcessId::new(u128::from(number)),
            host: HostId::new(u128::from(number)),
            name: String::new(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 7574)),
            grpc: None,
            http: None,
            location: Location {
                zone: format!("zone-{}", number % 3),
                ..Location::default()
            },
            role: String::new(),
            storage: true,
            weight: 100,
            version: String::new(),
        },
        phase: MemberPhase::Ready,
    }
}

fn members(count: u64) -> BTreeMap<MemberId, Member> {
    (1..=count)
        .map(|number| (MemberId::new(number), member(number)))
        .collect()
}

/// A table that is as planned for these members.
fn planned(partitions: u16, backups: u8, members: &BTreeMap<MemberId, Member>) -> ServiceTable {
    let count = PartitionCount::new(NonZeroU16::new(partitions).expect("there are partitions"));
    let backups = BackupCount::new(backups).expect("an allowed number");
    let mut table = ServiceTable::new(ServiceId::new(0), "bench".into(), backups, count);
    for step in next_steps(&table, &plan(&table, members), members, MoveLimits::default()) {
        table.assignments[step.partition.index()]
            .make(step.epoch, &step.change)
            .expect("a first placement");
    }
    table
}

fn assignment(c: &mut Criterion) {
    let mut group = c.benchmark_group("assignment");
    for (partitions, count, backups) in [(257, 9, 1), (257, 9, 3), (2039, 9, 1), (2039, 40, 2)] {
        let name = format!("{partitions} partitions, {count} members, {backups} backups");
        let now = members(count);
        let table = planned(partitions, backups, &now);
        group.bench_function(format!("{name}: at rest"), |b| {
            b.iter(|| plan(black_box(&table), &now))
        });
        let more = members(count + 1);
        group.bench_function(format!("{name}: one joins"), |b| {
            b.iter(|| plan(black_box(&table), &more))
        });
        let mut fewer = now.clone();
        fewer.remove(&MemberId::FIRST);
        group.bench_function(format!("{name}: one leaves"), |b| {
            b.iter(|| plan(black_box(&table), &fewer))
        });
        let empty = planned(partitions, backups, &BTreeMap::new());
        group.bench_function(format!("{name}: from nothing"), |b| {
            b.iter(|| plan(black_box(&empty), &now))
        });
        let target = plan(&table, &more);
        group.bench_function(format!("{name}: next steps"), |b| {
            b.iter(|| next_steps(black_box(&table), &target, &more, MoveLimits::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, assignment);
criterion_main!(benches);
