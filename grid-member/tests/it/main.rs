//! An embedded member as its users see it.

mod cluster;
mod conformance;
mod control;
mod events;
#[cfg(test)]
mod finding;
mod fixture;
mod grid;
mod invariants;
mod limits;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod own;
#[cfg(test)]
mod own_cluster;
#[cfg(test)]
mod queries;
mod transport;
