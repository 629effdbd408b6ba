//! The suite that every kind of cache passes, on the caches of an embedded member.

use grid_core::cache::conformance::run_all;
use grid_core::partition::PartitionCount;
use grid_member::Grid;
use grid_member::cache::CacheKind;

use crate::fixture::Embedded;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn partitioned_caches_hold_the_contract() {
    let fixture = Embedded::of(CacheKind::Partitioned).await;
    run_all(&fixture).await;
    fixture.grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn local_caches_hold_the_contract() {
    let fixture = Embedded::of(CacheKind::Local).await;
    run_all(&fixture).await;
    fixture.grid.shutdown().await;
}

#[tokio::test]
async fn one_partition_and_one_thread_hold_the_contract() {
    let builder = Grid::builder().partition_count(PartitionCount::ONE);
    let fixture = Embedded::build(CacheKind::Partitioned, builder).await;
    run_all(&fixture).await;
    fixture.grid.shutdown().await;
}
