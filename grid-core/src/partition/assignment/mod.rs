//! Who should hold which partition, and the way there.
//!
//! [`plan`] says who should hold what, given who holds it now and who is there; [`next_steps`] says what to change
//! now on the way from the one to the other. Both are functions of their arguments and nothing else, so every member
//! that has the same table gets the same answer, and neither has a memory that could go astray: after every change of
//! table or members the answer is computed anew. [`status_ha`] and [`PartitionCounts`] say how safe what is held is,
//! whatever is planned.
//!
//! # The algorithm
//!
//! It is consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded
//! Loads", SODA 2018) with the tightest bound there is, the fair share, and with a memory: the current table.
//!
//! 1. **Shares.** Each member that takes partitions gets its part by weight, rounded down or up. Rounded up are first
//!    those that have that many already.
//! 2. **Primaries.** Only a member above its share gives partitions up, and only as many as it is above; those without
//!    a primary that can stay are given out too. They go where there is room: to a backup if it can be (which copies
//!    nothing; a maximum matching, so that as many as can be are), then to whom is getting a copy already, then to the
//!    first member with room on the partition's way around the ring.
//! 3. **Backups.** Each set of backups is as far apart as the members allow: out of the primary's zone, in different
//!    zones, then the same for racks, machines and processes. The sets that are equally good at that are the bases of
//!    a matroid, so one can get from any of them to any other by exchanging one member at a time. Among all of them
//!    those are taken that spread the load best (the least sum of load² / weight), and among these those that need
//!    the fewest new copies. A table is brought there by cancelling cycles of negative cost in the graph whose nodes
//!    are the members and whose edges are the exchanges (Klein, 1967).
//!
//! # Invariants
//!
//! - Primaries are within one of the share: with equal weights they differ by at most one.
//! - Backups of members that the rules of spread leave interchangeable differ by at most one.
//! - No backup is in the primary's zone while another zone has a member without a copy.
//! - A plan moves no more primaries than the ideal: those above the share, and those that nobody has.
//! - A plan that is carried out yields no more steps. Each hand-over brings the primaries one nearer to their shares,
//!   and once they are there, each copy brings the backups one nearer; so the steps come to an end in any order. On the
//!   way a copy that was made for a backup may serve a primary better, so that a few more may be made than planned at
//!   first (within a quarter in the tests).
//! - No planned step takes a partition below the copies that it is to have, or below those that it has.

mod backups;
mod counts;
mod exchange;
mod limits;
mod plan;
mod primaries;
mod ring;
mod safety;
mod share;
mod spread;
mod steps;
mod takers;

pub use counts::{PartitionCounts, Progress};
pub use limits::MoveLimits;
pub use plan::{Placement, Target, plan};
pub use safety::{StatusHa, status_ha};
pub use steps::next_steps;

#[cfg(test)]
mod model;
#[cfg(test)]
mod plan_test;
#[cfg(test)]
mod steps_test;
